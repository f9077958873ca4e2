"""The journal: the state of every machine, written before the sends that depend on it.

A file of records, each an octet count, a CRC-32 and the MessagePack of ``[key, state]``;
the last record of a key is its state, an empty one means that the machine is gone.  One
``write()`` a turn puts the turn's records out of ``kill -9``'s reach: the page cache
outlives the process.  A torn record at the end (the machine lost power) is cut off.

The file is replaced by a fresh one, holding only what is alive, at every start and when it
has grown to four times that; the new file is complete and synced before the name moves.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterable
from struct import Struct

import msgspec

from bras.errors import BrasError

_HEAD = Struct("!II")
_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(tuple[str, bytes])

SMALLEST_TO_COMPACT_OCTETS = 16 << 20


class JournalError(BrasError):
    """The journal cannot be read or written; the text says what and where."""


class Journal:
    """The journal in a directory; one process at a time writes it."""

    __slots__ = ("_alive_octets", "_descriptor", "_path", "_size", "alive", "failures", "is_behind")

    def __init__(self, directory: str) -> None:
        """Read what is there and begin a fresh file; raises JournalError."""
        self._path = os.path.join(directory, "journal")
        self.failures = 0
        """Writes that the disk refused."""
        self.is_behind = False
        """Whether the file lacks what is alive, since such a write: a crash now would lose it."""
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            self.alive = _read(self._path)
            self._alive_octets = sum(map(len, self.alive.values()))
            self._descriptor, self._size = _fresh(self._path, self.alive)
        except OSError as wrong:
            raise JournalError(f"{self._path}: {wrong.strerror}") from wrong

    def write(self, records: Iterable[tuple[str, bytes]]) -> bool:
        """Write one turn's records; false when the disk does not take them.

        That is counted, and the next write begins with a fresh file of all that is alive.
        """
        octets = bytearray()
        for key, state in records:
            octets += pack(key, state)
            self._remember(key, state)
        if self.is_behind:
            self._compact()
            return not self.is_behind
        if not octets:
            return True
        try:
            written = os.write(self._descriptor, octets)
            if written != len(octets):
                os.truncate(self._path, self._size)  # a torn record would hide all that follow
                raise OSError(0, "short write")
        except OSError:
            self.failures += 1
            self.is_behind = True
            return False
        self._size += written
        if self._size > SMALLEST_TO_COMPACT_OCTETS and self._size > 4 * self._alive_octets:
            self._compact()
        return True

    def _remember(self, key: str, state: bytes) -> None:
        before = self.alive.pop(key, b"")
        self._alive_octets += len(state) - len(before)
        if state:
            self.alive[key] = state

    def _compact(self) -> None:
        """Begin a fresh file; the old one serves on if that fails."""
        try:
            descriptor, size = _fresh(self._path, self.alive)
        except OSError:
            self.failures += 1
            return
        os.close(self._descriptor)
        self._descriptor, self._size, self.is_behind = descriptor, size, False

    def close(self) -> None:
        """Close the file; what it holds is the next start's."""
        os.close(self._descriptor)

    def clear(self) -> None:
        """Forget everything: the sessions were ended."""
        self.alive.clear()
        self._alive_octets = 0
        self._compact()


def pack(key: str, state: bytes) -> bytes:
    """Return one record."""
    body = _encode((key, state))
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def unpack(octets: bytes) -> dict[str, bytes]:
    """Return the last state of each key, up to the first record that is torn."""
    alive: dict[str, bytes] = {}
    offset = 0
    while offset + _HEAD.size <= len(octets):
        length, check = _HEAD.unpack_from(octets, offset)
        body = octets[offset + _HEAD.size : offset + _HEAD.size + length]
        if len(body) != length or zlib.crc32(body) != check:
            break
        offset += _HEAD.size + length
        try:
            key, state = _decoder.decode(body)
        except msgspec.DecodeError:
            break
        alive.pop(key, None)
        if state:
            alive[key] = state
    return alive


def _read(path: str) -> dict[str, bytes]:
    try:
        with open(path, "rb") as file:
            return unpack(file.read())
    except FileNotFoundError:
        return {}


def _fresh(path: str, alive: dict[str, bytes]) -> tuple[int, int]:
    """Write what is alive into a new file and move it into place; return descriptor and size."""
    new = path + ".new"
    octets = b"".join(pack(key, state) for key, state in alive.items())
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(octets)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
        os.rename(new, path)
    except OSError:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        raise
    return descriptor, len(octets)
