"""Whom RADIUS is asked about, and where: the group of servers and the user name, by realm and LAC group.

A realm is what stands behind the last @ of the name as the client gave it, upper and lower
case alike.  Its ``[[realm]]`` comes before the ``[[lac]]``; one that has no section of its
own has that of ``*``, if there is one.  The name that the client gave stays what logs and
local users go by.
"""

from __future__ import annotations

from typing import NamedTuple

from bras.config.model import LacConfig
from bras.config.radius import RealmConfig

ANY = "*"


class Asking(NamedTuple):
    """How RADIUS is asked about a user."""

    name: bytes
    """User-Name, in requests and records."""
    radius: str | None
    """Group of servers that authenticate."""
    accounting: str | None
    """Group of servers that are told records."""


class Realms:
    """The sections ``[[realm]]``."""

    __slots__ = ("_others", "_sections")

    def __init__(self, realms: tuple[RealmConfig, ...]) -> None:
        """Index them."""
        self._sections = {realm.name.casefold(): realm for realm in realms if realm.name != ANY}
        self._others = next((realm for realm in realms if realm.name == ANY), None)

    def asking(self, lac: LacConfig, name: bytes) -> Asking:
        """Return how RADIUS is asked about a user who comes by a LAC group."""
        user, at, octets = name.rpartition(b"@")
        if octets and at:
            realm = octets.decode("utf-8", "replace").casefold()
        elif lac.default_realm is not None:
            user, realm = (user if at else name), lac.default_realm
            name = user + b"@" + realm.encode()
            realm = realm.casefold()
        else:
            return Asking(name, lac.radius, lac.radius_accounting or lac.radius)
        section = self._sections.get(realm, self._others)
        if section is None:
            return Asking(name, lac.radius, lac.radius_accounting or lac.radius)
        if section.strip and user:
            name = user
        accounting = section.radius_accounting or section.radius or lac.radius_accounting or lac.radius
        return Asking(name, section.radius or lac.radius, accounting)
