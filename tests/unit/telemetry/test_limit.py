from __future__ import annotations

from bras.telemetry.limit import MAX_KEYS, RepeatLimit


def test_a_burst_passes_then_one_line_counts_what_was_held_back() -> None:
    now = [0.0]
    limit = RepeatLimit(burst=2, period_s=10, clock=lambda: now[0])
    assert [limit.allow("a") for _ in range(5)] == [0, 0, None, None, None]
    now[0] = 9.9
    assert limit.allow("a") is None
    now[0] = 10.0
    assert [limit.allow("a") for _ in range(3)] == [4, 0, None]


def test_keys_do_not_disturb_each_other() -> None:
    limit = RepeatLimit(burst=1, clock=lambda: 0.0)
    assert limit.allow("a") == 0
    assert limit.allow("b") == 0
    assert limit.allow("a") is None


def test_a_quiet_period_starts_afresh() -> None:
    now = [0.0]
    limit = RepeatLimit(burst=1, period_s=10, clock=lambda: now[0])
    assert limit.allow("a") == 0
    now[0] = 50.0
    assert limit.allow("a") == 0


def test_old_keys_are_forgotten() -> None:
    now = [0.0]
    limit = RepeatLimit(period_s=1, clock=lambda: now[0])
    for key in range(3 * MAX_KEYS):
        now[0] += 0.01
        limit.allow(key)
    assert len(limit._seen) <= MAX_KEYS
