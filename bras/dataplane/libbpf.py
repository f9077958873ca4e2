"""A small typed binding to ``libbpf.so.1``; what it is for is in ``objects.py`` and ``maps.py``.

No compiler and no header is needed at run time.  The structures of options are those of
``bpf/libbpf.h`` and ``bpf/bpf.h`` (libbpf 1.x keeps its ABI), numbers those of ``linux/bpf.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
from ctypes import POINTER, c_bool, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from bras.dataplane.base import DataPlaneError

_SONAME = "libbpf.so.1"
_MISSING = f"{_SONAME} is not there: install it (Debian and Ubuntu: apt install libbpf1)"
_TEXT_OCTETS = 1 << 16
"""The end of a verifier's log says why; the beginning is left out."""
_DEBUG = 2
_RIGHTS = "CAP_BPF CAP_NET_ADMIN CAP_PERFMON"
_NO_RIGHT = f"this needs rights: run it as root, or give the unit AmbientCapabilities={_RIGHTS}"
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
    ("bpf_prog_get_fd_by_id", c_int, (c_uint32,)),
    ("bpf_map_get_fd_by_id", c_int, (c_uint32,)),
    ("bpf_prog_attach_opts", c_int, (c_int, c_int, c_int, c_void_p)),
    ("bpf_prog_detach2", c_int, (c_int, c_int, c_int)),
    ("bpf_prog_query", c_int, (c_int, c_int, c_uint32, c_void_p, c_void_p, c_void_p)),
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


def describe(fd: int, kind: str, info: ctypes.Structure) -> None:
    """Fill in what the kernel knows of a ``map`` or ``prog``; raises LibbpfError if it is none."""
    if os.readlink(f"/proc/self/fd/{fd}") != f"anon_inode:bpf-{kind}":  # the call below would answer for either
        raise LibbpfError(f"a BPF {kind}", errno.EBADF)
    size = c_uint32(ctypes.sizeof(info))
    check(library().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size)), f"a BPF {kind}")


def pinned(path: Path) -> int:
    """Return a new descriptor of what is pinned there; raises LibbpfError (``errno`` ENOENT: nothing is)."""
    return check(library().bpf_obj_get(bytes(path)), f"open {path}")


def pin(fd: int, path: Path) -> None:
    """Keep a map or program in the kernel under a path in a BPF file system; raises LibbpfError."""
    check(library().bpf_obj_pin(fd, bytes(path)), f"pin {path}")
