"""The keys that say what becomes of what a LAC tells of a call, seen from RADIUS and ``show``."""

from __future__ import annotations

from typing import Any

import pytest
from pyrad.packet import Packet

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.l2tp.constants import LineAvp
from bras.l2tp.line import gather
from bras.l2tp.messages import CallRequest
from bras.lns.commands import ShowSession
from bras.radius.events import Kind
from bras.secret import Secret
from tests.support.radius import own_dictionary
from tests.support.rim import Asked, Rim
from tests.support.world import RADIUS_SECRET, config

LINE = gather({
    LineAvp.AGENT_CIRCUIT_ID: b"dslam1 atm 1/2:8.35",
    LineAvp.AGENT_REMOTE_ID: b"cust-42",
    LineAvp.ACTUAL_DATA_RATE_UPSTREAM: (1_024_000).to_bytes(4, "big"),
    LineAvp.ACTUAL_DATA_RATE_DOWNSTREAM: (16_384_000).to_bytes(4, "big"),
    LineAvp.ACCESS_LOOP_ENCAPSULATION: b"\0\0\6",
    LineAvp.IWF_SESSION: b"",
})  # fmt: skip
FULL = CallRequest("5551234", "100", "sub7", 1, 77, 16_000_000, 1_000_000, 1, "red", access_line=LINE)
BARE = CallRequest()


def rim(request: CallRequest, *, caller_id: str = "number", **keys: object) -> Rim:
    lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), caller_id=caller_id, grant=Grant(pool="default"))
    server = RadiusServerConfig(address="198.18.1.2", secret=Secret(RADIUS_SECRET), name="radius1")
    settings: Config = config(lac=(lac,), radius=RadiusConfig(server=(server,), **keys))  # type: ignore[arg-type]  # keys of [radius]
    rim = Rim(settings)
    rim.lac().dial("user1", "pass", request=request)
    rim.run(3.0)
    return rim


def shown(rim: Rim) -> dict[str, Any]:
    body: Any = rim.answers[rim.ask(ShowSession("user1"))].body
    (row,) = body["sessions"]
    found: dict[str, Any] = row
    return found


def named(one: Asked) -> dict[str, list[Any]]:
    """Return a request's attributes by name, as pyrad reads them."""
    packet = Packet(packet=one.data, secret=RADIUS_SECRET, dict=own_dictionary())
    return {name: packet[name] for name in packet.keys() if isinstance(name, str)}  # noqa: SIM118  # it is no dict


def calling(rim: Rim) -> bytes:
    (access,) = rim.requests(Kind.AUTH)
    start = rim.requests(Kind.ACCT)[-1]
    assert start.attributes[31] == access.attributes[31]
    return access.attributes[31]


@pytest.mark.parametrize(
    ("caller_id", "request_", "expected"),
    [
        ("number", FULL, "5551234"),
        ("number", BARE, "198.18.0.2"),
        ("address", FULL, "198.18.0.2"),
        ("{number}", FULL, "5551234"),
        ("{number}", BARE, "198.18.0.2"),
        ("{address}", FULL, "198.18.0.2"),
        ("{circuit_id}|{remote_id}", FULL, "dslam1 atm 1/2:8.35|cust-42"),
        ("{circuit_id} {remote_id}", BARE, "198.18.0.2"),
        ("{hostname}/{lac}/{serial}", FULL, "lac1/any/{serial}"),
        ("{tunnel}-{session}", FULL, "{tunnel}-{session}"),
        ("{called}.{sub_address}", FULL, "100.sub7"),
        ("{{{channel}}}{private_group}", FULL, "{77}red"),
        ("x{channel}", BARE, "x"),
        ("{number} " * 60, FULL, ("5551234 " * 60)[:253]),
    ],
)
def test_caller_id(caller_id: str, request_: CallRequest, expected: str) -> None:
    world = rim(request_, caller_id=caller_id)
    row = shown(world)
    if "{serial}" in caller_id or "{tunnel}" in caller_id:
        expected = expected.format(serial=row["serial_number"], tunnel=row["tunnel"], session=row["call"])
    assert calling(world).decode() == expected
    assert row["calling_station"][:253].strip() == expected.strip()
    assert row["calling_number"] == request_.calling_number, "what the LAC said is shown as it is"


@pytest.mark.parametrize("access_line", [True, False])
def test_access_line(access_line: bool) -> None:
    world = rim(FULL, access_line=access_line)
    for one in (world.requests(Kind.AUTH)[0], world.requests(Kind.ACCT)[-1]):
        told = named(one)
        assert ("ADSL-Agent-Circuit-Id" in told) is access_line
        if access_line:
            assert told["ADSL-Agent-Circuit-Id"] == [b"dslam1 atm 1/2:8.35"]
            assert told["ADSL-Agent-Remote-Id"] == [b"cust-42"]
            assert told["Actual-Data-Rate-Upstream"] == [1_024_000]
            assert told["Actual-Data-Rate-Downstream"] == [16_384_000]
            assert told["Access-Loop-Encapsulation"] == [b"\0\0\6"]
            assert told["IWF-Session"] == [b""]
    assert shown(world)["access_line"] == {
        "agent_circuit_id": "dslam1 atm 1/2:8.35",
        "agent_remote_id": "cust-42",
        "actual_data_rate_upstream_bps": 1_024_000,
        "actual_data_rate_downstream_bps": 16_384_000,
        "access_loop_encapsulation": "AAL5, Ethernet over AAL5 LLC without FCS",
        "iwf_session": True,
    }


def test_a_call_without_a_line_says_nothing_of_one() -> None:
    world = rim(BARE)
    assert not [name for name in named(world.requests(Kind.AUTH)[0]) if "Data-Rate" in name or "Agent" in name]
    assert 81 not in world.requests(Kind.AUTH)[0].attributes
    assert 77 not in world.requests(Kind.AUTH)[0].attributes
