"""CHAP and its MS dialects, both sides (RFC 1994 section 4, RFC 2433, RFC 2759)."""

from __future__ import annotations

import re

import pytest

from bras.errors import DropReason, WireError
from bras.ppp import chap, mschap, packet
from bras.ppp.authentication import Verdict
from bras.ppp.chap import ChapClient, ChapServer
from bras.ppp.events import ChapCredentials, MsChap2Credentials, MsChapCredentials
from bras.ppp.settings import ClientIdentity
from bras.secret import Secret
from tests.scenario.ppp_pair import seeded

IDENTITY = ClientIdentity(b"joe", Secret(b"pw"))


def entropy(count: int) -> bytes:
    return bytes(range(count))


def server(method: str, attempts: int = 3) -> ChapServer:
    return ChapServer(method, b"lns1", attempts, entropy)


def test_the_response_is_md5_over_identifier_secret_and_challenge() -> None:
    # What md5sum says of 01, "pw", 00 01 02 … 0f.
    response = chap.response_of(1, b"pw", entropy(16))
    assert response.hex() == "0561a2c95c3a5128b04a36c0adc33486"
    assert chap.verify(ChapCredentials(b"joe", 1, entropy(16), response), b"pw")
    assert not chap.verify(ChapCredentials(b"joe", 2, entropy(16), response), b"pw")
    assert not chap.verify(ChapCredentials(b"joe", 1, entropy(16), response), b"pv")


@pytest.mark.parametrize(("method", "octets"), [("chap", 16), ("mschapv1", 8), ("mschapv2", 16)])
def test_a_challenge_has_the_size_of_its_method_and_our_name(method: str, octets: int) -> None:
    assert server(method).start() == packet.build(1, 1, bytes((octets,)) + entropy(octets) + b"lns1")


def test_each_challenge_has_a_new_identifier_and_value() -> None:
    machine = ChapServer("chap", b"lns1", 3, seeded(1))
    challenges = [machine.start(), machine.handle_timeout(), machine.handle_timeout()]
    assert len({challenge[1] for challenge in challenges if challenge}) == 3
    assert len({challenge[5:21] for challenge in challenges if challenge}) == 3
    assert machine.handle_timeout() is None


@pytest.mark.parametrize(
    ("method", "size", "kind"),
    [("chap", 16, ChapCredentials), ("mschapv1", 49, MsChapCredentials), ("mschapv2", 49, MsChap2Credentials)],
)
@pytest.mark.parametrize("name", [b"joe", b""])
def test_a_response_becomes_credentials_once(method: str, size: int, kind: type, name: bytes) -> None:
    machine = server(method)
    challenge = machine.start()[5:-4]
    data = bytes((size,)) + bytes(size) + name
    assert machine.receive(2, 1, data) == kind(name, 1, challenge, bytes(size))
    assert machine.pending
    assert machine.receive(2, 1, data) is DropReason.UNEXPECTED_PACKET
    answer = machine.decide(True, b"", b"")
    assert machine.receive(2, 1, data) == answer  # RFC 1994 section 4.2: the Success was lost
    assert machine.receive(2, 2, data) is DropReason.UNEXPECTED_PACKET


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x0f" + bytes(15), b"\x11" + bytes(17), b"\x10" + bytes(15), b"\x31" + bytes(49)]
)
def test_a_response_of_another_size_is_refused(data: bytes) -> None:
    machine = server("chap")
    machine.start()
    with pytest.raises(WireError):
        machine.receive(2, 1, data)
    assert not machine.pending


@pytest.mark.parametrize("code", [5, 6, 7])
def test_a_change_of_password_is_dropped_for_what_it_is(code: int) -> None:
    machine = server("mschapv2")
    machine.start()
    assert machine.receive(code, 1, bytes(582)) is DropReason.PASSWORD_CHANGE


@pytest.mark.parametrize("code", [1, 3, 4])
def test_other_codes_are_dropped(code: int) -> None:
    machine = server("mschapv2")
    machine.start()
    assert machine.receive(code, 1, b"\x10" + bytes(16)) is DropReason.UNEXPECTED_PACKET


@pytest.mark.parametrize(
    ("method", "accepted", "message", "ms_chap", "told"),
    [
        ("chap", True, b"hi", b"S=x", b"hi"),
        ("chap", False, b"no", b"E=1", b"no"),
        ("mschapv2", True, b"hi", b"S=AB", b"S=AB M=hi"),
        ("mschapv2", True, b"", b"S=AB", b"S=AB"),
        ("mschapv1", True, b"hi", b"S=AB", b"hi"),
        ("mschapv2", False, b"no", b"E=691 R=1 C=00 V=3 M=bad", b"E=691 R=0 C=00 V=3 M=bad"),
        ("mschapv2", False, b"no", b"", b"E=691 R=0 C=000102030405060708090A0B0C0D0E0F V=3 M=no"),
        ("mschapv1", False, b"no", b"", b"E=691 R=0 C=0001020304050607 V=2"),
    ],
)
def test_the_words_of_success_and_failure(
    method: str, accepted: bool, message: bytes, ms_chap: bytes, told: bytes
) -> None:
    machine = server(method)
    machine.start()
    assert machine.decide(accepted, message, ms_chap) == packet.build(3 if accepted else 4, 1, told)


def test_a_long_message_is_cut() -> None:
    machine = server("chap")
    machine.start()
    assert len(machine.decide(False, b"x" * 3000, b"")) == 4 + 255


def test_a_client_answers_every_challenge() -> None:
    client = ChapClient("chap", IDENTITY, 3, entropy)
    assert client.start() == b""
    for identifier in (9, 10):
        answer = client.receive(1, identifier, b"\x10" + entropy(16) + b"lns1")
        assert answer == packet.build(
            2, identifier, b"\x10" + chap.response_of(identifier, b"pw", entropy(16)) + b"joe"
        )
    assert client.handle_timeout() == answer  # its Success may be lost
    assert client.receive(3, 9, b"") is DropReason.UNEXPECTED_PACKET
    assert client.receive(3, 10, b"hi") == Verdict(True, b"hi")
    assert client.receive(4, 10, b"no") == Verdict(False, b"no")
    assert client.receive(2, 10, b"no") is DropReason.UNEXPECTED_PACKET


def test_a_client_gives_up_in_the_end() -> None:
    client = ChapClient("chap", IDENTITY, 3, entropy)
    assert [client.handle_timeout() for _ in range(3)] == [b"", b"", None]
    assert client.receive(3, 0, b"") is DropReason.UNEXPECTED_PACKET  # it has answered nothing


def test_a_client_holds_the_server_to_its_proof() -> None:
    client = ChapClient("mschapv2", IDENTITY, 3, entropy)
    answer = client.receive(1, 1, b"\x10" + entropy(16) + b"lns1")
    assert isinstance(answer, bytes)
    _, _, data = packet.parse(answer)
    value, name = chap.parse_value(data)
    proof = mschap.verify_v2(entropy(16), value, name, b"pw")
    assert proof is not None
    assert re.fullmatch(rb"S=[0-9A-F]{40}", proof)
    assert client.receive(3, 1, proof + b" M=hi") == Verdict(True, proof + b" M=hi")
    for lie in (b"", b"S=" + b"0" * 40, proof[:-1]):
        verdict = client.receive(3, 1, lie)
        assert isinstance(verdict, Verdict)
        assert not verdict.accepted


@pytest.mark.parametrize(("method", "octets"), [("mschapv1", 16), ("mschapv2", 8)])
def test_a_client_refuses_a_challenge_of_another_size(method: str, octets: int) -> None:
    with pytest.raises(WireError):
        ChapClient(method, IDENTITY, 3, entropy).receive(1, 1, bytes((octets,)) + bytes(octets))


@pytest.mark.parametrize("method", ["chap", "mschapv1", "mschapv2"])
def test_saved_and_restored_they_are_the_same(method: str) -> None:
    machine = server(method)
    client = ChapClient(method, IDENTITY, 3, entropy)
    _, identifier, data = packet.parse(machine.start())
    answer = client.receive(1, identifier, data)
    assert isinstance(answer, bytes)
    machine.receive(*packet.parse(answer))
    assert ChapServer.restore(machine.save(), b"lns1", entropy).save() == machine.save()
    assert ChapClient.restore(client.save(), IDENTITY, entropy).save() == client.save()
