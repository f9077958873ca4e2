"""The journal: the state of every machine, written before the sends that depend on it.

A file of turns, each an octet count, a CRC-32 and the MessagePack of a list of (key,
state).  The last state of a key counts, an empty one means that the machine is gone.
One ``write()`` a wake puts it out of ``kill -9``'s reach: the page cache outlives the
process.  A turn is there as a whole or not at all: one that is torn, because the process
was killed while it wrote or the machine lost power, is cut off.

The file is replaced by a fresh one, holding only what is alive, at every start and when it
has grown to four times that; the new file is complete and synced before the name moves.
What is alive is read from the file when that is needed, so that it costs no memory.
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
from typing import NamedTuple

import msgspec

from bras.errors import BrasError

_HEAD = Struct("!II")
_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(list[tuple[str, bytes]])

SMALLEST_TO_COMPACT_OCTETS = 16 << 20
RECORDS_A_TURN = 1000
"""Records that a fresh file packs together."""
_PIECE_OCTETS = 1 << 20

Record = tuple[str, bytes]


class JournalError(BrasError):
    """The journal cannot be read or written; the text says what and where."""


class Fresh(NamedTuple):
    """A file of what is alive, which has not its name yet."""

    descriptor: int
    size: int
    up_to: int
    """Octets of the old file that it stands for."""


class Journal:
    """The journal in a directory; one process at a time has it."""

    __slots__ = ("_descriptor", "_limit", "_lock", "_missing", "failures", "is_behind", "path", "size")

    def __init__(self, directory: str) -> None:
        """Begin a fresh file of what is there; raises JournalError."""
        self.path = os.path.join(directory, "journal")
        self.failures = 0
        """Writes that the disk refused."""
        self.is_behind = False
        """Whether the file lacks what is alive, since such a write: a crash now would lose it."""
        self._missing: dict[str, bytes] = {}
        self._descriptor, self.size, self._limit = -1, 0, 0
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            self._lock = _locked(self.path + ".lock")
        except OSError as wrong:
            raise JournalError(f"{self.path}: {wrong.strerror}") from wrong
        try:
            self.adopt(rewrite(self.path, None))
        except OSError as wrong:
            os.close(self._lock)
            raise JournalError(f"{self.path}: {wrong.strerror}") from wrong

    def read(self) -> dict[str, bytes]:
        """Return the last state of each key, from the file; OSError if it cannot be read."""
        return _read(self.path, self.size)

    def write(self, records: Sequence[Record]) -> bool:
        """Write what belongs together; false when the disk does not take it, or is behind.

        What could not be written is remembered until ``catch_up`` has written it.
        """
        if not records:
            return not self.is_behind
        if self.is_behind:
            self._missing.update(records)
            return False
        octets = pack(records)
        try:
            written = os.write(self._descriptor, octets)
            if written != len(octets):
                os.truncate(self.path, self.size)  # a torn turn would hide all that follow
                raise OSError(0, "short write")
        except OSError:
            self.failures += 1
            self.is_behind = True
            self._missing.update(records)
            return False
        self.size += written
        return True

    @property
    def is_large(self) -> bool:
        """Return whether it is time for a fresh file."""
        return self.size > self._limit and not self.is_behind

    def adopt(self, fresh: Fresh) -> None:
        """Go on in a fresh file, which gets what was written meanwhile; OSError: the old one serves on."""
        try:
            size = fresh.size
            if self._descriptor >= 0:
                size += _copy_rest(self.path, fresh.up_to, self.size, fresh.descriptor)
            os.rename(self.path + ".new", self.path)
        except OSError:
            _give_up(self.path, fresh.descriptor)
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self.size = fresh.descriptor, size
        self._limit = max(SMALLEST_TO_COMPACT_OCTETS, 4 * fresh.size)

    def catch_up(self) -> bool:
        """Begin a fresh file with what is missing, if anything is; false when the disk still refuses."""
        if self.is_behind:
            try:
                self.adopt(rewrite(self.path, self.size, self._missing))
            except OSError:
                self.failures += 1
                return False
            self._missing, self.is_behind = {}, False
        return True

    def duplicate(self) -> int:
        """Return another descriptor of the file, for ``sync`` in a thread; OSError."""
        return os.dup(self._descriptor)

    def close(self) -> None:
        """Close the file; what it holds is the next start's."""
        os.close(self._descriptor)
        os.close(self._lock)
        self._descriptor = -1

    def clear(self, keep: tuple[str, ...] = ()) -> None:
        """Forget everything but what has a key that begins so; OSError if the file cannot be read."""
        gone = [(key, b"") for key in self.read() if not key.startswith(keep)]
        self.write(gone)


def sync(descriptor: int, path: str) -> None:
    """Put a journal and its name out of a power cut's reach, and close the descriptor; OSError if the disk refuses.

    It takes as long as the disk needs, and touches nothing that a running journal uses.
    """
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


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
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
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


def _read(path: str, size: int | None) -> dict[str, bytes]:
    """Return the last state of each key in the first ``size`` octets (``None``: all)."""
    try:
        with open(path, "rb") as file:
            return unpack(file.read() if size is None else file.read(size))
    except FileNotFoundError:
        return {}


def rewrite(path: str, size: int | None, missing: dict[str, bytes] | None = None) -> Fresh:
    """Write what is alive in a journal, and ``missing``, into a new file beside it; OSError.

    It touches nothing that a running journal uses, so a thread may do it.
    """
    alive = _read(path, size)
    for key, state in (missing or {}).items():
        if state:
            alive[key] = state
        else:
            alive.pop(key, None)
    records = iter(alive.items())
    octets = bytearray()
    while turn := list(islice(records, RECORDS_A_TURN)):
        octets += pack(turn)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        _write_all(descriptor, octets)
        os.fsync(descriptor)
    except OSError:
        _give_up(path, descriptor)
        raise
    return Fresh(descriptor, len(octets), size or 0)


def _copy_rest(path: str, begin: int, end: int, target: int) -> int:
    """Copy what a file has from ``begin`` to ``end``; return how many octets."""
    with open(path, "rb") as file:
        file.seek(begin)
        left = end - begin
        while left > 0:
            piece = file.read(min(left, _PIECE_OCTETS))
            if not piece:
                raise OSError(0, "the journal is shorter than it was")
            _write_all(target, piece)
            left -= len(piece)
    return end - begin


def _write_all(descriptor: int, octets: bytes | bytearray) -> None:
    view = memoryview(octets)
    while view:
        view = view[os.write(descriptor, view) :]


def _give_up(path: str, descriptor: int) -> None:
    os.close(descriptor)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path + ".new")
