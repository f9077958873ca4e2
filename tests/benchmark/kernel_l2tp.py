"""The kernel's own L2TP (``l2tp_ppp``) with one session that nobody negotiated, as an LNS's data plane."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct

from bras.dataplane.rows import dotted
from bras.ids import session_of, tunnel_of
from tests.benchmark.frames import FIRST, LAC, LNS, call_of
from tests.interop.guest.kernel_lac import PPPIOCGCHAN, pppox

_PPPIOCATTCHAN, _PPPIOCCONNECT, _PPPIOCNEWUNIT = 0x40047438, 0x4004743A, 0xC004743E
_INT = struct.Struct("=i")
MTU = 1460


class KernelSession:
    """The first session of a tunnel, and its ppp interface, in the namespace of who makes it."""

    def __init__(self) -> None:
        """Make tunnel, session, channel and interface; the interface is not up yet."""
        with contextlib.ExitStack() as made:
            udp = made.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind((LNS, 1701))
            udp.connect((LAC, 1701))
            tunnel, number = tunnel_of(call_of(0)), session_of(call_of(0))
            made.enter_context(pppox(udp, (tunnel, 0, 7, 0)))
            session = made.enter_context(pppox(udp, (tunnel, number, 7, 1)))
            channel, unit = (_device(made) for _ in range(2))
            index = fcntl.ioctl(session, PPPIOCGCHAN, bytes(4))
            fcntl.ioctl(channel, _PPPIOCATTCHAN, index)
            number = fcntl.ioctl(unit, _PPPIOCNEWUNIT, _INT.pack(-1))
            fcntl.ioctl(channel, _PPPIOCCONNECT, number)
            self.interface = f"ppp{_INT.unpack(number)[0]}"
            self._made = made.pop_all()

    @property
    def settings(self) -> tuple[tuple[str, ...], ...]:
        """What ``ip`` has to be told so that it forwards."""
        link = ("link", "set", self.interface, "mtu", str(MTU), "up")
        return link, ("address", "add", "10.255.255.1", "peer", dotted(FIRST), "dev", self.interface)

    def close(self) -> None:
        """End it; the interface goes too."""
        self._made.close()


def _device(stack: contextlib.ExitStack) -> int:
    fd = os.open("/dev/ppp", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    stack.callback(os.close, fd)
    return fd
