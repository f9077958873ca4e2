"""What a lab subscriber sends through its session: ICMP echoes (RFC 792) and a UDP stream.

Both are sans-IO: ``packets(now)`` returns the IP packets that are due, ``receive`` takes one
that came, ``deadline`` says when to ask again.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field

ICMP, UDP = 1, 17
ECHO_REPLY, ECHO_REQUEST = 0, 8
REPLY_WAIT_S = 3.0
"""Seconds after which an echo counts as lost."""

_ip = struct.Struct(">BBHHHBBHII")
_icmp = struct.Struct(">BBHHH")
_udp = struct.Struct(">HHHH")


def checksum(octets: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(octets) & 1:
        octets += b"\0"
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(source: int, target: int, protocol: int, payload: bytes, identification: int = 0) -> bytes:
    """Build an IPv4 packet without options (RFC 791)."""
    fields = [0x45, 0, 20 + len(payload), identification & 0xFFFF, 0, 64, protocol, 0, source, target]
    fields[7] = checksum(_ip.pack(*fields))
    return _ip.pack(*fields) + payload


def echo_request(identifier: int, sequence: int, octets: int) -> bytes:
    """Build an ICMP Echo with ``octets`` of data."""
    data = bytes(octets)
    sum_ = checksum(_icmp.pack(ECHO_REQUEST, 0, 0, identifier, sequence) + data)
    return _icmp.pack(ECHO_REQUEST, 0, sum_, identifier, sequence) + data


def address_number(address: str) -> int:
    """Return an IPv4 address as an integer; ``ValueError`` when it is none."""
    return int(ipaddress.IPv4Address(address))


@dataclass(frozen=True, slots=True)
class PingPlan:
    """Which echoes each subscriber sends."""

    target: int
    """IPv4 address."""
    count: int = 3
    """Echoes in all; 0: until the subscriber hangs up."""
    interval_s: float = 1.0
    octets: int = 56
    """Data in each echo."""


@dataclass(slots=True)
class Ping:
    """One subscriber's echoes and what became of them."""

    plan: PingPlan
    identifier: int
    source: int
    next_at: float
    sent: int = 0
    received: int = 0
    lost: int = 0
    round_trips_s: list[float] = field(default_factory=list)
    """Of at most the last 100 replies."""
    _waiting: dict[int, float] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Return whether every echo was answered or given up."""
        return bool(self.plan.count) and self.sent >= self.plan.count and not self._waiting

    @property
    def deadline(self) -> float | None:
        """Return when ``packets`` has something to do."""
        oldest = next(iter(self._waiting.values()), None)
        give_up_at = None if oldest is None else oldest + REPLY_WAIT_S
        if self.plan.count and self.sent >= self.plan.count:
            return give_up_at
        return self.next_at if give_up_at is None else min(self.next_at, give_up_at)

    def packets(self, now: float) -> list[bytes]:
        """Return the echo that is due; echoes unanswered for too long become lost."""
        for sequence, sent_at in list(self._waiting.items()):
            if now - sent_at >= REPLY_WAIT_S:
                del self._waiting[sequence]
                self.lost += 1
        if now < self.next_at or (self.plan.count and self.sent >= self.plan.count):
            return []
        sequence = self.sent & 0xFFFF
        self.sent += 1
        self.next_at = now + self.plan.interval_s
        self._waiting[sequence] = now
        payload = echo_request(self.identifier, sequence, self.plan.octets)
        return [ipv4(self.source, self.plan.target, ICMP, payload, self.sent)]

    def receive(self, packet: bytes, now: float) -> bool:
        """Take an IPv4 packet; return whether it answers an echo of ours."""
        at = (packet[0] & 15) * 4
        if len(packet) < at + 8 or packet[9] != ICMP or packet[at] != ECHO_REPLY:
            return False
        _, _, _, identifier, sequence = _icmp.unpack_from(packet, at)
        sent_at = self._waiting.pop(sequence, None) if identifier == self.identifier else None
        if sent_at is None:
            return False
        self.received += 1
        self.round_trips_s.append(now - sent_at)
        del self.round_trips_s[:-100]
        return True

    def stop(self) -> None:
        """Send no more; what has not been answered by now is not counted as lost."""
        self.sent -= len(self._waiting)
        self._waiting.clear()
        self.next_at = float("inf")


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """The UDP stream that each subscriber sends."""

    target: int
    """IPv4 address."""
    port: int
    rate_bps: int
    """Bits of IP packets a second."""
    octets: int = 1000
    """Size of each IP packet."""

    @property
    def interval_s(self) -> float:
        """Return the seconds between two packets."""
        return self.octets * 8 / self.rate_bps


@dataclass(slots=True)
class Stream:
    """One subscriber's UDP stream (checksum 0: none, RFC 768); what comes back from the port is counted."""

    plan: StreamPlan
    source: int
    next_at: float
    sent: int = 0
    received: int = 0

    @property
    def deadline(self) -> float:
        """Return when the next packet is due."""
        return self.next_at

    def packets(self, now: float) -> list[bytes]:
        """Return what is due, at most 32 packets at once."""
        due: list[bytes] = []
        plan = self.plan
        while self.next_at <= now and len(due) < 32:
            size = max(plan.octets - 20, 8)
            payload = _udp.pack(plan.port, plan.port, size, 0) + bytes(size - 8)
            self.sent += 1
            self.next_at = max(self.next_at + plan.interval_s, now - 1.0)
            due.append(ipv4(self.source, plan.target, UDP, payload, self.sent))
        return due

    def receive(self, packet: bytes) -> bool:
        """Take an IPv4 packet; return whether it came back from the stream's port."""
        at = (packet[0] & 15) * 4
        if len(packet) < at + 8 or packet[9] != UDP or packet[at : at + 2] != self.plan.port.to_bytes(2, "big"):
            return False
        self.received += 1
        return True
