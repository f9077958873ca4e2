"""The kinds of values that only the data plane has: routes, traffic classes, interfaces with a word each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network

from bras.config.findings import Findings
from bras.config.values import INTERFACE, PREFIX, One, Unfit, choice, shown, text_of

LARGEST = 0xFFFFFFFF
"""What the kernel keeps of marks and priorities: 32 bits."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")
"""What TOML takes for a key without quotes."""
_CLASS = re.compile(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with names that the operator chooses, each with a value of one kind."""

    key: One
    value: One
    expects: str

    def read(self, value: object, at: str, findings: Findings) -> tuple[tuple[object, object], ...] | None:
        """Read every line; the wrong ones are noted and left out."""
        if not isinstance(value, dict):
            findings.wrong(at, f"{shown(value)} is not a table", f"give {self.expects}")
            return None
        read = []
        for name, word in value.items():
            line = f"{at}.{name if _BARE.fullmatch(name) else shown(name)}"
            key, one = self.key.read(name, line, findings), self.value.read(word, line, findings)
            if key is not None and one is not None:
                read.append((key, one))
        return tuple(read)


def _priority(value: object) -> int:
    """Read a number, or the class of a queueing discipline as ``tc`` writes it: both halves hexadecimal."""
    if isinstance(value, str):
        found = _CLASS.fullmatch(value)
        if not found:
            raise Unfit(f"{shown(value)} is not a traffic class")
        major, minor = (int(half, 16) for half in found.groups())
        return major << 16 | minor
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"{shown(value)} is neither a whole number nor a traffic class")
    if not 0 <= value <= LARGEST:
        raise Unfit(f"{shown(value)} is too {'small' if value < 0 else 'large'}")
    return value


def _route(value: object) -> tuple[int, int]:
    """Read a network that can be routed to one subscriber."""
    text = text_of(value)
    network = ip_network(str(PREFIX.convert(text)))
    first = int(network.network_address)
    if network.version != 4 or network.prefixlen < 8 or first >> 24 in (0, 127) or first >= 0xE0000000:
        raise Unfit(f"{shown(text)} is no IPv4 network that could be behind a subscriber")
    return first, network.prefixlen


ROUTE = One('an IPv4 network such as "192.0.2.0/24"', _route)
PRIORITY = One(f'a whole number from 0 to {LARGEST}, or a traffic class such as "1:10"', _priority)
XDP = Table(INTERFACE, choice("off", "decap", "full"), 'a table of interfaces, each "off", "decap" or "full"')
