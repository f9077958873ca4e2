from bras.config.grant import Grant
from bras.plain import decode, encode, save_fields
from bras.radius.authorization import Authorization, authorization_of
from bras.radius.codec import Reply


def values(numbers=None, octets=None, repeated=None) -> Reply:
    reply = Reply(2)
    reply.numbers.update(numbers or {})
    reply.octets.update(octets or {})
    reply.repeated.update(repeated or {})
    return reply


def test_nothing_said_authorises_nothing():
    assert authorization_of(values()) == Authorization(Grant())


def test_a_service_that_we_do_not_offer_is_named():
    found = authorization_of(values({"Service-Type": 1, "Framed-Protocol": 2}))
    assert found.unsupported == ("Service-Type", "Framed-Protocol")
    assert authorization_of(values({"Service-Type": 2, "Framed-Protocol": 1})).unsupported == ()


def test_an_authorization_is_plain_data_and_back():
    numbers = {"Framed-IP-Address": 0x0A000001, "MS-Primary-DNS-Server": 0x01010101}
    octets = {"Bras-Profile": b"gold", "User-Name": b"real", "State": b"\0\xff", "Chargeable-User-Identity": b"cui-1"}
    found = authorization_of(values(numbers, octets, {"Class": (b"a", b"\0")}))
    assert Authorization.restore(decode(encode(save_fields(found)))) == found
    saved = decode(encode(save_fields(found._replace(optional=("gold",), unsupported=("Filter-Id",)))))
    assert Authorization.restore(saved) == found._replace(optional=("gold",), unsupported=("Filter-Id",))
    assert Authorization.restore(saved[:-1]) == found._replace(unsupported=("Filter-Id",)), "of before there was that"
