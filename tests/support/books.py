"""The books of a RADIUS server that lets nothing pass, and a world that dies between any two steps.

``Auditor`` holds every copy of every record against the others as it comes.  ``Fated`` is a
Spooling whose process ends, or whose machine loses power, after so many steps: before an
input is handled, before its journal is written, before or after any single effect, before or
after a transaction of the spool.  What it has carried is written down by Acct-Session-Id.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bras.config.model import Config
from bras.forwarding.entry import Counters
from bras.lns.effects import Effect, Journal
from bras.lns.inputs import Input, Programmed
from bras.lns.lns import Lns
from bras.radius.attributes import ACCT_SESSION_ID, value_of
from bras.radius.events import Kind, SendRadius
from bras.runtime.steps import steps
from tests.support.crash import Killed
from tests.support.spooling import Spooling
from tests.support.world import SimulatedRadius, Weather, walk

START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
STATUS, DELAY, SESSION, TIME, CAUSE, TIMESTAMP = 40, 41, 44, 46, 49, 55
NAS_REBOOT = 11
NOTHING = Counters()


def number(record: dict[int, bytes], kind: int) -> int:
    """Return an attribute's integer; 0 if it is not there."""
    return int.from_bytes(record.get(kind, b""), "big")


def octets(record: dict[int, bytes]) -> tuple[int, int]:
    """Return input and output octets, with their gigawords."""
    return number(record, 52) << 32 | number(record, 42), number(record, 53) << 32 | number(record, 43)


@dataclass
class Account:
    """What a server knows of one Acct-Session-Id: of each record what its first copy said."""

    start: dict[int, bytes] | None = None
    stop: dict[int, bytes] | None = None
    interims: dict[int, dict[int, bytes]] = field(default_factory=dict)
    """By Event-Timestamp."""
    last: tuple[int, int] = (0, 0)
    """The greatest counters that were told."""


@dataclass
class Auditor(SimulatedRadius):
    """Complains of what nobody could make a bill of."""

    accounts: dict[bytes, Account] = field(default_factory=dict)
    announced: list[tuple[int, bytes]] = field(default_factory=list)
    """Accounting-On and -Off in the order in which they came first: status and Event-Timestamp."""
    complaints: list[str] = field(default_factory=list)
    copies: int = 0
    newest: int = 0
    """The greatest epoch of an Accounting-On that has come."""
    wall_s: float = 0.0
    """The instant; whoever carries a request here sets it."""
    way_s: float = 0.0
    """How long a request has been on its way."""

    def receive(self, data: bytes, kind: Kind = Kind.AUTH) -> bytes | None:
        """Return the answer, and enter a record into the books."""
        answer = super().receive(data, kind)
        if data[0] == 4 and not self.silent:
            self.accounting.clear()
            self.packets.clear()
            self.copies += 1
            self._enter(walk(data[20:]))
        return answer

    def _enter(self, record: dict[int, bytes]) -> None:
        status, session = number(record, STATUS), record[SESSION]
        behind = self.wall_s - self.way_s - number(record, TIMESTAMP) - number(record, DELAY)
        if not -1.1 <= behind <= 2.1:
            self._complain(session, status, f"Event-Timestamp and Acct-Delay-Time are {behind} s from now")
        record = {kind: value for kind, value in record.items() if kind != DELAY}
        if status in (ON, OFF):
            self._announce(status, record)
            return
        account = self.accounts.get(session)
        if account is None:
            account = self.accounts[session] = Account()
            if status != START:
                self._complain(session, status, "it comes before the Start")
            elif int(session[-16:-8], 16) < self.newest:
                self._complain(session, status, "a session of before comes after the Accounting-On")
        if status == START:
            self._same(session, status, account.start, record)
            account.start = record
        elif status == STOP:
            self._stop(session, account, record)
        else:
            self._interim(session, account, record)

    def _announce(self, status: int, record: dict[int, bytes]) -> None:
        said = status, record[TIMESTAMP]
        if said in self.announced:
            return
        self.announced.append(said)
        if status == ON:
            self.newest = int(record[SESSION][-16:-8], 16)
            for session, account in self.accounts.items():
                if account.stop is None:
                    self._complain(session, status, "an Accounting-On comes before the Stop")

    def _stop(self, session: bytes, account: Account, record: dict[int, bytes]) -> None:
        self._same(session, STOP, account.stop, record)
        account.stop = record
        if number(record, CAUSE) != NAS_REBOOT:
            self._grown(session, STOP, account, record)

    def _interim(self, session: bytes, account: Account, record: dict[int, bytes]) -> None:
        at = number(record, TIMESTAMP)
        known = account.interims.get(at)
        self._same(session, INTERIM, known, record)
        if known is not None:
            return
        account.interims[at] = record
        if account.stop is not None:
            self._complain(session, INTERIM, "it comes after the Stop")
        self._grown(session, INTERIM, account, record)

    def _same(self, session: bytes, status: int, known: dict[int, bytes] | None, record: dict[int, bytes]) -> None:
        if known is not None and known != record:
            changed = {kind: (known.get(kind), record.get(kind)) for kind in known.keys() | record.keys()}
            self._complain(session, status, f"copies differ: { {k: v for k, v in changed.items() if v[0] != v[1]} }")

    def _grown(self, session: bytes, status: int, account: Account, record: dict[int, bytes]) -> None:
        told = octets(record)
        if told[0] < account.last[0] or told[1] < account.last[1]:
            self._complain(session, status, f"counters shrink from {account.last} to {told}")
        account.last = told

    def _complain(self, session: bytes, status: int, text: str) -> None:
        self.complaints.append(f"{session.decode()} status {status}: {text}")


@dataclass
class Fate:
    """How a RADIUS server is reached, and how much is left of a life."""

    loss: float = 0.0
    """Of requests, and of answers."""
    way_s: float = 0.01
    """Seconds of one way."""
    late: float = 0.0
    """Share of the answers that come once more, much later."""
    steps: int | None = None
    """Steps until the end; none: it lives on."""


class Fated(Spooling):
    """``fate`` says how long it lives; whoever runs it looks at ``alive``."""

    def __init__(
        self,
        directory: Path,
        configuration: Config,
        *,
        seed: int,
        weather: Weather,
        radius: Auditor,
        checkpoint_s: float = 30.0,
    ) -> None:
        self.fate = Fate()
        self.truth: dict[bytes, Counters] = {}
        """What was fed, by Acct-Session-Id."""
        self.checkpoint: dict[bytes, Counters] = {}
        """What the journal knew of it when that was synced last."""
        self.least: dict[bytes, Counters] = {}
        """The same at the last power cut that a session could have been lost by."""
        self.ids: dict[int, bytes] = {}
        """Acct-Session-Id of each Entry, by generation."""
        self.ended: Counter[str] = Counter()
        """How often it died, by what the process did not come to."""
        self.unwritten: set[bytes] = set()
        """Who was up at the last death, a moment after its Start was made or the process began: that is not on disk."""
        self.untold: set[bytes] = set()
        """Those of them of whom a power cut has left no trace."""
        self.half_told: set[bytes] = set()
        """Whose Stop was on its way to the disk at the last death."""
        self.cut_short: set[bytes] = set()
        """Those of them of whom a power cut may have left the end, but not all that they carried."""
        self.began_at = 0.0
        self.synced_octets = 0
        super().__init__(directory, configuration, seed=seed, weather=weather, radius=radius, checkpoint_s=checkpoint_s)

    # -- it dies between any two steps

    def _step(self, name: str) -> None:
        fate = self.fate
        if fate.steps is None:
            return
        fate.steps -= 1
        if fate.steps < 0:
            fate.steps = None
            self.ended[name] += 1
            raise Killed

    def _wake(self, inputs: list[Input]) -> None:
        while inputs:
            effects: list[Effect] = []
            for given in inputs:
                self._step("unhandled")
                effects += self.handle(given)
            self._step("unwritten")
            records = [record for effect in effects if isinstance(effect, Journal) for record in effect.records]
            assert self.file.write(records)
            inputs = self.perform(effects)
            self._step("unheard")

    def perform(self, effects: list[Effect]) -> list[Input]:
        inputs: list[Input] = []
        for operations, others in steps(effects):
            self._step("unprogrammed")
            inputs += [Programmed(outcome) for outcome in self.plane.program_all(operations)]
            for effect in others:
                self._step("undone")
                self._perform_step((effect,), inputs)
        return inputs

    def _written(self, life: int) -> None:
        if life == self.lives and self.alive:
            try:
                self._step("uncommitted")
            except Killed:
                self._die()
                return
        super()._written(life)

    def resumed(self, records: dict[str, bytes]) -> Lns:
        lns = super().resumed(records)
        self.began_at = self.now
        self.synced_octets = self.file.size  # a fresh file is synced before it has its name
        return lns

    def _die(self) -> None:
        rows = {row.key: value_of(row.start, ACCT_SESSION_ID) for row in self.on_disk.open_rows()}
        stay = {one.account for one in self.lns.core.registry.by_number.values() if one.standing.end is None}
        self.half_told = {session for key, session in rows.items() if key not in stay}
        self.unwritten = {
            subscriber.session_id.encode()
            for subscriber in self.lns.core.registry.by_number.values()
            if subscriber.account not in rows
            and self.now - max(subscriber.instants.up_at or self.now, self.began_at) <= 2 * self.disk_s
        }
        super()._die()

    # -- what it has carried

    def feed_all(self) -> None:
        """Let every Entry carry something, whether the process lives or not."""
        for subscriber in self.lns.core.registry.by_number.values():
            self.ids[subscriber.number] = subscriber.session_id.encode()
        for slot, entry in self.plane.entries.items():
            session = self.ids.get(entry.generation)
            if session is not None:
                up, down = self.dice.randrange(1, 1 << 33), self.dice.randrange(1, 1 << 34)
                more = Counters(up_octets4=up, up_packets4=1, down_octets6=down, down_packets6=2)
                self.plane.feed(slot, more)
                self.truth[session] = self.truth.get(session, NOTHING) + more

    # -- power

    def sync(self) -> None:
        """Put the journal out of a power cut's reach."""
        self.synced_octets = self.file.size
        self.checkpoint = {
            subscriber.session_id.encode(): subscriber.forwarding.last
            for subscriber in self.lns.core.registry.by_number.values()
        }

    def lose_power(self, dice: random.Random) -> None:
        """The process is no more, and of its journal what was not synced is lost, or some of it."""
        if self.alive:
            self._die()
        size = os.stat(self.file.path).st_size
        kept = dice.choice((self.synced_octets, dice.randint(self.synced_octets, size)))
        os.truncate(self.file.path, kept)
        self.least.update(self.checkpoint)
        self.untold |= self.unwritten
        self.cut_short |= self.half_told
        self.ids.clear()

    # -- the way to the server

    def _send_radius(self, effect: SendRadius) -> None:
        fate, dice, server = self.fate, self.dice, self.radius
        assert isinstance(server, Auditor)

        def arrive() -> None:
            server.wall_s, server.way_s = self.now + self.wall_offset_s, fate_way_s
            answer = server.receive(effect.data, effect.kind)
            if answer is None:
                return
            reply = self._radius_reply(effect, answer)
            if dice.random() >= fate.loss:
                self.at(self.now + fate.way_s, lambda: self.give(reply))
            if dice.random() < fate.late:
                self.at(self.now + fate.way_s + 20.0 * dice.random(), lambda: self.give(reply))

        fate_way_s = fate.way_s
        if dice.random() >= fate.loss:
            self.at(self.now + fate.way_s, arrive)
