"""CoA- and Disconnect-Requests to a whole LNS with three sessions: true, forged, repeated, and a slow data plane.

Each octet chooses what happens next.  What must hold: what is not signed is never answered,
what is gets one answer, the same each time; a session has what the data plane has.
"""

from __future__ import annotations

import hashlib
from functools import cache

from bras.config.grant import Grant
from bras.config.model import ProfileConfig
from bras.forwarding.entry import AddEntry, Operation, Outcome, RemoveEntry
from bras.lns.effects import Effect, Program
from bras.lns.inputs import CoaReceived, Input, Programmed, TimerFired
from bras.lns.lns import Lns
from bras.plain import Saved, decode, encode
from bras.radius.coa_events import Origin, SendCoaReply
from bras.radius.dynauth import COA_NAK, COA_REQUEST, DISCONNECT_NAK, DISCONNECT_REQUEST, EVENT_TIMESTAMP
from tests.fuzz.harness import Cursor, Harness, Numbers
from tests.support.dac import DAC, DAC_SECRET, OURS, CoaWorld, cause_of, check_signatures, with_coa
from tests.support.dynauth import dynamic_request
from tests.support.radius import attribute, codec, vendor_attribute
from tests.support.world import config

CONFIG = with_coa(config(profile=(ProfileConfig("gold", Grant(rate_down_bps=50_000_000)),)))
ORIGINS = (
    Origin(0, OURS, DAC, 40000),
    Origin(0, OURS, DAC, 40001),
    Origin(0, OURS, "203.0.113.9", 40000),
    Origin(-1, OURS, DAC, 1, "aaa"),
)
CODES = (COA_REQUEST, COA_REQUEST, COA_REQUEST, DISCONNECT_REQUEST, 1, 44)
MOST_STEPS = 40
assert CONFIG.radius.coa is not None
WINDOW_S = CONFIG.radius.coa.window_s
SLOWEST_S = 100.0
"""No request takes longer, be it that the data plane says nothing."""


@cache
def _began() -> tuple[Saved, float, tuple[bytes, ...]]:
    """Return an Lns with three sessions as plain data, the instant, and attributes that mean them."""
    world = CoaWorld(CONFIG)
    lac = world.lac()
    for number in range(3):
        lac.dial(f"user{number}", "pass")
    world.run(3.0)
    ones = list(world.lns.core.registry.by_number.values())
    meant = [attribute(1, f"user{number}".encode()) for number in range(3)]
    meant += [attribute(44, one.session_id.encode()) for one in ones] + [attribute(8, one.address) for one in ones]
    meant += [attribute(5, ones[0].leg.key), attribute(31, b"100"), attribute(32, b"lns1"), attribute(4, 0xC6120001)]
    changes = [
        vendor_attribute(32473, 1, b"gold"),
        vendor_attribute(32473, 1, b"none"),
        attribute(27, 5000),
        attribute(28, 60),
        attribute(85, 60),
        attribute(25, b"class"),
        attribute(33, b"proxy"),
        attribute(6, 2),
        attribute(6, 17),
        attribute(88, b"default"),
        attribute(88, b"other"),
    ]
    return world.lns.save(), world.now, (*meant, *changes)


class Desk:
    """An LNS that goes on from there."""

    def __init__(self, cursor: Cursor) -> None:
        saved, self.now, self.words = _began()
        self.cursor = cursor
        self.lns = Lns.restore(decode(encode(saved)), CONFIG, codec(), Numbers())
        self.orders: list[Operation] = []
        self.present = {
            one.forwarding.slot: one.forwarding.present for one in self.lns.core.registry.by_number.values()
        }
        self.good: dict[bytes, bytes] = {}
        """Answers of the requests that are signed right, by request; empty while there is none."""
        self.asked_at: dict[bytes, float] = {}
        """When each of them came: once it is remembered no more it is done anew."""
        self.asked: list[bytes] = []
        self.signed: set[bytes] = set()

    def give(self, given: Input) -> None:
        effects: list[Effect] = self.lns.handle(given, self.now)
        for effect in effects:
            if isinstance(effect, Program):
                self.orders.append(effect.operation)
            elif isinstance(effect, SendCoaReply):
                self._answered(effect.data)

    def _answered(self, data: bytes) -> None:
        found = [one for one in self.good if one[1] == data[1] and _is_answer(data, one)]
        assert len(found) == 1, "an answer is that of one request, which was signed"
        (request,) = found
        check_signatures(data, request, DAC_SECRET)
        assert (cause_of(data) != 0) == (data[0] in (COA_NAK, DISCONNECT_NAK))
        if data != self.good[request]:
            if self.good[request]:
                assert self.now >= self.asked_at[request] + WINDOW_S, "the same octets each time"
                self.asked_at[request] = self.now - SLOWEST_S
            self.good[request] = data

    def ask(self) -> None:
        cursor = self.cursor
        code, origin, form = cursor.of(CODES), cursor.of(ORIGINS), cursor.u8()
        body = b"".join(cursor.of(self.words) for _ in range(form & 3))
        signed, other = not form & 8, cursor.u8() if form & 4 else 0
        if form & 4:
            body += attribute(other, cursor.string())
        data = dynamic_request(code, body, identifier=cursor.u8() & 3, secret=DAC_SECRET, signed=signed)
        if form & 16:
            at = cursor.u8() % len(data)
            data = data[:at] + bytes((data[at] ^ (1 << (form >> 5)),)) + data[at + 1 :]
        elif form & 32:
            data = data[: cursor.u8() % len(data)]
        elif code in (COA_REQUEST, DISCONNECT_REQUEST) and signed and other not in (EVENT_TIMESTAMP, 80):
            self.signed.add(data)
        self.asked.append(data)
        self.send(origin, data)

    def send(self, origin: Origin, data: bytes) -> None:
        if data in self.signed and origin.remote == DAC:
            self.good.setdefault(data, b"")
            self.asked_at.setdefault(data, self.now)
        self.give(CoaReceived(origin, data))

    def step(self) -> None:
        what = self.cursor.u8()
        if what & 3 == 0 and self.orders:
            self._program(self.orders.pop(what >> 2 & 1 if len(self.orders) > 1 else 0), ok=not what & 8)
        elif what & 3 == 1 and self.asked:
            data = self.asked[(what >> 2) % len(self.asked)]
            self.send(ORIGINS[0], data)
        elif what == 0xFE:
            self.lns = Lns.restore(
                decode(encode(self.lns.save())), CONFIG, codec(), Numbers(self.now.__hash__() & 0xFF)
            )
        elif what & 3 == 2 and what & 4:
            self._pass(float(what >> 3))
        else:
            self.ask()

    def _program(self, order: Operation, *, ok: bool) -> None:
        if isinstance(order, RemoveEntry):
            self.present[order.slot] = None
            self.give(Programmed(Outcome(order.slot, order.generation, ok=True)))
            return
        ok = ok or isinstance(order, AddEntry)
        if ok:
            self.present[order.entry.slot] = order.entry
        self.give(Programmed(Outcome(order.entry.slot, order.entry.generation, ok=ok, reason="" if ok else "no room")))

    def _pass(self, seconds: float) -> None:
        end = self.now + seconds
        for _ in range(200):
            deadline = self.lns.deadline
            if deadline is None or deadline > end:
                break
            self.now = max(self.now, deadline)
            self.give(TimerFired())
        self.now = end

    def end(self) -> None:
        """Let all be done: each request that was signed has its answer, and the sessions have what was wanted."""
        assert self.lns.core.coa is not None
        for _ in range(50):
            while self.orders:
                self._program(self.orders.pop(0), ok=True)
            if all(self.good.values()) and not self.lns.core.coa.tickets:
                break
            self._pass(31.0)
        assert all(self.good.values()), "each has an answer"
        assert not self.lns.core.coa.tickets
        assert not self.lns.core.coa.queues
        for one in self.lns.core.registry.by_number.values():
            if one.forwarding.wanted is not None:
                assert self.present[one.forwarding.slot] == one.forwarding.wanted


def _is_answer(data: bytes, request: bytes) -> bool:
    asked = data[:4] + request[4:20] + data[20:]
    return hashlib.md5(asked + DAC_SECRET).digest() == data[4:20]


def _run(data: bytes) -> None:
    cursor = Cursor(data)
    desk = Desk(cursor)
    for _ in range(MOST_STEPS):
        if not cursor.more:
            break
        desk.step()
    desk.end()


def harness(_name: str) -> Harness:
    return Harness(_run, largest_octets=160)
