"""PAP, both sides (RFC 1334 section 2)."""

from __future__ import annotations

import pytest

from bras.errors import DropReason, WireError
from bras.ppp import packet, pap
from bras.ppp.authentication import Verdict
from bras.ppp.events import PapCredentials
from bras.ppp.pap import PapClient, PapServer
from bras.ppp.settings import ClientIdentity
from bras.secret import Secret

REQUEST = b"\x03joe\x02pw"


def test_name_and_password_are_read() -> None:
    assert pap.parse_request(REQUEST) == PapCredentials(b"joe", b"pw")
    assert pap.parse_request(b"\0\0") == PapCredentials(b"", b"")
    assert pap.build_request(7, b"joe", b"pw") == packet.build(1, 7, REQUEST)


@pytest.mark.parametrize("data", [b"", b"\x03jo", b"\x03joe", b"\x03joe\x03pw"])
def test_a_wrong_length_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        pap.parse_request(data)


def test_the_password_does_not_show() -> None:
    assert "pw" not in repr(pap.parse_request(REQUEST))


@pytest.mark.parametrize(("accepted", "code"), [(True, 2), (False, 3)])
def test_the_decision_is_repeated_to_each_copy(accepted: bool, code: int) -> None:
    server = PapServer(3)
    assert server.start() == b""
    assert server.receive(1, 5, REQUEST) == PapCredentials(b"joe", b"pw")
    assert server.pending
    assert server.receive(1, 6, REQUEST) is DropReason.UNEXPECTED_PACKET  # it is being decided
    assert server.decide(accepted, b"hello", b"") == packet.build(code, 6, b"\x05hello")
    assert not server.pending
    assert server.receive(1, 7, REQUEST) == packet.build(code, 7, b"\x05hello")
    assert server.receive(2, 7, b"") is DropReason.UNEXPECTED_PACKET


def test_a_long_message_is_cut() -> None:
    server = PapServer(3)
    server.receive(1, 5, REQUEST)
    assert len(server.decide(False, b"x" * 1000, b"")) == 4 + 1 + 255


def test_a_server_waits_so_often() -> None:
    server = PapServer(3)
    assert [server.handle_timeout() for _ in range(3)] == [b"", b"", None]


def test_a_client_asks_with_a_new_identifier_each_time() -> None:
    client = PapClient(ClientIdentity(b"joe", Secret(b"pw")), 2)
    assert client.start() == packet.build(1, 1, REQUEST)
    assert client.handle_timeout() == packet.build(1, 2, REQUEST)
    assert client.handle_timeout() is None
    assert client.receive(2, 1, b"\0") is DropReason.UNEXPECTED_PACKET
    assert client.receive(1, 2, REQUEST) is DropReason.UNEXPECTED_PACKET
    assert client.receive(2, 2, b"\x02hijk") == Verdict(True, b"hi")
    assert client.receive(3, 2, b"") == Verdict(False, b"")


def test_saved_and_restored_they_are_the_same() -> None:
    identity = ClientIdentity(b"joe", Secret(b"pw"))
    client = PapClient(identity, 3)
    client.start()
    assert PapClient.restore(client.save(), identity).save() == client.save()
    server = PapServer(3)
    for _ in range(2):
        server.receive(1, 5, REQUEST)
        assert PapServer.restore(server.save()).save() == server.save()
        server.decide(True, b"hi", b"")
