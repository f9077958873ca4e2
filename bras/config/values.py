"""The kinds of values that a configuration has: what each expects, and how it is read.

A kind knows nothing of sections.  Its ``expects`` is what the operator is told both in an
error ("give ...") and in MANUAL.md.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from typing import Any, NamedTuple, Protocol

from bras.config import caller
from bras.config.findings import Findings
from bras.config.model import Listen

L2TP_PORT = 1701
RADSEC_PORT = 2083
"""For all services (RFC 6614 section 2.1)."""
COA_PORT = 3799
LARGEST_POOL = 1 << 24
"""Addresses of the largest range that a pool may have: a whole 10.0.0.0/8."""
_SHOWN = 48
"""Characters of a wrong value that are shown."""


class Unfit(Exception):
    """A value that its kind does not take: what is wrong, and what would be right if not ``expects``."""

    def __init__(self, wrong: str, right: str = "") -> None:
        """Remember both halves of the message."""
        super().__init__(wrong)
        self.wrong = wrong
        self.right = right


class Range(NamedTuple):
    """A range of a pool, and the aggregate routes that cover it."""

    first: int
    last: int
    prefixes: tuple[tuple[int, int], ...]


class Kind(Protocol):
    """What a key's value must be."""

    @property
    def expects(self) -> str:
        """Return what would be right, for the operator."""

    def read(self, value: object, at: str, findings: Findings) -> Any:
        """Return the value as the model wants it; ``None`` after noting why not."""


@dataclass(frozen=True, slots=True)
class One:
    """A single value; ``convert`` raises Unfit."""

    expects: str
    convert: Callable[[Any], Any]

    def read(self, value: object, at: str, findings: Findings) -> Any:
        """Convert the value, or note why that cannot be done."""
        try:
            return self.convert(value)
        except Unfit as unfit:
            findings.wrong(at, unfit.wrong, unfit.right or f"give {self.expects}")
            return None


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values of one kind, each different from the others."""

    one: One
    least: int = 0
    most: int = 1000

    @property
    def expects(self) -> str:
        """Return what would be right, for the operator."""
        count = f"up to {self.most}, " if self.most < 1000 else ""
        return f"a list ({count}{'at least one, ' if self.least else ''}each {self.one.expects})"

    def read(self, value: object, at: str, findings: Findings) -> tuple[Any, ...] | None:
        """Read every item; the wrong ones are noted and left out."""
        if not isinstance(value, list):
            right = f"write [{shown(value)}]" if isinstance(value, str) else f"give {self.expects}"
            findings.wrong(at, f"{shown(value)} is not a list", right)
            return None
        if not self.least <= len(value) <= self.most:
            findings.wrong(at, f"it has {len(value)} items", f"give {self.expects}")
        read: list[Any] = []
        for index, item in enumerate(value):
            one = self.one.read(item, f"{at}[{index}]", findings)
            if one is not None and one in read:
                findings.wrong(f"{at}[{index}]", f"{shown(item)} is given twice", "give it once")
            elif one is not None:
                read.append(one)
        return tuple(read)


def shown(value: object) -> str:
    """Write a value as an operator recognises it, and not at any length."""
    if isinstance(value, dict):
        return "a table"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def text_of(value: object) -> str:
    """Return a value that must be text."""
    if not isinstance(value, str):
        raise Unfit(f"{shown(value)} is not text")
    return value


def whole(least: int, most: int, meaning: str = "") -> One:
    """Return the kind of whole numbers between two bounds."""

    def convert(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unfit(f"{shown(value)} is not a whole number")
        return int(_bounded(value, least, most))

    return One(f"a whole number from {least} to {most}{meaning}", convert)


def number(least: float, most: float, unit: str) -> One:
    """Return the kind of numbers between two bounds."""

    def convert(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise Unfit(f"{shown(value)} is not a number")
        return float(_bounded(value, least, most))

    return One(f"{unit} from {least:.12g} to {most:.12g}", convert)


def _bounded(value: float, least: float, most: float) -> float:
    if value < least:
        raise Unfit(f"{shown(value)} is too small")
    if value > most:
        raise Unfit(f"{shown(value)} is too large")
    return value


def seconds(least: float, most: float) -> One:
    """Return the kind of durations between two bounds."""
    return number(least, most, "seconds")


def choice(*words: str, absent: str = "", right: str = "") -> One:
    """Return the kind of these words; one of ``absent`` is known, but only to a later version."""

    def convert(value: object) -> str:
        if text_of(value) in absent.split():
            raise Unfit(f"{shown(value)} is not in this version", right)
        if value not in words:
            raise Unfit(f"{shown(value)} is not known")
        return text_of(value)

    return One("one of " + ", ".join(f'"{word}"' for word in words), convert)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"{shown(value)} is neither true nor false")
    return value


def _caller_id(value: object) -> str:
    text = text_of(value)
    return text if text in (caller.NUMBER, caller.ADDRESS) else _placeholders(text)


def _placeholders(value: object) -> str:
    text = text_of(value)
    if not text.isprintable():
        raise Unfit(f"{shown(text)} has a control character in it")
    try:
        caller.parts_of(text)
    except ValueError as error:
        raise Unfit(f"{shown(text)} will not do: {error}") from error
    return text


def _text(longest: int, spaces: bool) -> Callable[[object], str]:
    def convert(value: object) -> str:
        text = text_of(value)
        if not text:
            raise Unfit("it is empty")
        if len(text.encode()) > longest:
            raise Unfit(f"{shown(text)} is too long")
        if not text.isprintable() or (" " in text and not spaces):
            raise Unfit(f"{shown(text)} has a space or a control character in it")
        return text

    return convert


def _path(value: object) -> str:
    text = text_of(value)
    if not text.startswith("/") or "\0" in text:
        raise Unfit(f"{shown(text)} is not an absolute path")
    return text


def _socket_path(value: object) -> str:
    text = _path(value)
    if len(text.encode()) > 107:
        raise Unfit(f"{shown(text)} is longer than the 107 octets that Unix sockets allow")
    return text


def _file_name(value: object) -> str:
    text = text_of(value)
    if not text or "\0" in text:
        raise Unfit(f"{shown(text)} is not a file name")
    return text


def _interface(value: object) -> str:
    text = text_of(value)
    if not 1 <= len(text.encode()) <= 15:
        raise Unfit(f"{shown(text)} has {len(text.encode())} octets")
    if text in (".", "..") or any(not char.isprintable() or char in " /:%" for char in text):
        raise Unfit(f"{shown(text)} is not an interface name")
    return text


def _ip(value: object) -> IPv4Address | IPv6Address:
    text = text_of(value)
    try:
        address = ip_address(text)
    except ValueError:
        raise Unfit(f"{shown(text)} is not an IP address") from None
    if isinstance(address, IPv6Address) and address.scope_id:
        raise Unfit(f"{shown(text)} has a zone", "leave out the % and what follows it")
    return address


def _unicast(value: object) -> IPv4Address | IPv6Address:
    address = _ip(value)
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise Unfit(f"{shown(value)} is not the address of one host")
    return address


def _unicast_text(value: object) -> str:
    return str(_unicast(value))


def _host(value: object) -> str:
    text = text_of(value)
    if re.fullmatch(r"[0-9.]+|[^.]*:.*", text):
        return str(_ip(text))
    if len(text) > 253 or not re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", text):
        raise Unfit(f"{shown(text)} is neither a name of DNS nor an address")
    return text


def _ipv4_integer(value: object) -> int:
    address = _unicast(value)
    if not isinstance(address, IPv4Address):
        raise Unfit(f"{shown(value)} is not an IPv4 address")
    return int(address)


def _ipv4_text(value: object) -> str:
    return str(IPv4Address(_ipv4_integer(value)))


def _ipv6_text(value: object) -> str:
    text = _unicast_text(value)
    if ":" not in text:
        raise Unfit(f"{shown(value)} is an IPv4 address")
    return text


def _listen(default: int | None) -> Callable[[object], Listen]:
    return lambda value: _with_port(value, default)


def _with_port(value: object, default: int | None) -> Listen:
    text = text_of(value)
    host, port = _split_port(text)
    address = _ip(host)
    if address.is_multicast or str(address) == "255.255.255.255":
        raise Unfit(f"{shown(text)} is not an address of this host")
    if port is None:
        if default is None:
            raise Unfit(f"{shown(text)} has no port")
        return Listen(str(address), default)
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise Unfit(f"{shown(port)} is not a port", "give a port from 1 to 65535")
    return Listen(str(address), int(port))


def _split_port(text: str) -> tuple[str, str | None]:
    """Return address and port; ``None`` when there is no colon that would be before a port."""
    if text.startswith("["):
        host, closing, rest = text[1:].partition("]")
        if not closing or rest[:1] not in ("", ":"):
            raise Unfit(f"{shown(text)} is not an address in brackets")
        return host, rest[1:] if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def _prefix(value: object) -> str:
    text = text_of(value)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Unfit(f"{shown(text)} is not a prefix") from None
    if str(network.network_address) != str(ip_address(text.partition("/")[0])):
        raise Unfit(f"{shown(text)} has bits set to the right of its length", f'did you mean "{network}"?')
    return str(network)


def _range(value: object) -> Range:
    text = text_of(value)
    first, dash, last = text.partition("-")
    found = _between(text, first.strip(), last.strip()) if dash else _network(text)
    if found.last - found.first >= LARGEST_POOL:
        raise Unfit(f"{shown(text)} has more than {LARGEST_POOL} addresses")
    if found.first >> 24 in (0, 127) or found.last >= 0xE0000000:
        raise Unfit(f"{shown(text)} has addresses that no host can have")
    return found


def _between(text: str, first: str, last: str) -> Range:
    low, high = _ipv4_integer(first), _ipv4_integer(last)
    if low > high:
        raise Unfit(f"{shown(text)} ends before it begins", f'did you mean "{last}-{first}"?')
    networks = summarize_address_range(IPv4Address(low), IPv4Address(high))
    return Range(low, high, tuple((int(net.network_address), net.prefixlen) for net in networks))


def _network(text: str) -> Range:
    prefix = _prefix(text)
    network = ip_network(prefix)
    if isinstance(network.network_address, IPv6Address):
        raise Unfit(f"{shown(text)} is not IPv4")
    low, high = int(network.network_address), int(network.broadcast_address)
    own = ((low, network.prefixlen),)
    return Range(low, high, own) if network.prefixlen >= 31 else Range(low + 1, high - 1, own)


def _mru(value: object) -> int | str:
    if value == "auto":
        return "auto"
    return int(MRU_NUMBER.convert(value))


def _vrf(value: object) -> int:
    if isinstance(value, bool) or value != 0:
        raise Unfit(f"{shown(value)} is not in this version", "give 0, the main routing table")
    return 0


FLAG = One("true or false", _flag)
CALLER_ID = One('"number", "address" or a text with placeholders such as "{circuit_id}"', _caller_id)
PLACEHOLDERS = One('a text with placeholders such as "{lns}:{tunnel}:{session}"', _placeholders)
LABEL = One("a name of 1 to 64 octets without spaces", _text(64, spaces=False))
HOSTNAME = One("text of 1 to 64 octets without spaces", _text(64, spaces=False))
PATTERN = One('a pattern such as "lac-*.example.net"', _text(255, spaces=True))
IDENTIFIER = One("text of 1 to 253 octets", _text(253, spaces=True))
PATH = One("an absolute path", _path)
SOCKET_PATH = One("an absolute path of at most 107 octets", _socket_path)
FILE = One("the path of a file, absolute or from the directory of the configuration", _file_name)
INTERFACE = One("an interface name of 1 to 15 octets", _interface)
ADDRESS = One('an address such as "192.0.2.1" or "2001:db8::1"', _unicast_text)
HOST = One('a name such as "radius.example.net", or an address', _host)
IPV4 = One('an IPv4 address such as "192.0.2.1"', _ipv4_integer)
IPV6_TEXT = One('an IPv6 address such as "2001:db8::1"', _ipv6_text)
IPV4_TEXT = One('an IPv4 address such as "192.0.2.1"', _ipv4_text)
LISTEN = One('an address such as "192.0.2.1", "192.0.2.1:1702" or "[2001:db8::1]:1702"', _listen(L2TP_PORT))
LISTEN_FOR_COA = One('an address such as "192.0.2.1", "192.0.2.1:1700" or "[2001:db8::1]:3799"', _listen(COA_PORT))
LISTEN_FOR_TLS = One('an address such as "192.0.2.1", "192.0.2.1:2084" or "[2001:db8::1]:2083"', _listen(RADSEC_PORT))
LISTEN_WITH_PORT = One('an address with a port such as "127.0.0.1:9617" or "[::1]:9617"', _listen(None))
PREFIX = One('a prefix such as "192.0.2.0/24" or "2001:db8::/32"', _prefix)
RANGE = One('a prefix such as "10.64.0.0/16" or a range such as "10.0.0.1-10.0.0.99"', _range)
MRU_NUMBER = whole(128, 1500)
MRU = One('a whole number from 128 to 1500, or "auto"', _mru)
VRF = One("0", _vrf)
PORT = whole(0, 65535)
