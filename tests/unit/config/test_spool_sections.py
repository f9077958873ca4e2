"""`[radius.spool]` as the file has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.config.load import check
from bras.config.spool import SpoolConfig

HEAD = """
[lns]
listen = ["192.0.2.1"]
[[lac]]
name = "any"
[[radius.server]]
address = "192.0.2.5"
secret = "s"
"""


def spool_of(text: str, place: Path) -> SpoolConfig | list[str]:
    path = place / "bras.toml"
    path.write_text(HEAD + text)
    checked = check(path)
    return [one.key for one in checked.problems] if checked.config is None else checked.config.radius.spool


def test_all_that_can_be_left_out_is(tmp_path: Path) -> None:
    assert spool_of("", tmp_path) == spool_of("[radius.spool]\n", tmp_path) == SpoolConfig()


def test_every_key(tmp_path: Path) -> None:
    text = """
[radius.spool]
drain_per_s = 0.5
max_records = 5000
at_bound = "forget-oldest"
warn_records = 0
warn_age_s = 60
refuse_calls_at_risk = true
on_silence = "disconnect"
silence_s = 90
"""
    assert spool_of(text, tmp_path) == SpoolConfig(
        drain_per_s=0.5,
        max_records=5000,
        at_bound="forget-oldest",
        warn_records=0,
        warn_age_s=60.0,
        refuse_calls_at_risk=True,
        on_silence="disconnect",
        silence_s=90.0,
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("drain_per_s", "0"),
        ("max_records", "999"),
        ("at_bound", '"forget"'),
        ("warn_records", "-1"),
        ("warn_age_s", '"long"'),
        ("refuse_calls_at_risk", '"no"'),
        ("on_silence", '"wait"'),
        ("silence_s", "59"),
        ("drain_per_m", "5"),
    ],
)
def test_what_makes_no_sense_is_named(key: str, value: str, tmp_path: Path) -> None:
    assert spool_of(f"[radius.spool]\n{key} = {value}\n", tmp_path) == [f"radius.spool.{key}"]
