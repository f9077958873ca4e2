"""Single DES in plain Python, to encrypt one block: all that MS-CHAP needs of it (FIPS 46-3).

``mschap`` prefers pycryptodome where that is installed.
"""

from __future__ import annotations

from typing import Final, TypeAlias

_PC1: Final = (
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
    63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
)  # fmt: skip
_PC2: Final = (
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
)  # fmt: skip
_SHIFTS: Final = (1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1)
_INITIAL: Final = tuple(start - 8 * step for start in (58, 60, 62, 64, 57, 59, 61, 63) for step in range(8))
_FINAL: Final = tuple(_INITIAL.index(position) + 1 for position in range(1, 65))
_P: Final = (
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
    2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
)  # fmt: skip
_BOXES: Final = (
    "e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
    "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
    "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
    "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
    "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
    "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
    "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
    "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
)
"""The S-boxes: four rows of sixteen hexadecimal digits each."""


_Tables: TypeAlias = tuple[tuple[int, ...], ...]


def _tables(width: int, positions: tuple[int, ...]) -> _Tables:
    """Return what each value of each four bits becomes; bit 1 is the uppermost of ``width``."""
    outcome = dict.fromkeys(range(width), 0)
    for place, position in enumerate(positions):
        outcome[width - position] |= 1 << len(positions) - 1 - place
    return tuple(
        tuple(sum(outcome[low + bit] for bit in range(4) if value >> bit & 1) for value in range(16))
        for low in range(0, width, 4)
    )


def _permute(value: int, tables: _Tables) -> int:
    result = 0
    for table in tables:
        result |= table[value & 15]
        value >>= 4
    return result


def _substitutions() -> _Tables:
    """Join each S-box, read by its six bits, with the permutation P that follows it."""
    after = _tables(32, _P)
    boxes = []
    for index, box in enumerate(_BOXES):
        digits = [int(box[(six >> 4 & 2 | six & 1) * 16 + (six >> 1 & 15)], 16) for six in range(64)]
        boxes.append(tuple(_permute(digit << 28 - 4 * index, after) for digit in digits))
    return tuple(boxes)


_PC1_TABLES: Final = _tables(64, _PC1)
_PC2_TABLES: Final = _tables(56, _PC2)
_INITIAL_TABLES: Final = _tables(64, _INITIAL)
_FINAL_TABLES: Final = _tables(64, _FINAL)
_SUBSTITUTIONS: Final = _substitutions()


def _round_keys(key: int) -> list[int]:
    halves = _permute(key, _PC1_TABLES)
    left, right = halves >> 28, halves & 0xFFFFFFF
    keys = []
    for shift in _SHIFTS:
        left = (left << shift | left >> 28 - shift) & 0xFFFFFFF
        right = (right << shift | right >> 28 - shift) & 0xFFFFFFF
        keys.append(_permute(left << 28 | right, _PC2_TABLES))
    return keys


def _mix(right: int, round_key: int) -> int:
    """Expand, add the round key, substitute and permute: the cipher function."""
    wrapped = (right & 1) << 33 | right << 1 | right >> 31  # each box overlaps its neighbours by a bit
    result = 0
    shift = 28
    for box in _SUBSTITUTIONS:
        result |= box[(wrapped >> shift ^ round_key >> shift * 3 // 2) & 0x3F]
        shift -= 4
    return result


def encrypt(key: bytes, block: bytes) -> bytes:
    """Encrypt 8 octets with an 8-octet key, whose parity bits do not matter."""
    value = _permute(int.from_bytes(block, "big"), _INITIAL_TABLES)
    left, right = value >> 32, value & 0xFFFFFFFF
    for round_key in _round_keys(int.from_bytes(key, "big")):
        left, right = right, left ^ _mix(right, round_key)
    return _permute(right << 32 | left, _FINAL_TABLES).to_bytes(8, "big")
