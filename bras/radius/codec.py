"""RADIUS packets, fast: what pyrad's ``Dictionary`` says is worked out once, not per packet.

``Codec`` gives an encoder for each attribute that is sent, and builds signed requests;
``ReplyReader`` verifies a reply and takes out the attributes that its maker asked for.
pyrad's own ``Packet`` costs ten to twenty times as much; it is the oracle in the tests.

Order of trust in a reply (RFC 2865 section 3, RFC 2869 section 5.14): bounds, Response
Authenticator, Message-Authenticator; only then is a value looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from hmac import compare_digest
from struct import Struct
from typing import Any

from bras.errors import ConfigError, ConfigProblem, DropReason
from bras.wire import ipv4_of

ACCESS_REQUEST = 1
ACCESS_ACCEPT = 2
ACCESS_REJECT = 3
ACCOUNTING_REQUEST = 4
ACCOUNTING_RESPONSE = 5
ACCESS_CHALLENGE = 11
STATUS_SERVER = 12

HEADER_OCTETS = 20
MAX_OCTETS = 4096
"""Largest packet (RFC 2865 section 3)."""
MAX_VALUE_OCTETS = 253
MESSAGE_AUTHENTICATOR = 80
PROXY_STATE = 33
VENDOR_SPECIFIC = 26

Encoder = Callable[[Any], bytes]
"""Makes one attribute of a value: int, str or octets, as its data type wants."""

_LENGTHS = tuple(bytes((2 + size,)) for size in range(MAX_VALUE_OCTETS + 1))
_ZEROS = bytes(16)
_access_head = Struct("!BBH16sBB").pack
_accounting_head = Struct("!BBH").pack
_number = Struct("!BBI").pack

_FIXED_SIZES = {"integer": 4, "date": 4, "ipaddr": 4}


class SharedSecret:
    """The secret shared with one server, with its HMAC-MD5 half worked out (RFC 2104)."""

    __slots__ = ("_inner", "_octets", "_outer")

    def __init__(self, octets: bytes) -> None:
        """Take the secret's octets."""
        self._octets = octets
        key = (octets if len(octets) <= 64 else hashlib.md5(octets).digest()).ljust(64, b"\0")
        self._inner = hashlib.md5(bytes(octet ^ 0x36 for octet in key))
        self._outer = hashlib.md5(bytes(octet ^ 0x5C for octet in key))

    def sign(self, octets: bytes) -> bytes:
        """Return the HMAC-MD5 of ``octets``."""
        inner = self._inner.copy()
        inner.update(octets)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def digest(self, octets: bytes) -> bytes:
        """Return the MD5 of ``octets`` followed by the secret."""
        return hashlib.md5(octets + self._octets).digest()

    def mask(self, block: bytes) -> bytes:
        """Return the MD5 of the secret followed by ``block`` (RFC 2865 section 5.2)."""
        return hashlib.md5(self._octets + block).digest()

    def reveal(self) -> bytes:
        """Return the octets; call it only where they are hidden at once."""
        return self._octets

    def __repr__(self) -> str:
        """Say nothing."""
        return "SharedSecret(***)"


def access_request(
    identifier: int, authenticator: bytes, attributes: bytes, secret: SharedSecret, code: int = ACCESS_REQUEST
) -> bytes:
    """Build an Access-Request that begins with its Message-Authenticator (RFC 2869 section 5.14).

    First, because only there does it cover what an attacker could put before it.  A
    Status-Server is laid out alike (RFC 5997 section 3).
    """
    length = HEADER_OCTETS + 18 + len(attributes)
    head = _access_head(code, identifier, length, authenticator, MESSAGE_AUTHENTICATOR, 18)
    return head + secret.sign(head + _ZEROS + attributes) + attributes


def accounting_request(identifier: int, attributes: bytes, secret: SharedSecret) -> bytes:
    """Build an Accounting-Request with its Request Authenticator (RFC 2866 section 3)."""
    head = _accounting_head(ACCOUNTING_REQUEST, identifier, HEADER_OCTETS + len(attributes))
    return head + secret.digest(head + _ZEROS + attributes) + attributes


_Definition = tuple[str, int]
"""Name and form of an attribute that a reader was asked for."""
_ONCE, _REPEATED, _FURTHER = 0, -1, -2
"""Forms of text and octets, and of what others will read; the form of a number is its size."""


class Codec:
    """What the dictionary says, ready to be used."""

    __slots__ = ("_dictionary",)

    def __init__(self, dictionary: Any) -> None:
        """Take a pyrad ``Dictionary``."""
        self._dictionary = dictionary

    def code(self, name: str, data_type: str) -> tuple[int, int]:
        """Return (vendor or 0, code) of an attribute; ``ConfigError`` unless it is of ``data_type``."""
        known = self._dictionary.attributes.get(name)
        if known is None or known.type != data_type or known.is_sub_attribute:
            wrong = "is not defined" if known is None else f"is of type {known.type}"
            right = f"type {data_type} would be right: bras needs it"
            raise ConfigError((ConfigProblem("radius.dictionaries", name, wrong, right),))
        return (self._dictionary.vendors.GetForward(known.vendor) if known.vendor else 0), known.code

    def encoder(self, name: str, data_type: str) -> Encoder:
        """Return the encoder of an attribute: whole numbers, text or octets in, its octets out.

        Text and octets that are too long are cut to what an attribute carries; empty ones
        give nothing at all (RFC 2865 section 5).  An address is an integer or a dotted quad.
        """
        vendor, code = self.code(name, data_type)
        tagged = bool(self._dictionary.attributes[name].has_tag)
        if vendor:
            return _vendor_encoder(vendor, code)
        if data_type == "ipaddr":
            return _address_encoder(code)
        if data_type in _FIXED_SIZES:
            return _tagged_number_encoder(code) if tagged else _number_encoder(code)
        return _tagged_text_encoder(code) if tagged else _text_encoder(code)


def _cut(value: str | bytes, most: int) -> bytes:
    """Return the first octets of a value, of text between characters."""
    if isinstance(value, bytes):
        return value[:most]
    return value.encode()[:most].decode("utf-8", "ignore").encode()


def _text_encoder(code: int) -> Encoder:
    """Make an encoder of text or octets."""
    prefix = bytes((code,))

    def encode(value: str | bytes) -> bytes:
        octets = value.encode() if isinstance(value, str) else value
        size = len(octets)
        if size > MAX_VALUE_OCTETS:
            octets = _cut(value, MAX_VALUE_OCTETS)
            size = len(octets)
        return prefix + _LENGTHS[size] + octets if size else b""

    return encode


def _tagged_text_encoder(code: int) -> Encoder:
    """Make an encoder of text with an optional tag (RFC 2868 section 3.3); we use no tag.

    The tag octet is left out, unless the text begins with an octet that would be read as one.
    """
    plain = _text_encoder(code)

    def encode(value: str | bytes) -> bytes:
        octets = value.encode() if isinstance(value, str) else value
        return plain(b"\0" + octets) if octets and octets[0] <= 0x1F else plain(value)

    return encode


def _number_encoder(code: int) -> Encoder:
    """Make an encoder of a 32-bit number."""

    def encode(value: int) -> bytes:
        return _number(code, 6, value & 0xFFFFFFFF)

    return encode


def _tagged_number_encoder(code: int) -> Encoder:
    """Make an encoder of a number whose first octet is the tag (RFC 2868 section 3.1), 0 for us."""

    def encode(value: int) -> bytes:
        return _number(code, 6, value & 0xFFFFFF)

    return encode


def _address_encoder(code: int) -> Encoder:
    """Make an encoder of an IPv4 address; what is none gives nothing."""

    def encode(value: int | str) -> bytes:
        address = ipv4_of(value) if isinstance(value, str) else value
        return b"" if address is None else _number(code, 6, address)

    return encode


def _vendor_encoder(vendor: int, code: int) -> Encoder:
    """Make an encoder of text or octets of a vendor (RFC 2865 section 5.26)."""
    middle = vendor.to_bytes(4, "big") + bytes((code,))

    def encode(value: str | bytes) -> bytes:
        octets = _cut(value, MAX_VALUE_OCTETS - 6)
        size = len(octets)
        return b"\x1a" + _LENGTHS[size + 6] + middle + _LENGTHS[size] + octets if size else b""

    return encode


class Reply:
    """A verified reply, and the attributes that were asked for."""

    __slots__ = ("code", "further", "numbers", "octets", "repeated")

    def __init__(self, code: int) -> None:
        """Begin without attributes."""
        self.code = code
        self.numbers: dict[str, int] = {}
        """Integers, dates and IPv4 addresses; of several the first."""
        self.octets: dict[str, bytes] = {}
        """Text and octets, as they came; of several the first."""
        self.repeated: dict[str, tuple[bytes, ...]] = {}
        """Text and octets that may come more than once, in order."""
        self.further: list[tuple[str, bytes]] = []
        """What others read, as it came and in order."""


class ReplyReader:
    """Verifies replies, and reads the attributes named to it."""

    __slots__ = ("_standard", "_vendors")

    def __init__(
        self,
        codec: Codec,
        wanted: Mapping[str, str],
        repeated: tuple[str, ...] = (),
        further: Mapping[str, str] | None = None,
    ) -> None:
        """Read the attributes ``wanted`` (name: data type); those also ``repeated`` more than once.

        The values of ``further`` ones are left as they are.
        """
        self._standard: list[_Definition | None] = [None] * 256
        self._vendors: dict[bytes, _Definition] = {}
        further = further or {}
        for name, data_type in (*wanted.items(), *further.items()):
            vendor, code = codec.code(name, data_type)
            form = _FIXED_SIZES.get(data_type, _REPEATED if name in repeated else _ONCE)
            definition = (name, _FURTHER if name in further else form)
            if vendor:
                self._vendors[vendor.to_bytes(4, "big") + bytes((code,))] = definition
            else:
                self._standard[code] = definition

    def read(self, data: bytes, authenticator: bytes, secret: SharedSecret, signed: bool) -> Reply | DropReason:
        """Verify a reply to the request with ``authenticator``; say why when it is not to be believed.

        ``signed``: without Message-Authenticator it is not.  Octets after Length are padding.
        """
        size = len(data)
        if size < HEADER_OCTETS:
            return DropReason.RADIUS_SHORT
        length = data[2] << 8 | data[3]
        if length != size:
            if not HEADER_OCTETS <= length < size:
                return DropReason.RADIUS_BAD_LENGTH
            data = data[:length]
        if length > MAX_OCTETS:
            return DropReason.RADIUS_BAD_LENGTH
        found: list[tuple[_Definition, bytes]] = []
        signature_at = self._walk(data, found)
        if signature_at < 0:
            return DropReason.RADIUS_BAD_ATTRIBUTE
        asked = data[:4] + authenticator + data[20:]
        if not compare_digest(secret.digest(asked), data[4:20]):
            return DropReason.RADIUS_BAD_AUTHENTICATOR
        if signature_at:
            blank = asked[:signature_at] + _ZEROS + asked[signature_at + 16 :]
            if not compare_digest(secret.sign(blank), data[signature_at : signature_at + 16]):
                return DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR
        elif signed:
            return DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR
        return _decode(data[0], found)

    def understand(self, attributes: bytes) -> Reply | DropReason:
        """Take the attributes that were asked for out of such as are verified already."""
        found: list[tuple[_Definition, bytes]] = []
        if self._walk(bytes(HEADER_OCTETS) + attributes, found) < 0:
            return DropReason.RADIUS_BAD_ATTRIBUTE
        return _decode(0, found)

    def lacks(self, code: int, value: bytes) -> bool:
        """Return whether an attribute is, or has in it, one that was not asked for."""
        if code != VENDOR_SPECIFIC:
            return self._standard[code] is None
        vendor, offset, end = value[:4], 4, len(value)
        if offset >= end:
            return True
        while offset < end:
            after = offset + value[offset + 1] if offset + 2 <= end else 0
            if not offset + 2 <= after <= end or vendor + value[offset : offset + 1] not in self._vendors:
                return True
            offset = after
        return False

    def _walk(self, data: bytes, found: list[tuple[_Definition, bytes]]) -> int:
        """Check the bounds of all attributes and collect the wanted ones.

        Return where the Message-Authenticator's value is, 0 without one, -1 when malformed.
        A Proxy-State that we never sent, in an unsigned answer to an Access-Request, is the
        mark of a forgery (CVE-2024-3596) and counts as malformed.
        """
        offset, end, signature_at, proxied = HEADER_OCTETS, len(data), 0, False
        standard = self._standard
        while offset < end:
            if offset + 2 > end:
                return -1
            code, length = data[offset], data[offset + 1]
            after = offset + length
            if length < 2 or after > end:
                return -1
            definition = standard[code]
            if definition is not None:
                found.append((definition, data[offset + 2 : after]))
            elif code == VENDOR_SPECIFIC:
                self._walk_vendor(data, offset + 2, after, found)
            elif code == MESSAGE_AUTHENTICATOR:
                if signature_at or length != 18:
                    return -1
                signature_at = offset + 2
            elif code == PROXY_STATE:
                proxied = True
            offset = after
        if proxied and not signature_at and data[0] != ACCOUNTING_RESPONSE:
            return -1
        return signature_at

    def _walk_vendor(self, data: bytes, offset: int, end: int, found: list[tuple[_Definition, bytes]]) -> None:
        """Collect the wanted attributes of a vendor; one that is laid out otherwise is not ours to read.

        ``offset`` is where the vendor's number is.  Nearly always there is one attribute.
        """
        wanted = self._vendors.get(data[offset : offset + 5])
        if offset + 6 <= end and data[offset + 5] == end - offset - 4:
            if wanted is not None:
                found.append((wanted, data[offset + 6 : end]))
            return
        vendor, offset = data[offset : offset + 4], offset + 4
        mine: list[tuple[_Definition, bytes]] = []
        while offset < end:
            after = offset + data[offset + 1] if offset + 2 <= end else 0
            if after < offset + 2 or after > end:
                return
            wanted = self._vendors.get(vendor + data[offset : offset + 1])
            if wanted is not None:
                mine.append((wanted, data[offset + 2 : after]))
            offset = after
        found += mine


def _decode(code: int, found: list[tuple[_Definition, bytes]]) -> Reply | DropReason:
    """Sort the values by what they are; one of a wrong length spoils the reply (RFC 2865 section 5)."""
    reply = Reply(code)
    numbers, octets, repeated = reply.numbers, reply.octets, reply.repeated
    for (name, form), value in found:
        if form > 0:
            if len(value) != form:
                return DropReason.RADIUS_BAD_ATTRIBUTE
            if name not in numbers:
                numbers[name] = int.from_bytes(value, "big")
        elif form == _REPEATED:
            repeated[name] = (*repeated.get(name, ()), value)
        elif form == _FURTHER:
            reply.further.append((name, value))
        elif value and name not in octets:
            octets[name] = value
    return reply
