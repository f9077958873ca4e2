"""What a LAC tells of the subscriber's access line: AVPs of the ADSL Forum in ICRQ and ICCN (RFC 5515).

RADIUS has the same attributes with the same numbers (RFC 4679), so a call keeps them as they
go into a Vendor-Specific attribute: type, length, value, one behind the other.
A call whose LAC tells nothing keeps no octets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bras.l2tp.constants import LINE_RATES, LineAvp

_VENDORS: Final = 0xFFFF
_TEXTS: Final = (LineAvp.AGENT_CIRCUIT_ID & _VENDORS, LineAvp.AGENT_REMOTE_ID & _VENDORS)
_ENCAPSULATION: Final = LineAvp.ACCESS_LOOP_ENCAPSULATION & _VENDORS
_TYPE: Final = LineAvp.ACCESS_LINE_TYPE & _VENDORS
_IWF: Final = LineAvp.IWF_SESSION & _VENDORS
_PERFORMED: Final = (1).to_bytes(4, "big")
_LARGEST: Final = 0xFFFFFFFF


def gather(octets: Mapping[int, bytes]) -> bytes:
    """Return those of a message's values that speak of the line, as sub-attributes of RADIUS.

    RADIUS has 32 bits for a rate: a faster one is the most that they can say.  IWF-Session
    says yes by being there in RADIUS, and by its number in L2TP.
    """
    line = b""
    for name, value in octets.items():
        if name > _VENDORS:
            if name in LINE_RATES:
                if len(value) not in (4, 8):
                    continue
                value = min(int.from_bytes(value, "big"), _LARGEST).to_bytes(4, "big")  # noqa: PLW2901  # in 32 bits
            elif name == LineAvp.IWF_SESSION:
                if value and not any(value):
                    continue
                value = b""  # noqa: PLW2901  # its presence says it
            line += bytes((name & _VENDORS, 2 + len(value))) + value
    return line


def items(line: bytes) -> Iterator[tuple[int, bytes]]:
    """Iterate over (attribute, value)."""
    offset = 0
    while offset < len(line):
        end = offset + line[offset + 1]
        yield line[offset], line[offset + 2 : end]
        offset = end


def avps(line: bytes) -> Iterator[tuple[int, bytes]]:
    """Iterate over (attribute, value) as they go into AVPs, in the LAC role."""
    vendor = LineAvp.AGENT_CIRCUIT_ID & ~_VENDORS
    for kind, value in items(line):
        name = vendor | kind
        yield name, value.rjust(8, b"\0") if name in LINE_RATES else _PERFORMED if kind == _IWF else value


def facts(line: bytes) -> dict[str, str | int | bool]:
    """Return what operators see: rates in bit/s, delays in milliseconds, text with escapes for what is none."""
    found: dict[str, str | int | bool] = {}
    for kind, value in items(line):
        name = _NAMES[kind]
        if kind in _TEXTS:
            found[name] = value.decode("utf-8", "backslashreplace")
        elif kind == _ENCAPSULATION:
            found[name] = _encapsulation(value)
        elif kind == _IWF:
            found[name] = True
        elif kind == _TYPE:
            number = int.from_bytes(value, "big")
            found[name] = _LINE_TYPES.get(number, str(number))
        else:
            found[name] = int.from_bytes(value, "big")
    return found


def text(line: bytes, attribute: LineAvp) -> str:
    """Return one of the two texts, empty when it is not there."""
    wanted = attribute & _VENDORS
    for kind, value in items(line):
        if kind == wanted:
            return value.decode("utf-8", "backslashreplace")
    return ""


def _encapsulation(value: bytes) -> str:
    """Spell the three octets of Access-Loop-Encapsulation out."""
    words = [table.get(octet, str(octet)) for table, octet in zip(_ENCAPSULATIONS, value, strict=True)]
    return ", ".join(word for word in words if word)


def _name(attribute: LineAvp) -> str:
    name = attribute.name.lower()
    unit = "_bps" if "data_rate" in name else "_ms" if "delay" in name else ""
    return name + unit


_NAMES: Final = {attribute & _VENDORS: _name(attribute) for attribute in LineAvp}
_LINE_TYPES: Final = {1: "ADSL1", 2: "ADSL2", 3: "ADSL2+", 4: "VDSL1", 5: "VDSL2", 6: "SDSL", 7: "unknown"}
_ENCAPSULATIONS: Final = (
    {0: "AAL5", 1: "Ethernet"},
    {0: "", 1: "untagged Ethernet", 2: "single-tagged Ethernet"},
    {
        0: "",
        1: "PPPoA LLC",
        2: "PPPoA null",
        3: "IPoA LLC",
        4: "IPoA null",
        5: "Ethernet over AAL5 LLC with FCS",
        6: "Ethernet over AAL5 LLC without FCS",
        7: "Ethernet over AAL5 null with FCS",
        8: "Ethernet over AAL5 null without FCS",
    },
)
"""Data link and two encapsulations (RFC 4679)."""
