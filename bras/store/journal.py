"""The journal: the state of every machine, written before the sends that depend on it.

A file of turns, each an octet count, a CRC-32 and the MessagePack of ``[key, state, key,
state...]``.  The last state of a key counts, an empty one means that the machine is gone.
One ``write()`` a wake puts it out of ``kill -9``'s reach: the page cache outlives the
process.  A turn is there as a whole or not at all: one that is torn, because the process
was killed while it wrote or the machine lost power, is cut off.

The file is replaced by a fresh one, holding only what is alive, at every start and when it
has grown to four times that; the new file is complete and synced before the name moves.
A lock beside it keeps a second process away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import zlib
from collections.abc import Sequence
from itertools import islice
from struct import Struct

import msgspec

from bras.errors import BrasError

_HEAD = Struct("!II")
_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(list[tuple[str, bytes]])

SMALLEST_TO_COMPACT_OCTETS = 16 << 20
RECORDS_A_TURN = 1000
"""Records that a fresh file packs together."""

Record = tuple[str, bytes]


class JournalError(BrasError):
    """The journal cannot be read or written; the text says what and where."""


class Journal:
    """The journal in a directory; one process at a time has it."""

    __slots__ = ("_alive_octets", "_descriptor", "_lock", "_path", "alive", "failures", "is_behind", "size")

    def __init__(self, directory: str) -> None:
        """Read what is there and begin a fresh file; raises JournalError."""
        self._path = os.path.join(directory, "journal")
        self.failures = 0
        """Writes that the disk refused."""
        self.is_behind = False
        """Whether the file lacks what is alive, since such a write: a crash now would lose it."""
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            self._lock = _locked(self._path + ".lock")
        except OSError as wrong:
            raise JournalError(f"{self._path}: {wrong.strerror}") from wrong
        try:
            self.alive = _read(self._path)
            self._alive_octets = sum(map(len, self.alive.values()))
            self._descriptor, self.size = _fresh(self._path, self.alive)
        except OSError as wrong:
            os.close(self._lock)
            raise JournalError(f"{self._path}: {wrong.strerror}") from wrong

    def write(self, records: Sequence[Record]) -> bool:
        """Write what belongs together; false when the disk does not take it, or is behind.

        What could not be written is remembered: ``catch_up`` writes all that is alive.
        """
        if not records:
            return not self.is_behind
        for key, state in records:
            self._remember(key, state)
        if self.is_behind:
            return False
        octets = pack(records)
        try:
            written = os.write(self._descriptor, octets)
            if written != len(octets):
                os.truncate(self._path, self.size)  # a torn turn would hide all that follow
                raise OSError(0, "short write")
        except OSError:
            self.failures += 1
            self.is_behind = True
            return False
        self.size += written
        if self.size > SMALLEST_TO_COMPACT_OCTETS and self.size > 4 * self._alive_octets:
            self._compact()
        return True

    def catch_up(self) -> bool:
        """Begin a fresh file of all that is alive if the file is behind; false when it is still."""
        if self.is_behind:
            self._compact()
        return not self.is_behind

    def _remember(self, key: str, state: bytes) -> None:
        before = self.alive.pop(key, b"") if not state else self.alive.get(key, b"")
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
        self._descriptor, self.size, self.is_behind = descriptor, size, False

    def sync(self) -> None:
        """Put the file out of a power cut's reach as well; a disk that refuses is counted."""
        try:
            os.fsync(self._descriptor)
        except OSError:
            self.failures += 1

    def close(self) -> None:
        """Close the file; what it holds is the next start's."""
        os.close(self._descriptor)
        os.close(self._lock)

    def clear(self, keep: tuple[str, ...] = ()) -> None:
        """Forget everything but what has a key that begins so."""
        self.alive = {key: state for key, state in self.alive.items() if key.startswith(keep)}
        self._alive_octets = sum(map(len, self.alive.values()))
        self._compact()


def pack(records: Sequence[Record]) -> bytes:
    """Return one turn."""
    body = _encode(records)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def unpack(octets: bytes) -> dict[str, bytes]:
    """Return the last state of each key, up to the first turn that is torn."""
    alive: dict[str, bytes] = {}
    offset = 0
    while offset + _HEAD.size <= len(octets):
        length, check = _HEAD.unpack_from(octets, offset)
        body = octets[offset + _HEAD.size : offset + _HEAD.size + length]
        if len(body) != length or zlib.crc32(body) != check:
            break
        offset += _HEAD.size + length
        try:
            records = _decoder.decode(body)
        except msgspec.DecodeError:
            break
        for key, state in records:
            if state:
                alive[key] = state
            else:
                alive.pop(key, None)
    return alive


def _locked(path: str) -> int:
    """Return the descriptor of the lock, which the kernel gives back when the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise OSError(0, "another process has this journal") from None
    return descriptor


def _read(path: str) -> dict[str, bytes]:
    try:
        with open(path, "rb") as file:
            return unpack(file.read())
    except FileNotFoundError:
        return {}


def _fresh(path: str, alive: dict[str, bytes]) -> tuple[int, int]:
    """Write what is alive into a new file and move it into place; return descriptor and size."""
    new = path + ".new"
    records = iter(alive.items())
    octets = bytearray()
    while turn := list(islice(records, RECORDS_A_TURN)):
        octets += pack(turn)
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
