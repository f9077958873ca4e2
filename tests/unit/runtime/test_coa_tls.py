"""Which client a certificate is; connections are in runtime/test_coa_tls.py."""

from __future__ import annotations

import pytest

from bras.config.certificate import Certificate
from bras.config.coa import CoaClientConfig, CoaConfig
from bras.runtime.coa_tls import known
from bras.secret import Secret

CONFIG = CoaConfig(
    (),
    tuple(
        CoaClientConfig(prefixes, (Secret(b"radsec"),), name, tls_name=tls_name)
        for name, prefixes, tls_name in (
            ("plain", ("192.0.2.0/24",), None),
            ("far", ("198.51.100.0/24",), "a.example.net"),
            ("near", ("192.0.2.0/24", "2001:db8::/32"), "A.example.net"),
            ("by address", ("192.0.2.9/32",), "192.0.2.9"),
        )
    ),
)


@pytest.mark.parametrize(
    ("remote", "names", "client"),
    [
        ("192.0.2.1", ("a.example.net",), "near"),
        ("192.0.2.1", ("other", "A.EXAMPLE.NET"), "near"),
        ("2001:db8::1", ("a.example.net",), "near"),
        ("198.51.100.1", ("a.example.net",), "far"),
        ("192.0.2.9", ("192.0.2.9",), "by address"),
        ("192.0.2.8", ("192.0.2.9",), None),
        ("203.0.113.1", ("a.example.net",), None),
        ("192.0.2.1", ("b.example.net", "*.example.net"), None),
        ("192.0.2.1", (), None),
    ],
)
def test_name_and_address_must_both_be_a_clients(remote: str, names: tuple[str, ...], client: str | None) -> None:
    found = known(CONFIG, remote, Certificate("x", "ca", names, 0, 0))
    assert (found.name if found is not None else None) == client
