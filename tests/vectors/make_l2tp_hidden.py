"""Computes messages with hidden AVPs: ``python tests/vectors/make_l2tp_hidden.py`` prints l2tp_hidden.txt.

Written from RFC 2661 sections 4.1, 4.3 and 4.4 and from RFC 1321 (MD5) alone.  It imports nothing
but ``math`` and ``sys``: neither bras nor a library's MD5, so that no error can be on both sides.
"""

import math
import sys

SECRET = b"tunsecret"
VECTOR = bytes(range(0x40, 0x50))
PADDING = bytes(range(0x80, 0xC0))
"""The octets of padding are taken from here, from the first on for each AVP."""

_SHIFTS = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))
_SINES = [int(abs(math.sin(step + 1)) * 4294967296) for step in range(64)]
_ONES = 0xFFFFFFFF


def md5(message: bytes) -> bytes:
    """RFC 1321 section 3."""
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    padded = message + b"\x80" + bytes((55 - len(message)) % 64) + (len(message) * 8).to_bytes(8, "little")
    for start in range(0, len(padded), 64):
        words = [int.from_bytes(padded[at : at + 4], "little") for at in range(start, start + 64, 4)]
        a, b, c, d = state
        for step in range(64):
            part = step // 16
            if part == 0:
                mixed, index = (b & c) | (~b & d), step
            elif part == 1:
                mixed, index = (b & d) | (c & ~d), (5 * step + 1) % 16
            elif part == 2:
                mixed, index = b ^ c ^ d, (3 * step + 5) % 16
            else:
                mixed, index = c ^ (b | (~d & _ONES)), (7 * step) % 16
            total = (a + mixed + words[index] + _SINES[step]) & _ONES
            turn = _SHIFTS[part][step % 4]
            a, d, c, b = d, c, b, (b + ((total << turn | total >> (32 - turn)) & _ONES)) & _ONES
        state = [(old + new) & _ONES for old, new in zip(state, (a, b, c, d), strict=True)]
    return b"".join(word.to_bytes(4, "little") for word in state)


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))


def plain_avp(mandatory: int, attribute: int, value: bytes, vendor: int = 0) -> bytes:
    head = (mandatory << 15 | (6 + len(value))).to_bytes(2, "big")
    return head + vendor.to_bytes(2, "big") + attribute.to_bytes(2, "big") + value


def hidden_avp(mandatory: int, attribute: int, value: bytes, vendor: int = 0) -> bytes:
    """RFC 2661 section 4.3, padded up to whole blocks of 16 octets."""
    p = len(value).to_bytes(2, "big") + value
    p += PADDING[: -len(p) % 16]
    b = md5(attribute.to_bytes(2, "big") + SECRET + VECTOR)
    c = xor(p[:16], b)
    for at in range(16, len(p), 16):
        b = md5(SECRET + c[at - 16 : at])
        c += xor(p[at : at + 16], b)
    head = (mandatory << 15 | 1 << 14 | (6 + len(c))).to_bytes(2, "big")
    return head + vendor.to_bytes(2, "big") + attribute.to_bytes(2, "big") + c


RANDOM_VECTOR = plain_avp(1, 36, VECTOR)

MESSAGES = {
    # The AVPs of a message as a sender has them, and as they go out.
    "ICRP": (
        plain_avp(1, 0, b"\0\x0b") + plain_avp(1, 14, b"\x12\x34"),
        plain_avp(1, 0, b"\0\x0b") + RANDOM_VECTOR + hidden_avp(1, 14, b"\x12\x34"),
    ),
    "CDN": (
        plain_avp(1, 0, b"\0\x0e") + plain_avp(1, 1, b"\0\3") + plain_avp(1, 14, b"\xfe\xdc"),
        plain_avp(1, 0, b"\0\x0e") + plain_avp(1, 1, b"\0\3") + RANDOM_VECTOR + hidden_avp(1, 14, b"\xfe\xdc"),
    ),
    "ICRQ": (
        plain_avp(1, 0, b"\0\x0a")
        + plain_avp(1, 14, b"\0\7")
        + plain_avp(1, 15, b"\0\0\0\1")
        + plain_avp(0, 25, b"\0\0\1\0")
        + plain_avp(1, 21, b"0800")
        + plain_avp(1, 22, b"+49 30 5551234")
        + plain_avp(1, 23, b"Berlin, Invalidenstr. 116, rear, 3rd floor"),
        plain_avp(1, 0, b"\0\x0a")
        + RANDOM_VECTOR
        + hidden_avp(1, 14, b"\0\7")
        + hidden_avp(1, 15, b"\0\0\0\1")
        + hidden_avp(0, 25, b"\0\0\1\0")
        + hidden_avp(1, 21, b"0800")
        + hidden_avp(1, 22, b"+49 30 5551234")
        + hidden_avp(1, 23, b"Berlin, Invalidenstr. 116, rear, 3rd floor"),
    ),
    "Hello": (plain_avp(1, 0, b"\0\6"), plain_avp(1, 0, b"\0\6")),
}


def table() -> str:
    """Return the lines of l2tp_hidden.txt."""
    return "".join(f"{name} {plain.hex()} {sent.hex()}\n" for name, (plain, sent) in MESSAGES.items())


if __name__ == "__main__":
    sys.stdout.write(table())
