"""A LAC with subscribers whose stacks are kernels' own, each in a namespace, and one socket for all their calls.

Written from RFC 2661 section 3.1 alone; it shares no code with the product, so that one error cannot be on both sides.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import Counter
from dataclasses import dataclass

from tests.support.namespaces import Namespace
from tests.support.pump import BATCH, Loop, make_tun

_PPP = {4: b"\x00\x21", 6: b"\x00\x57"}


@dataclass(frozen=True, slots=True)
class Line:
    """One subscriber: ``call`` is what the LNS has assigned, ``peer_session_id`` what the LAC has (it hears that)."""

    namespace: Namespace
    call: int
    peer_session_id: int
    addresses: tuple[str, ...]
    """The first of each family is the one that it speaks from."""
    mtu: int = 1500


class Concentrator(Loop):
    """Gives each line's namespace an interface ppp0, whose packets travel as L2TP data of its call."""

    def __init__(self, lac: socket.socket, *lines: Line) -> None:
        """``lac`` is connected to the LNS."""
        self._lac = lac
        self._devices: dict[int, bytes] = {}
        self._sessions: dict[int, int] = {}
        self.headers: Counter[bytes] = Counter()
        """Octets before the packets that came, and how many they were."""
        self.strangers: list[bytes] = []
        """What came for no call of ours, or is no data."""
        for line in lines:
            device = _interface(line)
            self._devices[device] = struct.pack("!HI", 2, line.call) + b"\xff\x03"
            self._sessions[line.peer_session_id] = device
        lac.setblocking(False)
        super().__init__(lac.fileno(), *self._devices)

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)  # type: ignore[arg-type]  # as the context protocol passes them
        for device in self._devices:
            os.close(device)

    def _readable(self, descriptor: int) -> None:
        try:
            for _ in range(BATCH):
                if descriptor in self._devices:
                    packet = os.read(descriptor, 65535)
                    if not of_groups(packet):
                        self._lac.send(self._devices[descriptor] + _PPP[packet[0] >> 4] + packet)
                else:
                    self._heard(self._lac.recv(65535))
        except BlockingIOError:
            return

    def _heard(self, data: bytes) -> None:
        found = _packet(data)
        device = self._sessions.get(found[0]) if found else None
        if found is None or device is None:
            self.strangers.append(data)
            return
        self.headers[data[: found[1]]] += 1
        os.write(device, data[found[1] :])


def of_groups(packet: bytes) -> bool:
    """Tell what kernels say to multicast groups unasked; tests that are about such packets send their own."""
    return packet[0] >> 4 == 6 and packet[24] == 0xFF


def _packet(data: bytes) -> tuple[int, int] | None:
    """Return the session id of a data message, which may have its length, and where the packet in it begins."""
    flags, length = struct.unpack_from("!HH", data)
    at = 4 if flags == 0x4002 else 2
    if flags not in {0x0002, 0x4002} or (at == 4 and length != len(data)):
        return None
    _, session_id = struct.unpack_from("!HH", data, at)
    at += 4
    at += 2 * (data[at : at + 2] == b"\xff\x03")
    at += data[at] == 0
    return (session_id, at + 1) if data[at] in {0x21, 0x57} else None


def _interface(line: Line) -> int:
    with line.namespace.entered():
        device = make_tun("ppp0")
    commands = [f"link set ppp0 mtu {line.mtu} up"]
    for address in line.addresses:
        everywhere, rest = ("::/0", "/128 dev ppp0 nodad") if ":" in address else ("0.0.0.0/0", "/32 dev ppp0")
        commands.append(f"address add {address}{rest}")
        commands.append(f"route replace {everywhere} dev ppp0 src {address}")
    line.namespace.ip_all(*commands)
    line.namespace.hold(*(address for address in line.addresses if ":" in address))
    return device
