import pytest

from bras.config.grant import Grant
from bras.errors import DropReason
from bras.plain import decode, encode, save_fields
from bras.radius.answer import AnswerReader
from bras.radius.authorization import Authorization
from bras.radius.codec import SharedSecret, access_request
from bras.radius.events import Accepted, Rejected
from tests.support.radius import SECRET, attribute, codec, reply_to, vendor_attribute

RA = bytes(16)
REQUEST = access_request(7, RA, attribute(1, b"user"), SharedSecret(SECRET))


def answer(code, body=b"", *, signed=True, ignored=frozenset()):
    data = reply_to(REQUEST, code, body)
    return AnswerReader(codec(), ignored).read(data, RA, SharedSecret(SECRET), signed, key=5, server="one")


def test_every_attribute_of_an_accept():
    body = (
        attribute(1, b"real")
        + attribute(6, 2)
        + attribute(7, 1)
        + attribute(8, 0x0A000007)
        + attribute(88, b"gold")
        + attribute(27, 3600)
        + attribute(28, 300)
        + attribute(85, 600)
        + attribute(24, b"state")
        + attribute(89, b"cui-1")
        + attribute(25, b"one")
        + attribute(25, b"0xtwo")
        + attribute(18, b"hello ")
        + attribute(18, b"world")
        + vendor_attribute(311, 26, b"\x07S=ABCDEF")
        + vendor_attribute(311, 28, 0x01010101)
        + vendor_attribute(311, 29, 0x08080808)
        + vendor_attribute(311, 30, 0x0A000001)
        + vendor_attribute(311, 31, 0x0A000002)
        + vendor_attribute(32473, 1, b"business")
    )
    grant = Grant(
        pool="gold",
        session_timeout_s=3600.0,
        idle_timeout_s=300.0,
        interim_interval_s=600.0,
        dns=("1.1.1.1", "8.8.8.8"),
        nbns=("10.0.0.1", "10.0.0.2"),
    )
    authorization = Authorization(
        grant, "business", "real", (b"one", b"0xtwo"), "hello world", b"state", b"cui-1", 0x0A000007
    )
    accepted = answer(2, body)
    assert accepted == Accepted(5, "one", authorization, b"S=ABCDEF")
    assert Accepted.restore(decode(encode(save_fields(accepted)))) == accepted


def test_what_makes_no_sense_is_told_from_what_we_lack():
    rejected = answer(2, attribute(11, b"inbound.in") + vendor_attribute(14988, 8, b"fast") + attribute(6, 1))
    lacking = ("Service-Type", "Filter-Id", "Mikrotik-Rate-Limit (its value makes no sense)")
    assert (rejected.reason, rejected.lacking) == ("unsupported", lacking)


@pytest.mark.parametrize("address", [0x00000007, 0x7F000001, 0xE0000001, 0xFFFFFFFD])
def test_an_address_that_no_host_can_have(address):
    assert answer(2, attribute(8, address)).lacking == ("Framed-IP-Address",)
    accepted = answer(2, attribute(8, address), ignored=frozenset(("Framed-IP-Address",)))
    assert accepted.authorization.address is None


@pytest.mark.parametrize(
    "body",
    [
        # FreeRADIUS's users file, daloRADIUS, MikroTik's User Manager, Splynx, NPS, ISG: with what is nothing to us.
        attribute(8, 0xFFFFFFFE) + attribute(9, 0xFFFFFFFF) + attribute(10, 3) + attribute(12, 1500) + attribute(13, 1),
        attribute(14, 0x0A000001) + attribute(15, 0) + attribute(16, 23) + attribute(33, b"a") + attribute(33, b"b"),
        attribute(27, 0) + attribute(28, 0) + attribute(85, 0) + attribute(62, 0),
        attribute(27, 0xFFFFFFFF) + attribute(28, 0xFFFFFFFF) + attribute(85, 0xFFFFFFFF) + attribute(62, 0xFFFFFFFF),
        vendor_attribute(311, 7, 1) + vendor_attribute(311, 8, 6) + vendor_attribute(311, 16, bytes(34)),
        vendor_attribute(311, 12, bytes(32)) + vendor_attribute(311, 10, b"\1ISP") + attribute(25, bytes(40)),
        vendor_attribute(14988, 3, b"group") + vendor_attribute(14988, 8, b"1M/2M\0"),
        vendor_attribute(14122, 4, b"http://x") + vendor_attribute(14122, 7, 1_000_000),
        attribute(64, 0x0100000D) + attribute(65, 0x01000006) + attribute(81, b"\x01100"),
        attribute(26, b"\0\0\1\xad\0\0\x98\x23\0\0\0\1"),
        attribute(26, b"\0\0\0\x09\1\x50abc") + attribute(241, b"\1abc"),
        vendor_attribute(9, 1, b"subscriber:command=account-logon") + vendor_attribute(9, 250, b"AInternet"),
    ],
)  # fmt: skip
def test_accepts_as_others_send_them(body):
    assert isinstance(answer(2, attribute(6, 2) + attribute(7, 1) + body), Accepted)


def test_an_empty_accept_grants_nothing():
    assert answer(2) == Accepted(5, "one", Authorization(Grant()), b"")


@pytest.mark.parametrize(
    ("address", "grant", "own"),
    [
        (0xFFFFFFFE, Grant(), None),
        (0xFFFFFFFF, Grant(accept_client_address=True), None),
        (0, Grant(), None),
        (0x0A000001, Grant(), 0x0A000001),
    ],
)
def test_framed_ip_address_means_the_address_the_pool_or_the_clients_choice(address, grant, own):
    accepted = answer(2, attribute(8, address))
    assert isinstance(accepted, Accepted)
    assert (accepted.authorization.grant, accepted.authorization.address) == (grant, own)


@pytest.mark.parametrize("sent", [0, 1, 60, 601])
def test_an_interim_interval_is_read_as_it_is(sent):
    accepted = answer(2, attribute(85, sent))
    assert isinstance(accepted, Accepted)
    assert accepted.authorization.grant.interim_interval_s == sent


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (attribute(6, 1), "Service-Type"),
        (attribute(6, 4), "Service-Type"),
        (attribute(7, 2), "Framed-Protocol"),
        (attribute(11, b"in"), "Filter-Id"),
    ],
)
def test_what_we_do_not_offer_is_a_refusal_unless_it_is_ignored(body, name):
    refusal = Rejected(5, "one", "shell", b"", "unsupported", (name,))
    assert answer(2, body + attribute(18, b"shell")) == refusal
    assert isinstance(answer(2, body, ignored=frozenset((name,))), Accepted)
    assert answer(2, body + attribute(18, b"shell"), ignored=frozenset(("Framed-MTU",))) == refusal


def test_a_reject_tells_why():
    body = attribute(18, b"no") + vendor_attribute(311, 2, b"\x07E=691 R=0")
    assert answer(3, body) == Rejected(5, "one", "no", b"E=691 R=0", "reject")


def test_a_challenge_counts_as_a_reject():
    assert answer(11, attribute(24, b"state")) == Rejected(5, "one", "", b"", "challenge")


@pytest.mark.parametrize("code", [0, 1, 4, 5, 12, 40, 255])
def test_any_other_code_is_dropped(code):
    assert answer(code) is DropReason.RADIUS_UNEXPECTED_CODE


def test_text_that_is_no_utf8_stays_visible():
    accepted = answer(2, attribute(1, b"\xffuser") + attribute(18, b"\xfe"))
    assert isinstance(accepted, Accepted)
    assert (accepted.authorization.user_name, accepted.authorization.reply_message) == ("\\xffuser", "\\xfe")
    accepted.authorization.user_name.encode()


def test_one_name_server_is_a_pair_of_one():
    accepted = answer(2, vendor_attribute(311, 29, 0x08080808))
    assert isinstance(accepted, Accepted)
    assert accepted.authorization.grant.dns == ("8.8.8.8",)
