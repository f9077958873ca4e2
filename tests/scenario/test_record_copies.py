"""All copies of a record are the same octets but for Acct-Delay-Time, which comes with another identifier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig
from bras.config.radius import RadiusServerConfig
from bras.forwarding.entry import Counters
from bras.radius.events import Kind
from bras.secret import Secret
from tests.support.rim import Asked, Rim
from tests.support.world import RADIUS_SECRET, SimulatedRadius, config

DELAY, STATUS, TIMESTAMP = 41, 40, 55


class DropsFirst(SimulatedRadius):
    """Loses the first copy of every record."""

    def receive(self, data: bytes, kind: Kind = Kind.AUTH) -> bytes | None:
        if kind is Kind.ACCT and data[0] == 4:
            key = without_delay(data)
            if key not in self._seen:
                self._seen.add(key)
                return None
        return super().receive(data, kind)


def without_delay(data: bytes) -> bytes:
    """Return the attributes of a record but for Acct-Delay-Time."""
    kept, offset = b"", 20
    while offset < len(data):
        after = offset + data[offset + 1]
        if data[offset] != DELAY:
            kept += data[offset:after]
        offset = after
    return kept


def delay_of(one: Asked) -> int:
    return int.from_bytes(one.attributes[DELAY], "big")


def settings(servers: int) -> Config:
    group = LacConfig(
        "any",
        secrets=(Secret(b"tunsecret"),),
        grant=Grant(pool="default", interim_interval_s=60.0),
        hello_interval_s=0.0,
    )
    made = config(lac=(group,))
    several = tuple(
        RadiusServerConfig(f"198.18.1.{number}", Secret(RADIUS_SECRET), name=f"r{number}", max_tries=2, timeout_s=1.5)
        for number in range(2, 2 + servers)
    )
    return replace(made, radius=replace(made.radius, server=several, tunnel_accounting="both"))


def by_record(asked: list[Asked]) -> dict[tuple[bytes, bytes, bytes], list[Asked]]:
    """Return the transmissions of each record: by Acct-Session-Id, status and, of Interim-Updates, the time."""
    found = defaultdict(list)
    for one in asked:
        said = one.attributes
        found[said[44], said[STATUS], said[TIMESTAMP] if said[STATUS][-1] == 3 else b""].append(one)
    return found


@pytest.mark.parametrize(
    ("servers", "kind"), [(1, DropsFirst), (3, DropsFirst), (3, lambda: SimulatedRadius(delay_s=2.4))]
)
def test_copies_differ_in_nothing_but_the_delay(servers: int, kind: Callable[[], SimulatedRadius]) -> None:
    rim = Rim(settings(servers), servers=[kind() for _ in range(servers)])
    lac = rim.lac()
    client = lac.dial("user1", "pass")
    rim.run(20.0)
    for slot in rim.plane.entries:
        rim.plane.feed(slot, Counters(1000, 10, 2000, 20, 300, 3, 400, 4))
    rim.run(90.0)
    lac.hang_up(client)
    rim.run(120.0)
    records = by_record(rim.requests(Kind.ACCT))
    assert len(records) >= 7
    for copies in records.values():
        assert len(copies) >= 2, "it was sent again"
        assert len({without_delay(one.data) for one in copies}) == 1
        sent = {(one.server, one.data[1], one.data) for one in copies}
        delays = {(one.server, one.attributes[DELAY]) for one in copies}
        assert len({(server, identifier) for server, identifier, _ in sent}) == len(sent), (
            "another packet, another identifier"
        )
        assert len(delays) == len(sent), "and another packet only for another delay"
        first = copies[0]
        waited_s = delay_of(first)  # for what was to be told before
        for one in copies:
            assert abs(delay_of(one) - waited_s - (one.at - first.at)) < 1.0
