"""What operators are told of a certificate: for whom it is, who signed it, and until when it is good.

Whether a certificate is to be trusted, and is the one of a name, is decided by OpenSSL alone
(``bras.config.tls``).  This reads what OpenSSL does not tell when it has refused one: a few
fields of DER (RFC 5280 section 4.1), and of the names those that it compares.
"""

from __future__ import annotations

import ssl
from calendar import timegm
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_UTC_TIME = 0x17
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_COMMON_NAME = bytes.fromhex("550403")
_ORGANIZATION = bytes.fromhex("55040a")
_ALT_NAMES = bytes.fromhex("551d11")


class Certificate(NamedTuple):
    """What a certificate says of itself."""

    subject: str
    """Common name of its holder, or else the organization."""
    issuer: str
    names: tuple[str, ...]
    """DNS names and addresses that it is good for; the common name where it has none."""
    begins_at: int
    """First second in which it is good, of the wall clock."""
    ends_at: int
    """Last second in which it is good."""


class _Field(NamedTuple):
    """A field of DER."""

    tag: int
    octets: bytes


_NOTHING = _Field(0, b"")


def first_of(pem: str) -> Certificate:
    """Return the first certificate of a PEM file; ValueError when there is none, or nothing that can be read."""
    begin = pem.find(_BEGIN)
    end = pem.find(_END, begin)
    if begin < 0 or end < 0:
        raise ValueError("there is no certificate")
    return read(ssl.PEM_cert_to_DER_cert(pem[begin : end + len(_END)]))


def read(der: bytes) -> Certificate:
    """Read a certificate; ValueError when that is not possible."""
    try:
        return _read(der)
    except IndexError:
        raise ValueError("the certificate is cut short") from None


def _read(der: bytes) -> Certificate:
    fields = list(_fields(_first(_first(der))))
    if fields[0].tag == _VERSION:
        del fields[0]
    issuer, validity, subject = fields[2], fields[3], fields[4]
    begins, ends = _fields(validity.octets)
    common = _name(subject.octets)
    names = tuple(name for one in fields if one.tag == _EXTENSIONS for name in _alternatives(one.octets))
    own = (common,) if common else ()
    return Certificate(common, _name(issuer.octets), names or own, _instant(begins), _instant(ends))


def _fields(octets: bytes) -> Iterator[_Field]:
    """Take one field after the other."""
    at = 0
    while at < len(octets):
        tag, length = octets[at], octets[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(octets[at : at + size], "big")
            at += size
        if at + length > len(octets):
            raise ValueError("a field of the certificate is longer than what holds it")
        yield _Field(tag, octets[at : at + length])
        at += length


def _first(octets: bytes) -> bytes:
    """Return what is in the first field."""
    return next(_fields(octets), _NOTHING).octets


def _name(octets: bytes) -> str:
    """Return who is named: the common name, or else the organization."""
    found: dict[bytes, str] = {}
    for one in _fields(octets):
        for pair in _fields(one.octets):
            kind, value = _fields(pair.octets)
            found.setdefault(kind.octets, value.octets.decode("utf-8", "replace"))
    return found.get(_COMMON_NAME) or found.get(_ORGANIZATION, "")


def _alternatives(octets: bytes) -> Iterator[str]:
    """Yield the DNS names and addresses of subjectAltName (RFC 5280 section 4.2.1.6)."""
    for extension in _fields(_first(octets)):
        kind, *_, value = _fields(extension.octets)
        if kind.octets != _ALT_NAMES:
            continue
        for name in _fields(_first(value.octets)):
            if name.tag == _DNS_NAME:
                yield name.octets.decode("ascii", "replace")
            elif name.tag == _IP_ADDRESS:
                yield str(ip_address(name.octets))


def _instant(field: _Field) -> int:
    """Return a Time (RFC 5280 section 4.1.2.5) as seconds of the wall clock."""
    digits = field.octets.decode("ascii", "replace").removesuffix("Z")
    if field.tag == _UTC_TIME:
        digits = ("19" if digits >= "5" else "20") + digits
    if len(digits) != 14 or not digits.isdecimal():
        raise ValueError("a date of the certificate makes no sense")
    parts = [int(digits[0:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))]
    return timegm((*parts, 0, 0, 0))
