"""The lab's RADIUS server, asked by pyrad's own client side."""

from __future__ import annotations

import os
from functools import cache
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from pyrad import packet as radius

import bras
from bras.config import dictionary
from bras.lab.radius import LabRadius
from bras.lab.users import LabUser, LabUsers, encode_reply
from bras.ppp import mschap

SECRET = b"radsecret"
PEER = ("198.18.1.1", 40000)


@cache
def words() -> Any:
    return dictionary.load(dictionary.find(str(Path(bras.__file__).parent)))


def server() -> LabRadius:
    reply = encode_reply({"Framed-Pool": "gold", "Session-Timeout": 3600, "Service-Type": "Framed-User"}, words(), "x")
    return LabRadius(LabUsers([LabUser("user*", b"pass"), LabUser("gold", b"pass", reply)]), SECRET, words())


def request(name: str = "user1") -> Any:
    packet = radius.AuthPacket(id=7, secret=SECRET, authenticator=os.urandom(16), dict=words())
    packet["User-Name"] = name
    packet.add_message_authenticator()
    return packet


def ask(asked: Any, lns: LabRadius | None = None) -> Any:
    data = asked.RequestPacket()
    handled = (lns or server()).handle(data, PEER)
    assert handled.reply is not None, handled.line
    reply = asked.CreateReply(packet=handled.reply)
    assert asked.VerifyReply(reply, handled.reply, enforce_ma=True)
    assert handled.reply[20] == 80, "Message-Authenticator comes first"
    return reply


def pap(password: str, name: str = "user1") -> Any:
    asked = request(name)
    asked["User-Password"] = asked.PwCrypt(password)
    return asked


@pytest.mark.parametrize(("password", "code"), [("pass", 2), ("wrong", 3), ("", 3)])
def test_pap(password: str, code: int) -> None:
    assert ask(pap(password)).code == code


def test_an_unknown_user_is_refused_with_words() -> None:
    reply = ask(pap("pass", "nobody"))
    assert (reply.code, reply["Reply-Message"]) == (3, ["wrong user name or password"])


def test_reply_attributes_of_a_user() -> None:
    reply = ask(pap("pass", "gold"))
    assert reply["Framed-Pool"] == ["gold"]
    assert reply["Session-Timeout"] == [3600]
    assert reply["Service-Type"] == ["Framed-User"]


@pytest.mark.parametrize("with_challenge", [True, False])
@pytest.mark.parametrize(("password", "code"), [(b"pass", 2), (b"wrong", 3)])
def test_chap(password: bytes, code: int, with_challenge: bool) -> None:
    asked = request()
    challenge = os.urandom(16) if with_challenge else asked.authenticator
    asked[3] = [b"\x05" + md5(b"\x05" + password + challenge).digest()]
    if with_challenge:
        asked[60] = [challenge]
    assert ask(asked).code == code


@pytest.mark.parametrize(("password", "code"), [(b"pass", 2), (b"wrong", 3)])
def test_mschapv1(password: bytes, code: int) -> None:
    asked = request()
    challenge = os.urandom(8)
    response = mschap.respond_v1(challenge, password)
    asked[311, 11] = [challenge]
    asked[311, 1] = [b"\x05" + response[48:] + response[:48]]
    reply = ask(asked)
    assert reply.code == code
    if code == 3:
        assert reply[311, 2][0].startswith(b"\x05E=691 R=0")


@pytest.mark.parametrize(("password", "code"), [(b"pass", 2), (b"wrong", 3)])
def test_mschapv2(password: bytes, code: int) -> None:
    asked = request()
    challenge, peer_challenge = os.urandom(16), os.urandom(16)
    response = mschap.respond_v2(challenge, peer_challenge, b"user1", password)
    asked[311, 11] = [challenge]
    asked[311, 25] = [b"\x05" + response[48:] + response[:48]]
    reply = ask(asked)
    assert reply.code == code
    if code == 2:
        proof = mschap.authenticator_response_of(challenge, response, b"user1", b"pass")
        assert reply[311, 26] == [b"\x05" + proof]
    else:
        assert reply[311, 2][0].startswith(b"\x05E=691 R=0 C=")


def test_accounting_becomes_a_line() -> None:
    record = radius.AcctPacket(id=9, secret=SECRET, dict=words())
    record["Acct-Status-Type"] = "Start"
    record["Acct-Session-Id"] = "abc"
    data = record.RequestPacket()
    handled = server().handle(data, PEER)
    assert handled.reply is not None
    assert record.VerifyReply(record.CreateReply(packet=handled.reply), handled.reply)
    assert handled.line is not None
    assert handled.line["attributes"] == {"Acct-Status-Type": "Start", "Acct-Session-Id": "abc"}


def test_a_retransmission_gets_the_same_reply_and_no_second_line() -> None:
    lab = server()
    data = pap("pass").RequestPacket()
    first, second = lab.handle(data, PEER), lab.handle(data, PEER)
    assert first.reply == second.reply
    assert (first.line is None, second.line is None) == (False, True)


def test_another_request_with_the_same_identifier_is_answered_anew() -> None:
    lab = server()
    ask(pap("pass"), lab)
    assert ask(pap("wrong"), lab).code == 3


@pytest.mark.parametrize(("accounting", "code"), [(False, 2), (True, 5)])
def test_status_server_is_answered_by_the_code_of_its_port(accounting: bool, code: int) -> None:
    asked = radius.AuthPacket(code=12, id=7, secret=SECRET, authenticator=os.urandom(16), dict=words())
    asked.add_message_authenticator()
    handled = server().handle(asked.RequestPacket(), PEER, accounting=accounting)
    assert handled.reply is not None
    assert handled.line == {"type": "status", "peer": PEER[0]}
    reply = asked.CreateReply(packet=handled.reply)
    assert asked.VerifyReply(reply, handled.reply)
    assert reply.code == code


def test_a_status_server_without_a_signature_is_dropped() -> None:
    asked = radius.AuthPacket(code=12, id=7, secret=SECRET, authenticator=os.urandom(16), dict=words())
    assert server().handle(asked.RequestPacket(), PEER).reply is None


def test_a_wrong_message_authenticator_is_dropped() -> None:
    data = bytearray(pap("pass").RequestPacket())
    data[25] ^= 1
    handled = server().handle(bytes(data), PEER)
    assert handled.reply is None
    assert handled.line is not None
    assert "Message-Authenticator" in handled.line["why"]


def test_a_wrong_accounting_secret_is_dropped() -> None:
    record = radius.AcctPacket(id=9, secret=b"other", dict=words())
    record["Acct-Status-Type"] = "Start"
    assert server().handle(record.RequestPacket(), PEER).reply is None


@pytest.mark.parametrize("data", [b"", b"\x01" * 19, b"\x01\x01\x00\x14" + bytes(16), b"\x0c\x01\x00\x14" + bytes(16)])
def test_what_is_no_request_of_ours_is_never_a_traceback(data: bytes) -> None:
    handled = server().handle(data, PEER)
    assert handled.reply is None or handled.reply[0] == 3
