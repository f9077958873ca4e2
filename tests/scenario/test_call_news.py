"""What a LAC tells of a call, end to end: RADIUS, ``show``, the log's facts, the journal and a restart."""

from __future__ import annotations

from typing import Any

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig
from bras.l2tp import messages
from bras.l2tp.events import AccmReceived, CallUp, ErrorsReported, SpeedChanged
from bras.l2tp.messages import CallRequest
from bras.l2tp.report import Accm, LineErrors, Speed
from bras.lns.commands import ShowSession
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import SubscriberUp
from tests.scenario.test_journal import Journalled
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import Rim, option
from tests.support.world import config
from tests.vectors.l2tp_extensions import CSUN_HEAD, speed_avp

INTERIM = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", interim_interval_s=100.0))
SLOW = CallRequest("5551234", "100", tx_connect_speed_bps=1_000_000, rx_connect_speed_bps=500_000)


def session_id_of(lac: SimulatedLac, client: Client) -> int:
    assert client.key is not None
    return lac.endpoint._tunnels[lac.tunnel_id].calls.table[client.key & 0xFFFF].peer_session_id


def shown(rim: Rim) -> dict[str, Any]:
    body: Any = rim.answers[rim.ask(ShowSession("user1"))].body
    found: dict[str, Any] = body["sessions"][0]
    return found


def test_new_speeds_are_in_the_next_record_and_shown() -> None:
    rim = Rim(config(lac=(INTERIM,)))
    lac, client = rim.up(request=SLOW)
    (access,) = rim.requests(Kind.AUTH)
    assert access.attributes[77] == b"1000000/500000"
    lac.tell(CSUN_HEAD + speed_avp(session_id_of(lac, client), 8_000_000, 640_000))
    rim.run(200.0)
    assert [(fact.tx_bps, fact.rx_bps) for fact in rim.of(SpeedChanged)] == [(8_000_000, 640_000)]
    start, *later = [one.attributes for one in rim.requests(Kind.ACCT) if one.attributes[40][-1] in (1, 3)]
    assert start[77] == b"1000000/500000"
    assert later
    assert {one[77] for one in later} == {b"8000000/640000"}
    assert later[0].keys() >= start.keys(), "nothing else was lost"
    row = shown(rim)
    assert (row["tx_speed_bps"], row["rx_speed_bps"], row["speed_changes"]) == (8_000_000, 640_000, 1)


def test_speeds_of_a_session_that_is_not_up_yet_are_told_with_its_credentials() -> None:
    rim = Rim()
    lac = rim.lac()
    client = lac.dial("user1", "pass", request=SLOW)
    while not rim.of(CallUp):
        rim.run(0.001)
    lac.tell(CSUN_HEAD + speed_avp(session_id_of(lac, client), 8_000_000, 0))
    rim.run(3.0)
    assert rim.requests(Kind.AUTH)[0].attributes[77] == b"8000000/8000000"


def test_errors_and_accm_are_facts_and_shown() -> None:
    rim = Rim()
    lac, client = rim.up()
    row = shown(rim)
    assert (row["line_errors"], row["accm"], row["speed_changes"]) == (None, None, 0)
    lac.tell(messages.wen(LineErrors(crc=7, buffer_overruns=2)), client)
    lac.tell(messages.sli(Accm(0x000A0000, 0)), client)
    rim.run(1.0)
    assert [fact.errors.crc for fact in rim.of(ErrorsReported)] == [7]
    assert [fact.accm.send for fact in rim.of(AccmReceived)] == [0x000A0000]
    row = shown(rim)
    assert row["line_errors"] == {
        "crc": 7, "framing": 0, "hardware_overruns": 0, "buffer_overruns": 2, "timeouts": 0, "alignment": 0
    }  # fmt: skip
    assert row["accm"] == {"send": "000a0000", "receive": "00000000"}


@pytest.mark.parametrize("seed", range(3))
def test_what_was_told_is_in_the_journal_after_every_turn(seed: int) -> None:
    world = Journalled(config(), seed=seed)
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass", request=SLOW)
    world.run(3.0)
    assert [fact for fact in world.facts if isinstance(fact, SubscriberUp)]
    lac.tell(messages.wen(LineErrors(crc=7)), client)
    world.run(1.0)
    lac.tell(messages.sli(Accm(0x000A0000, 0)), client)
    world.run(1.0)
    lac.tell(messages.csun([Speed(session_id_of(lac, client), 8_000_000, 640_000)]))
    world.run(1.0)
    (subscriber,) = world.lns.core.registry.by_number.values()
    assert subscriber.line.tx_speed_bps == 8_000_000
    reports = world.lns.core.endpoint.reports(subscriber.leg.key)
    assert reports is not None
    assert (reports.errors, reports.speed_changes) == (LineErrors(crc=7), 1)


ASYNCHRONOUS = CallRequest("5551234", "100", tx_connect_speed_bps=33_600, framing_type=2)
SYNCHRONOUS = CallRequest("5551234", "100", tx_connect_speed_bps=33_600, framing_type=1)
SLI = 16
ACCM = option(2, bytes.fromhex("000a0000"))


def logged_in(rim: Rim, request: CallRequest, options: bytes) -> None:
    line = rim.line(request=request)
    rim.run(0.5)
    line.agree(options)
    line.login()
    rim.run(0.5)


@pytest.mark.parametrize(
    ("request_", "options", "expected"),
    [
        (ASYNCHRONOUS, ACCM, ["0000 000a0000 ffffffff"]),
        (ASYNCHRONOUS, b"", ["0000 ffffffff ffffffff"]),
        (SYNCHRONOUS, ACCM, []),
    ],
)
def test_a_lac_that_frames_asynchronously_is_told_the_accm(
    request_: CallRequest, options: bytes, expected: list[str]
) -> None:
    """RFC 2661 section 6.14; there is no character to escape on synchronous framing."""
    rim = Rim(config(auth=AuthConfig(methods=("pap",))))
    logged_in(rim, request_, options)
    told = rim.controls(SLI)
    assert [one.avps[35] for one in told] == [bytes.fromhex(value) for value in expected]
    if expected:
        assert told[0].session_id, "it is about the call"
        assert shown(rim)["accm"] == {"send": expected[0][5:13], "receive": "ffffffff"}
    else:
        assert shown(rim)["accm"] is None
