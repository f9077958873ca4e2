"""Records of tunnels and links, and the Stop of every end, as a real FreeRADIUS and tshark read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from struct import unpack

import pytest

from bras.l2tp.constants import StopResult
from bras.radius.events import Kind
from tests.interop.test_sent import OURS, ask, holds, told, written
from tests.scenario.test_ends import SCENARIOS
from tests.scenario.test_tunnel_accounting import carry, close_tunnel, settings
from tests.support.capture import Capture
from tests.support.freeradius import FreeRadius
from tests.support.namespaces import Namespace, Network
from tests.support.rim import Asked, Rim
from tests.support.world import RADIUS_SECRET

STATUS, CAUSE, STOP = 40, 49, 2
OF_TUNNELS = {9, 10, 11, 12, 13, 14}


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


def of_tunnels() -> list[bytes]:
    """Return records of a tunnel with a call that is refused, and of one whose LAC does not know the secret."""
    rim = Rim(settings(max_sessions=1))
    lac, _ = rim.up()
    carry(rim)
    lac.dial("user2", "pass")
    rim.run(1.0)
    rim.lac(address="198.18.0.9", hostname="lac9", secret=b"guess")
    rim.run(1.0)
    close_tunnel(rim, lac, StopResult.SHUTTING_DOWN, "maintenance of lac1")
    return [one.data for one in rim.requests(Kind.ACCT) if status(one.data) in OF_TUNNELS]


def status(data: bytes) -> int:
    """Return Acct-Status-Type, which is first."""
    assert data[20:22] == bytes((STATUS, 6))
    number: int = unpack("!I", data[22:26])[0]
    return number


def of_ends(place: Path) -> list[bytes]:
    """Return the first Stop of each end of the table that can happen to a session."""
    found = []
    for number, (reason, play) in enumerate(SCENARIOS.items()):
        (place / str(number)).mkdir()
        stops = [one for one in play(place / str(number)).radius.packets if status(one) == STOP]
        found += [one for one in stops if reason.encode() in one][:1]
    return found


def serve(namespace: Namespace, place: Path, sent: list[bytes]) -> tuple[FreeRadius, Capture]:
    """Have a server take all of them, and return its books and what tshark makes of the wire."""
    server = FreeRadius(
        namespace, place / "freeradius", address="127.0.0.1", secret=RADIUS_SECRET.decode(), dictionaries=(OURS,)
    )
    with server, Capture(namespace, "lo", place / "wire.pcap", "udp port 1813") as wire:
        for data in sent:
            assert ask(namespace, Asked(0.0, 0, Kind.ACCT, data))[0] == 5
    return server, wire


def test_they_are_read_as_they_were_meant(
    network: Network, tool: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("freeradius", "tshark", "tcpdump"):
        tool(name)
    monkeypatch.setenv("TZ", "UTC")
    sent = of_tunnels() + of_ends(tmp_path)
    assert {status(one) for one in sent} == OF_TUNNELS | {STOP}
    server, wire = serve(network.namespace("radius"), tmp_path, sent)
    books = server.records()
    assert len(books) == len(sent)
    causes = set()
    for record, data in zip(books, sent, strict=True):
        said = told(Asked(0.0, 0, Kind.ACCT, data))
        wrong = {
            name: (value, written(name, record))
            for name, value in said.items()
            if not holds(name, value, written(name, record))
        }
        assert not wrong
        causes.add(record.get("Acct-Terminate-Cause"))
    assert len(sent) - len(of_tunnels()) == len(SCENARIOS)
    assert {"Lost-Service", "NAS-Reboot", "Port-Error", "Service-Unavailable", "User-Error"} <= causes
    read = wire.packets("radius.code == 4", "radius.Acct_Status_Type", "radius.Acct_Terminate_Cause")
    expected = [(status(one), told(Asked(0.0, 0, Kind.ACCT, one)).get("Acct-Terminate-Cause")) for one in sent]
    assert [(int(kind), int(cause) if cause else None) for kind, cause in read] == expected
    assert not wire.complaints()
