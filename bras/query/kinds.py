"""What fields are, and how a value of each is written: ``1.5M``, ``2h30m``, ``10.0.0.0/8``."""

from __future__ import annotations

import re
from enum import Enum
from ipaddress import ip_address, ip_network
from typing import Final

from bras.query.lexer import QueryError, Token


class Kind(Enum):
    """What a field is."""

    TEXT = "text"
    ADDRESS = "address"
    FLAG = "yes or no"
    COUNT = "number"
    OCTETS = "octets"
    RATE = "bits a second"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"


Value = None | bool | int | float | str
"""What a field has; ``None``: nothing (yet)."""

_NUMBER: Final = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)([A-Za-z]*)", re.ASCII)
_STEPS: Final = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15}
_BINARY: Final = {"ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40, "pi": 2.0**50}
_TIMES_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_ENDINGS: Final = {Kind.OCTETS: "b", Kind.RATE: "bps"}
"""What may stand behind a unit."""
_WRITTEN: Final = {
    Kind.COUNT: "a number, like 12 or 1.5k",
    Kind.OCTETS: "octets, like 500M or 1.5G (decimal), or 64Ki",
    Kind.RATE: "bits a second, like 800k or 1.5M",
    Kind.SECONDS: "a time, like 90s, 2h or 1d12h",
    Kind.MILLISECONDS: "milliseconds, like 20, 20ms or 1.5s",
}


def number(kind: Kind, token: Token) -> float:
    """Return what a token says in the unit of a kind that has numbers."""
    if kind in (Kind.SECONDS, Kind.MILLISECONDS):
        value = _time_s(token.text, bare_s=1.0 if kind is Kind.SECONDS else 0.001)
        if value is not None:
            return value if kind is Kind.SECONDS else value * 1000.0
    else:
        amount = _amount(token.text, _ENDINGS.get(kind, ""))
        if amount is not None:
            return amount
    raise QueryError(f"{token} is not {_WRITTEN[kind]}", token.at)


def _amount(text: str, ending: str) -> float | None:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    unit = found[2].lower()
    for one in (unit, unit.removesuffix(ending) if ending else unit):
        step = _STEPS.get(one, _BINARY.get(one))
        if step is not None:
            return float(found[1]) * step
    return None


def _time_s(text: str, *, bare_s: float) -> float | None:
    """Add up ``1d12h``; a number alone counts ``bare_s``."""
    total, here = 0.0, 0
    while here < len(text):
        found = _NUMBER.match(text, here)
        if found is None or (not found[2] and found.end() - here < len(text)):
            return None
        unit_s = _TIMES_S.get(found[2], bare_s if not found[2] else None)
        if unit_s is None:
            return None
        total += float(found[1]) * unit_s
        here = found.end()
    return total if text else None


def flag(token: Token) -> bool:
    """Return what a token says of something that is or is not."""
    match token.text:
        case "yes" | "true":
            return True
        case "no" | "false":
            return False
        case _:
            raise QueryError(f"{token} is neither yes nor no", token.at)


Network = tuple[int, int, int]
"""IP version, first address as an integer, and how many bits of an address come after the prefix."""


def network(token: Token) -> Network:
    """Return a prefix, or an address as one."""
    try:
        found = ip_network(token.text, strict=False)
    except ValueError:
        raise QueryError(f"{token} is neither an address nor a prefix", token.at) from None
    return found.version, int(found.network_address), found.max_prefixlen - found.prefixlen


def lies_in(text: str, where: Network) -> bool:
    """Tell whether an address, as text, lies in a prefix; what is no address does not."""
    try:
        found = ip_address(text)
    except ValueError:
        return False
    version, first, bits = where
    return found.version == version and int(found) >> bits == first >> bits
