"""Log lines of what a session's meter says: quotas that slow it down, and intervals that were too short."""

from __future__ import annotations

import structlog

from bras.lns.policy import InterimRaised
from bras.subscriber.events import QuotaTold
from bras.telemetry.tally import Handlers


class MeterLines:
    """Writes them."""

    __slots__ = ("_log",)

    def __init__(self, log: structlog.typing.FilteringBoundLogger) -> None:
        """Write to ``log``."""
        self._log = log

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {QuotaTold: self.quota_told, InterimRaised: self.interim_raised}

    def quota_told(self, fact: QuotaTold) -> None:
        """Write ``session_throttled`` or ``session_unthrottled``."""
        self._log.info(
            "session_throttled" if fact.spent else "session_unthrottled",
            session=fact.session,
            user=fact.user,
            lac=fact.group,
            rate_up_bps=fact.rate_up_bps,
            rate_down_bps=fact.rate_down_bps,
            **({"text": fact.spent} if fact.spent else {}),
        )

    def interim_raised(self, fact: InterimRaised) -> None:
        """Write ``interim_interval_raised``, once for each source."""
        self._log.warning(
            "interim_interval_raised",
            source=fact.source,
            interval_s=fact.interval_s,
            counts_as_s=fact.counts_as_s,
            hint="give at least interim_min_s of [radius] (RFC 2869 section 5.16)",
        )
