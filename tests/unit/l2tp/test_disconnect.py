"""Why PPP and the line ended (RFC 3145, Q.931): octets of others, words, and what a CDN carries."""

from __future__ import annotations

import pytest

from bras.l2tp import messages
from bras.l2tp.disconnect import Q931, Direction, Disconnect, DisconnectCode
from bras.l2tp.events import By, CallDown, Cause
from tests.support.l2tp import HandLac, control, lns_endpoint, read
from tests.vectors.l2tp_extensions import DISCONNECT
from tests.vectors.l2tp_extensions import Q931 as Q931_AVP

SAID = Disconnect(DisconnectCode.NORMAL, 0, Direction.PEER, "bye")


def test_the_codes_are_those_of_the_rfc_in_its_order() -> None:
    assert [code.value for code in DisconnectCode] == list(range(21))


def test_a_received_cdn_says_why_ppp_and_the_line_ended() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    session_id, _ = lac.call(0x22)
    (down,) = lac.say(messages.cdn(0x22, Cause(By.LOCAL, 1)) + DISCONNECT + Q931_AVP, session_id)
    assert isinstance(down, CallDown)
    assert down.cause == Cause(By.PEER, 1, disconnect=SAID, q931=Q931(16, 0x45, "cleared"))


def test_what_is_sent_is_what_others_send() -> None:
    body = messages.cdn(0x22, Cause(By.LOCAL, 3, disconnect=SAID))
    assert body == messages.cdn(0x22, Cause(By.LOCAL, 3)) + DISCONNECT


@pytest.mark.parametrize("code", [*DisconnectCode, 21, 0xFFFF])
def test_a_code_has_a_word(code: int) -> None:
    word = Disconnect(code).word
    assert word == (DisconnectCode(code).name.lower() if code <= 20 else "other")


@pytest.mark.parametrize("value", ["", "0003 c021"])
def test_one_that_is_too_short_is_as_if_it_were_not_there(value: str) -> None:
    octets = bytes.fromhex(value)
    avp = (6 + len(octets)).to_bytes(2, "big") + bytes.fromhex("0000 002e") + octets
    assert read(control(1, 0, 0, messages.cdn(1, Cause(By.LOCAL, 1)) + avp)).cause() == Cause(By.PEER, 1)


def test_text_that_is_no_utf8_stays_visible() -> None:
    assert Disconnect.parse(bytes.fromhex("0003 c021 01 62ff")).text == "b\\xff"
    assert Q931.parse(bytes.fromhex("0010 45 ff")).text == "\\xff"


def test_a_long_text_is_cut_between_characters() -> None:
    value = Disconnect(3, 0, 1, "x" + "ä" * 500).build()
    assert len(value) <= 205
    assert Disconnect.parse(value).text == "x" + "ä" * 99
