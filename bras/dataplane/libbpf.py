"""A small typed binding to ``libbpf.so.1``: objects and their programs; maps are in ``maps.py``.

No compiler and no header is needed at run time.  The structures of options are those of
``bpf/libbpf.h`` and ``bpf/bpf.h`` (libbpf 1.x keeps its ABI), numbers those of ``linux/bpf.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from ctypes import POINTER, c_bool, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bras.dataplane.base import DataPlaneError

_SONAME = "libbpf.so.1"
_MISSING = f"{_SONAME} is not there: install it (Debian and Ubuntu: apt install libbpf1)"
_TEXT_OCTETS = 1 << 16
"""The end of a verifier's log says why; the beginning is left out."""
_DEBUG = 2
_NO_RIGHT = (
    "this needs CAP_BPF and CAP_NET_ADMIN: run it as root, or give the unit AmbientCapabilities=CAP_BPF CAP_NET_ADMIN"
)
_OLD = "this kernel does not know what is asked of it: it takes Linux 5.15 or newer, built with CONFIG_BPF_SYSCALL"
_WORDS = {
    errno.EPERM: _NO_RIGHT,
    errno.ENOSYS: "this kernel was built without BPF (CONFIG_BPF_SYSCALL)",
    errno.EACCES: "the kernel's verifier, or the rights of a directory, say no",
    errno.EINVAL: _OLD,
    524: _OLD,  # ENOTSUPP, which the C library has no name for
    errno.E2BIG: "there is no room for one more",
    4001: "this is no BPF object file",
    4007: _OLD,
    4008: "the kernel's verifier says no",
}

LIVE_FRAMES = 1 << 1
"""Flag of a test run: the verdicts are carried out (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18)."""


def words(code: int) -> str:
    """Return what an error number of BPF or libbpf means to an operator."""
    return _WORDS.get(code) or os.strerror(code)


class LibbpfError(DataPlaneError):
    """The kernel or libbpf refused; the text says what was wanted and why it failed, in words."""

    def __init__(self, wanted: str, code: int, log: str = "") -> None:
        """Remember the error number, and what libbpf and the verifier had to say."""
        super().__init__(f"{wanted}: {words(code)}")
        self.errno = code
        self.log = log


_PROTOTYPES: tuple[tuple[str, Any, tuple[Any, ...]], ...] = (
    ("bpf_object__open_file", c_void_p, (c_char_p, c_void_p)),
    ("bpf_object__load", c_int, (c_void_p,)),
    ("bpf_object__close", None, (c_void_p,)),
    ("bpf_object__next_map", c_void_p, (c_void_p, c_void_p)),
    ("bpf_object__find_map_by_name", c_void_p, (c_void_p, c_char_p)),
    ("bpf_object__next_program", c_void_p, (c_void_p, c_void_p)),
    ("bpf_object__find_program_by_name", c_void_p, (c_void_p, c_char_p)),
    ("bpf_program__name", c_char_p, (c_void_p,)),
    ("bpf_program__fd", c_int, (c_void_p,)),
    ("bpf_program__set_autoload", c_int, (c_void_p, c_bool)),
    ("bpf_map__name", c_char_p, (c_void_p,)),
    ("bpf_map__fd", c_int, (c_void_p,)),
    ("bpf_map__type", c_int, (c_void_p,)),
    ("bpf_map__key_size", c_uint32, (c_void_p,)),
    ("bpf_map__value_size", c_uint32, (c_void_p,)),
    ("bpf_map__max_entries", c_uint32, (c_void_p,)),
    ("bpf_map__map_flags", c_uint32, (c_void_p,)),
    ("bpf_map__is_internal", c_bool, (c_void_p,)),
    ("bpf_map__set_max_entries", c_int, (c_void_p, c_uint32)),
    ("bpf_map__set_pin_path", c_int, (c_void_p, c_char_p)),
    ("bpf_map__set_initial_value", c_int, (c_void_p, c_char_p, c_size_t)),
    ("bpf_map__reuse_fd", c_int, (c_void_p, c_int)),
    ("bpf_map_create", c_int, (c_int, c_char_p, c_uint32, c_uint32, c_uint32, c_void_p)),
    ("bpf_map_lookup_elem", c_int, (c_int, c_char_p, c_void_p)),
    ("bpf_map_update_elem", c_int, (c_int, c_char_p, c_char_p, c_uint64)),
    ("bpf_map_delete_elem", c_int, (c_int, c_char_p)),
    ("bpf_map_get_next_key", c_int, (c_int, c_char_p, c_void_p)),
    ("bpf_map_update_batch", c_int, (c_int, c_char_p, c_char_p, c_void_p, c_void_p)),
    ("bpf_map_delete_batch", c_int, (c_int, c_void_p, c_void_p, c_void_p)),
    ("bpf_map_lookup_batch", c_int, (c_int, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    ("bpf_obj_get", c_int, (c_char_p,)),
    ("bpf_obj_pin", c_int, (c_int, c_char_p)),
    ("bpf_obj_get_info_by_fd", c_int, (c_int, c_void_p, POINTER(c_uint32))),
    ("bpf_prog_test_run_opts", c_int, (c_int, c_void_p)),
    ("libbpf_num_possible_cpus", c_int, ()),
    ("libbpf_set_print", c_void_p, (c_void_p,)),
)

_PRINT = ctypes.CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)
_libc = ctypes.CDLL(None)
_libc.vasprintf.argtypes = (POINTER(c_void_p), c_char_p, c_void_p)
_libc.free.argtypes = (c_void_p,)
_said: list[str] = []


def _listen(level: int, form: bytes, arguments: int | None) -> int:
    """Keep what libbpf says; a ``va_list`` is passed on as a pointer by the ABIs of all 64-bit Linux."""
    if level < _DEBUG:
        text = c_void_p()
        if _libc.vasprintf(ctypes.byref(text), form, arguments) >= 0 and text.value is not None:
            _said.append(ctypes.string_at(text.value).decode(errors="replace")[-_TEXT_OCTETS:])
            _libc.free(text)
    return 0


_print = _PRINT(_listen)


def take_log() -> str:
    """Return, once, what libbpf and the verifier have said: for people who debug."""
    text = "".join(_said)[-_TEXT_OCTETS:]
    _said.clear()
    return text


@cache
def library() -> ctypes.CDLL:
    """Return libbpf for calls that may take long: other threads run meanwhile.  Raises DataPlaneError."""
    found = _typed(ctypes.CDLL)
    found.libbpf_set_print(ctypes.cast(_print, c_void_p))
    return found


@cache
def quick() -> ctypes.CDLL:
    """Return libbpf for calls of a microsecond, which do not let go of the interpreter.  Raises DataPlaneError."""
    return _typed(ctypes.PyDLL)


def _typed(kind: type[ctypes.CDLL]) -> ctypes.CDLL:
    try:
        found = kind(_SONAME, use_errno=kind is ctypes.CDLL)
        for name, result, arguments in _PROTOTYPES:
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise DataPlaneError(_MISSING) from error
    return found


def check(result: int, wanted: str) -> int:
    """Return what a call of libbpf returned, or raise LibbpfError if that is an error number."""
    if result < 0:
        raise LibbpfError(wanted, -result, take_log())
    return result


def possible_cpus() -> int:
    """Return how many values an entry of a per-CPU map has."""
    return check(library().libbpf_num_possible_cpus(), "the number of CPUs")


def options(kind: type[ctypes.Structure], **values: Any) -> Any:
    """Return a structure of options: its first field is its size."""
    return kind(sz=ctypes.sizeof(kind), **values)


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


def describe(fd: int, kind: str, info: ctypes.Structure) -> None:
    """Fill in what the kernel knows of a ``map`` or ``prog``; raises LibbpfError if it is none."""
    if os.readlink(f"/proc/self/fd/{fd}") != f"anon_inode:bpf-{kind}":  # the call below would answer for either
        raise LibbpfError(f"a BPF {kind}", errno.EBADF)
    size = c_uint32(ctypes.sizeof(info))
    check(library().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size)), f"a BPF {kind}")


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


def pinned(path: Path) -> int:
    """Return a new descriptor of what is pinned there; raises LibbpfError (``errno`` ENOENT: nothing is)."""
    return check(library().bpf_obj_get(bytes(path)), f"open {path}")


def pin(fd: int, path: Path) -> None:
    """Keep a map or program in the kernel under a path in a BPF file system; raises LibbpfError."""
    check(library().bpf_obj_pin(fd, bytes(path)), f"pin {path}")


@dataclass(frozen=True, slots=True)
class MapShape:
    """What a map is made with; two of the same shape are interchangeable."""

    kind: int
    key_octets: int
    value_octets: int
    entries: int
    flags: int


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
        check(self._library.bpf_object__load(self._handle), self._loading)

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
