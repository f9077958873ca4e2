"""The proof that a link demands or gives: by which method, until when, and when once more.

A proof is *settled* when it was decided, either way.  A server may then rest for a while and
challenge the client again, whose packets flow meanwhile (RFC 1994 section 2, step 4); that
works for CHAP and its dialects alone: a PAP client speaks when it wants to.
"""

from __future__ import annotations

from typing import Any

from bras.errors import DropReason
from bras.ids import Entropy
from bras.ppp import methods
from bras.ppp.authentication import Outcome, Verdict
from bras.ppp.chap import RESPONSE, ChapServer
from bras.ppp.constants import CHAP
from bras.ppp.methods import Method
from bras.ppp.pap import PapServer
from bras.ppp.settings import LinkConfig

_NO_CREDENTIALS = (DropReason, Verdict)
_SHARE_AT_RANDOM = 0.25
"""Of the time between two challenges: sessions that came up together are not all challenged together."""


class Proof:
    """Authentication of one link, in either role."""

    __slots__ = ("_config", "_entropy", "_settled", "again", "deadline", "method")

    def __init__(self, config: LinkConfig, entropy: Entropy) -> None:
        """Nothing is demanded yet."""
        self._config = config
        self._entropy = entropy
        self.method: Method | None = None
        self.deadline: float | None = None
        """When ``handle_timeout`` has something to do."""
        self._settled = False
        self.again = False
        """Whether a client that is up has been challenged once more, and nothing is decided yet."""

    @property
    def protocol(self) -> int:
        """Return the PPP protocol of the method; 0 without one."""
        return self.method.protocol if self.method is not None else 0

    @property
    def challenges(self) -> bool:
        """Return whether the client can be challenged once more: it was let in by CHAP or a dialect of it."""
        return self._settled and isinstance(self.method, ChapServer)

    def turns_to_chap(self, protocol: int, code: int) -> bool:
        """Return whether a packet is CHAP's, from a client that agreed to PAP and has offered nothing yet.

        Not where CHAP is not wanted.
        """
        method = self.method
        if protocol != CHAP or code != RESPONSE or "chap" not in self._config.methods:
            return False
        return isinstance(method, PapServer) and not method.pending and not self._settled

    def begin(self, name: str, *, now: float) -> bytes:
        """LCP has agreed on a method: return our first packet, empty where the peer begins."""
        method = self.method = methods.begin(name, self._config, self._entropy)
        self._settled = self.again = False
        self.deadline = now + self._config.auth_timeout_s
        return method.start()

    def take_over(self, name: str) -> PapServer | ChapServer:
        """Another has begun in our name: return who is to judge from now on."""
        method = methods.begin_server(name, self._config, self._entropy)
        self.method, self._settled, self.again, self.deadline = method, False, False, None
        return method

    def challenge(self, *, now: float) -> bytes:
        """Begin what was taken over anew."""
        self.deadline = now + self._config.auth_timeout_s
        return self.method.start() if self.method is not None else b""

    def forget(self) -> None:
        """LCP is not open any more."""
        self.method = self.deadline = None
        self._settled = self.again = False

    def rest(self, *, now: float) -> None:
        """The client is content and so are we; after a while it may have to prove itself again."""
        self._settled, self.again, self.deadline = True, False, None
        interval_s = self._config.rechallenge_interval_s
        if interval_s and isinstance(self.method, ChapServer):
            share = int.from_bytes(self._entropy(2), "big") / 65536.0 * _SHARE_AT_RANDOM
            self.deadline = now + interval_s * (1.0 - share)

    def receive(self, protocol: int, code: int, identifier: int, data: bytes, *, now: float) -> Outcome:
        """Take a packet of PAP or CHAP; raises ``WireError``.

        With credentials it is the owner's turn, in the owner's time: no ``deadline`` any more.
        """
        method = self.method
        if method is None or method.protocol != protocol:
            return DropReason.UNEXPECTED_PACKET
        outcome = method.receive(code, identifier, data)
        if isinstance(outcome, bytes):
            self._wait(now)
        elif not isinstance(outcome, _NO_CREDENTIALS):
            self.deadline = None
        return outcome

    def handle_timeout(self, *, now: float) -> bytes | None:
        """Return what is to be sent, perhaps nothing; ``None`` when the peer had its chances."""
        method = self.method
        if self._settled and not self.again and isinstance(method, ChapServer):
            self.again = True
            octets: bytes | None = method.again(self._config.auth_attempts)
        else:
            octets = method.handle_timeout() if method is not None else None
        if octets is None:
            self.deadline = None
        else:
            self._wait(now)
        return octets

    def _wait(self, now: float) -> None:
        if self.again or not self._settled:
            self.deadline = now + self._config.auth_timeout_s

    def decide(self, accepted: bool, message: bytes, ms_chap: bytes) -> bytes | None:
        """Return what tells the client; ``None`` when no credentials wait (it renegotiated, or has gone)."""
        method = self.method
        if not isinstance(method, (PapServer, ChapServer)) or not method.pending:
            return None
        self._settled, self.again = True, False
        return method.decide(accepted, message, ms_chap)

    def pardon(self, *, now: float) -> None:
        """Nobody could judge what the client answered to another challenge: it stays as it was."""
        if isinstance(self.method, ChapServer):
            self.method.pardon()
        self.rest(now=now)

    def repeat(self) -> bytes:
        """Return the answer that let the client in once more: it may be lost; empty when there is none."""
        method = self.method
        if self.again or not self._settled or not isinstance(method, (PapServer, ChapServer)):
            return b""
        return method.repeat()

    # -- state as data

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        method = self.method.save() if self.method is not None else None
        return [method, self.deadline, self._settled, self.again]

    @classmethod
    def restore(cls, data: list[Any], name: str, config: LinkConfig, entropy: Entropy) -> Proof:
        """Return the proof that ``save`` described; ``name``: the method that LCP had agreed on."""
        self = cls(config, entropy)
        method, self.deadline, self._settled, self.again = data
        if method is not None:
            self.method = methods.restore(name, method, config, entropy)
        return self
