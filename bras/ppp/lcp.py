"""LCP options: what we ask for, and what we grant (RFC 1661 section 6, RFC 1662 section 7.1)."""

from __future__ import annotations

from typing import Any, Final

from bras.ids import Entropy
from bras.ppp import option, packet
from bras.ppp.constants import (
    ACCM,
    ACFC,
    AUTHENTICATION,
    AUTHENTICATION_PROTOCOL,
    CONFIGURE_ACK,
    CONFIGURE_NAK,
    CONFIGURE_REJECT,
    DEFAULT_ACCM,
    DEFAULT_MRU_OCTETS,
    ECHO_REPLY,
    MAGIC_NUMBER,
    METHODS,
    MRU,
    NO_MAGIC,
    PFC,
    PROTOCOL_REJECT,
    SMALLEST_MRU_OCTETS,
)
from bras.ppp.option import Option
from bras.ppp.settings import LinkConfig

MOST_LOOPS: Final = 3
"""Our own magic number in so many requests in a row is no chance (RFC 1661 section 6.4)."""
_NAMES: Final = {name: name for name in METHODS.values()}
"""Each name as one object for all links."""
_ACCM_BITS: Final = 32
_ACCM_MASK: Final = (1 << _ACCM_BITS) - 1
_PEER: Final = DEFAULT_MRU_OCTETS << _ACCM_BITS | DEFAULT_ACCM
_METHOD_OPTIONS: Final = {name: option.build(AUTHENTICATION_PROTOCOL, value) for name, value in AUTHENTICATION.items()}


class Lcp:
    """The options of one link, in either role."""

    __slots__ = (
        "_config",
        "_entropy",
        "_mru",
        "_peer",
        "_refused",
        "_tried",
        "acfc",
        "loops",
        "magic",
        "method",
        "peer_method",
        "pfc",
    )

    def __init__(self, config: LinkConfig, entropy: Entropy) -> None:
        """Ask for nothing until ``restart``."""
        self._config = config
        self._entropy = entropy
        self.method = ""
        """Method that we demand of the peer; empty when we demand none."""
        self._tried = 0  # bit n: method n was demanded
        self._refused = 0  # bit n: the peer rejected option n
        self._mru = config.mru
        self.magic = NO_MAGIC
        self.loops = 0
        self._peer = _PEER  # MRU and ACCM of the peer in one number: one object less a session
        self.acfc = False
        self.pfc = False
        self.peer_method = ""
        """Method that the peer demands of us, where we are the client."""

    @property
    def agreed_method(self) -> str:
        """Return the method by which the client proves itself, in either role; empty for none."""
        return self.method if self._config.client is None else self.peer_method

    @property
    def methods_exhausted(self) -> bool:
        """Return whether the peer refuses every method that we demand."""
        return not self.method and self._tried != 0

    # -- our request

    def restart(self) -> None:
        """Ask for everything again, with a new magic number."""
        config = self._config
        demands = config.client is None and bool(config.methods)
        self.method = config.methods[0] if demands else ""
        self._tried = 1 if demands else 0
        self._refused = 0
        self._mru = config.mru
        self._new_magic()

    def adopt(self, magic: bytes, method: str) -> None:
        """Take for our own request what another has agreed with the client in our name."""
        self.magic = magic
        self.method = method

    def _new_magic(self) -> None:
        magic = self._entropy(4)
        self.magic = magic if magic != NO_MAGIC else b"\0\0\0\1"

    def request(self) -> bytes:
        """Return our options, in the order of their types."""
        refused = self._refused
        options = b""
        if self._mru != DEFAULT_MRU_OCTETS and not refused >> MRU & 1:
            options = option.build(MRU, self._mru.to_bytes(2, "big"))
        if self.method:
            options += _METHOD_OPTIONS[self.method]
        if self.magic != NO_MAGIC:
            options += option.build(MAGIC_NUMBER, self.magic)
        if self._config.client is not None:
            options += self._compression(refused)
        return options

    def _compression(self, refused: int) -> bytes:
        """As a client we also receive compressed headers; a server needs none."""
        options = b""
        if self._config.pfc and not refused >> PFC & 1:
            options = option.build(PFC)
        if self._config.acfc and not refused >> ACFC & 1:
            options += option.build(ACFC)
        return options

    def naked(self, options: list[Option]) -> bool:
        """Take the peer's hints as far as they suit us; false when no method is left."""
        for kind, value in options:
            if kind == AUTHENTICATION_PROTOCOL and self.method:
                if not self._next_method(METHODS.get(value, "")):
                    return False
            elif kind == MAGIC_NUMBER:
                self._new_magic()
            elif kind == MRU and len(value) == 2:
                hint = int.from_bytes(value, "big")
                if SMALLEST_MRU_OCTETS <= hint < self._mru:
                    self._mru = hint
        return True

    def rejected(self, options: list[Option]) -> bool:
        """Leave the options out; a rejected method falls back to the next one."""
        for kind, _ in options:
            if kind == AUTHENTICATION_PROTOCOL and self.method:
                if not self._next_method(""):
                    return False
            elif kind == MAGIC_NUMBER:
                self.magic = NO_MAGIC
            elif kind in (MRU, PFC, ACFC):
                self._refused |= 1 << kind
        return True

    def _next_method(self, hint: str) -> bool:
        """Fall back: to what the peer suggests if we offer it too, else along our list."""
        methods = self._config.methods
        order = [hint, *methods] if hint in methods else methods
        for method in order:
            index = methods.index(method)
            if not self._tried >> index & 1:
                self.method = method
                self._tried |= 1 << index
                return True
        self.method = ""
        return False

    @property
    def mru(self) -> int:
        """Return the octets that we told the peer that we take."""
        return DEFAULT_MRU_OCTETS if self._refused >> MRU & 1 else self._mru

    @property
    def peer_mru(self) -> int:
        """Return the octets that the peer takes at most."""
        return self._peer >> _ACCM_BITS

    @property
    def peer_accm(self) -> int:
        """Return the control characters that the peer wants escaped on an asynchronous line."""
        return self._peer & _ACCM_MASK

    # -- the peer's request

    def judge(self, options: list[Option], may_nak: bool) -> tuple[int, bytes]:
        """Judge the peer's options; what is acknowledged takes effect."""
        mru, acfc, pfc, method = DEFAULT_MRU_OCTETS, False, False, ""
        accm = DEFAULT_ACCM
        looped = False
        hints = naked = rejected = b""
        for kind, value in options:
            hint = None
            if kind == MAGIC_NUMBER:
                looped = value == self.magic
                if looped or len(value) != 4 or value == NO_MAGIC:
                    hint = self._other_magic()
            elif kind == MRU:
                mru, hint = _judge_mru(value)
            elif kind == ACCM and len(value) == 4:
                accm = int.from_bytes(value, "big")  # whatever it is: it is for who frames asynchronously
            elif kind == PFC and not value and self._config.pfc:
                pfc = True
            elif kind == ACFC and not value and self._config.acfc:
                acfc = True
            elif kind == AUTHENTICATION_PROTOCOL and self._config.client is not None and self._config.methods:
                method, hint = self._judge_method(value)
            else:
                rejected += option.build(kind, value)
            if hint is not None:
                hints += option.build(kind, hint)
                naked += option.build(kind, value)
        self.loops = self.loops + 1 if looped else 0
        rejected = rejected or (hints and option.repeated(options))
        if rejected:
            return CONFIGURE_REJECT, rejected
        if hints:
            return (CONFIGURE_NAK, hints) if may_nak else (CONFIGURE_REJECT, naked)
        self.acfc, self.pfc, self.peer_method = acfc, pfc, method
        self._peer = mru << _ACCM_BITS | accm
        return CONFIGURE_ACK, b""

    def _other_magic(self) -> bytes:
        """Suggest a magic number that is neither ours nor zero (RFC 1661 section 6.4)."""
        magic = self._entropy(4)
        return magic if magic not in (self.magic, NO_MAGIC) else bytes((magic[0] ^ 1, *magic[1:]))

    def _judge_method(self, value: bytes) -> tuple[str, bytes | None]:
        """As a client: grant what we can do, or name what we like best."""
        methods = self._config.methods
        method = METHODS.get(value, "")
        return (method, None) if method in methods else ("", AUTHENTICATION[methods[0]])

    # -- packets that bear what was negotiated

    def echo_reply(self, identifier: int, data: bytes) -> bytes | None:
        """Answer an Echo-Request; ``None`` for one that bears our own magic number: it was ours."""
        magic = self.magic
        if magic != NO_MAGIC and data.startswith(magic):
            self.loops += 1
            return None
        room = self.peer_mru - packet.HEADER_OCTETS
        return packet.build(ECHO_REPLY, identifier, magic + data[len(magic) : room])

    def protocol_reject(self, identifier: int, protocol: int, octets: bytes) -> bytes:
        """Return a Protocol-Reject, cut to the peer's MRU (RFC 1661 section 5.7)."""
        data = protocol.to_bytes(2, "big") + octets
        return packet.build(PROTOCOL_REJECT, identifier, data[: self.peer_mru - packet.HEADER_OCTETS])

    # -- state as data

    def save(self) -> list[Any]:
        """Return the state as plain data."""
        return [
            self.method,
            self._mru,
            self._refused,
            self._tried,
            self.acfc,
            self.loops,
            self.magic,
            self.peer_method,
            self.peer_mru,
            self.pfc,
            self.peer_accm,
        ]

    @classmethod
    def restore(cls, data: list[Any], config: LinkConfig, entropy: Entropy) -> Lcp:
        """Return the policy that ``save`` described; what was agreed on stays, be it configured no more."""
        self = cls(config, entropy)
        (
            method,
            self._mru,
            self._refused,
            self._tried,
            self.acfc,
            self.loops,
            self.magic,
            self.peer_method,
            peer_mru,
            self.pfc,
            peer_accm,
        ) = data
        if isinstance(method, int):  # an earlier version wrote which one of the list it is
            method = config.methods[method] if 0 <= method < len(config.methods) else ""
        self.method = _NAMES.get(method, "")
        self._peer = peer_mru << _ACCM_BITS | peer_accm
        return self


def _judge_mru(value: bytes) -> tuple[int, bytes | None]:
    """Grant any MRU that can carry IP; suggest the nearest one that does."""
    if len(value) != 2:
        return DEFAULT_MRU_OCTETS, DEFAULT_MRU_OCTETS.to_bytes(2, "big")
    mru = int.from_bytes(value, "big")
    if mru < SMALLEST_MRU_OCTETS:
        return mru, SMALLEST_MRU_OCTETS.to_bytes(2, "big")
    return mru, None
