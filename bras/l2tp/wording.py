"""What a control message says, AVP by AVP, in words: for ``show``, never for a decision.

No secret passes: of what proves a secret, or could be one (Challenge, Challenge Response,
Random Vector, what other vendors define), only the size is told.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bras.l2tp.avp import HEADER_OCTETS, HIDDEN_BIT, LENGTH_BITS, MANDATORY_BIT, RULES, Avps
from bras.l2tp.constants import AvpType
from bras.l2tp.header import CONTROL_OCTETS
from bras.l2tp.hidden import reveal
from bras.l2tp.names import name_of, section_of
from bras.secret import Secret

_MESSAGE_TYPE: Final = int(AvpType.MESSAGE_TYPE)
_RANDOM_VECTOR: Final = int(AvpType.RANDOM_VECTOR)
_UNSPOKEN: Final = frozenset(map(int, (AvpType.CHALLENGE, AvpType.CHALLENGE_RESPONSE, AvpType.PROXY_AUTHEN_RESPONSE)))
_TEXTS: Final = frozenset(map(int, (AvpType.HOST_NAME, AvpType.VENDOR_NAME)))
_FRAMINGS: Final = ((2, "asynchronous"), (1, "synchronous"))
_BEARERS: Final = ((2, "analog"), (1, "digital"))
"""Bits of the capabilities AVPs (RFC 2661 section 4.4.3)."""


class Worded(NamedTuple):
    """One AVP of a message."""

    attribute: int
    """Vendor times 65536 plus Attribute Type."""
    name: str
    section: str
    """Where it is defined; empty for one that is not known here."""
    mandatory: bool
    hidden: bool
    value: str


def worded(datagram: bytes, secrets: tuple[Secret, ...]) -> list[Worded]:
    """Return the AVPs of a control message in their order; ``secrets`` open the hidden ones."""
    avps = Avps()
    avps.read(datagram, CONTROL_OCTETS, len(datagram))
    reveal(avps, secrets)
    found: list[Worded] = []
    offset = CONTROL_OCTETS
    while len(datagram) - offset >= HEADER_OCTETS:
        flags = int.from_bytes(datagram[offset : offset + 2], "big")
        attribute = int.from_bytes(datagram[offset + 2 : offset + HEADER_OCTETS], "big")
        end = offset + (flags & LENGTH_BITS)
        if not offset + HEADER_OCTETS <= end <= len(datagram):
            break
        if attribute not in (_MESSAGE_TYPE, _RANDOM_VECTOR):
            value = _value(avps, attribute, end - offset - HEADER_OCTETS)
            mandatory, hidden = bool(flags & MANDATORY_BIT), bool(flags & HIDDEN_BIT)
            found.append(Worded(attribute, name_of(attribute), section_of(attribute), mandatory, hidden, value))
        offset = end
    return found


def _value(avps: Avps, attribute: int, size: int) -> str:
    if attribute in _UNSPOKEN or attribute not in RULES:
        return f"{size} octets"
    number, octets = avps.numbers.get(attribute), avps.octets.get(attribute)
    if number is not None:
        return _number(attribute, number)
    if octets is not None:
        return octets.decode("utf-8", "replace") if attribute in _TEXTS else octets.hex()
    return f"{size} octets that cannot be read"


def _number(attribute: int, number: int) -> str:
    if attribute == AvpType.PROTOCOL_VERSION:
        return f"{number >> 8}.{number & 0xFF}"
    if attribute == AvpType.FIRMWARE_REVISION:
        return f"{number} (0x{number:04x})"
    if attribute == AvpType.FRAMING_CAPABILITIES:
        return _bits(number, _FRAMINGS)
    if attribute == AvpType.BEARER_CAPABILITIES:
        return _bits(number, _BEARERS)
    return str(number)


def _bits(number: int, names: tuple[tuple[int, str], ...]) -> str:
    words = [name for bit, name in names if number & bit]
    unknown = number & ~sum(bit for bit, _ in names)
    return ", ".join([*words, *([f"0x{unknown:x}"] if unknown else [])]) or "none"
