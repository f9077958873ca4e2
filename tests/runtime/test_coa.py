"""CoA- and Disconnect-Requests to a daemon: whatever address is asked answers, from there and from nowhere else.

lac 198.18.0.2 ── 198.18.0.1, .11: bras :192.0.2.1, .11 ── 192.0.2.2: who asks
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.dynauth import dynamic_request
from tests.support.guest import until
from tests.support.lns import CONFIG, Lns, changed
from tests.support.namespaces import Namespace, Network
from tests.support.radius import attribute
from tests.support.wire import Wire

pytestmark = pytest.mark.root

SECRET = b"coasecret"
COA_REQUEST, COA_ACK, COA_NAK, DISCONNECT_REQUEST, DISCONNECT_ACK = 43, 44, 45, 40, 41
CLIENT = {"name": "policy", "address": ["192.0.2.0/24", "2001:db8:1::/64"], "secret": SECRET.decode()}
BASE = changed(
    CONFIG,
    {
        "lac": [{"name": "any", "secret": "tunsecret", "pool": "default"}],
        "auth": {"methods": ["chap"], "source": "local"},
        "user": [{"name": "user1", "password": "pass"}],
        "profile": [{"name": "gold", "rate_down_bps": 50_000_000}],
        "radius": {},
    },
)
del BASE["radius"]["server"]
Asked = tuple[str, int]


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Namespace, Namespace, Namespace]]:
    with Network() as made:
        lac, lns, core = made.namespace("lac"), made.namespace("lns"), made.namespace("core")
        made.link(lac, "eth0", ["198.18.0.2/24"], lns, "lac0", ["198.18.0.1/24"])
        made.link(
            *(lns, "core0", ["192.0.2.1/24", "192.0.2.11/24", "2001:db8:1::1/64", "2001:db8:1::11/64"]),
            *(core, "eth0", ["192.0.2.2/24", "2001:db8:1::2/64"]),
        )
        yield lac, lns, core


def running(place: Path, lns: Namespace, listen: list[str]) -> Lns:
    coa: dict[str, Any] = {"radius": {"coa": {"listen": listen, "client": [CLIENT]}}}
    return Lns(lns, place / "lns", changed(BASE, coa))


def ask(core: Namespace, where: Asked, data: bytes) -> tuple[bytes, Asked]:
    """Ask, and return the answer and where it came from."""
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    with core.entered():
        opened = socket.socket(family, socket.SOCK_DGRAM)
    with opened:
        opened.settimeout(10)
        opened.sendto(data, where)
        answer, source = opened.recvfrom(4096)
    return answer, source[:2]


@pytest.mark.parametrize(
    ("listen", "asked"),
    [
        (["192.0.2.1"], [("192.0.2.1", 3799)]),
        (
            ["192.0.2.1:1700", "192.0.2.11", "[2001:db8:1::1]:1700", "2001:db8:1::11"],
            [("192.0.2.1", 1700), ("192.0.2.11", 3799), ("2001:db8:1::1", 1700), ("2001:db8:1::11", 3799)],
        ),
        (["0.0.0.0", "::"], [(one, 3799) for one in ("192.0.2.1", "192.0.2.11", "2001:db8:1::1", "2001:db8:1::11")]),
    ],
)
def test_listen(
    network: tuple[Namespace, Namespace, Namespace], tmp_path: Path, listen: list[str], asked: list[Asked]
) -> None:
    _lac, lns, core = network
    with running(tmp_path, lns, listen):
        for identifier, where in enumerate(asked):
            request = dynamic_request(COA_REQUEST, attribute(1, b"nobody"), identifier=identifier, secret=SECRET)
            answer, source = ask(core, where, request)
            assert source == where
            assert answer[:2] == bytes((COA_NAK, identifier))


def test_a_session_is_changed_and_ended(network: tuple[Namespace, Namespace, Namespace], tmp_path: Path) -> None:
    lac, lns, core = network
    with Wire(lac) as wire, running(tmp_path, lns, ["192.0.2.1"]) as daemon:
        client = wire.lac("198.18.0.2", 1701, calls=("198.18.0.1", 1701), hostname="lac1").dial("user1", "pass")
        wire.run(20.0, until=lambda: client.address)
        user = attribute(1, b"user1")
        gold = attribute(26, (32473).to_bytes(4, "big") + attribute(1, b"gold"))
        for identifier in (1, 2):
            request = dynamic_request(COA_REQUEST, user + gold, identifier=identifier, secret=SECRET)
            answer, _ = ask(core, ("192.0.2.1", 3799), request)
            assert answer[:2] == bytes((COA_ACK, identifier))
        (row,) = daemon.show("session", "user1")["sessions"]
        assert row["profile"]["rate_down_bps"] == {"value": 50_000_000, "source": "profile gold"}
        request = dynamic_request(DISCONNECT_REQUEST, user, secret=SECRET)
        answer, _ = ask(core, ("192.0.2.1", 3799), request)
        assert answer[0] == DISCONNECT_ACK
        assert daemon.wait_logged("session_ended")["reason"] == "disconnected_by_radius"
        for _ in until(30):
            if len(told := [line for line in daemon.log() if line["event"] == "coa_answered"]) == 3:
                break
        assert [(line["client"], line["kind"], line["outcome"]) for line in told] == [
            ("policy", "coa", "ack"),
            ("policy", "coa", "ack"),
            ("policy", "disconnect", "ack"),
        ]
