"""One that changes and ends sessions by RADIUS (RFC 5176), and worlds with a data plane that takes its time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace

from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.listen import Listen
from bras.config.model import Config
from bras.dataplane.null import Null
from bras.forwarding.entry import Operation, Outcome, ReplaceEntry
from bras.lns.inputs import CoaReceived, Programmed
from bras.radius.coa_events import CoaAnswered, Origin
from bras.radius.dynauth import COA_ACK, COA_NAK, COA_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK, DISCONNECT_REQUEST
from bras.secret import Secret
from tests.support.dynauth import dynamic_request
from tests.support.radius import attribute, attributes_of
from tests.support.rim import Rim
from tests.support.world import WALL_OFFSET_S, World, config

DAC, DAC_SECRET = "198.18.1.9", b"coasecret"
OURS = "198.18.0.1"
_NAMES = {
    COA_REQUEST: "CoA-Request",
    COA_ACK: "CoA-ACK",
    COA_NAK: "CoA-NAK",
    DISCONNECT_REQUEST: "Disconnect-Request",
    DISCONNECT_ACK: "Disconnect-ACK",
    DISCONNECT_NAK: "Disconnect-NAK",
}


def client(**keys: object) -> CoaClientConfig:
    """Return the section of the one client."""
    keys = {"address": (f"{DAC}/32",), "secrets": (Secret(DAC_SECRET),), "name": "aaa", **keys}
    return CoaClientConfig(**keys)  # type: ignore[arg-type]  # its keys


def with_coa(base: Config | None = None, *clients: CoaClientConfig, **keys: object) -> Config:
    """Return a configuration in which sessions can be changed by RADIUS."""
    base = base or config()
    keys = {"listen": (Listen(OURS, 3799),), "client": clients or (client(),), **keys}
    return replace(base, radius=replace(base.radius, coa=CoaConfig(**keys)))  # type: ignore[arg-type]  # its keys


class Slow(Null):
    """A null that answers each change of an Entry ``delay_s`` later, refuses some, or says nothing."""

    def __init__(self, world: CoaWorld) -> None:
        super().__init__()
        self._world = world
        self.delay_s = 0.0
        self.silent = False
        self.refuses: set[int] = set()
        """Slots whose Entry is not to be changed, once."""
        self.stubborn: set[int] = set()
        """The same, ever."""
        self.replaced: list[ReplaceEntry] = []

    def program_all(self, operations: Sequence[Operation]) -> list[Outcome]:
        outcomes = []
        for operation in operations:
            if isinstance(operation, ReplaceEntry):
                self._replace(operation, outcomes)
            else:
                outcomes.append(self.program(operation))
        return outcomes

    def _replace(self, operation: ReplaceEntry, outcomes: list[Outcome]) -> None:
        self.replaced.append(operation)
        self._world.note(f"== ReplaceEntry {operation.entry.slot}")
        if self.silent:
            return
        if self.delay_s:
            world = self._world
            world.at(world.now + self.delay_s, lambda: world.give(Programmed(self._judged(operation))))
        else:
            outcomes.append(self._judged(operation))

    def _judged(self, operation: ReplaceEntry) -> Outcome:
        entry = operation.entry
        if entry.slot in self.refuses or entry.slot in self.stubborn:
            self.refuses.discard(entry.slot)
            return Outcome(entry.slot, entry.generation, ok=False, reason="no room")
        return self.program(operation)


class CoaWorld(Rim):
    """A Rim in which somebody asks for changes; ``lines`` is what was said, and done by the data plane."""

    lines: list[str]
    slow: Slow

    def _new_plane(self) -> Null:
        self.lines = []
        self.slow = Slow(self)
        return self.slow

    def note(self, line: str) -> None:
        self.lines.append(line)

    def ask_for(
        self,
        code: int,
        attributes: bytes,
        *,
        identifier: int = 1,
        secret: bytes = DAC_SECRET,
        origin: Origin | None = None,
        signed: bool = True,
    ) -> bytes:
        """Send a request; return it."""
        data = dynamic_request(code, attributes, identifier=identifier, secret=secret, signed=signed)
        self.send_again(data, origin=origin)
        return data

    def send_again(self, data: bytes, *, origin: Origin | None = None) -> None:
        self.note(f">> {_NAMES.get(data[0], data[0])} {data[1]}")
        before = len(self.coa_replies)
        self.give(CoaReceived(origin or Origin(0, OURS, DAC, 40000), data))
        self._note_replies(before)

    def run(self, seconds: float, **more: object) -> None:  # type: ignore[override]  # the same
        before = len(self.coa_replies)
        super().run(seconds, **more)  # type: ignore[arg-type]  # the same
        self._note_replies(before)

    def _note_replies(self, before: int) -> None:
        for _at, _origin, data in self.coa_replies[before:]:
            cause = cause_of(data)
            self.note(f"<< {_NAMES[data[0]]} {data[1]}" + (f" Error-Cause {cause}" if cause else ""))

    def give_outcome(self, slot: int, number: int) -> None:
        """Let the data plane answer at last."""
        self.give(Programmed(Outcome(slot, number, ok=True)))

    @property
    def reply(self) -> bytes:
        """Return the one answer since this was asked last."""
        ((_at, _origin, data),) = self.coa_replies
        self.coa_replies.clear()
        return data

    @property
    def outcome(self) -> int:
        """Return the Error-Cause of the one answer; 0 for an ACK."""
        return cause_of(self.reply)

    def told(self) -> list[CoaAnswered]:
        return [fact for fact in self.facts if isinstance(fact, CoaAnswered)]


def cause_of(data: bytes) -> int:
    """Return Error-Cause, 0 where there is none."""
    causes = [int.from_bytes(value, "big") for code, value in attributes_of(data) if code == 101]
    assert len(causes) == (data[0] in (COA_NAK, DISCONNECT_NAK)), "a NAK has one, an ACK none"
    return causes[0] if causes else 0


def check_signatures(data: bytes, request: bytes, secret: bytes = DAC_SECRET) -> None:
    """See that an answer is its server's, by both of its signatures."""
    asked = data[:4] + request[4:20] + data[20:]
    assert hashlib.md5(asked + secret).digest() == data[4:20]
    assert data[20:22] == b"\x50\x12"
    assert hmac.digest(secret, asked[:22] + bytes(16) + asked[38:], "md5") == data[22:38]


def stamp(world: World, offset_s: float = 0.0) -> bytes:
    """Return an Event-Timestamp."""
    return attribute(55, int(world.now + WALL_OFFSET_S + offset_s))
