from __future__ import annotations

from typing import Any

import pytest

from bras.errors import DropReason
from bras.l2tp import events as l2tp
from bras.radius import events as radius
from bras.radius.events import Kind
from bras.subscriber.events import AuthOutcome
from bras.telemetry.counts import Counts
from bras.telemetry.overview import overview
from tests.unit.telemetry.facts import ENDED, PATH, REFUSED, UP, authenticated


def _told(*facts: object) -> dict[str, Any]:
    counts = Counts(["any"], ["r1"])
    handlers = counts.handlers()
    for fact in facts:
        handlers[type(fact)](fact)
    return overview(counts)


def test_nothing_yet() -> None:
    assert _told() == {
        "setups": 0,
        "setup_s": 0.0,
        "ends": 0,
        "authentications": {"accepted": 0, "rejected": 0, "unanswered": 0},
        "calls_refused": 0,
        "radius": [
            {"server": "r1", "kind": kind, "replies": 0, "latency_s": 0.0, "resent": 0, "dropped": 0}
            for kind in ("acct", "auth")
        ],
        "loop": {"turns": 0, "late": 0, "late_s": 0.0},
    }


def test_what_the_loop_tells() -> None:
    counts = Counts()
    counts.loop.hold.observe(0.001)
    counts.loop.hold.observe(0.002)
    counts.loop.lateness.observe(0.25)
    assert overview(counts)["loop"] == {"turns": 2, "late": 1, "late_s": 0.25}


def test_what_each_fact_changes() -> None:
    told = _told(
        UP, UP, ENDED,
        authenticated(AuthOutcome.ACCEPTED), authenticated(AuthOutcome.REJECTED), authenticated(AuthOutcome.REJECTED),
        radius.Answered("r1", Kind.AUTH, 2, 0.25), radius.Answered("r1", Kind.AUTH, 3, 0.5),
        radius.Resent("r1", Kind.ACCT),
        radius.ReplyDropped("r1", Kind.AUTH, next(iter(DropReason))),
        l2tp.CallRefused("any", PATH, REFUSED),
    )  # fmt: skip
    assert (told["setups"], told["setup_s"], told["ends"], told["calls_refused"]) == (2, 0.5, 1, 1)
    assert told["authentications"] == {"accepted": 1, "rejected": 2, "unanswered": 0}
    acct, auth = told["radius"]
    assert (acct["resent"], auth["replies"], auth["dropped"]) == (1, 2, 1)
    assert auth["latency_s"] == pytest.approx(0.75)
