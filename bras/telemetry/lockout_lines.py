"""The log lines of lock-outs."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from bras.l2tp import events as l2tp
from bras.telemetry.limit import RepeatLimit, repeated
from bras.telemetry.tally import Handlers


class LockoutLines:
    """Writes a line when a lock-out begins and when it ends; limited, for a stranger can repeat it."""

    __slots__ = ("_limit", "_log")

    def __init__(self, log: FilteringBoundLogger, limit: RepeatLimit) -> None:
        """Write to ``log``, as far as ``limit`` allows."""
        self._log = log
        self._limit = limit

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {l2tp.LockedOut: self.lac_locked_out, l2tp.LockoutEnded: self.lac_lockout_ended}

    def lac_locked_out(self, fact: l2tp.LockedOut) -> None:
        """Write ``lac_locked_out``."""
        held_back = self._limit.allow(("lac_locked_out", fact.group))
        if held_back is not None:
            self._log.warning(
                "lac_locked_out",
                lac=fact.group,
                lac_hostname=fact.lac_hostname,
                lac_address=fact.path.remote,
                lac_port=fact.path.remote_port,
                local_address=fact.path.local,
                failures=fact.failures,
                seconds=fact.seconds,
                **repeated(held_back),
            )

    def lac_lockout_ended(self, fact: l2tp.LockoutEnded) -> None:
        """Write ``lac_lockout_ended``."""
        held_back = self._limit.allow(("lac_lockout_ended", fact.group))
        if held_back is not None:
            self._log.info(
                "lac_lockout_ended",
                lac=fact.group,
                lac_hostname=fact.lac_hostname,
                lac_address=fact.address,
                failures=fact.failures,
                **repeated(held_back),
            )
