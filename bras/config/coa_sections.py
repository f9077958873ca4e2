"""The table of keys of `[radius.coa]` and what is in it; see ``bras.config.sections``."""

from __future__ import annotations

from typing import Any

from bras.config import values as v
from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.credentials import Credential
from bras.config.section import Required, Section


def _make_client(address: tuple[str, ...], name: str = "", **others: Any) -> CoaClientConfig:
    """Call a client without name by its first prefix."""
    return CoaClientConfig(address=address, name=name or next(iter(address), ""), **others)


COA = Section(
    "radius.coa",
    CoaConfig,
    {
        "listen": v.Many(v.LISTEN_FOR_COA, most=16),
        "tls_listen": v.Many(v.LISTEN_FOR_TLS, most=16),
        "tls_ca": v.FILE,
        "tls_certificate": v.FILE,
        "tls_key": v.FILE,
        "window_s": v.seconds(1, 3600),
        "several": v.choice("all", "refuse"),
    },
    inner=(
        Section(
            "radius.coa.client",
            CoaClientConfig,
            {
                "address": Required(v.Many(v.PREFIX, least=1), ()),
                "name": v.LABEL,
                "message_authenticator": v.choice("require", "if-present"),
                "event_timestamp": v.choice("require", "if-present"),
                "tls_name": v.HOST,
            },
            repeated=True,
            credential=Credential("secrets", "secret", required=True, several=True, spared=("tls_name", "", b"radsec")),
            make=_make_client,
        ),
    ),
)
"""`[radius.coa]`."""
