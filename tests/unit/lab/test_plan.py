"""Plans that cannot be, and numbered patterns."""

from __future__ import annotations

from typing import Any

import pytest

from bras.config.model import Listen
from bras.lab.namespaces import LabError
from bras.lab.plan import LacPlan, numbered

LNS = Listen("198.18.0.1", 1701)


def test_numbered() -> None:
    assert numbered("user%d", 7) == "user7"
    assert numbered("555%06d", 7) == "555000007"
    assert numbered("fixed", 7) == "fixed"


@pytest.mark.parametrize("pattern", ["%d%d", "%s %d", "%", "%q"])
def test_a_pattern_that_is_none(pattern: str) -> None:
    with pytest.raises(LabError, match="would be right"):
        numbered(pattern, 1)


@pytest.mark.parametrize(
    "wrong",
    [{"methods": ("eap",)}, {"methods": ()}, {"tunnels": 0}, {"sessions": -1}, {"window": 0}, {"user": "%d%d"}],
)
def test_plans_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(LabError, match="would be right"):
        LacPlan(LNS, **wrong)
