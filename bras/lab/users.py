"""The subscribers that the lab's RADIUS server knows: from TOML, from a users file, or by pattern.

TOML (a name is a shell pattern; the first that matches counts)::

    [[user]]
    name = "user*"
    password = "pass"
    reply = { Framed-Pool = "default", Session-Timeout = 3600 }

Users file, as FreeRADIUS has it, of which this much is understood::

    user1    Cleartext-Password := "pass"
             Framed-IP-Address = 10.64.0.7,
             Session-Timeout = 3600
    DEFAULT  Cleartext-Password := "pass"
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import Packet

from bras.lab.namespaces import LabError

RawAttribute = tuple[int | tuple[int, int], tuple[bytes, ...]]
"""Code, or (vendor, code), and its encoded values."""

_PAIR = re.compile(r'([\w-]+)\s*(:=|\+=|==|=)\s*("(?:[^"\\]|\\.)*"|[^\s,]+)\s*,?\s*')


@dataclass(frozen=True, slots=True)
class LabUser:
    """One entry: who, with which password, granted what."""

    name: str
    """A shell pattern."""
    password: bytes
    reply: tuple[RawAttribute, ...] = ()

    def __repr__(self) -> str:
        """Leave the password out."""
        return f"LabUser(name={self.name!r})"


class LabUsers:
    """All entries; an exact name comes before patterns, patterns count in their order."""

    def __init__(self, users: Iterable[LabUser]) -> None:
        """Index the entries."""
        self._exact: dict[str, LabUser] = {}
        self._patterns: list[LabUser] = []
        for user in users:
            if any(letter in user.name for letter in "*?["):
                self._patterns.append(user)
            else:
                self._exact.setdefault(user.name, user)

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._exact) + len(self._patterns)

    def find(self, name: str) -> LabUser | None:
        """Return the entry for a user name, ``None`` when nobody is called so."""
        user = self._exact.get(name)
        if user is not None:
            return user
        return next((user for user in self._patterns if fnmatch.fnmatchcase(name, user.name)), None)


def parse_user(text: str) -> LabUser:
    """Read ``NAME:PASSWORD`` of the command line."""
    name, colon, password = text.partition(":")
    if not colon or not name:
        raise LabError(f"{text}: NAME:PASSWORD would be right, as in user*:pass")
    return LabUser(name, password.encode())


def load_users(path: Path, dictionary: Dictionary) -> list[LabUser]:
    """Read a file: TOML if its name ends in ``.toml``, else a users file; raises ``LabError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{path}: {error}") from None
    if path.suffix == ".toml":
        return _from_toml(path, text, dictionary)
    return _from_users_file(path, text, dictionary)


def _from_toml(path: Path, text: str, dictionary: Dictionary) -> list[LabUser]:
    try:
        entries = tomllib.loads(text).get("user", [])
    except tomllib.TOMLDecodeError as error:
        raise LabError(f"{path}: {error}") from None
    users = []
    for number, entry in enumerate(entries, 1):
        place = f"{path}: user[{number}]"
        name, password, reply = entry.get("name"), entry.get("password"), entry.get("reply", {})
        if not isinstance(name, str) or not isinstance(password, str) or not isinstance(reply, dict):
            raise LabError(f"{place}: name and password as text, and reply as a table, would be right")
        users.append(LabUser(name, password.encode(), encode_reply(reply, dictionary, place)))
    return users


def _from_users_file(path: Path, text: str, dictionary: Dictionary) -> list[LabUser]:
    users: list[LabUser] = []
    entries: list[tuple[int, str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace():
            name, *rest = line.split(None, 1)
            entries.append((number, name.strip('"'), "".join(rest) + "\n"))
        elif entries:
            entries[-1] = (*entries[-1][:2], entries[-1][2] + " " + line)
    for number, name, body in entries:
        place = f"{path}:{number}"
        checks, _, reply = body.partition("\n")
        password = dict(_pairs(checks, place)).get("Cleartext-Password")
        if password is None:
            raise LabError(f'{place}: Cleartext-Password := "…" is missing; it is the only check that the lab knows')
        grants: dict[str, list[str]] = {}
        for key, value in _pairs(reply, place):
            grants.setdefault(key, []).append(value)
        pattern = "*" if name == "DEFAULT" else name
        users.append(LabUser(pattern, password.encode(), encode_reply(grants, dictionary, place)))
    return users


def _pairs(text: str, place: str) -> list[tuple[str, str]]:
    """Split ``Attribute = value, …``."""
    pairs = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            raise LabError(f"{place}: {text[at:]!r} is not understood, Attribute = value would be right")
        value = match[3]
        if value.startswith('"'):
            value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        pairs.append((match[1], value))
        at = match.end()
    return pairs


def encode_reply(reply: Mapping[str, Any], dictionary: Dictionary, place: str) -> tuple[RawAttribute, ...]:
    """Encode reply attributes by their dictionary names; raises ``LabError`` naming the wrong one."""
    packet = Packet(id=0, secret=b"", authenticator=bytes(16), dict=dictionary)
    for name, values in reply.items():
        attribute = dictionary.attributes.get(name)
        if attribute is None:
            raise LabError(f"{place}: {name}: the dictionary has no such attribute")
        if attribute.encrypt:
            raise LabError(f"{place}: {name}: the lab's server sends no encrypted attributes")
        for value in values if isinstance(values, list) else [values]:
            try:
                packet.AddAttribute(name, _typed(attribute, value))
            except (ValueError, TypeError, OSError) as error:
                raise LabError(f"{place}: {name}: {value!r}: {error}") from None
    return tuple((key, tuple(values)) for key, values in packet.items())


def _typed(attribute: Any, value: Any) -> Any:
    """Numbers may be written as text; names of values stay names."""
    numeric = attribute.type in ("integer", "byte", "short", "integer64", "date", "signed")
    if numeric and isinstance(value, str) and not attribute.values.HasForward(value):
        return int(value, 0)
    if attribute.type == "octets" and isinstance(value, str) and not value.startswith("0x"):
        return value.encode()
    return value
