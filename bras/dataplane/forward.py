"""Forwarding in Python: each packet of each subscriber passes through here, so every line counts.

Up: an L2TP data message becomes an IPv4 packet written to the device.  Down: a packet read
from the device becomes an L2TP data message.  The device is any descriptor that takes and
gives one packet a call.
"""

from __future__ import annotations

import os
import struct

from bras.dataplane.base import DATA_PLANE_REASONS, Address, DataPlaneError
from bras.dataplane.header import locate
from bras.dataplane.icmp import Errors
from bras.dataplane.ipv4 import dont_fragment, fragments
from bras.dataplane.rows import Row, Table, Tally
from bras.dataplane.tcp import PROTOCOL as TCP
from bras.dataplane.tcp import SYN, clamp_mss
from bras.errors import DropReason
from bras.forwarding.entry import Counters
from bras.ids import CallKey

_BATCH = 64
"""Packets at most a wake, so that the sockets and timers have their turn."""
_READ_OCTETS = 2048
"""More than the device's MTU."""
_FIELDS = struct.Struct("!B1xH5xB2x4s4x")
"""Of an IPv4 header: version and header length, total length, protocol, source."""


def _damaged(header: bytes) -> bool:
    """Tell whether an IPv4 header's checksum is wrong: the kernel would refuse it, so it must not be billed."""
    return int.from_bytes(header, "big") % 0xFFFF != 0  # a ones' complement sum of zero, modulo 65535


class Forwarder:
    """Carries packets between calls and the device."""

    def __init__(self, local_address: bytes) -> None:
        """Answer what cannot be forwarded from ``local_address``, four octets."""
        self.drops = dict.fromkeys(DATA_PLANE_REASONS, 0)
        self._table = Table()
        self._total = Tally()
        self._errors = Errors(local_address)
        self._device = -1
        self._unnumbered: list[tuple[CallKey, bytes]] = []

    def totals(self) -> Counters:
        """Return the counters summed over all Entries, past ones too."""
        return self._total.counters()

    def datagram(self, data: bytes, address: Address, *, now: float) -> bool:
        """Forward a data message upstream; False if it is not for the data plane."""
        row, begin, end = self._table.calls.get(data[:10]), 10, len(data)
        if row is None:
            place = locate(data)
            if place is None:
                return False
            key, begin, end = place
            row = self._table.calls.get(key)
            if row is None:
                return False
        if address != row.peer and address[:2] != row.peer[:2]:
            return False
        return self._up(row, data, begin, end, now)

    def forward(self, slot: int, generation: int, packet: bytes, *, now: float) -> None:
        """Forward a packet upstream that the core has found to be in order."""
        row = self._table.row(slot, generation)
        if row is None:
            self._drop(DropReason.NOT_PROGRAMMED)
        else:
            self._up(row, packet, 0, len(packet), now)

    def to_be_numbered(self) -> tuple[tuple[CallKey, bytes], ...]:
        """Return, once, the frames that the core must number and send."""
        if not self._unnumbered:
            return ()
        frames = tuple(self._unnumbered)
        self._unnumbered.clear()
        return frames

    def _up(self, row: Row, data: bytes, begin: int, end: int, now: float) -> bool:
        """Forward the packet that stands in ``data`` from ``begin`` to ``end`` at most."""
        if end - begin < 20:
            return self._drop(DropReason.BAD_PACKET_HEADER)
        first, total, protocol, source = _FIELDS.unpack_from(data, begin)
        size = (first & 0x0F) << 2
        if first >> 4 != 4 or not 20 <= size <= total <= end - begin or _damaged(data[begin : begin + size]):
            return self._drop(DropReason.BAD_PACKET_HEADER)
        if row.checked and self._table.addresses.get(source) is not row:
            row.tally.up_spoofed += 1
            self._total.up_spoofed += 1
            return self._drop(DropReason.SPOOFED_SOURCE)
        if row.police_up is not None and not row.police_up.conforms(total, now):
            row.tally.up_policed += 1
            self._total.up_policed += 1
            return self._drop(DropReason.POLICED_UP)
        packet = data[begin : begin + total]
        if protocol == TCP and row.mss and (total < 34 or packet[33] & SYN or first != 0x45):
            packet = clamp_mss(packet, row.mss)
        return self._write(row, packet, total)

    def _write(self, row: Row, packet: bytes, octets: int) -> bool:
        try:
            os.write(self._device, packet)
        except OSError:
            return self._drop(DropReason.SEND_FAILED)
        tally, total = row.tally, self._total
        tally.up_octets += octets
        tally.up_packets += 1
        total.up_octets += octets
        total.up_packets += 1
        return True

    def _drop(self, reason: DropReason) -> bool:
        self.drops[reason] += 1
        return True

    def on_readable(self, *, now: float) -> None:
        """Forward what waits at the device downstream, a batch at most; raises DataPlaneError when it is gone."""
        device = self._device
        try:
            for _ in range(_BATCH):
                self.packet(os.read(device, _READ_OCTETS), now=now)
        except BlockingIOError:
            return
        except OSError as error:
            raise DataPlaneError(f"the interface was taken away: {error.strerror}") from error

    def packet(self, packet: bytes, *, now: float) -> None:
        """Forward one packet downstream."""
        row = self._table.addresses.get(packet[16:20])
        if row is None or packet[0] >> 4 != 4:
            self._unroutable(packet, now)
            return
        octets = len(packet)
        if octets > row.mtu:
            self._oversize(row, packet, now)
            return
        if row.police_down is not None and not row.police_down.conforms(octets, now):
            self._policed_down(row)
            return
        if packet[9] == TCP and row.mss and (octets < 34 or packet[33] & SYN or packet[0] != 0x45):
            packet = clamp_mss(packet, row.mss)
        try:
            row.way.send(row.header + packet)
        except OSError:
            self.drops[DropReason.SEND_FAILED] += 1
            return
        tally, total = row.tally, self._total
        tally.down_octets += octets
        tally.down_packets += 1
        total.down_octets += octets
        total.down_packets += 1

    def _policed_down(self, row: Row) -> None:
        row.tally.down_policed += 1
        self._total.down_policed += 1
        self.drops[DropReason.POLICED_DOWN] += 1

    def _unroutable(self, packet: bytes, now: float) -> None:
        if not packet or packet[0] >> 4 != 4:
            self.drops[DropReason.NOT_PROGRAMMED] += 1
            return
        self.drops[DropReason.NO_ROUTE] += 1
        self._answer(self._errors.no_host(packet, now=now))

    def _oversize(self, row: Row, packet: bytes, now: float) -> None:
        """Cut a packet that the client cannot take, or tell its sender to (RFC 1191 section 4)."""
        pieces = [] if dont_fragment(packet) else fragments(packet, row.mtu)
        if not pieces:
            row.tally.down_too_big += 1
            self._total.down_too_big += 1
            self.drops[DropReason.TOO_BIG] += 1
            if dont_fragment(packet):
                self._answer(self._errors.too_big(packet, row.mtu, now=now))
            return
        if row.police_down is not None and not row.police_down.conforms(sum(map(len, pieces)), now):
            self._policed_down(row)
            return
        for piece in pieces:
            self._send_piece(row, piece)

    def _send_piece(self, row: Row, piece: bytes) -> None:
        try:
            row.way.send(row.header + piece)
        except OSError:
            self.drops[DropReason.SEND_FAILED] += 1
            return
        for tally in (row.tally, self._total):
            tally.down_octets += len(piece)
            tally.down_packets += 1

    def _answer(self, packet: bytes | None) -> None:
        """Hand an ICMP error to the kernel, which routes it to whom it is for."""
        if packet is None:
            return
        try:
            os.write(self._device, packet)
        except OSError:
            self.drops[DropReason.SEND_FAILED] += 1
