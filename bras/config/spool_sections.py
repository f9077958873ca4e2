"""The table of keys of `[radius.spool]`; see ``bras.config.sections``."""

from __future__ import annotations

from bras.config import values as v
from bras.config.section import DAY_S, Section
from bras.config.spool import AT_BOUND, ON_SILENCE, SpoolConfig

SPOOL = Section(
    "radius.spool",
    SpoolConfig,
    {
        "drain_per_s": v.number(0.1, 100_000, "records a second"),
        "max_records": v.whole(1000, 100_000_000),
        "at_bound": v.choice(*AT_BOUND),
        "warn_records": v.whole(0, 100_000_000),
        "warn_age_s": v.seconds(0, 30 * DAY_S),
        "refuse_calls_at_risk": v.FLAG,
        "on_silence": v.choice(*ON_SILENCE),
        "silence_s": v.seconds(60, DAY_S),
    },
)
"""`[radius.spool]`."""
