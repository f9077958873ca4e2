"""Attribute Value Pairs: the format and the rules of each (RFC 2661 sections 4.1, 4.2, 4.4; RFC 3145, RFC 5515).

A value is either a number or octets.  What is wrong with an AVP does not stop the parsing:
the first fault of an AVP with the M bit becomes the message's ``violation``, a fault of one
without is as if the AVP were not there (RFC 2661 section 7.1).  Hidden AVPs are put aside
for ``bras.l2tp.hidden``, because the secret may depend on an AVP that comes later.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from bras.errors import ProtocolViolation
from bras.l2tp.constants import LINE_RATES, AvpType, ErrorCode, LineAvp, StopResult
from bras.l2tp.names import AVP_FORMAT, HIDING, MANDATORY, name_of, section_of

MANDATORY_BIT = 0x8000
HIDDEN_BIT = 0x4000
RESERVED_BITS = 0x3C00
LENGTH_BITS = 0x03FF
HEADER_OCTETS = 6
MAX_VALUE_OCTETS = LENGTH_BITS - HEADER_OCTETS

_HEADER: Final = Struct("!HI")  # flags and length, then vendor and attribute as one number
_NUMBER16: Final = Struct("!HHHH")
_NUMBER32: Final = Struct("!HHHI")
_UNUSUAL: Final = HIDDEN_BIT | RESERVED_BITS
_RANDOM_VECTOR: Final = int(AvpType.RANDOM_VECTOR)
_SPEEDS: Final = (int(AvpType.TX_CONNECT_SPEED), int(AvpType.RX_CONNECT_SPEED))
_UPDATE: Final = int(AvpType.CONNECT_SPEED_UPDATE)


class Rule(NamedTuple):
    """What RFC 2661 section 4.4 says of one attribute."""

    number: bool
    """Whether the value is a number (of ``minimum_octets``), else octets."""
    minimum_octets: int
    maximum_octets: int
    lowest: int
    highest: int
    mandatory: bool
    """The M bit when we send it."""
    hideable: bool
    """Whether the H bit may be set."""


def _u16(mandatory: bool, hideable: bool, lowest: int = 0, highest: int = 0xFFFF) -> Rule:
    return Rule(True, 2, 2, lowest, highest, mandatory, hideable)


def _u32(mandatory: bool) -> Rule:
    return Rule(True, 4, 4, 0, 0xFFFFFFFF, mandatory, True)


def _u64() -> Rule:
    return Rule(True, 8, 8, 0, (1 << 64) - 1, False, True)


def _octets(minimum: int, maximum: int, mandatory: bool, hideable: bool) -> Rule:
    return Rule(False, minimum, maximum, 0, 0, mandatory, hideable)


_ANY: Final = MAX_VALUE_OCTETS
_MOST_LINE_OCTETS: Final = 247
"""An agent's id has 63 octets at most (RFC 5515); taken is what RADIUS can carry on."""

RULES: Final[dict[int, Rule]] = {
    AvpType.MESSAGE_TYPE: _u16(True, False),
    AvpType.RESULT_CODE: _octets(2, _ANY, True, False),
    AvpType.PROTOCOL_VERSION: _u16(True, False),
    AvpType.FRAMING_CAPABILITIES: _u32(True),
    AvpType.BEARER_CAPABILITIES: _u32(True),
    AvpType.TIE_BREAKER: _octets(8, 8, False, False),
    AvpType.FIRMWARE_REVISION: _u16(False, True),
    AvpType.HOST_NAME: _octets(1, _ANY, True, False),
    AvpType.VENDOR_NAME: _octets(0, _ANY, False, True),
    AvpType.ASSIGNED_TUNNEL_ID: _u16(True, True, lowest=1),
    AvpType.RECEIVE_WINDOW_SIZE: _u16(True, False, lowest=1),
    AvpType.CHALLENGE: _octets(1, _ANY, True, True),
    AvpType.Q931_CAUSE_CODE: _octets(3, _ANY, True, False),
    AvpType.CHALLENGE_RESPONSE: _octets(16, 16, True, True),
    AvpType.ASSIGNED_SESSION_ID: _u16(True, True, lowest=1),
    AvpType.CALL_SERIAL_NUMBER: _u32(True),
    AvpType.MINIMUM_BPS: _u32(True),
    AvpType.MAXIMUM_BPS: _u32(True),
    AvpType.BEARER_TYPE: _u32(True),
    AvpType.FRAMING_TYPE: _u32(True),
    AvpType.CALLED_NUMBER: _octets(0, _ANY, True, True),
    AvpType.CALLING_NUMBER: _octets(0, _ANY, True, True),
    AvpType.SUB_ADDRESS: _octets(0, _ANY, True, True),
    AvpType.TX_CONNECT_SPEED: _u32(True),
    AvpType.PHYSICAL_CHANNEL_ID: _u32(False),
    AvpType.INITIAL_RECEIVED_LCP_CONFREQ: _octets(0, _ANY, False, True),
    AvpType.LAST_SENT_LCP_CONFREQ: _octets(0, _ANY, False, True),
    AvpType.LAST_RECEIVED_LCP_CONFREQ: _octets(0, _ANY, False, True),
    AvpType.PROXY_AUTHEN_TYPE: _u16(False, True),  # an unknown one is for the LNS to distrust, not to hang up
    AvpType.PROXY_AUTHEN_NAME: _octets(0, _ANY, False, True),
    AvpType.PROXY_AUTHEN_CHALLENGE: _octets(0, _ANY, False, True),  # some send an empty one with PAP
    AvpType.PROXY_AUTHEN_ID: _u16(False, True, 0, 0xFF),
    AvpType.PROXY_AUTHEN_RESPONSE: _octets(0, _ANY, False, True),
    AvpType.CALL_ERRORS: _octets(26, 26, True, True),
    AvpType.ACCM: _octets(10, 10, True, True),
    AvpType.RANDOM_VECTOR: _octets(0, _ANY, True, False),
    AvpType.PRIVATE_GROUP_ID: _octets(0, _ANY, False, True),
    AvpType.RX_CONNECT_SPEED: Rule(True, 4, 4, 0, 0xFFFFFFFF, False, True),
    AvpType.SEQUENCING_REQUIRED: _octets(0, 0, True, False),
    AvpType.PPP_DISCONNECT_CAUSE: _octets(5, _ANY, False, True),
    AvpType.TX_CONNECT_SPEED_BPS: _u64(),
    AvpType.RX_CONNECT_SPEED_BPS: _u64(),
    AvpType.CONNECT_SPEED_UPDATE: _octets(12, 12, False, True),
    AvpType.CONNECT_SPEED_UPDATE_ENABLE: _octets(0, _ANY, False, True),
}
"""All attributes of RFC 2661 section 4.4 (20 is not assigned), and what we understand of later ones."""
RULES.update(dict.fromkeys(map(int, LineAvp), _octets(4, 4, False, True)))
RULES.update(dict.fromkeys(LINE_RATES, _octets(4, 8, False, True)))  # some send what RADIUS has
RULES.update({
    LineAvp.AGENT_CIRCUIT_ID: _octets(1, _MOST_LINE_OCTETS, False, True),
    LineAvp.AGENT_REMOTE_ID: _octets(1, _MOST_LINE_OCTETS, False, True),
    LineAvp.ACCESS_LOOP_ENCAPSULATION: _octets(3, 3, False, True),
    LineAvp.IWF_SESSION: _octets(0, 4, False, True),
})  # fmt: skip


_BOUNDS: Final = {
    kind: (r.number, r.minimum_octets, r.maximum_octets, r.lowest, r.highest)
    for kind, r in RULES.items()
    if kind != _UPDATE  # the one that may be there several times
}
# Exact tuples unpack twice as fast as named ones, and every AVP of every message comes by.


class HiddenAvp(NamedTuple):
    """An AVP with the H bit: put aside until the secret is known."""

    mandatory: bool
    attribute: int
    octets: bytes
    random_vector: bytes


class Avps:
    """The values of one message by attribute type, and what was wrong."""

    __slots__ = ("_random_vector", "hidden", "numbers", "octets", "violation")

    def __init__(self) -> None:
        """Begin empty."""
        self.numbers: dict[int, int] = {}
        self.octets: dict[int, bytes] = {}
        self.hidden: list[HiddenAvp] | None = None
        self.violation: ProtocolViolation | None = None
        self._random_vector: bytes | None = None

    def read(self, data: bytes, offset: int, end: int) -> None:
        """Take in the AVPs of ``data[offset:end]``."""
        unpack = _HEADER.unpack_from
        bounds_of = _BOUNDS.get
        from_octets = int.from_bytes
        while end - offset >= HEADER_OCTETS:
            flags, name = unpack(data, offset)
            start = offset + HEADER_OCTETS
            offset += flags & LENGTH_BITS
            if offset < start or offset > end:
                offset = start - HEADER_OCTETS
                break
            bounds = bounds_of(name)
            value = data[start:offset]
            if bounds is None or flags & _UNUSUAL:
                self._unusual(flags, name, value)
                continue
            number, shortest, longest, lowest, highest = bounds
            if not shortest <= offset - start <= longest:
                self._misfit(flags, name, value)
            elif number:
                numeral = from_octets(value, "big")
                if lowest <= numeral <= highest:
                    self.numbers[name] = numeral
                else:
                    self._out_of_range(flags, name, numeral)
            else:
                self.octets[name] = value
                if name == _RANDOM_VECTOR:
                    self._random_vector = value
        if offset != end:
            text = f"AVP at octet {offset} does not fit its message"
            self.fault(MANDATORY_BIT, ErrorCode.WRONG_LENGTH, text, section=AVP_FORMAT)

    def put(self, flags: int, attribute: int, value: bytes) -> None:
        """Take in one value that was hidden, or that may be there again; its rule exists."""
        rule = RULES[attribute]
        if not rule.minimum_octets <= len(value) <= rule.maximum_octets:
            self._misfit(flags, attribute, value)
        elif attribute == _UPDATE:
            self.octets[attribute] = self.octets.get(attribute, b"") + value
        elif not rule.number:
            self.octets[attribute] = value
        elif rule.lowest <= int.from_bytes(value, "big") <= rule.highest:
            self.numbers[attribute] = int.from_bytes(value, "big")
        else:
            self._out_of_range(flags, attribute, int.from_bytes(value, "big"))

    def fault(self, flags: int, error: int, text: str, attribute: int | None = None, section: str = "") -> None:
        """Remember a fault; one without the M bit is forgiven.

        The text names the attribute; ``section`` says where it is written, else that is where
        the attribute is defined.
        """
        if flags & MANDATORY_BIT and self.violation is None:
            name = "" if attribute is None else name_of(attribute)
            where = section or ("" if attribute is None else section_of(attribute))
            text = f"{text}, {where}" if where else text
            self.violation = ProtocolViolation(StopResult.GENERAL_ERROR, error, text, avp=name, section=where)

    def _out_of_range(self, flags: int, attribute: int, value: int) -> None:
        self.fault(flags, ErrorCode.OUT_OF_RANGE, f"{name_of(attribute)} {value} is not allowed", attribute)

    def _unusual(self, flags: int, attribute: int, value: bytes) -> None:
        # Reserved bits make any AVP an unrecognized one (RFC 2661 section 4.1).
        rule = RULES.get(attribute)
        if rule is None or flags & RESERVED_BITS:
            why = "mandatory AVP with reserved bits set: " if rule is not None else "unknown mandatory "
            where = AVP_FORMAT if rule is not None else MANDATORY
            self.fault(flags, ErrorCode.UNKNOWN_MANDATORY_AVP, why + name_of(attribute), attribute, where)
        elif not flags & HIDDEN_BIT:
            self.put(flags, attribute, value)
        elif not rule.hideable:
            text = f"{name_of(attribute)} must not be hidden"
            self.fault(flags, ErrorCode.OUT_OF_RANGE, text, attribute)
        elif self._random_vector is None:
            text = f"no Random Vector before hidden {name_of(attribute)}"
            self.fault(flags, ErrorCode.OUT_OF_RANGE, text, attribute, HIDING)
        else:
            if self.hidden is None:
                self.hidden = []
            self.hidden.append(HiddenAvp(flags & MANDATORY_BIT != 0, attribute, value, self._random_vector))

    def _misfit(self, flags: int, attribute: int, value: bytes) -> None:
        # Some LACs (Cisco AS5300) send the connect speeds as decimal digits.
        digits = value.rstrip(b"\0 ") if attribute in _SPEEDS else b""
        if 0 < len(digits) <= 10 and digits.isdigit():
            self.numbers[attribute] = min(int(digits), 0xFFFFFFFF)
        else:
            text = f"{name_of(attribute)} of {len(value)} octets must have {_lengths(attribute)}"
            self.fault(flags, ErrorCode.WRONG_LENGTH, text, attribute)


def _lengths(attribute: int) -> str:
    rule = RULES[attribute]
    if rule.minimum_octets == rule.maximum_octets:
        return str(rule.minimum_octets)
    return f"{rule.minimum_octets} or more"


def number16(attribute: int, value: int) -> bytes:
    """Build an AVP of a 16-bit number."""
    flags = MANDATORY_BIT | 8 if RULES[attribute].mandatory else 8
    return _NUMBER16.pack(flags, 0, attribute, value)


def number32(attribute: int, value: int) -> bytes:
    """Build an AVP of a 32-bit number."""
    flags = MANDATORY_BIT | 10 if RULES[attribute].mandatory else 10
    return _NUMBER32.pack(flags, 0, attribute, value)


def octets(attribute: int, value: bytes) -> bytes:
    """Build an AVP of octets, cut off after the 1017 that an AVP can hold."""
    value = value[:MAX_VALUE_OCTETS]
    flags = HEADER_OCTETS + len(value)
    if RULES[attribute].mandatory:
        flags |= MANDATORY_BIT
    return _HEADER.pack(flags, attribute) + value
