"""What a harness is: octets in, nothing out, an exception when something is wrong.

A harness makes its machine anew for each input, from configurations that are made once, and
reads the input as a small program: each octet chooses what happens next, with the right
numbers filled in where a peer would have them, so that changing one octet of an input leads
to the next state instead of to the first check of a parser.
"""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

CORPUS = Path(__file__).parent / "corpus"
NAMES: dict[str, str] = {
    "l2tp_lns": "l2tp_endpoint",
    "l2tp_lac": "l2tp_endpoint",
    "ppp_server": "ppp_link",
    "ppp_client": "ppp_link",
    "ppp_handover": "ppp_link",
    "rim": "rim",
    "radius_exchange": "radius_exchange",
    "journal": "journal",
    "config": "config",
    "l2tp_codec": "l2tp_codec",
    "ppp_codec": "ppp_codec",
    "radius_reply": "radius_reply",
    "forward": "forward",
    "dictionary": "config",
    "admin": "admin",
    "dynauth": "dynauth",
    "radsec": "radsec",
    "query": "query",
}
"""Each harness, and the module in this folder whose ``harness(name)`` makes it."""
SHARES: dict[str, int] = {
    "l2tp_lns": 20,
    "l2tp_lac": 10,
    "ppp_server": 40,
    "ppp_client": 20,
    "ppp_handover": 20,
    "rim": 4,
    "radius_exchange": 3,
    "journal": 3,
    "config": 4,
    "l2tp_codec": 240,
    "ppp_codec": 200,
    "radius_reply": 170,
    "forward": 150,
    "dictionary": 20,
    "admin": 40,
    "dynauth": 3,
    "radsec": 60,
    "query": 40,
}
"""The inputs of each, in thousandths of all, more or less: the faster it is, the more it gets."""


@dataclass(frozen=True, slots=True)
class Harness:
    """One parser or machine, ready to be fed."""

    run: Callable[[bytes], None]
    """Feed it one input; raises when something that must hold does not."""
    largest_octets: int = 256
    """Longer inputs reach nothing that shorter ones do not."""
    words: Sequence[bytes] = ()
    """What the fuzzer may put into an input as a whole: keywords of a text format."""


def load(name: str) -> Harness:
    """Make a harness by its name."""
    made = importlib.import_module(f"tests.fuzz.{NAMES[name]}").harness(name)
    assert isinstance(made, Harness)
    return made


def corpus(name: str) -> list[bytes]:
    """Return the kept inputs of a harness: one a line, in hexadecimal."""
    lines = (CORPUS / f"{name}.hex").read_text(encoding="ascii").split()
    return [bytes.fromhex(line) for line in lines if line != "-"] + [b""] * ("-" in lines)


class Cursor:
    """Reads an input; past its end everything is zero."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._end = len(data)

    @property
    def more(self) -> bool:
        """Return whether anything is left."""
        return self._at < self._end

    def u8(self) -> int:
        at = self._at
        if at >= self._end:
            return 0
        self._at = at + 1
        return self._data[at]

    def u16(self) -> int:
        return self.u8() << 8 | self.u8()

    def take(self, count: int) -> bytes:
        """Return so many octets, fewer at the end."""
        octets = self._data[self._at : self._at + count]
        self._at += count
        return octets

    def string(self, most: int = 63) -> bytes:
        """Return octets after their count."""
        return self.take(self.u8() % (most + 1))

    def rest(self) -> bytes:
        return self.take(self._end)

    def of(self, choices: Sequence[T]) -> T:
        """Choose one."""
        return choices[self.u8() % len(choices)]


class Numbers:
    """Entropy that is the same for each input, and cheap: 1, 2, 3 in so many octets."""

    __slots__ = ("_last",)

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def __call__(self, count: int) -> bytes:
        self._last += 1
        return (self._last * 0x9E3779B1 % (1 << 8 * min(count, 8))).to_bytes(count, "big")


def resident_octets() -> int:
    """Return the memory of this process."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def objects() -> int:
    """Return how many objects the collector knows, after it has collected."""
    gc.collect()
    return len(gc.get_objects())
