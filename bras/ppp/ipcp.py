"""IPCP options: RFC 1332 section 3, and name servers of RFC 1877 section 1."""

from __future__ import annotations

from typing import Any, Final

from bras.ppp import option
from bras.ppp.constants import (
    CONFIGURE_ACK,
    CONFIGURE_NAK,
    CONFIGURE_REJECT,
    IP_ADDRESS,
    PRIMARY_DNS,
    SECONDARY_DNS,
    SECONDARY_NBNS,
)
from bras.ppp.negotiation import HELD
from bras.ppp.option import Option
from bras.ppp.settings import NetworkConfig

_NONE: Final = b"\0\0\0\0"
_ADDRESS_HINTS: Final = 3
"""Naks of our own address that we overlook before we stop telling it."""


class Ipcp:
    """The options of one client, in either role; addresses as four octets."""

    __slots__ = ("_config", "_dns", "_hints", "_refused", "decided", "local", "peer", "wanted")

    def __init__(self, config: NetworkConfig, address: int) -> None:
        """Begin; ``address`` is the client's, 0 for a client that wants to be given one."""
        octets = address.to_bytes(4, "big")
        ours = config.local_address.to_bytes(4, "big")
        self._config = config
        self.local = octets if config.client else ours
        self.peer = _NONE if config.client else octets
        self._dns: dict[int, bytes] | None = None
        """Client: what the server has told so far, by option."""
        self._refused: tuple[int, ...] = ()
        self._hints = 0
        self.wanted = _NONE
        """Server: the address that the client asks for instead of its own."""
        self.decided = not config.accept_client

    @property
    def dns(self) -> tuple[int, ...]:
        """Return the name servers that the peer told a client."""
        return tuple(int.from_bytes(value, "big") for value in (self._dns or {}).values() if value != _NONE)

    # -- our request

    def restart(self) -> None:
        """Ask for everything again."""
        self._refused = ()
        self._hints = 0

    def request(self) -> bytes:
        """Return our options: our address, and as a client the wish for name servers."""
        refused = self._refused
        options = b"" if IP_ADDRESS in refused else option.build(IP_ADDRESS, self.local)
        if self._config.wants_dns:
            known = self._dns or {}
            for kind in (PRIMARY_DNS, SECONDARY_DNS):
                if kind not in refused:
                    options += option.build(kind, known.get(kind, _NONE))
        return options

    def naked(self, options: list[Option]) -> bool:
        """As a client take what the server assigns; as a server keep our address."""
        client = self._config.client
        for kind, value in options:
            if len(value) != 4:
                continue
            if kind == IP_ADDRESS and client:
                self.local = value
            elif kind == IP_ADDRESS:
                self._hints += 1
                if self._hints >= _ADDRESS_HINTS:
                    self._refused += (IP_ADDRESS,)
            elif client and kind in (PRIMARY_DNS, SECONDARY_DNS):
                self._dns = dict(sorted({**(self._dns or {}), kind: value}.items()))
        return True

    def rejected(self, options: list[Option]) -> bool:
        """Leave the options out; as a client we cannot do without an address."""
        for kind, _ in options:
            if kind == IP_ADDRESS and self._config.client and self.local == _NONE:
                return False
            if kind not in self._refused:
                self._refused += (kind,)
        return True

    # -- the peer's request

    def judge(self, options: list[Option], may_nak: bool) -> tuple[int, bytes]:
        """Judge the peer's options; ``HELD`` while its wish for an address is undecided."""
        hints = naked = rejected = b""
        has_address = False
        wish = _NONE
        for kind, value in options:
            right = self._right_value(kind, value)
            has_address = has_address or kind == IP_ADDRESS
            if right is None:
                rejected += option.build(kind, value)
            elif right != value:
                if kind == IP_ADDRESS and len(value) == 4:
                    wish = value
                hints += option.build(kind, right)
                naked += option.build(kind, value)
        rejected = rejected or (hints and option.repeated(options))
        if rejected:
            return CONFIGURE_REJECT, rejected
        if wish != _NONE and not self.decided:
            self.wanted = wish
            return HELD, b""
        if hints and not may_nak:
            return CONFIGURE_REJECT, naked
        if not has_address and may_nak and not self._config.client:
            hints += option.build(IP_ADDRESS, self.peer)  # it must know it (RFC 1332 section 3.3)
        if hints:
            return CONFIGURE_NAK, hints
        if self._config.client:
            self._learn(options)
        return CONFIGURE_ACK, b""

    def _right_value(self, kind: int, value: bytes) -> bytes | None:
        """Return what the option should say; ``None`` where it should not be there."""
        if kind == IP_ADDRESS:
            if not self._config.client:
                return self.peer
            return value if len(value) == 4 and value != _NONE else None
        if PRIMARY_DNS <= kind <= SECONDARY_NBNS and not self._config.client:
            servers = self._config.dns if kind & 1 else self._config.nbns
            index = kind - PRIMARY_DNS >> 1
            return servers[index].to_bytes(4, "big") if index < len(servers) else None
        return None

    def _learn(self, options: list[Option]) -> None:
        """As a client: remember the server's end."""
        for kind, value in options:
            if kind == IP_ADDRESS:
                self.peer = value

    # -- state as data

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        dns = [[kind, value] for kind, value in self._dns.items()] if self._dns is not None else None
        return [dns, self._hints, list(self._refused), self.decided, self.local, self.peer, self.wanted]

    @classmethod
    def restore(cls, data: list[Any], config: NetworkConfig) -> Ipcp:
        """Return the policy that ``save`` described."""
        self = cls(config, 0)
        dns, self._hints, refused, self.decided, self.local, self.peer, self.wanted = data
        self._dns = dict(dns) if dns is not None else None
        self._refused = tuple(refused)
        return self
