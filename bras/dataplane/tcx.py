"""TCX (Linux 6.6): programs at the two ways of an interface, with no queueing discipline around them.

Several may hang at one way.  They run one after the other, before all filters of ``clsact``, as long as
each says UNSPEC; what else they say means what it means to a filter.  They stay when the process ends and
go with the interface.  Nothing tells whose one is but its id.

The kernel has one call for this and for control groups, so libbpf's old functions do.  Each acts in the
network namespace of the calling thread.  Numbers are those of ``linux/bpf.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
from ctypes import byref, c_int, c_size_t, c_uint, c_uint32

from bras.dataplane.libbpf import library, options
from bras.dataplane.objects import Program

INGRESS, EGRESS = 46, 47
_REPLACE = 1 << 2
_MOST = 64
"""As many as the kernel lets hang at one way (BPF_MPROG_MAX)."""
_LOOPBACK = 1
"""Index of ``lo`` in every namespace."""


class _AttachOptions(ctypes.Structure):
    """``struct bpf_prog_attach_opts``, as far as libbpf 1.0 knows it."""

    _fields_ = (("sz", c_size_t), ("flags", c_uint), ("replace_prog_fd", c_int))


def is_there() -> bool:
    """Tell whether this kernel has it, and lets us look."""
    try:
        attached(_LOOPBACK, INGRESS)
    except OSError:
        return False
    return True


def attach(index: int, way: int, program: Program, instead_of: Program | None = None) -> None:
    """Let a program run after those that are there, or in the place of one of them.

    Raises OSError.  ENOENT: that one is not there.  No packet passes between the two.
    """
    given = options(_AttachOptions)
    if instead_of is not None:
        given.flags, given.replace_prog_fd = _REPLACE, instead_of.fd
    _done(library().bpf_prog_attach_opts(program.fd, index, way, byref(given)))


def detach(index: int, way: int, program: Program) -> None:
    """Let a program run there no more; raises OSError."""
    _done(library().bpf_prog_detach2(program.fd, index, way))


def attached(index: int, way: int) -> list[int]:
    """Return the ids of all programs there, in their order; raises OSError."""
    ids, count = (c_uint32 * _MOST)(), c_uint32(_MOST)
    result = library().bpf_prog_query(index, way, 0, None, ids, byref(count))
    if result == -errno.ENOENT:  # as some say where nothing ever was
        return []
    _done(result)
    return list(ids[: count.value])


def _done(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
