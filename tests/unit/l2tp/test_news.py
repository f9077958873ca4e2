"""What is told of calls that are up: WEN, SLI (RFC 2661 sections 6.13 and 6.14), CSUN, CSURQ (RFC 5515)."""

from __future__ import annotations

import random

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.errors import DropReason
from bras.ids import call_key
from bras.l2tp import messages
from bras.l2tp.constants import MessageType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import AccmReceived, CallUp, Dropped, ErrorsReported, SpeedChanged
from bras.l2tp.messages import CallRequest
from bras.l2tp.report import Accm, LineErrors, Speed
from tests.support.l2tp import AT_LAC, AT_LNS, HandLac, control, header, lac_endpoint, lns_endpoint, read, sent
from tests.vectors.l2tp_extensions import CSUN_HEAD, CSURQ_HEAD, ENABLE, speed_avp

SLOW = CallRequest("030", "0198", tx_connect_speed_bps=1000, rx_connect_speed_bps=500)


def up(request: CallRequest = SLOW) -> tuple[HandLac, int]:
    lac = HandLac(lns_endpoint())
    lac.establish()
    session_id, _ = lac.call(0x11, request)
    lac.kinds()
    return lac, session_id


def reports(lac: HandLac, session_id: int) -> object:
    tunnel = lac.endpoint._tunnels.get(lac.peer_tunnel_id)
    assert tunnel is not None
    return tunnel.calls.table[session_id].reports


def test_errors_of_the_line_are_told_and_kept() -> None:
    lac, session_id = up()
    key = call_key(lac.peer_tunnel_id, session_id)
    assert reports(lac, session_id) is None, "a call of which nothing is told costs nothing"
    errors = LineErrors(crc=7, timeouts=1)
    assert lac.say(messages.wen(errors), session_id) == [ErrorsReported(key, errors)]
    later = LineErrors(crc=9, timeouts=1)
    assert lac.say(messages.wen(later), session_id) == [ErrorsReported(key, later)]
    assert reports(lac, session_id).errors == later  # type: ignore[attr-defined]  # it is not None now


def test_an_accm_is_told_and_kept() -> None:
    lac, session_id = up()
    accm = Accm(0x000A0000, 0)
    assert lac.say(messages.sli(accm), session_id) == [
        AccmReceived(call_key(lac.peer_tunnel_id, session_id), accm),
    ]
    assert reports(lac, session_id).accm == accm  # type: ignore[attr-defined]  # it is not None now


@pytest.mark.parametrize("named", [False, True])
def test_new_speeds_replace_the_old_ones(named: bool) -> None:
    lac, session_id = up()
    key = call_key(lac.peer_tunnel_id, session_id)
    body = CSUN_HEAD + speed_avp(session_id, 8_000_000, 640_000)
    assert lac.say(body, session_id if named else 0) == [SpeedChanged(key, 8_000_000, 640_000)]
    assert lac.kinds() == ["ZLB"]
    info = lac.endpoint.call(key)
    assert info is not None
    assert (info.tx_connect_speed_bps, info.rx_connect_speed_bps) == (8_000_000, 640_000)
    assert lac.say(body) == [], "the same speeds are no news"


def test_one_csun_speaks_of_many_calls() -> None:
    lac, first = up()
    second, _ = lac.call(0x12, SLOW)
    waiting = lac.say(messages.icrq(0x13, 1, SLOW)) or lac.last().numbers[14]
    body = CSUN_HEAD + speed_avp(second, 9, 8) + speed_avp(waiting, 5, 5) + speed_avp(first, 7, 6)
    keys = [call_key(lac.peer_tunnel_id, number) for number in (second, first)]
    assert lac.say(body) == [
        Dropped(DropReason.UNKNOWN_CALL, AT_LNS),
        SpeedChanged(keys[0], 9, 8),
        SpeedChanged(keys[1], 7, 6),
    ]


@pytest.mark.parametrize(
    "body",
    [
        CSUN_HEAD,
        CSUN_HEAD + bytes.fromhex("0011 0000 0061 0000 0001 00000001 000000"),
        CSUN_HEAD + speed_avp(1, 2, 3) + bytes.fromhex("8008 0000 00c8 0001"),
    ],
)
def test_a_bad_csun_ends_nothing(body: bytes) -> None:
    lac, session_id = up()
    for session in (0, session_id):
        assert lac.say(body, session) == [Dropped(DropReason.BAD_AVP, AT_LNS)]
    assert lac.endpoint.census.sessions == 1


def test_an_lns_is_not_asked_for_speeds() -> None:
    lac, session_id = up()
    assert lac.say(CSURQ_HEAD + speed_avp(session_id, 0, 0)) == [Dropped(DropReason.UNEXPECTED_MESSAGE, AT_LNS)]


def test_speeds_that_were_not_known_are_asked_for_of_who_tells_them() -> None:
    lac, _ = up()
    lac.say(messages.icrq(0x12, 1, SLOW) + ENABLE)
    lac.say(messages.iccn(CallRequest()), lac.last().numbers[14])
    asked = lac.heard[-1]
    assert header(asked)[:2] == (lac.tunnel_id, 0)
    assert asked[12:] == CSURQ_HEAD + speed_avp(0x12, 0, 0)
    lac.say(messages.icrq(0x13, 1, SLOW) + ENABLE)
    lac.say(messages.iccn(SLOW), lac.last().numbers[14])
    lac.say(messages.icrq(0x14, 1, SLOW))
    lac.say(messages.iccn(CallRequest()), lac.last().numbers[14])
    assert [read(data).type for data in lac.heard if len(data) > 12].count(MessageType.CSURQ) == 1


def test_the_lac_role_answers_what_it_is_asked() -> None:
    endpoint = lac_endpoint()
    tunnel_id, _ = endpoint.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    body = messages.start(MessageType.SCCRP, "lns", "v", 77, 8)
    endpoint.receive(AT_LAC, control(tunnel_id, 0, 1, body), now=0.0)
    key, _ = endpoint.open_call(tunnel_id, SLOW, now=0.0)
    (event, *_) = endpoint.receive(AT_LAC, control(tunnel_id, 1, 3, messages.icrp(0x99), key & 0xFFFF), now=0.0)
    assert isinstance(event, CallUp)
    question = CSURQ_HEAD + speed_avp(key & 0xFFFF, 0, 0) + speed_avp(0x7777, 0, 0)
    events = endpoint.receive(AT_LAC, control(tunnel_id, 2, 4, question), now=0.0)
    assert Dropped(DropReason.UNKNOWN_CALL, AT_LAC) in events
    (answer,) = sent(events)
    assert answer[12:] == CSUN_HEAD + speed_avp(0x99, 1000, 500)
    news = control(tunnel_id, 3, 5, messages.csun([Speed(key & 0xFFFF, 1, 1)]))
    assert Dropped(DropReason.UNEXPECTED_MESSAGE, AT_LAC) in endpoint.receive(AT_LAC, news, now=0.0)
    bad = control(tunnel_id, 4, 5, CSURQ_HEAD)
    assert Dropped(DropReason.BAD_AVP, AT_LAC) in endpoint.receive(AT_LAC, bad, now=0.0)


def test_what_was_told_outlives_a_restart() -> None:
    lac, session_id = up()
    key = call_key(lac.peer_tunnel_id, session_id)
    lac.say(messages.wen(LineErrors(crc=7)), session_id)
    lac.say(CSUN_HEAD + speed_avp(session_id, 8_000_000, 640_000))
    saved = lac.endpoint.save()
    config = LnsConfig((), hostname="lns1")
    again = Endpoint.restore(saved, lns=config, groups=(LacConfig("any"),), entropy=random.Random(3).randbytes)
    assert again.save() == saved
    assert again.call(key) == lac.endpoint.call(key)
    lac.endpoint = again
    assert reports(lac, session_id).errors == LineErrors(crc=7)  # type: ignore[attr-defined]  # it is not None
    assert reports(lac, session_id).speed_changes == 1  # type: ignore[attr-defined]  # likewise
