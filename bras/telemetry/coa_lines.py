"""The log lines of CoA- and Disconnect-Requests."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from bras.radius.coa_events import CoaAnswered, CoaDropped, CoaRepeated
from bras.telemetry.coa_counts import outcome
from bras.telemetry.limit import RepeatLimit, repeated
from bras.telemetry.tally import Handlers


class CoaLines:
    """Writes who asked for what, and what became of it; what is dropped is limited, for a stranger can repeat it."""

    __slots__ = ("_limit", "_log")

    def __init__(self, log: FilteringBoundLogger, limit: RepeatLimit) -> None:
        """Write to ``log``, as far as ``limit`` allows."""
        self._log = log
        self._limit = limit

    def handlers(self, *, debug: bool) -> Handlers:
        """Return what to call for which fact; ``debug`` adds repeated requests."""
        handlers: Handlers = {CoaAnswered: self.coa_answered, CoaDropped: self.coa_dropped}
        return handlers | {CoaRepeated: self.coa_repeated} if debug else handlers

    def coa_answered(self, fact: CoaAnswered) -> None:
        """Write ``coa_answered``; a refusal is a warning."""
        write = self._log.info if fact.cause is None else self._log.warning
        cause = {} if fact.cause is None else {"error_cause": fact.cause.value}
        write(
            "coa_answered",
            client=fact.client,
            kind=fact.asked.value,
            outcome=outcome(fact),
            **cause,
            sessions=list(fact.sessions),
            count=fact.count,
            user=fact.user,
            ms=round(fact.seconds * 1000.0, 1),
            **({"text": fact.text} if fact.text else {}),
        )

    def coa_dropped(self, fact: CoaDropped) -> None:
        """Write ``coa_dropped``."""
        held_back = self._limit.allow(("coa_dropped", fact.client, fact.reason.value))
        if held_back is not None:
            self._log.warning(
                "coa_dropped",
                client=fact.client,
                address=fact.remote,
                reason=fact.reason.value,
                **repeated(held_back),
            )

    def coa_repeated(self, fact: CoaRepeated) -> None:
        """Write ``coa_repeated`` (debug)."""
        self._log.debug("coa_repeated", client=fact.client, answered=fact.answered)
