"""The table of keys of `[[realm]]`, and what a realm is; see ``bras.config.sections``."""

from __future__ import annotations

from bras.config import values as v
from bras.config.radius import RealmConfig
from bras.config.section import Required, Section

ANY = "*"
LONGEST = 200
"""Octets of a realm; a User-Name has 253 in all (RFC 2865 section 5)."""


def _realm(value: object) -> str:
    text = v.text_of(value)
    if not text or "@" in text or not text.isprintable() or len(text.encode()) > LONGEST:
        raise v.Unfit(f"{v.shown(text)} is no realm", "give what stands behind the @")
    return text


def _one_realm(value: object) -> str:
    text = _realm(value)
    if text == ANY:
        raise v.Unfit('"*" is any realm', "give one")
    return text


DEFAULT_REALM = v.One('a realm such as "example.net"', _one_realm)
REALM = Section(
    "realm",
    RealmConfig,
    {
        "name": Required(v.One('a realm such as "example.net", or "*"', _realm), ""),
        "radius": v.LABEL,
        "radius_accounting": v.LABEL,
        "strip": v.FLAG,
    },
    repeated=True,
)
