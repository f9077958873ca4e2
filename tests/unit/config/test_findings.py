"""What is found is kept in order, and near names are suggested."""

from __future__ import annotations

import pytest

from bras.config.findings import Findings
from bras.errors import ConfigProblem


def test_problems_and_warnings_are_kept_apart_and_in_order():
    findings = Findings("b.toml")
    findings.wrong("a", "b", "c")
    findings.doubtful("d", "e", "f")
    findings.wrong("g", "h", "i")
    assert findings.problems == [ConfigProblem("b.toml", "a", "b", "c"), ConfigProblem("b.toml", "g", "h", "i")]
    assert findings.warnings == [ConfigProblem("b.toml", "d", "e", "f")]


@pytest.mark.parametrize(
    ("known", "right"),
    [
        (["default", "business"], 'did you mean "default"?'),
        (["alpha", "beta"], "known are alpha, beta"),
        ([], "there is none yet"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_known_one(known, right):
    findings = Findings("b.toml")
    findings.unknown("lac[0].pool", "defualt", "pool", known)
    assert str(findings.problems[0]) == f'b.toml: lac[0].pool: "defualt" is no pool, {right}'
