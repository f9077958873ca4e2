"""Object files with programs for the kernel: opened, adjusted, loaded, tried out."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from ctypes import c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bras.dataplane.libbpf import LibbpfError, check, describe, library, options, pinned, take_log
from bras.dataplane.maps import MapShape

_NET_ADMIN, _SYS_ADMIN, _PERFMON, _BPF = (1 << bit for bit in (12, 21, 38, 39))
"""Bits of capabilities, ``linux/capability.h``."""
_MOST_MAPS = 64
"""As many as a program can use (MAX_USED_MAPS)."""
LIVE_FRAMES = 1 << 1
"""Flag of a test run: the verdicts are carried out (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18)."""


class _RunOptions(ctypes.Structure):
    """``struct bpf_test_run_opts``."""

    _fields_ = (
        ("sz", c_size_t),
        ("data_in", c_char_p),
        ("data_out", c_void_p),
        ("data_size_in", c_uint32),
        ("data_size_out", c_uint32),
        ("ctx_in", c_char_p),
        ("ctx_out", c_void_p),
        ("ctx_size_in", c_uint32),
        ("ctx_size_out", c_uint32),
        ("retval", c_uint32),
        ("repeat", c_int),
        ("duration", c_uint32),
        ("flags", c_uint32),
        ("cpu", c_uint32),
        ("batch_size", c_uint32),
    )


class _ProgramInfo(ctypes.Structure):
    """The beginning of ``struct bpf_prog_info``."""

    _fields_ = (
        *(("type", c_uint32), ("id", c_uint32), ("tag", ctypes.c_uint8 * 8), ("lengths", c_uint32 * 2)),
        *(("instructions", c_uint64 * 2), ("load_time", c_uint64), ("uid", c_uint32), ("maps", c_uint32)),
        *(("map_ids", c_uint64), ("name", ctypes.c_char * 16)),
    )


@dataclass(frozen=True, slots=True)
class Run:
    """What a test run of a program gave."""

    verdict: int
    data: bytes
    context: bytes
    duration_ns: int
    """Mean of one repetition."""


class Program:
    """A program in the kernel, kept there by a descriptor of ours."""

    __slots__ = ("fd", "id", "name")

    def __init__(self, fd: int) -> None:
        """Take over a descriptor; raises LibbpfError if it is no program's."""
        self.fd = fd
        info = _ProgramInfo()
        describe(fd, "prog", info)
        self.id: int = info.id
        self.name: str = info.name.decode()
        """At most 15 characters of it."""

    @classmethod
    def pinned(cls, path: Path) -> Program:
        """Open a program by the path where it is pinned; raises LibbpfError."""
        fd = pinned(path)
        try:
            return cls(fd)
        except LibbpfError:
            os.close(fd)
            raise

    @classmethod
    def by_id(cls, number: int) -> Program:
        """Open a program by its id, which takes CAP_SYS_ADMIN; raises LibbpfError."""
        return cls(check(library().bpf_prog_get_fd_by_id(number), f"open the program {number}"))

    def maps(self) -> list[int]:
        """Return the ids of the maps that it uses; raises LibbpfError."""
        ids = (c_uint32 * _MOST_MAPS)()
        info = _ProgramInfo(maps=_MOST_MAPS, map_ids=ctypes.addressof(ids))
        describe(self.fd, "prog", info)
        return list(ids[: min(info.maps, _MOST_MAPS)])

    def close(self) -> None:
        """Let go of it; where it is attached or pinned it stays.  May be called twice."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def run(
        self,
        data: bytes,
        context: bytes = b"",
        *,
        room_octets: int = 65536,
        repeat: int = 1,
        flags: int = 0,
        batch: int = 0,
    ) -> Run:
        """Run it on a packet (BPF_PROG_TEST_RUN); ``context`` is a ``struct __sk_buff`` or ``xdp_md``."""
        live = bool(flags & LIVE_FRAMES)
        out, after = ctypes.create_string_buffer(room_octets), ctypes.create_string_buffer(max(len(context), 256))
        given = options(_RunOptions, data_in=data, data_size_in=len(data), repeat=repeat, flags=flags, batch_size=batch)
        if not live:
            given.data_out, given.data_size_out = ctypes.addressof(out), room_octets
        if context:
            given.ctx_in, given.ctx_size_in = context, len(context)
            if not live:
                given.ctx_out, given.ctx_size_out = ctypes.addressof(after), len(context)
        check(library().bpf_prog_test_run_opts(self.fd, ctypes.byref(given)), f"run {self.name}")
        return Run(given.retval, out.raw[: given.data_size_out], after.raw[: given.ctx_size_out], given.duration)


def _has_rights() -> bool:
    """Tell whether this process has every capability that loading takes."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    held = int(status.partition("CapEff:")[2].split(maxsplit=1)[0], 16)
    return bool(held & _NET_ADMIN and held & (_BPF | _SYS_ADMIN) and held & (_PERFMON | _SYS_ADMIN))


class Object:
    """An object file: opened, adjusted, loaded; what is taken out of it lives on when it is closed."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises LibbpfError."""
        self._library = library()
        self._loading = f"load {path.name}"
        self._handle = self._library.bpf_object__open_file(bytes(path), None)
        if not self._handle:
            raise LibbpfError(f"open {path}", ctypes.get_errno(), take_log())

    def __enter__(self) -> Object:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free it; may be called twice."""
        if self._handle:
            self._library.bpf_object__close(self._handle)
            self._handle = None

    def programs(self) -> list[str]:
        """Return the names of its programs."""
        return [
            self._library.bpf_program__name(each).decode()
            for each in self._walk(self._library.bpf_object__next_program)
        ]

    def maps(self) -> list[str]:
        """Return the names of its maps, but for those that the compiler makes of global variables."""
        found = self._walk(self._library.bpf_object__next_map)
        named = (each for each in found if not self._library.bpf_map__is_internal(each))
        return [self._library.bpf_map__name(each).decode() for each in named]

    def _walk(self, following: Any) -> Iterator[int]:
        each = following(self._handle, None)
        while each:
            yield each
            each = following(self._handle, each)

    def shape(self, name: str) -> MapShape:
        """Return what a map will be made with."""
        of, found = self._library, self._map(name)
        return MapShape(
            of.bpf_map__type(found),
            of.bpf_map__key_size(found),
            of.bpf_map__value_size(found),
            of.bpf_map__max_entries(found),
            of.bpf_map__map_flags(found),
        )

    def resize(self, name: str, entries: int) -> None:
        """Set how many entries a map can have; before ``load``."""
        check(self._library.bpf_map__set_max_entries(self._map(name), entries), f"size of the map {name}")

    def preset(self, name: str, value: bytes) -> None:
        """Set the first content of a map of global variables, ``.rodata`` among them; before ``load``."""
        wanted = f"content of {name}"
        check(self._library.bpf_map__set_initial_value(self._map(name), value, len(value)), wanted)

    def pin_at(self, name: str, path: Path) -> None:
        """Let ``load`` take a map of the same shape from a path, or pin the new one there."""
        check(self._library.bpf_map__set_pin_path(self._map(name), bytes(path)), f"pin {path}")

    def reuse(self, name: str, fd: int) -> None:
        """Let ``load`` take this map instead of a new one; the caller vouches for its shape."""
        check(self._library.bpf_map__reuse_fd(self._map(name), fd), f"reuse the map {name}")

    def leave_out(self, program: str) -> None:
        """Do not load a program: verifying one costs much of a second."""
        check(self._library.bpf_program__set_autoload(self._program(program), False), program)

    def load(self) -> None:
        """Make maps and programs in the kernel; raises LibbpfError with the verifier's text in ``log``."""
        take_log()
        result = self._library.bpf_object__load(self._handle)
        if result < 0:
            # Without CAP_PERFMON the verifier is stricter, and gives as many reasons as there are kernels.
            raise LibbpfError(self._loading, -result if _has_rights() else errno.EPERM, take_log())

    def map_fd(self, name: str) -> int:
        """Return a new descriptor of a loaded map."""
        return os.dup(check(self._library.bpf_map__fd(self._map(name)), f"map {name}"))

    def program(self, name: str) -> Program:
        """Return a loaded program."""
        return Program(os.dup(check(self._library.bpf_program__fd(self._program(name)), name)))

    def _map(self, name: str) -> int:
        return self._found(self._library.bpf_object__find_map_by_name(self._handle, name.encode()), name)

    def _program(self, name: str) -> int:
        return self._found(self._library.bpf_object__find_program_by_name(self._handle, name.encode()), name)

    @staticmethod
    def _found(found: int | None, name: str) -> int:
        if not found:
            raise LibbpfError(f"{name} in the object file", errno.ENOENT)
        return found
