"""After every turn the journal holds what the machines hold: nothing too little, nothing too late, nothing too much.

Compared are what ``save`` says and what a new
process would read.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from bras.accounting.debts import INTERIM, SETTLED
from bras.l2tp.journal import saved_tunnels
from bras.l2tp.sequence import RESERVED
from bras.lns.effects import Effect, Journal, SendRadius
from bras.lns.inputs import Input
from bras.lns.lns import Lns
from bras.plain import decode, encode
from bras.subscriber import journal
from bras.subscriber.events import Phase
from tests.support.lives import LIVES, Life, Watched
from tests.support.world import codec, entropy_of


class Journalled(Watched):
    """Compares after every turn."""

    alive: dict[str, bytes]

    def _new_lns(self) -> Lns:
        self.script = []
        self.alive = {}
        self.entropy = entropy_of(random.Random(self.dice.random()))
        return Lns.resume(
            {}, self.configuration, codec(), self.entropy, epoch=0x68E00000, boot="boot1", read=self.plane.read
        )

    def handle(self, given: Input) -> list[Effect]:
        effects = self.lns.handle(given, self.now)
        assert not any(isinstance(effect, Journal) for effect in effects[1:]), "one, and the first"
        if effects and isinstance(effects[0], Journal):
            for key, state in effects[0].records:
                if state:
                    self.alive[key] = state
                else:
                    self.alive.pop(key, None)
        self.handled += 1
        self._compare_tunnels()
        self._compare_subscribers()
        self._compare_records(effects)
        return effects

    def _compare_tunnels(self) -> None:
        self._compare_numbers()
        held = decode(encode(self.lns.core.endpoint.save()["tunnels"]))
        found = decode(encode(saved_tunnels(self.alive)))
        assert _tunnels(found) == _tunnels(held)

    def _compare_numbers(self) -> None:
        """Numbers of data messages are reserved a block at a time, and none is sent before it is."""
        found = {tunnel["tunnel_id"]: _channels(tunnel) for tunnel in saved_tunnels(self.alive)}
        for tunnel in self.lns.core.endpoint.save()["tunnels"]:
            for session_id, held in _channels(tunnel).items():
                reserved = found[tunnel["tunnel_id"]][session_id]
                assert (held is None) == (reserved is None)
                if held is not None and reserved is not None:
                    assert tuple(held[0]) == tuple(reserved[0])
                    assert (reserved[1] - held[1][0]) & 0xFFFF <= RESERVED

    def _compare_subscribers(self) -> None:
        core = self.lns.core
        outliving = {number for number, one in core.registry.by_number.items() if journal.outlives(one)}
        written = {int(key.partition(":")[2]) for key in self.alive if key.startswith("session:")}
        assert written == outliving == {int(key.partition(":")[2]) for key in self.alive if key.startswith("subscr")}
        for number in outliving:
            held = core.registry.by_number[number]
            found = journal.restore(
                number,
                self.alive[f"subscriber:{number}"],
                self.alive[f"session:{number}"],
                core.policy.settings_of,
                bytes,
            )
            assert _session(found) == _session(held)
        if self.alive:
            _version, _boot, numbers, epoch, *_ = decode(self.alive["lns"])
            assert core.registry.next_number <= numbers
            assert epoch == core.policy.epoch

    def _compare_records(self, effects: list[Effect]) -> None:
        """Whatever Start, Stop or announcement is owed is in the journal, and nothing else."""
        ledger = self.lns.core.ledger
        owed = [one for line in ledger.lines.values() for one in line if one.status != INTERIM]
        owed += [one for book in ledger.books.values() for one in book.announcements]
        waiting = {f"record:{one.key}:{one.status}": one.octets for one in owed if one.ticket != SETTLED}
        written = {key: decode(state)[1] for key, state in self.alive.items() if key.startswith("record:")}
        assert written == waiting
        assert not any(isinstance(effect, SendRadius) and not self.alive for effect in effects)


def _tunnels(tunnels: list[Any]) -> list[Any]:
    """Leave out what is not kept, and bring the rest into order."""
    tunnels = copy.deepcopy(tunnels)
    for tunnel in tunnels:
        tunnel["timers"][1] = None  # heard_at: data are heard too, and leave no trace
        tunnel["calls"]["resting"] = []
        tunnel["probe"] = None
        tunnel["channel"]["early"] = []
        tunnel["calls"]["calls"].sort(key=lambda call: call["session_id"])
        for call in tunnel["calls"]["calls"]:
            call["data_channel"] = None  # compared as numbers are
    return sorted(tunnels, key=lambda tunnel: tunnel["tunnel_id"])


def _channels(tunnel: Any) -> dict[int, Any]:
    """Return the data channel of each call."""
    return {call["session_id"]: call["data_channel"] for call in tunnel["calls"]["calls"]}


def _session(subscriber: Any) -> dict[str, Any]:
    """Return what must be right of a subscriber that outlives."""
    forwarding, standing, instants, who = (
        subscriber.forwarding,
        subscriber.standing,
        subscriber.instants,
        subscriber.who,
    )
    settled_down = standing.phase in (Phase.PROGRAMMING, Phase.UP)
    return {
        "identity": (subscriber.session_id, subscriber.line, subscriber.leg, forwarding.slot),
        "who": (who.user, who.classes, subscriber.address, subscriber.profile) if settled_down else None,
        "network": subscriber.network.save() if settled_down else None,
        "standing": (standing.phase, standing.call_up, standing.link_up, standing.started, standing.settled),
        "end": (standing.end, standing.link_facts),
        "entry": (forwarding.state, forwarding.wanted, forwarding.base, forwarding.last, forwarding.throttled),
        "present": forwarding.present is not None,
        "instants": (instants.called_at, instants.setup_by_at, instants.up_at, instants.active_at, instants.news),
    }


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_the_journal_holds_what_the_machines_hold(life: Life) -> None:
    world = life(Journalled)
    assert isinstance(world, Journalled)
    assert world.handled > 50
