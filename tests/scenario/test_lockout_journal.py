"""What the journal holds of lock-outs after each turn, and what a start makes of it."""

from __future__ import annotations

import pytest

from bras.config.model import LacConfig
from bras.l2tp import avp, messages
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.journal import TunnelJournal, saved_lockouts, without
from bras.secret import Secret
from tests.support.l2tp import HandLac, lns_endpoint

GROUP = LacConfig("g", secrets=(Secret(b"tunsecret"),))


class Kept:
    """A journal's last state of each key."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.journal = TunnelJournal()
        self.journal.follow(endpoint)
        self.alive: dict[str, bytes] = {}

    def turn(self) -> list[str]:
        records: list[tuple[str, bytes]] = []
        self.journal.take(self.endpoint, records)
        for key, state in records:
            self.alive[key] = state
            if not state:
                del self.alive[key]
        return [key for key, _ in records if key.startswith("lockout")]


def fail(endpoint: Endpoint, hostname: str, now: float) -> None:
    lac = HandLac(endpoint, tunnel_id=int(now) + 1)
    lac.now = now
    lac.sccrq(hostname)
    lac.peer_tunnel_id = lac.last().numbers[9]
    lac.say(messages.scccn() + avp.octets(13, bytes(16)))


@pytest.mark.parametrize("hostname", ["lac1", "a b:c", "évil\n"])
def test_each_turn(hostname: str) -> None:
    endpoint = lns_endpoint(GROUP, lockout_initial_s=10.0, lockout_cap_s=60.0)
    kept = Kept(endpoint)
    for now in (0.0, 10.0, 30.0):
        fail(endpoint, hostname, now)
        assert len(kept.turn()) == 1
        assert saved_lockouts(kept.alive) == endpoint.save()["lockouts"]
    for now in (70.0, 130.0):
        endpoint.handle_timeout(now=now)
        assert endpoint._table.touched is not None
        assert endpoint._table.touched.tunnels, "else nobody would ask for records"
        assert len(kept.turn()) == 1
        assert saved_lockouts(kept.alive) == endpoint.save()["lockouts"]
    assert not any(key.startswith("lockout") for key in kept.alive)


def test_a_start_with_another_clock_takes_them_out() -> None:
    endpoint = lns_endpoint(GROUP)
    kept = Kept(endpoint)
    fail(endpoint, "lac1", 0.0)
    kept.turn()
    fresh = lns_endpoint(GROUP)
    assert [key for key, _ in without(kept.alive, fresh) if key.startswith("lockout")] == ["lockout:198.18.0.2 lac1"]
