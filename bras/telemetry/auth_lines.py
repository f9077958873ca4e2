"""The log lines of authentications that nobody was let in by."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from bras.subscriber.events import Authenticated, AuthOutcome
from bras.telemetry.limit import RepeatLimit, repeated
from bras.telemetry.tally import Handlers

_MAY_BE_IGNORED = "have the server leave it out, or let it be ignored by its name in [radius.unsupported]"


class AuthLines:
    """Writes them; limited, for a client that is refused tries again and again."""

    __slots__ = ("_limit", "_log")

    def __init__(self, log: FilteringBoundLogger, limit: RepeatLimit) -> None:
        """Write to ``log``, as far as ``limit`` allows."""
        self._log = log
        self._limit = limit

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {Authenticated: self.authenticated}

    def authenticated(self, fact: Authenticated) -> None:
        """Write ``authentication_rejected`` or ``_unanswered``; an accepted one is told when the session ends."""
        if fact.outcome is AuthOutcome.ACCEPTED:
            return
        unanswered = fact.outcome is AuthOutcome.UNANSWERED
        whose = "" if unanswered else fact.user  # one user tries again and again; servers are silent for all
        held_back = self._limit.allow(("authenticated", fact.group, fact.outcome.value, whose))
        if held_back is None:
            return
        self._log.warning(
            "authentication_unanswered" if unanswered else "authentication_rejected",
            user=fact.user,
            lac=fact.group,
            method=fact.method,
            outcome=fact.outcome.value,
            source=fact.source,
            text=fact.text,
            **repeated(held_back),
            **({"hint": _MAY_BE_IGNORED} if fact.outcome is AuthOutcome.UNSUPPORTED else {}),
        )
