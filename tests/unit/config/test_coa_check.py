"""Contradictions inside `[radius.coa]`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.coa_check import check_coa
from bras.config.findings import Findings
from bras.config.listen import Listen
from bras.secret import Secret


def client(name: str, *prefixes: str) -> CoaClientConfig:
    return CoaClientConfig(prefixes or (f"192.0.2.{len(name)}/32",), (Secret(b"s"),), name)


def keys(coa: CoaConfig | None) -> tuple[list[str], list[str]]:
    """Return the keys that are wrong, and those that are doubtful."""
    findings = Findings("f")
    check_coa(coa, findings)
    return [one.key for one in findings.problems], [one.key for one in findings.warnings]


LISTEN = (Listen("192.0.2.1", 3799),)


@pytest.mark.parametrize(
    ("coa", "wrong", "doubtful"),
    [
        (None, [], []),
        (CoaConfig(LISTEN, (client("a"), client("bb", "10.0.0.0/8", "::/0"))), [], []),
        (CoaConfig(LISTEN), [], ["radius.coa"]),
        (CoaConfig(LISTEN, (client("a"), client("a", "10.0.0.0/8"))), ["radius.coa.client[1].name"], []),
        (
            CoaConfig(LISTEN, (client("a", "::/0"), client("b", "10.0.0.0/8", "::/0"))),
            ["radius.coa.client[1].address[1]"],
            [],
        ),
        (
            CoaConfig((*LISTEN, Listen("0.0.0.0", 3799), Listen("::", 3799)), (client("a"),)),
            ["radius.coa.listen[0]"],
            [],
        ),
        (CoaConfig((*LISTEN, Listen("0.0.0.0", 1700)), (client("a"),)), [], []),
        (CoaConfig(client=(client("a"),)), ["radius.coa.listen"], []),
        (CoaConfig(tls_listen=LISTEN, client=(client("a"),)), [], ["radius.coa.tls_listen"]),
        (CoaConfig(tls_listen=LISTEN, client=(replace(client("a"), tls_name="a.example.net"),)), [], []),
        (
            CoaConfig(LISTEN, (replace(client("a"), tls_name="a"),), tls_listen=(Listen("0.0.0.0", 3799), *LISTEN)),
            ["radius.coa.tls_listen[1]"],
            [],
        ),
    ],
)
def test_contradictions_are_found_at_their_keys(coa: CoaConfig | None, wrong: list[str], doubtful: list[str]) -> None:
    assert keys(coa) == (wrong, doubtful)
