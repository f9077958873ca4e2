"""What the errors say and carry."""

from __future__ import annotations

import re

import pytest

from bras.errors import BrasError, ConfigError, ConfigProblem, DropReason, ProtocolViolation, WireError


def test_a_wire_error_names_field_and_octet():
    error = WireError("Result Code", 12)
    assert (error.field, error.offset, str(error)) == ("Result Code", 12, "Result Code at octet 12")


def test_a_protocol_violation_carries_the_codes_of_the_answer():
    error = ProtocolViolation(2, 8, "unknown AVP 99")
    assert (error.result, error.error, error.text, str(error)) == (2, 8, "unknown AVP 99", "unknown AVP 99")


def test_a_config_error_prints_one_line_for_each_problem():
    problems = (ConfigProblem("b.toml", "lac[0].pool", "no pool x", "use y"), ConfigProblem("b.toml", "lns", "c", "d"))
    error = ConfigError(problems)
    assert error.problems == problems
    assert str(error) == "b.toml: lac[0].pool: no pool x, use y\nb.toml: lns: c, d"


@pytest.mark.parametrize("error", [WireError("f", 0), ProtocolViolation(1, 0, ""), ConfigError(())])
def test_all_are_bras_errors(error):
    assert isinstance(error, BrasError)


def test_drop_reasons_are_distinct_metric_labels():
    values = [reason.value for reason in DropReason]
    assert len(values) == len(set(values)) == len(DropReason.__members__)
    for reason in DropReason:
        assert re.fullmatch(r"[a-z0-9_]+", reason.value)
        assert reason.value == reason.name.lower()
