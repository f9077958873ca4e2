"""The lab's command line: how addresses are read, and what is said when something cannot be."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bras.config.model import Listen
from bras.lab.cli import app, endpoint, number
from bras.lab.namespaces import LabError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", Listen("192.0.2.1", 1701)),
        ("192.0.2.1:1702", Listen("192.0.2.1", 1702)),
        ("2001:db8::1", Listen("2001:db8::1", 1701)),
        ("[2001:db8::1]", Listen("2001:db8::1", 1701)),
        ("[2001:db8::1]:1702", Listen("2001:db8::1", 1702)),
    ],
)
def test_endpoints(text: str, expected: Listen) -> None:
    assert endpoint(text, 1701) == expected


@pytest.mark.parametrize("text", ["192.0.2.1:x", "[::1]:-1"])
def test_endpoints_that_are_none(text: str) -> None:
    with pytest.raises(LabError, match="would be right"):
        endpoint(text, 1701)


def test_an_address_that_is_none_names_its_option() -> None:
    with pytest.raises(LabError, match="--ping"):
        number("2001:db8::1", "--ping")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["lac", "192.0.2.1", "--method", "eap"], "method eap"),
        (["lac", "192.0.2.1", "--user", "%d%d"], "%d%d"),
        (["lac", "192.0.2.1", "--ping", "nowhere"], "--ping"),
        (["lac", "192.0.2.1", "--udp", "192.0.2.9:9", "--udp-rate", "0"], "--udp-rate"),
        (["lac", "192.0.2.1", "--source", "192.0.2.77"], "192.0.2.77"),
        (["lac", "no such host"], "no such host"),
        (["radius", "--user", "nobody"], "NAME:PASSWORD"),
        (["radius", "--users", "/nowhere/users"], "/nowhere/users"),
        (["radius", "--listen", "192.0.2.77"], "bras lab"),
    ],
)
def test_what_cannot_be_is_said(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1, result.output
    assert complaint in result.stderr
