from bras.addressing.networks import Networks
from bras.plain import decode, encode

NET, OTHER = (0xC0000200, 24), (0xC6336400, 25)


def test_the_first_has_it_until_it_lets_go():
    networks = Networks()
    assert not networks
    networks.claim(0, (NET, OTHER), 1)
    assert networks
    assert (networks.rival(0, (NET,), 2), networks.rival(0, (NET,), 1), networks.rival(0, (), 2)) == (1, None, None)
    networks.claim(0, (NET,), 2)
    assert networks.holder(0, *NET) == 1
    networks.release(1)
    assert networks.rival(0, (NET,), 2) is None
    networks.claim(0, (NET,), 2)
    assert (networks.holder(0, *NET), networks.holder(0, *OTHER)) == (2, None)


def test_who_claims_anew_has_no_others_any_more():
    networks = Networks()
    networks.claim(0, (NET,), 1)
    networks.claim(0, (OTHER,), 1)
    assert networks.holder(0, *NET) is None
    networks.claim(0, (), 1)
    assert not networks


def test_what_is_anothers_stays_so():
    networks = Networks()
    networks.claim(0, (NET,), 1)
    networks.claim(0, ((0x0A000000, 8), NET), 2)
    assert (networks.holder(0, *NET), networks.holder(0, 0x0A000000, 8)) == (1, 2)
    networks.release(2)
    assert networks.holder(0, *NET) == 1


def test_vrfs_and_lengths_are_apart():
    networks = Networks()
    for key, (vrf, network) in enumerate([(0, NET), (1, NET), (0, (NET[0], 25))]):
        assert networks.rival(vrf, (network,), key) is None
        networks.claim(vrf, (network,), key)


def test_plain_data_and_back():
    networks = Networks()
    networks.claim(0, (NET,), 1)
    networks.claim(3, (OTHER, NET), 2)
    again = Networks.restore(decode(encode(networks.save())))
    assert again.save() == networks.save()
    again.release(2)
    assert (again.holder(3, *NET), again.holder(0, *NET)) == (None, 1)
