from __future__ import annotations

import pytest

from bras.lns.identity import printable, request_of, user_of
from bras.ppp import events as ppp
from bras.radius import credentials as radius
from bras.radius.events import Kind
from tests.support.rim import Rim


@pytest.mark.parametrize(
    ("octets", "text"), [(b"user1", "user1"), ("jörg".encode(), "jörg"), (b"a\xffb", "a\\xffb"), (b"", "")]
)
def test_names_are_for_people(octets: bytes, text: str) -> None:
    assert printable(octets) == text
    assert user_of(ppp.PapCredentials(octets, b"x")) == text


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        (ppp.PapCredentials(b"u", b"secret"), radius.Pap(b"secret")),
        (ppp.ChapCredentials(b"u", 7, b"c" * 16, b"r" * 16), radius.Chap(7, b"c" * 16, b"r" * 16)),
        (ppp.MsChapCredentials(b"u", 7, b"c" * 8, b"r" * 49), radius.MsChap(7, b"c" * 8, b"r" * 49)),
        (ppp.MsChap2Credentials(b"u", 7, b"c" * 16, b"r" * 49), radius.MsChap2(7, b"c" * 16, b"r" * 49)),
    ],
)
def test_credentials_in_the_words_of_radius(offered: ppp.Credentials, asked: radius.Credentials) -> None:
    assert request_of(offered) == asked


def test_a_session_as_radius_sees_it() -> None:
    rim = Rim()
    rim.up()
    request = rim.requests(Kind.AUTH)[0].attributes
    (subscriber,) = rim.lns.core.registry.by_number.values()
    key = subscriber.leg.key
    assert request[1] == b"user1"
    assert int.from_bytes(request[5], "big") == key, "NAS-Port"
    assert request[87] == f"lns1:{key >> 16}:{key & 0xFFFF}".encode(), "NAS-Port-Id"
    assert request[44] == subscriber.session_id.encode(), "Acct-Session-Id, in the Access-Request too"
    assert (request[31], request[30]) == (b"5551234", b"100"), "Calling- and Called-Station-Id"
    assert (request[66], request[67]) == (b"198.18.0.2", b"198.18.0.1"), "Tunnel-Client- and -Server-Endpoint"
    assert (request[90], request[91]) == (b"lac1", b"lns1"), "Tunnel-Client- and -Server-Auth-Id"
    start = next(one.attributes for one in rim.requests(Kind.ACCT) if one.attributes[40][-1] == 1)
    assert start[44] == request[44]
    assert start[68] == str(subscriber.line.serial_number).encode(), "Acct-Tunnel-Connection"
