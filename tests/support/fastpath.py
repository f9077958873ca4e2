"""The programs of the eBPF data plane without a data plane: loaded, their maps filled, run on single packets.

Packets, headers and sums are built here from the RFCs, octet by octet, and share nothing with the product.
"""

from __future__ import annotations

import ctypes
import ipaddress
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bras.dataplane import records
from bras.dataplane.blocks import table
from bras.dataplane.hosts import Hosts
from bras.dataplane.links import Route4
from bras.dataplane.maps import Map
from bras.dataplane.objects import Object, Program, Run
from bras.dataplane.template import kind_of, record
from bras.dataplane.uplinks import Uplinks
from bras.errors import DropReason, FallbackReason
from bras.forwarding.entry import Leg, Route
from tests.support.inner import PPP, ones_complement
from tests.support.namespaces import Namespace, Network

OBJECT = Path(records.__file__).parent / "bpf" / "bras.bpf.o"
UNSPEC, OK, SHOT, REDIRECT = 0xFFFFFFFF, 0, 2, 7
"""Verdicts at TC hooks; UNSPEC is -1."""
XDP_DROP, XDP_PASS, XDP_REDIRECT = 1, 2, 4
LOOPBACK = 1
"""Index of the interface on which a test run believes itself to be."""
ETHERTYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}
MACS = bytes(6) + b"\x02\x00\x00\x00\x00\x09"
"""To the loopback interface's own address: sent to this host."""

CALL = 0x1234_5678
PEER = (0x4321, 0x8765)
CLIENT4, CLIENT6 = "10.64.0.2", "2001:db8:64::2"
LNS = {4: "198.18.0.1", 6: "2001:db8::1"}
LAC = {4: "198.18.0.2", 6: "2001:db8::2"}
CORE = {4: "192.0.2.2", 6: "2001:db8:ffff::2"}
LAC_MAC, CORE_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0c"
FRAMINGS = tuple(a + p for a in (b"\xff\x03", b"") for p in (b"\x00\x21", b"\x21"))

Framing = bytes


def sum_ok(octets: bytes) -> bool:
    """Tell whether octets with their checksum sum up as they should (RFC 1071)."""
    return ones_complement(octets) == 0


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def family(address: str) -> int:
    return ipaddress.ip_address(address).version


def ip(source: str, target: str, protocol: int, payload: bytes, *, ttl: int = 64, df: int = 0, ident: int = 1) -> bytes:
    """Build an IP packet; its family is that of the addresses."""
    if family(source) == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + packed(source) + packed(target) + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident, df, ttl, protocol, 0)
    header += packed(source) + packed(target)
    return header[:10] + struct.pack("!H", ones_complement(header)) + header[12:] + payload


def with_sum(source: str, target: str, protocol: int, segment: bytes, at: int) -> bytes:
    """Fill in a checksum that covers a pseudo header too, at octet ``at`` of the segment."""
    pseudo = packed(source) + packed(target) + struct.pack("!II", len(segment), protocol)
    found = ones_complement(pseudo + segment[:at] + bytes(2) + segment[at + 2 :]) or 0xFFFF
    return segment[:at] + struct.pack("!H", found) + segment[at + 2 :]


def tcp(
    source: str, target: str, payload: bytes = b"", *, flags: int = 0x10, options: bytes = b"", **of_ip: Any
) -> bytes:
    options += bytes(-len(options) % 4)
    segment = struct.pack("!HHIIBBHHH", 4000, 80, 1, 0, 5 + len(options) // 4 << 4, flags, 1000, 0, 0)
    return ip(source, target, 6, with_sum(source, target, 6, segment + options + payload, 16), **of_ip)


def udp(source: str, target: str, payload: bytes = b"", *, checksum: bool = True, **of_ip: Any) -> bytes:
    datagram = struct.pack("!HHHH", 5000, 9, 8 + len(payload), 0) + payload
    return ip(source, target, 17, with_sum(source, target, 17, datagram, 6) if checksum else datagram, **of_ip)


def icmp(source: str, target: str, payload: bytes = b"", **of_ip: Any) -> bytes:
    """Build an echo request of the addresses' family."""
    if family(source) == 6:
        return ip(source, target, 58, with_sum(source, target, 58, struct.pack("!BBHHH", 128, 0, 0, 1, 1) + payload, 2))
    message = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + payload
    return ip(source, target, 1, message[:2] + struct.pack("!H", ones_complement(message)) + message[4:], **of_ip)


def message(packet: bytes, *, call: int = CALL, framing: Framing | None = None, length: bool = False) -> bytes:
    """Build a data message; ``framing`` is for IPv4, and made to fit."""
    framing = b"\xff\x03\x00\x21" if framing is None else framing
    if packet[0] >> 4 == 6:
        framing = framing[:-1] + PPP[6][1:]
    rest = struct.pack("!I", call) + framing + packet
    return struct.pack("!HH", 0x4002, 4 + len(rest)) + rest if length else b"\x00\x02" + rest


def datagram(
    payload: bytes,
    source: str,
    target: str,
    *,
    ports: tuple[int, int] = (1701, 1701),
    checksum: bool = True,
    **of_ip: Any,
) -> bytes:
    head = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    return ip(source, target, 17, with_sum(source, target, 17, head, 6) if checksum else head, **of_ip)


def frame(packet: bytes, *, vlan: int = 0) -> bytes:
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return MACS + tag + ETHERTYPE[packet[0] >> 4] + packet


def upstream(packet: bytes, outer: int = 4, *, vlan: int = 0, **options: Any) -> bytes:
    """Build the frame in which a LAC sends a subscriber's packet."""
    return frame(datagram(message(packet, **options), LAC[outer], LNS[outer]), vlan=vlan)


def is_downstream(octets: bytes, packet: bytes, route: Route) -> None:
    """Assert that an outer packet is the one that carries ``packet`` to the LAC, with every sum right."""
    leg = route.legs[0]
    framing = (b"" if leg.acfc else b"\xff\x03") + (b"\x21" if leg.pfc else b"\x00\x21")
    call = leg.peer_tunnel_id << 16 | leg.peer_session_id
    payload = message(packet, call=call, framing=framing, length=leg.length_bit)
    v6 = ":" in leg.remote
    ident = 0 if v6 else int.from_bytes(octets[4:6], "big")
    ports, checksum = (leg.local_port, leg.remote_port), v6 and not leg.udp6_zero_checksum
    wanted = datagram(payload, leg.local, leg.remote, ports=ports, checksum=checksum, ident=ident)
    assert octets.hex() == wanted.hex()


LEG = Leg(CALL, 0, LNS[4], 1701, LAC[4], 1701, *PEER, acfc=False, pfc=False)
LEG6 = replace(LEG, local=LNS[6], remote=LAC[6])


def route(leg: Leg = LEG, *, slot: int = 3, **changes: Any) -> Route:
    """Return the Route of a subscriber with an IPv4 address, a network and a prefix."""
    values: dict[str, Any] = {
        "addresses": (int(ipaddress.ip_address(CLIENT4)),),
        "prefixes4": ((int(ipaddress.ip_address("172.20.0.0")), 24),),
        "prefixes6": ((int(ipaddress.ip_address("2001:db8:64::")), 56),),
        "clamp_mss": False,
    }
    return Route(**({"slot": slot, "generation": 7, "vrf": 0, "legs": (leg,), "mtu": 1460} | values | changes))


class _Context(ctypes.Structure):
    """``struct __sk_buff`` as far as a test run takes and gives it."""

    _fields_ = tuple(
        (name, ctypes.c_uint32 * count if count > 1 else ctypes.c_uint32)
        for name, count in (
            *(("len", 1), ("pkt_type", 1), ("mark", 1), ("queue_mapping", 1), ("protocol", 1), ("vlan_present", 1)),
            *(("vlan_tci", 1), ("vlan_proto", 1), ("priority", 1), ("ingress_ifindex", 1), ("ifindex", 1)),
            *(("tc_index", 1), ("cb", 5), ("hash", 1), ("tc_classid", 1), ("data", 1), ("data_end", 1), ("napi_id", 1)),
            *(("family", 1), ("addresses", 10), ("ports", 2), ("data_meta", 1), ("flow_keys", 2), ("tstamp", 2)),
            *(("wire_len", 1), ("gso_segs", 1), ("sk", 2), ("gso_size", 1), ("tstamp_type", 1), ("hwtstamp", 2)),
        )
    )


@dataclass
class Passed:
    """What became of a packet."""

    verdict: int
    data: bytes
    mark: int = 0
    priority: int = 0


@dataclass
class Tallies:
    """What was counted since the last look."""

    carried: tuple[int, ...]
    drops: dict[DropReason, int]
    fallbacks: dict[FallbackReason, int]

    @property
    def nothing(self) -> bool:
        return not any(self.carried) and not self.drops and not self.fallbacks


@dataclass
class FastPath:
    """The programs, and maps for them."""

    loaded: Object
    namespace: Namespace
    lac: Namespace
    """The other end of ``lac0``."""
    anchor: int
    maps: dict[str, Map] = field(default_factory=dict)
    _seen: tuple[int, ...] = ()
    _programs: dict[str, Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.maps = {name: Map(self.loaded.map_fd(name)) for name in self.loaded.maps()}
        self._programs = {name: self.loaded.program(name) for name in self.loaded.programs()}
        self._seen = self._sum()

    def close(self) -> None:
        """Let go of maps and programs."""
        for each in (*self.maps.values(), *self._programs.values()):
            each.close()

    def settings(self, *, segmenter: int = 0) -> None:
        value = records.SETTINGS.pack(self.anchor, segmenter, LOOPBACK, 0, 1024, 0, self.uplinks.mask, self.hosts.mask)
        self.maps["settings"].update(bytes(4), value)

    def clear(self) -> None:
        """Forget all subscribers, ports and counters."""
        self.settings()
        for name in ("calls", "hosts4", "nets4", "nets6", "listen", "xdp_ports", "xdp_exits"):
            for key in list(self.maps[name].keys()):
                self.maps[name].delete(key)
        self.maps["quick_ports"].update_batch(
            struct.pack(f"={records.QUICK_PORTS}I", *range(records.QUICK_PORTS)),
            bytes(records.QUICK_PORTS * records.QUICK_PORT.size),
        )
        for each in (
            self._sessions,
            self._accounts,
            self._uplinks,
            self._peers,
            self._hosts,
            self._carried,
            self._kinds,
            self.blocks,
        ):
            each[:] = bytes(len(each))
        for name in ("uplinks", "hosts"):  # they remember numbers
            vars(self).pop(name, None)
        self.take_tallies()

    @cached_property
    def _sessions(self) -> memoryview:
        return self.maps["sessions"].memory()

    @cached_property
    def _accounts(self) -> memoryview:
        return self.maps["accounts"].memory()

    @cached_property
    def _uplinks(self) -> memoryview:
        return self.maps["uplinks"].memory()

    @cached_property
    def _peers(self) -> memoryview:
        return self.maps["peers"].memory()

    @cached_property
    def _carried(self) -> memoryview:
        return self.maps["carried"].memory()

    @cached_property
    def _hosts(self) -> memoryview:
        return self.maps["hosts"].memory()

    @cached_property
    def hosts(self) -> Hosts:
        return Hosts(self._hosts, self._kinds)

    @cached_property
    def _kinds(self) -> memoryview:
        return self.maps["kinds"].memory()

    @cached_property
    def blocks(self) -> memoryview:
        return self.maps["blocks"].memory()

    def tell(self, *routes: Route4, version: int = 1, for_s: float = 3600) -> None:
        """Tell the programs which blocks go by one route."""
        until = time.monotonic_ns() + int(for_s * 1e9)
        self.blocks[:] = records.BLOCKS.pack(until, version, table(routes))

    @cached_property
    def uplinks(self) -> Uplinks:
        return Uplinks(self._uplinks, self._peers)

    def uplink(self, slot: int = 3) -> int:
        """Return the place of a slot's uplink."""
        return records.Session.from_buffer_copy(self._sessions, slot * records.SESSION.size).uplink

    def add(
        self,
        entry: Route,
        *,
        generation: int | None = None,
        at: int | None = None,
        host_at: int | None = None,
        kinds: bool = True,
    ) -> None:
        """Write a subscriber into the maps; ``generation``: that of its keys, if it is another one.

        ``at``: the place of its uplink, which is free; a key leads there.  ``host_at``: that of its first address, 0 or
        1 for the first or the second that it says; as a rule the first.  By a key: with a ``generation``, or ``-1``.
        ``kinds``: there are numbers of templates left.
        """
        place = records.PLACE.pack(entry.slot, entry.generation if generation is None else generation)
        call = entry.legs[0].key
        there = self.uplink(entry.slot)
        if there:
            self.uplinks.leave(there)
        session, account, peer = record(entry)
        where = abs(self.uplinks.begin(call, entry.slot, peer, records.SESSION.unpack_from(session)[3]))
        if at is not None:
            size = records.UPLINK.size
            self._uplinks[at * size : (at + 1) * size] = self._uplinks[where * size : (where + 1) * size]
            if at != where:
                self.uplinks.leave(where)
            where = at
        session, account, _ = record(entry, where)
        self.uplinks.flag(where, records.SESSION.unpack_from(session)[0])
        if where not in self.uplinks.said(call):
            self.maps["calls"].update(records.CALL.pack(call), place)
        at = entry.slot * records.SESSION.size
        self._sessions[at : at + records.SESSION.size] = session[: records.SESSION.size]
        at = entry.slot * records.ACCOUNT.size
        self._accounts[at : at + records.TERMS.size] = account[: records.TERMS.size]
        by_place = generation is None and not entry.vrf and host_at != -1
        for address in entry.addresses[:1] if by_place else ():
            kind = kind_of(session) if kinds else (b"", b"")
            seat = self.hosts.said(address)[host_at or 0]
            self.hosts.put(seat, address, entry.slot, *kind, records.SESSION.unpack_from(session)[0])
        for address in entry.addresses[1:] if by_place else entry.addresses:
            self.maps["hosts4"].update(records.HOST4.pack(entry.vrf, address.to_bytes(4, "big")), place)
        for network, length in entry.prefixes4:
            self.maps["nets4"].update(records.NET4.pack(32 + length, entry.vrf, network.to_bytes(4, "big")), place)
        for network, length in entry.prefixes6:
            self.maps["nets6"].update(records.NET6.pack(32 + length, entry.vrf, network.to_bytes(16, "big")), place)
        leg = entry.legs[0]
        self.listen(leg.local, leg.local_port)

    def set_flags(self, slot: int, flags: int) -> None:
        at = slot * records.SESSION.size + records.Session.flags.offset
        self._sessions[at : at + 4] = records.FLAGS.pack(flags)
        self.uplinks.flag(self.uplink(slot), flags)
        for place, owner in self.hosts.taken():
            if owner == slot:
                self.hosts.flag(place, flags)

    def listen(self, address: str, port: int = 1701) -> None:
        octets = packed(address)
        mapped = octets if len(octets) == 16 else bytes(10) + b"\xff\xff" + octets
        self.maps["listen"].update(records.LISTENER.pack(mapped, port), b"\1\0\0\0")

    def account(self, slot: int = 3) -> SimpleNamespace:
        """Return all that the records of a slot have, by name."""
        found: dict[str, Any] = {}
        for kind, memory, place in (
            (records.Session, self._sessions, slot),
            (records.Account, self._accounts, slot),
            (records.Carried, self._carried, slot),
            (records.Uplink, self._uplinks, self.uplink(slot)),
        ):
            one = kind.from_buffer_copy(memory, place * ctypes.sizeof(kind))
            found |= {field[0]: getattr(one, field[0]) for field in kind._fields_}
        return SimpleNamespace(**found)

    def set_account(self, name: str, value: int, slot: int = 3) -> None:
        at = slot * records.ACCOUNT.size + getattr(records.Account, name).offset
        self._accounts[at : at + 8] = struct.pack("=Q", value)

    def port(self, mode: records.XdpMode, vlan: int = 0) -> None:
        self.maps["xdp_ports"].update(records.PORT.pack(LOOPBACK, vlan), struct.pack("=I", mode))

    def exit(self, interface: str) -> int:
        """Let XDP send by an interface; return its index."""
        index = int(self.namespace.json("link", "show", interface)[0]["ifindex"])
        with self.namespace.entered():
            self.maps["xdp_exits"].update(struct.pack("=I", index), struct.pack("=I", index))
        return index

    def tc(self, name: str, octets: bytes, **context: int) -> Passed:
        """Run a TC program on a frame; ``context``: fields of ``struct __sk_buff``."""
        given = _Context(**context)
        with self.namespace.entered():
            run: Run = self._programs[name].run(octets, bytes(given))
        after = _Context.from_buffer_copy(run.context.ljust(ctypes.sizeof(_Context), b"\0"))
        return Passed(run.verdict, run.data, after.mark, after.priority)

    def attend(self, jiffies: int = 0) -> None:
        """Say when the kernel has last sent to neighbours, whoever they are; 0: XDP finds it has just done so."""
        one = self.maps["attended"]
        value = struct.pack("=Q", jiffies) * len(one.per_cpu(bytes(4)))
        for place in range(one.shape.entries):
            one.update(struct.pack("=I", place), value)

    def xdp(self, octets: bytes, *, attended: bool = True) -> Passed:
        """Run the program of XDP; what it leaves to the kernel once a second only if not ``attended``."""
        if attended:
            self.attend()
        with self.namespace.entered():
            run: Run = self._programs["xdp_port"].run(octets)
        return Passed(run.verdict, run.data)

    def program(self, name: str) -> Program:
        return self._programs[name]

    def _sum(self) -> tuple[int, ...]:
        values = self.maps["tallies"].per_cpu(bytes(4))
        return tuple(map(sum, zip(*(records.TALLIES.unpack(value) for value in values), strict=True)))

    def take_tallies(self) -> Tallies:
        """Return what was counted since the last call."""
        now = self._sum()
        new = [after - before for after, before in zip(now, self._seen, strict=True)]
        self._seen = now
        drops = dict(zip(records.DROPS, new[records.CARRIED :], strict=False))
        fallbacks = dict(zip(records.FALLBACKS, new[records.CARRIED + len(records.DROPS) :], strict=True))
        return Tallies(
            tuple(new[: records.CARRIED]),
            {reason: number for reason, number in drops.items() if number},
            {reason: number for reason, number in fallbacks.items() if number},
        )

    def fell_back(self, passed: Passed, octets: bytes, reason: FallbackReason | None, verdict: int = UNSPEC) -> None:
        """Assert that a packet was left as it was, and counted so; ``None``: not counted at all."""
        assert passed.verdict == verdict
        assert passed.data.hex() == octets.hex()
        counted = self.take_tallies()
        assert counted.fallbacks == ({reason: 1} if reason else {})
        assert not counted.drops
        assert not any(counted.carried)

    def dropped(self, passed: Passed, reason: DropReason, verdict: int = SHOT) -> None:
        """Assert that a packet was dropped, and counted."""
        counted = self.take_tallies()
        assert passed.verdict == verdict
        assert counted.drops == {reason: 1}
        assert not counted.fallbacks
        assert not any(counted.carried)


@contextmanager
def fast_path() -> Iterator[FastPath]:
    """Load the programs, and make a network in which ways to a LAC and to the core can be found."""
    with Network() as network, Object(OBJECT) as loaded:
        loaded.load()
        lns = network.namespace("lns", forwarding=True)
        others = []
        for interface, addresses, neighbours, mac in (
            ("lac0", ("198.18.0.1/24", "2001:db8::1/64"), LAC, LAC_MAC),
            ("core0", ("192.0.2.1/24", "2001:db8:ffff::1/64"), CORE, CORE_MAC),
        ):
            others.append(network.namespace(interface))
            network.link(lns, interface, addresses, others[-1], "eth0", ())
            for neighbour in neighbours.values():
                lns.ip("neighbour", "replace", neighbour, "lladdr", mac, "dev", interface, "nud", "permanent")
        lns.ip("tuntap", "add", "bras0", "mode", "tun")
        lns.ip(
            "link", "set", "bras0", "addrgenmode", "none", "mtu", "1460", "up"
        )  # the kernel has nothing to say there
        anchor = int(lns.json("link", "show", "bras0")[0]["ifindex"])
        made = FastPath(loaded, lns, others[0], anchor)
        try:
            yield made
        finally:
            made.close()
