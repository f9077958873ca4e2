"""Where programs hang: TCX, or filters of the queueing discipline ``clsact`` (TC), and drivers (XDP).

Where the kernel has TCX (``tcx.py``), that is where our programs go, and filters of ours that are found on
the way give way to them.  There a program is ours by its id.  A filter is ours by its priority and handle,
the handle being the index of the instance's own interface: two instances share a machine, and a restarted
one finds what it has left.  Putting a program in the place of another is one step in the kernel; no packet
passes in between.

Numbers are those of ``linux/pkt_sched.h``, ``linux/pkt_cls.h`` and ``linux/if_link.h``.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain

from bras.dataplane import tcx
from bras.dataplane.links import LINK, SETLINK
from bras.dataplane.objects import Program
from bras.dataplane.rtnetlink import CREATE, EXCLUSIVE, REPLACE, U32, Conversation, attribute, attributes, nested

PRIORITY = 1701
_TC = struct.Struct("=BxxxiIII")
"""``struct tcmsg``: family, index, handle, parent, info."""
_NEWQDISC, _DELQDISC = 36, 37
_NEWTFILTER, _DELTFILTER, _GETTFILTER = 44, 45, 46
_CLSACT = 0xFFFFFFF1
_CLSACT_HANDLE = 0xFFFF0000
_TCA_KIND, _TCA_OPTIONS = 1, 2
_BPF_FD, _BPF_NAME, _BPF_FLAGS, _BPF_ID = 6, 7, 8, 11
_DIRECT_ACTION = 1
_ALL_PROTOCOLS = socket.htons(3)
_XDP, _XDP_FD, _XDP_FLAGS = 43, 1, 3
_FD = struct.Struct("=i")
_XDP_IF_NONE, _XDP_DRIVER = 1 << 0, 1 << 2
_NOTHING = {errno.ENOENT, errno.EINVAL, errno.ENODEV}
"""What kernels say when there is no such filter, no ``clsact`` or no interface."""
_REFUSED = {errno.EINVAL, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS}
"""What kernels say that will not have a program hung at TCX, now or ever."""


class Side(IntEnum):
    """The two sides of an interface, by their parents in ``clsact``."""

    INGRESS = 0xFFFFFFF2
    EGRESS = 0xFFFFFFF3

    @property
    def way(self) -> int:
        """Return what TCX calls it."""
        return tcx.INGRESS if self is Side.INGRESS else tcx.EGRESS


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that runs a BPF program."""

    side: Side
    priority: int
    handle: int
    program: int
    """Its id."""
    name: str


class Hooks:
    """Attaches and detaches; every call raises OSError when the kernel refuses.

    It acts in the network namespace of the conversation, which has to be that of the calling thread.
    """

    __slots__ = ("_kernel", "_ours", "_tcx", "handle")

    def __init__(self, kernel: Conversation, handle: int, ours: dict[int, Program] | None = None) -> None:
        """Attach by this conversation, with filters of this ``handle``; ``ours`` are programs of ours by id.

        Those of a predecessor should be among them.
        """
        self._kernel = kernel
        self.handle = handle
        self._ours = {} if ours is None else ours
        self._tcx = tcx.is_there()

    @property
    def kind(self) -> str:
        """Return where programs hang: `tcx` or `clsact`."""
        return "tcx" if self._tcx else "clsact"

    def attach(self, index: int, side: Side, program: Program) -> None:
        """Run a program on an interface, in the place of ours that may be there."""
        if self._attach_tcx(index, side, program):
            self._delete_filter(index, side)  # and not ``clsact``: as that goes, the interface sends nothing a while
        else:
            self._put_filter(index, side, program)
        for one in self.hanging(index, side):
            if one.id != program.id or not self._tcx:
                tcx.detach(index, side.way, one)

    def _attach_tcx(self, index: int, side: Side, program: Program) -> bool:
        """Tell whether it hangs there now."""
        if not self._tcx:
            return False
        self._ours[program.id] = program
        hanging = self.hanging(index, side)
        try:
            if program not in hanging:
                tcx.attach(index, side.way, program, instead_of=next(iter(hanging), None))
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            self._tcx = False
        return self._tcx

    def _put_filter(self, index: int, side: Side, program: Program) -> None:
        try:
            self._kernel.request(_NEWQDISC, CREATE | EXCLUSIVE, _clsact(index))
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
        what = nested(
            _TCA_OPTIONS,
            attribute(_BPF_FD, U32.pack(program.fd)),
            attribute(_BPF_NAME, program.name.encode() + b"\0"),
            attribute(_BPF_FLAGS, U32.pack(_DIRECT_ACTION)),
        )
        self._kernel.request(_NEWTFILTER, CREATE | REPLACE, self._filter(index, side) + what)

    def hanging(self, index: int, side: Side) -> list[Program]:
        """Return those of our programs that hang at TCX there, in the order in which they run."""
        try:
            there = tcx.attached(index, side.way)
        except OSError:  # no TCX, no interface or no right
            return []
        return [self._ours[number] for number in there if number in self._ours]

    def attached(self, index: int, side: Side) -> int:
        """Return the id of the program of ours that runs there; 0: there is none."""
        at_tcx = [one.id for one in self.hanging(index, side)]
        ours = (one for one in self.filters(index, side) if (one.priority, one.handle) == (PRIORITY, self.handle))
        return next(chain(at_tcx, (one.program for one in ours)), 0)

    def detach(self, index: int, side: Side) -> bool:
        """Take our program away, wherever it hangs; tells whether there was one."""
        at_tcx = self.detach_tcx(index, side)
        return self.detach_filter(index, side) or at_tcx

    def detach_tcx(self, index: int, side: Side) -> bool:
        """Take our programs away from TCX; tells whether there was one."""
        hanging = self.hanging(index, side)
        for one in hanging:
            tcx.detach(index, side.way, one)
        return bool(hanging)

    def detach_filter(self, index: int, side: Side, handle: int = 0) -> bool:
        """Take our filter away (or that of another ``handle``), and ``clsact`` too if it is empty then.

        Tells whether there was one.
        """
        there = self._delete_filter(index, side, handle)
        if there:
            self.tidy(index)
        return there

    def _delete_filter(self, index: int, side: Side, handle: int = 0) -> bool:
        return self._delete(_DELTFILTER, self._filter(index, side, handle))

    def tidy(self, index: int) -> None:
        """Take ``clsact`` away, if it is there and no filter needs it."""
        if not any(self._dump(index, each) for each in Side):
            self._delete(_DELQDISC, _clsact(index))

    def _delete(self, kind: int, body: bytes) -> bool:
        try:
            self._kernel.request(kind, 0, body)
        except OSError as error:
            if error.errno in _NOTHING:
                return False
            raise
        return True

    def _filter(self, index: int, side: Side, handle: int = 0) -> bytes:
        head = _TC.pack(0, index, handle or self.handle, side, PRIORITY << 16 | _ALL_PROTOCOLS)
        return head + attribute(_TCA_KIND, b"bpf\0")

    def filters(self, index: int, side: Side) -> Iterator[Filter]:
        """Iterate over the filters of an interface that run BPF programs, whoever's they are."""
        for body in self._dump(index, side):
            _, _, handle, _, info = _TC.unpack_from(body)
            of = attributes(body, _TC.size)
            options = attributes(of.get(_TCA_OPTIONS, b""))
            if of.get(_TCA_KIND) == b"bpf\0" and _BPF_ID in options:
                name = options.get(_BPF_NAME, b"").rstrip(b"\0").decode(errors="replace")
                yield Filter(side, info >> 16, handle, U32.unpack(options[_BPF_ID])[0], name)

    def _dump(self, index: int, side: Side) -> list[bytes]:
        try:
            return self._kernel.dump(_GETTFILTER, _TC.pack(0, index, 0, side, 0))
        except OSError as error:
            if error.errno in _NOTHING:
                return []
            raise

    def attach_xdp(self, index: int, program: Program, *, over: bool) -> None:
        """Run a program in the driver of an interface, in the place of what is there or (not ``over``) of nothing.

        EOPNOTSUPP: the driver cannot.  EBUSY: another program is there.
        """
        self._set_xdp(index, program.fd, _XDP_DRIVER | (0 if over else _XDP_IF_NONE))

    def detach_xdp(self, index: int) -> None:
        """Take the program, whoever's it is, out of the driver of an interface."""
        self._set_xdp(index, -1, _XDP_DRIVER)

    def _set_xdp(self, index: int, fd: int, flags: int) -> None:
        what = attribute(_XDP_FD, _FD.pack(fd)), attribute(_XDP_FLAGS, U32.pack(flags))
        self._kernel.request(SETLINK, 0, LINK.pack(0, 0, index, 0, 0) + nested(_XDP, *what))


def _clsact(index: int) -> bytes:
    return _TC.pack(0, index, _CLSACT_HANDLE, _CLSACT, 0) + attribute(_TCA_KIND, b"clsact\0")
