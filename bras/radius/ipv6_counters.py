"""What a session has carried of IPv6, beside the sum of both families: in our own words, or in Juniper's.

No RFC has attributes for it.  Ours have 64 bits; Juniper's are laid out as those of
RFC 2866, with gigawords, and are known to many servers' schemas.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from bras.radius.codec import VENDOR_SPECIFIC, Codec

MOST_OCTETS: Final = 72
"""No set of them is larger."""
_U32: Final = 0xFFFFFFFF
_U64: Final = (1 << 64) - 1
_whole = Struct("!" + "BBIBBQ" * 4).pack
_halves = Struct("!" + "BBIBBI" * 6).pack

Encoder = Callable[[int, int, int, int], bytes]
"""Makes the attributes of octets and packets up, octets and packets down."""


def encoder_of(kind: str, codec: Codec) -> Encoder:
    """Return the encoder that `[radius]` `ipv6_counters` names."""
    return {"bras": _ours, "erx": _junipers, "off": _nothing}[kind](codec)


def _ours(codec: Codec) -> Encoder:
    ways = ("Input-Octets", "Output-Octets", "Input-Packets", "Output-Packets")
    pairs = [codec.code(f"Bras-{way}-IPv6", "integer64") for way in ways]
    vendor, codes = pairs[0][0], [code for _, code in pairs]

    def encode(up_octets: int, up_packets: int, down_octets: int, down_packets: int) -> bytes:
        return _whole(
            VENDOR_SPECIFIC, 16, vendor, codes[0], 10, up_octets & _U64,
            VENDOR_SPECIFIC, 16, vendor, codes[1], 10, down_octets & _U64,
            VENDOR_SPECIFIC, 16, vendor, codes[2], 10, up_packets & _U64,
            VENDOR_SPECIFIC, 16, vendor, codes[3], 10, down_packets & _U64,
        )  # fmt: skip

    return encode


def _junipers(codec: Codec) -> Encoder:
    kinds = ("Octets", "Packets", "Gigawords")
    pairs = [codec.code(f"ERX-IPv6-Acct-{way}-{kind}", "integer") for kind in kinds for way in ("Input", "Output")]
    vendor, codes = pairs[0][0], [code for _, code in pairs]

    def encode(up_octets: int, up_packets: int, down_octets: int, down_packets: int) -> bytes:
        return _halves(
            VENDOR_SPECIFIC, 12, vendor, codes[0], 6, up_octets & _U32,
            VENDOR_SPECIFIC, 12, vendor, codes[1], 6, down_octets & _U32,
            VENDOR_SPECIFIC, 12, vendor, codes[2], 6, up_packets & _U32,
            VENDOR_SPECIFIC, 12, vendor, codes[3], 6, down_packets & _U32,
            VENDOR_SPECIFIC, 12, vendor, codes[4], 6, up_octets >> 32 & _U32,
            VENDOR_SPECIFIC, 12, vendor, codes[5], 6, down_octets >> 32 & _U32,
        )  # fmt: skip

    return encode


def _nothing(_codec: Codec) -> Encoder:
    return lambda _up_octets, _up_packets, _down_octets, _down_packets: b""
