"""BPF maps: made, read, written, walked.

Single operations cost about a microsecond: keys and values are ``bytes`` that the kernel reads
where they are, and the call does not let go of the interpreter.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from collections.abc import Iterator
from ctypes import byref, c_size_t, c_uint32, c_uint64
from dataclasses import dataclass
from pathlib import Path

from bras.dataplane.libbpf import (
    LibbpfError,
    check,
    describe,
    library,
    options,
    pin,
    pinned,
    possible_cpus,
    quick,
)

HASH, ARRAY, PERCPU_HASH, PERCPU_ARRAY, LPM_TRIE, DEVMAP_HASH = 1, 2, 5, 6, 11, 25
NO_PREALLOC, READ_ONLY_PROGRAM, MMAPABLE = 1 << 0, 1 << 7, 1 << 10
ANY, NEW, THERE = 0, 1, 2
"""Flags of an update: whether the key may, must not or must be there."""
_PER_CPU = {PERCPU_HASH, PERCPU_ARRAY}
_CHUNK = 4096
"""Entries that are read in one call."""
_UNABLE = {errno.EINVAL, errno.EOPNOTSUPP, 524}
"""How kernels say that a kind of map has no batches."""


@dataclass(frozen=True, slots=True)
class MapShape:
    """What a map is made with; two of the same shape are interchangeable."""

    kind: int
    key_octets: int
    value_octets: int
    entries: int
    flags: int


class _CreateOptions(ctypes.Structure):
    """``struct bpf_map_create_opts``."""

    _fields_ = (
        *(("sz", c_size_t), ("btf", c_uint32 * 4), ("inner_map_fd", c_uint32), ("map_flags", c_uint32)),
        *(("map_extra", c_uint64), ("numa_node", c_uint32), ("map_ifindex", c_uint32)),
    )


class _Info(ctypes.Structure):
    """The beginning of ``struct bpf_map_info``."""

    _fields_ = (
        *(("type", c_uint32), ("id", c_uint32), ("key_size", c_uint32), ("value_size", c_uint32)),
        *(("max_entries", c_uint32), ("map_flags", c_uint32), ("name", ctypes.c_char * 16)),
    )


class _BatchOptions(ctypes.Structure):
    """``struct bpf_map_batch_opts``."""

    _fields_ = (("sz", c_size_t), ("elem_flags", c_uint64), ("flags", c_uint64))


class Map:
    """A map in the kernel, kept there by a descriptor of ours."""

    __slots__ = ("_delete", "_lookup", "_update", "_value", "fd", "id", "name", "shape")

    def __init__(self, fd: int) -> None:
        """Take over a descriptor; raises LibbpfError if it is no map's."""
        self.fd = fd
        info = _Info()
        describe(fd, "map", info)
        self.id: int = info.id
        self.name: str = info.name.decode()
        self.shape = MapShape(info.type, info.key_size, info.value_size, info.max_entries, info.map_flags)
        self._update, self._delete = quick().bpf_map_update_elem, quick().bpf_map_delete_elem
        self._lookup = quick().bpf_map_lookup_elem
        octets = -(-info.value_size // 8) * 8 * possible_cpus() if info.type in _PER_CPU else info.value_size
        self._value = ctypes.create_string_buffer(octets)

    @classmethod
    def create(cls, name: str, shape: MapShape) -> Map:
        """Make a map; raises LibbpfError."""
        given = options(_CreateOptions, map_flags=shape.flags)
        sizes = shape.key_octets, shape.value_octets, shape.entries
        made = library().bpf_map_create(shape.kind, name.encode(), *sizes, byref(given))
        return cls(check(made, f"make the map {name}"))

    @classmethod
    def pinned(cls, path: Path) -> Map:
        """Open a map by the path where it is pinned; raises LibbpfError."""
        fd = pinned(path)
        try:
            return cls(fd)
        except LibbpfError:
            os.close(fd)
            raise

    @classmethod
    def by_id(cls, number: int) -> Map:
        """Open a map by its id, which takes CAP_SYS_ADMIN; raises LibbpfError."""
        return cls(check(library().bpf_map_get_fd_by_id(number), f"open the map {number}"))

    def pin(self, path: Path) -> None:
        """Pin it; raises LibbpfError."""
        pin(self.fd, path)

    def close(self) -> None:
        """Let go of it; may be called twice."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def lookup(self, key: bytes) -> bytes | None:
        """Return the value of a key, if there is one; of a per-CPU map the values of all CPUs, 8-aligned."""
        result = self._lookup(self.fd, key, self._value)
        if result == 0:
            return self._value.raw
        if result == -errno.ENOENT:
            return None
        raise self._error("look up", result)

    def per_cpu(self, key: bytes) -> list[bytes]:
        """Return the value of each possible CPU; an empty list if there is no such key."""
        values, octets = self.lookup(key) or b"", self.shape.value_octets
        return [values[at : at + octets] for at in range(0, len(values), -(-octets // 8) * 8)]

    def update(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        """Set the value of a key; raises LibbpfError (``errno`` E2BIG: full; EEXIST, ENOENT: as ``flags`` say)."""
        result = self._update(self.fd, key, value, flags)
        if result:
            raise self._error("write to", result)

    def delete(self, key: bytes) -> bool:
        """Remove a key; tells whether it was there."""
        result = self._delete(self.fd, key)
        if result == 0:
            return True
        if result == -errno.ENOENT:
            return False
        raise self._error("delete from", result)

    def update_batch(self, keys: bytes, values: bytes, flags: int = ANY) -> None:
        """Set many values: keys and values one after the other; raises LibbpfError, some may be done then."""
        count = c_uint32(len(keys) // self.shape.key_octets)
        if count.value:
            given = byref(_BatchOptions(ctypes.sizeof(_BatchOptions), flags, 0)) if flags else None
            result = library().bpf_map_update_batch(self.fd, keys, values, byref(count), given)
            if result:
                raise self._error("write to", result)

    def delete_batch(self, keys: bytes) -> int:
        """Remove many keys; returns how many of them were there."""
        octets, at, gone = self.shape.key_octets, 0, 0
        buffer = ctypes.create_string_buffer(keys, len(keys))
        while at < len(keys):
            count = c_uint32((len(keys) - at) // octets)
            result = library().bpf_map_delete_batch(self.fd, byref(buffer, at), byref(count), None)
            gone += count.value
            if result == 0:
                break
            if result != -errno.ENOENT:
                raise self._error("delete from", result)
            at += (count.value + 1) * octets
        return gone

    def keys(self) -> Iterator[bytes]:
        """Walk the keys; those that come or go meanwhile may be missed or met twice."""
        key, following = None, ctypes.create_string_buffer(self.shape.key_octets)
        step = quick().bpf_map_get_next_key
        while (result := step(self.fd, key, following)) == 0:
            key = following.raw
            yield key
        if result != -errno.ENOENT:
            raise self._error("walk", result)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Walk keys and values, many at a time where the kernel can; in the face of changes as ``keys``."""
        first = None if self.shape.kind in _PER_CPU else self._chunk(None)
        if first is None:
            pairs = ((key, self.lookup(key)) for key in self.keys())
            yield from ((key, value) for key, value in pairs if value is not None)
            return
        pairs_read, token = first
        yield from pairs_read
        while token is not None:
            following = self._chunk(token)
            assert following is not None, "a map that had batches a moment ago"
            pairs_read, token = following
            yield from pairs_read

    def _chunk(self, token: bytes | None) -> tuple[list[tuple[bytes, bytes]], bytes | None] | None:
        """Return the entries after ``token`` and the next token, if there may be more; None: no batches."""
        k, v = self.shape.key_octets, self.shape.value_octets
        keys, values = ctypes.create_string_buffer(k * _CHUNK), ctypes.create_string_buffer(v * _CHUNK)
        after, count = ctypes.create_string_buffer(max(k, 4)), c_uint32(_CHUNK)
        result = library().bpf_map_lookup_batch(self.fd, token, after, keys, values, byref(count), None)
        if result not in {0, -errno.ENOENT}:
            if token is None and -result in _UNABLE:
                return None
            raise self._error("walk", result)
        raw_keys, raw_values = keys.raw, values.raw
        pairs = [(raw_keys[i * k : i * k + k], raw_values[i * v : i * v + v]) for i in range(count.value)]
        return pairs, after.raw if result == 0 else None

    def memory(self) -> memoryview:
        """Return the values of an MMAPABLE array, as octets that we share with the programs; raises LibbpfError."""
        octets = -(-self.shape.value_octets // 8) * 8 * self.shape.entries
        try:
            whole = mmap.mmap(self.fd, -(-octets // mmap.PAGESIZE) * mmap.PAGESIZE)
        except OSError as error:
            raise self._error("map the memory of", -(error.errno or 0)) from error
        return memoryview(whole)[:octets]

    def _error(self, doing: str, result: int) -> LibbpfError:
        return LibbpfError(f"{doing} the map {self.name}", -result)
