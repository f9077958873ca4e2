"""Forwarding in Python: each packet of each subscriber passes through here, so every line counts.

Up: an L2TP data message becomes an IP packet written to the device.  Down: a packet read
from the device becomes an L2TP data message.  The device is any descriptor that takes and
gives one packet a call.  What is of the link itself (multicast, IPv6 link-local) is the core's.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping

from bras.dataplane.base import DATA_PLANE_REASONS, Address, DataPlaneError, Way
from bras.dataplane.header import locate
from bras.dataplane.icmp import Errors
from bras.dataplane.icmp6 import Errors6
from bras.dataplane.ipv4 import MULTICAST, dont_fragment, fragments
from bras.dataplane.ipv6 import FIELDS as FIELDS6
from bras.dataplane.ipv6 import MULTICAST as MULTICAST6
from bras.dataplane.ipv6 import is_link_local
from bras.dataplane.police import renewed
from bras.dataplane.rows import PPP_IPV6, Counting, Row, Table, Tally, counters_of
from bras.dataplane.tcp import PROTOCOL as TCP
from bras.dataplane.tcp import SYN, clamp_mss, clamp_mss6
from bras.dataplane.ways import way_of
from bras.errors import DropReason
from bras.forwarding.entry import Counters, Route
from bras.ids import CallKey

_BATCH = 64
"""Packets at most a wake, so that the sockets and timers have their turn."""
_READ_OCTETS = 2048
"""More than the device's MTU."""
_FIELDS = struct.Struct("!B1xH5xB2x4sB3x")
"""Of an IPv4 header: version and header length, total length, protocol, source, first octet of the destination."""
_HEADER4_OCTETS, _HEADER6_OCTETS = _FIELDS.size, FIELDS6.size
_PPP_IPV6 = PPP_IPV6[-1]


def _damaged(header: bytes) -> bool:
    """Tell whether an IPv4 header's checksum is wrong: the kernel would refuse it, so it must not be billed."""
    return int.from_bytes(header, "big") % 0xFFFF != 0  # a ones' complement sum of zero, modulo 65535


class Forwarder:
    """Carries packets between calls and the device."""

    def __init__(self, local_address: bytes) -> None:
        """Answer what cannot be forwarded from ``local_address``, four octets."""
        self._dropped = dict.fromkeys(DATA_PLANE_REASONS, 0)
        self._table = Table(self._make_row)
        self._total: Counting = Tally()
        self._errors = Errors(local_address)
        self._errors6 = Errors6()
        self._device = -1
        self._unnumbered: list[tuple[CallKey, bytes]] = []

    @property
    def drops(self) -> Mapping[DropReason, int]:
        """Return the packets dropped since the start, by reason."""
        return self._dropped

    def totals(self) -> Counters:
        """Return the counters summed over all Entries, past ones too."""
        return counters_of(self._total)

    def _make_row(self, route: Route, way: Way, before: Row | None) -> Row:
        """Return the row of a Route; counters and policers go on where those of ``before``, if any, stand."""
        tally, up, down = (before.tally, before.police_up, before.police_down) if before else (Tally(), None, None)
        up = renewed(up, route.rate_up_bps, route.burst_up_octets)
        down = renewed(down, route.rate_down_bps, route.burst_down_octets)
        return Row(route, way_of(route.legs[0], way, self._unnumbered), tally, up, down)

    def datagram(self, data: bytes, address: Address, *, now: float) -> bool:
        """Forward a data message upstream; False if it is not for the data plane."""
        row, begin, end = self._table.calls.get(data[:10]), 10, len(data)
        if row is None:
            row = self._table.calls6.get(data[:10])
            if row is not None:
                return self._is_from(row, address) and self._up6(row, data, 10, end, now)
            place = locate(data)
            if place is None:
                return False
            key, begin, end = place
            if key[9] == _PPP_IPV6:
                row = self._table.caller6(key)
                return row is not None and self._is_from(row, address) and self._up6(row, data, begin, end, now)
            row = self._table.caller(key)
            if row is None:
                return False
        if address != row.peer and address[:2] != row.peer[:2]:
            return False
        return self._up(row, data, begin, end, now)

    @staticmethod
    def _is_from(row: Row, address: Address) -> bool:
        return address == row.peer or address[:2] == row.peer[:2]

    def forward(self, slot: int, generation: int, packet: bytes, *, now: float) -> None:
        """Forward a packet upstream that the core has found to be in order."""
        route = self._table.route(slot, generation)
        if route is None:
            self._drop(DropReason.NOT_PROGRAMMED)
            return
        row = self._table.row_of(route)
        if packet[:1] < b"\x60" or not route.prefixes6:
            self._up(row, packet, 0, len(packet), now, judged=True)
        elif not self._up6(row, packet, 0, len(packet), now):
            self._drop(DropReason.NO_ROUTE)  # of the link itself: there is no way on

    def to_be_numbered(self) -> tuple[tuple[CallKey, bytes], ...]:
        """Return, once, the frames that the core must number and send."""
        if not self._unnumbered:
            return ()
        frames = tuple(self._unnumbered)
        self._unnumbered.clear()
        return frames

    def _up(self, row: Row, data: bytes, begin: int, end: int, now: float, judged: bool = False) -> bool:
        """Forward the IPv4 packet that stands in ``data`` from ``begin`` to ``end`` at most.

        False: it is multicast, so the core's, if that has not ``judged`` yet.
        """
        if end - begin < 20:
            return self._drop(DropReason.BAD_PACKET_HEADER)
        first, total, protocol, source, target = _FIELDS.unpack_from(data, begin)
        size = (first & 0x0F) << 2
        if first >> 4 != 4 or not 20 <= size <= total <= end - begin or _damaged(data[begin : begin + size]):
            return self._drop(DropReason.BAD_PACKET_HEADER)
        if target >= MULTICAST and not judged and target & 0xF0 == MULTICAST:
            return False
        if row.checked and self._table.addresses.get(source) is not row and self._table.owner(source) is not row.route:
            return self._spoofed(row)
        if row.police_up is not None and not row.police_up.conforms(total, now):
            return self._policed_up(row)
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

    def _up6(self, row: Row, data: bytes, begin: int, end: int, now: float) -> bool:
        """Forward the IPv6 packet in ``data`` from ``begin`` to ``end`` at most; False: it is the core's."""
        if end - begin < _HEADER6_OCTETS:
            return self._drop(DropReason.BAD_PACKET_HEADER)
        first, payload, protocol, source, target = FIELDS6.unpack_from(data, begin)
        octets = payload + _HEADER6_OCTETS
        if first >> 4 != 6 or octets > end - begin:
            return self._drop(DropReason.BAD_PACKET_HEADER)
        if target[0] == MULTICAST6 or is_link_local(source) or is_link_local(target):
            return False
        if row.checked and self._table.nets6.find(int.from_bytes(source, "big")) is not row.route:
            return self._spoofed(row)
        if row.police_up is not None and not row.police_up.conforms(octets, now):
            return self._policed_up(row)
        packet = data[begin : begin + octets]
        if protocol == TCP and row.mss6 and (octets < 54 or packet[53] & SYN):
            packet = clamp_mss6(packet, row.mss6)
        try:
            os.write(self._device, packet)
        except OSError:
            return self._drop(DropReason.SEND_FAILED)
        for tally in (row.tally, self._total):
            tally.up_octets6 += octets
            tally.up_packets6 += 1
        return True

    def _spoofed(self, row: Row) -> bool:
        row.tally.up_spoofed += 1
        self._total.up_spoofed += 1
        return self._drop(DropReason.SPOOFED_SOURCE)

    def _policed_up(self, row: Row) -> bool:
        row.tally.up_policed += 1
        self._total.up_policed += 1
        return self._drop(DropReason.POLICED_UP)

    def _drop(self, reason: DropReason) -> bool:
        self._dropped[reason] += 1
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
            row = self._found(packet, now)
            if row is None:
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
            self._dropped[DropReason.SEND_FAILED] += 1
            return
        tally, total = row.tally, self._total
        tally.down_octets += octets
        tally.down_packets += 1
        total.down_octets += octets
        total.down_packets += 1

    def _policed_down(self, row: Row) -> None:
        row.tally.down_policed += 1
        self._total.down_policed += 1
        self._dropped[DropReason.POLICED_DOWN] += 1

    def _found(self, packet: bytes, now: float) -> Row | None:
        """Return whom an IPv4 packet is for that had none yet, or has a network; everything else is dealt with."""
        version = packet[0] >> 4 if packet else 0
        if version == 4:
            route = self._table.owner(packet[16:20]) if len(packet) >= _HEADER4_OCTETS else None
            if route is not None:
                return self._table.row_of(route)
            self._dropped[DropReason.NO_ROUTE] += 1
            self._answer(self._errors.no_host(packet, now=now))
            return None
        if version != 6 or len(packet) < _HEADER6_OCTETS:
            self._dropped[DropReason.NOT_PROGRAMMED] += 1
        elif packet[24] != MULTICAST6:  # the kernel's own reports of its groups are for nobody
            self._down6(packet, now)
        return None

    def _down6(self, packet: bytes, now: float) -> None:
        """Forward an IPv6 packet downstream; one that is too big is never cut (RFC 8200 section 5)."""
        route = self._table.nets6.find(int.from_bytes(packet[24:40], "big"))
        octets = len(packet)
        if route is None:
            self._dropped[DropReason.NO_ROUTE] += 1
            self._answer(self._errors6.no_host(packet, now=now))
            return
        row = self._table.row_of(route)
        if octets > row.mtu:
            self._too_big(row)
            self._answer(self._errors6.too_big(packet, row.mtu, now=now))
            return
        if row.police_down is not None and not row.police_down.conforms(octets, now):
            self._policed_down(row)
            return
        if packet[6] == TCP and row.mss6 and (octets < 54 or packet[53] & SYN):
            packet = clamp_mss6(packet, row.mss6)
        try:
            row.way.send(row.header6 + packet)
        except OSError:
            self._dropped[DropReason.SEND_FAILED] += 1
            return
        for tally in (row.tally, self._total):
            tally.down_octets6 += octets
            tally.down_packets6 += 1

    def _too_big(self, row: Row) -> None:
        row.tally.down_too_big += 1
        self._total.down_too_big += 1
        self._dropped[DropReason.TOO_BIG] += 1

    def _oversize(self, row: Row, packet: bytes, now: float) -> None:
        """Cut a packet that the client cannot take, or tell its sender to (RFC 1191 section 4)."""
        pieces = [] if dont_fragment(packet) else fragments(packet, row.mtu)
        if not pieces:
            self._too_big(row)
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
            self._dropped[DropReason.SEND_FAILED] += 1
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
            self._dropped[DropReason.SEND_FAILED] += 1
