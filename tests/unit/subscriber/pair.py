"""A Subscriber and its client, frame by frame, with nobody round them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable

from bras.config.grant import Grant
from bras.forwarding.entry import Counters, Leg, Operation, Outcome, RemoveEntry
from bras.ids import CallKey
from bras.ppp import events as ppp
from bras.ppp.link import Link
from bras.ppp.network import Network
from bras.ppp.settings import ClientIdentity, LinkConfig, NetworkConfig
from bras.radius.profile import Profile, compute
from bras.secret import Secret
from bras.subscriber.events import CountersWanted, EntryChanged, Event, Phase
from bras.subscriber.parts import Line
from bras.subscriber.settings import Settings
from bras.subscriber.subscriber import Subscriber

ADDRESS = 0x0A400001
LOCAL = 0x0AFFFF01
LINE = Line("any", "lac1", "198.18.0.2", "5551234", "100")
LEG = Leg(CallKey(0x00120034), 0, "198.18.0.1", 1701, "198.18.0.2", 1701, 5, 6, acfc=False, pfc=False)


def profile(**keys: object) -> Profile:
    """Return a Profile of these keys."""
    return compute([("test", Grant(**keys))])  # type: ignore[arg-type]  # keys of a profile


def settings(**changes: object) -> Settings:
    """Return what subscribers share."""
    values: dict[str, object] = {
        "group": "any",
        "link": LinkConfig(mru=1460, methods=("pap",), hostname=b"lns1"),
        "local_address": LOCAL,
        "setup_timeout_s": 30.0,
        "interim_jitter": 0.0,
        "clamp_mss": True,
        "origin": "000068E00000",
    }
    return Settings(**(values | changes))  # type: ignore[arg-type]  # its fields


class Pair:
    """A subscriber, its client, and a data plane that answers when it is told to."""

    def __init__(self, **changes: object) -> None:
        dice = random.Random(1)
        self.now = 100.0
        self.subscriber = Subscriber(7, 3, LINE, LEG, settings(**changes), dice.randbytes, now=self.now)
        identity = ClientIdentity(b"user1", Secret(b"pass"))
        self.link = Link(LinkConfig(mru=1460, methods=("pap",), hostname=b"c", client=identity), dice.randbytes)
        self.network = Network(NetworkConfig(client=True), 0)
        self.events: list[Event] = []
        """What the owner of the subscriber saw, frames left out."""
        self.operation: Operation | None = None
        """What the data plane was told last."""
        self.counters = Counters()
        self._up: deque[bytes] = deque()
        self._down: deque[bytes] = deque()

    def begin(self) -> None:
        """Let both sides open, and go on until the client offers credentials."""
        self._post(self.subscriber.open(now=self.now))
        self.client(self.link.open(now=self.now))

    def admit(self, **keys: object) -> None:
        """Let the client in; IPCP follows."""
        self.take(self.subscriber.admit(profile(**keys), ADDRESS, b"", b"", now=self.now))

    def up(self, **keys: object) -> None:
        """Go all the way until packets flow."""
        self.begin()
        self.admit(**keys)
        self.programmed()

    def programmed(self, *, ok: bool = True) -> None:
        """Let the data plane answer the operation that is on its way."""
        assert self.operation is not None, "nothing is on its way"
        counters = self.counters if ok and isinstance(self.operation, RemoveEntry) else None
        self.operation = None
        outcome = Outcome(3, 7, ok=ok, reason="" if ok else "no room", counters=counters)
        self.take(self.subscriber.programmed(outcome, now=self.now))

    def read(self) -> None:
        """Let the data plane tell the counters."""
        self.take(self.subscriber.counters_read(self.counters, now=self.now))

    def pass_time(self, seconds: float) -> None:
        """Let time go by, from deadline to deadline; counters that are asked for are told."""
        end, subscriber = self.now + seconds, self.subscriber
        while (at := self._next_at()) is not None and at <= end:
            self.now = max(self.now, at)
            asked = len(self.taken(CountersWanted))
            wanted = subscriber.interim_due(now=self.now)
            if subscriber.deadline is not None and subscriber.deadline <= self.now:
                self.take(subscriber.handle_timeout(now=self.now))
            if wanted or len(self.taken(CountersWanted)) > asked:
                self.read()
        self.now = end

    def _next_at(self) -> float | None:
        """Return when the owner is to see to the subscriber."""
        interim_at = self.subscriber.instants.interim_at if self.subscriber.phase is Phase.UP else None
        return min((at for at in (self.subscriber.deadline, interim_at) if at is not None), default=None)

    def take(self, events: Iterable[Event]) -> None:
        """Carry the frames among a subscriber's events to the client, keep the others."""
        self._post(events)
        self._carry()

    def client(self, events: Iterable[ppp.LinkEvent | ppp.NetworkEvent]) -> None:
        """Carry what the client sends to the subscriber."""
        self._send(events)
        self._carry()

    def _post(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, ppp.SendFrame):
                self._down.append(event.frame)
            else:
                self.events.append(event)
                if isinstance(event, EntryChanged):
                    self.operation = event.operation

    def _send(self, events: Iterable[ppp.LinkEvent | ppp.NetworkEvent]) -> None:
        for event in events:
            if isinstance(event, ppp.SendFrame):
                self._up.append(event.frame)
            elif isinstance(event, ppp.SendPacket):
                self._up.append(self.link.frame(event.protocol, event.packet))
            elif isinstance(event, ppp.LinkUp):
                self._send(self.network.open(now=self.now))
            elif isinstance(event, ppp.LinkRestarted):
                self._send(self.network.lower_down(now=self.now))
            elif isinstance(event, ppp.NetworkPacketReceived):
                self._send(self.network.receive(event.protocol, event.packet, now=self.now))

    def _carry(self) -> None:
        """Deliver until nothing is on its way."""
        while self._up or self._down:
            if self._down:
                self._send(self.link.receive(self._down.popleft(), now=self.now))
            else:
                self._post(self.subscriber.receive(self._up.popleft(), now=self.now))

    def taken(self, kind: type) -> list:  # type: ignore[type-arg]  # of that kind
        """Return the events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def kinds(self) -> list[str]:
        """Return the names of the events so far, and forget them."""
        names = [type(event).__name__ for event in self.events]
        self.events.clear()
        return names
