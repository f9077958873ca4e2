import pytest

from bras.radius.draft import Draft, Rank, Senseless, ipv6, number, word


def draft(rank=Rank.STANDARD) -> Draft:
    made = Draft()
    made.rank = rank
    return made


def test_the_stronger_speaks_whoever_comes_first():
    for order in ((Rank.CISCO, Rank.WISPR), (Rank.WISPR, Rank.CISCO)):
        one = Draft()
        for one.rank in order:
            one.put("rate_up_bps", int(one.rank))
        assert one.finish().others == (("rate_up_bps", int(Rank.CISCO)),)


def test_of_one_rank_the_first_counts_and_lists_grow():
    one = draft()
    one.put("pool", "a")
    one.put("pool", "b")
    for item in ("x", "y", "x"):
        one.extend("ipv6_dns", item)
    assert one.finish().others == (("pool", "a"), ("ipv6_dns", ("x", "y")))


def test_a_weaker_list_gives_way_whole():
    one = draft(Rank.ERX)
    one.extend("ipv6_dns", "weak")
    one.rank = Rank.STANDARD
    one.extend("ipv6_dns", "strong")
    one.rank = Rank.ERX
    one.extend("ipv6_dns", "weak too")
    assert one.finish().others == (("ipv6_dns", ("strong",)),)


def test_our_own_attributes_stand_apart():
    one = draft(Rank.BRAS)
    one.put("mark", 7)
    one.rank = Rank.STANDARD
    one.put("mark", 8)
    one.put("port_limit", 1)
    found = one.finish()
    assert (found.own, found.others) == ((("mark", 7),), (("port_limit", 1),))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_halves_of_a_number_in_either_order(order):
    one = draft(Rank.MIKROTIK)
    halves = (5, 2 << 32)
    for at in order:
        one.add("quota_octets", halves[at])
    assert one.finish().others == (("quota_octets", (2 << 32) + 5),)


@pytest.mark.parametrize(("places", "pair"), [((0, 1), ("a", "b")), ((1, 0), ("a", "b")), ((1,), ("b",))])
def test_the_second_server_stays_the_second(places, pair):
    one = draft(Rank.ERX)
    for at in places:
        one.place("dns", at, "ab"[at])
    one.rank = Rank.ASCEND
    one.place("dns", 0, "weaker")
    assert one.finish().others == (("dns", pair),)


def test_a_burst_belongs_to_the_rate_of_the_same_vendor():
    one = draft(Rank.MIKROTIK)
    one.put("rate_up_bps", 1)
    one.put("burst_up_octets", 2)
    one.put("burst_down_octets", 4)
    one.rank = Rank.BRAS
    one.put("rate_up_bps", 5)
    found = one.finish()
    assert (found.own, found.others) == ((("rate_up_bps", 5),), (("burst_down_octets", 4),))


def test_what_is_dropped_was_not_stronger():
    one = draft(Rank.CISCO)
    one.put("mark", 1)
    one.rank = Rank.ALCATEL
    one.drop("mark")
    one.put("priority", 2)
    one.drop("priority")
    assert one.finish().others == (("mark", 1),)


def test_policies_in_the_order_of_their_vendors_and_each_once():
    one = draft(Rank.ERX)
    one.name("juniper")
    one.name("juniper")
    one.rank = Rank.CISCO
    one.name("cisco")
    assert one.finish().profiles == ("cisco", "juniper")
    for wrong in ("", "two words"):
        with pytest.raises(Senseless):
            one.name(wrong)


def test_what_is_lacking_once_each():
    one = draft()
    for name in ("a", "b", "a"):
        one.lack(name)
    assert one.finish().lacking == ("a", "b")


def test_readers_of_plain_values():
    assert number(b"\0\0\1\0") == 256
    assert number(b"\1" + bytes(7), 8) == 1 << 56
    assert word("näme".encode()) == "näme"
    assert ipv6(bytes.fromhex("20010db8") + bytes(11) + b"\x07") == "2001:db8::7"


@pytest.mark.parametrize("octets", [b"", b"\0" * 3, b"\0" * 5])
def test_a_number_has_its_size(octets):
    with pytest.raises(Senseless):
        number(octets)


@pytest.mark.parametrize("octets", [b"", b"\xff", b"a\0b"])
def test_a_word_can_be_printed(octets):
    with pytest.raises(Senseless):
        word(octets)


@pytest.mark.parametrize("octets", [b"", bytes(16), bytes(15) + b"\1", b"\xff\x02" + bytes(14), bytes(17)])
def test_an_ipv6_address_is_one_hosts(octets):
    with pytest.raises(Senseless):
        ipv6(octets)
