"""Link and Network together, in either role, with an owner that judges: a peer of PPP that does anything.

The first octet chooses configuration and phase; each further one is what the peer, the owner
or time does, with the identifiers filled in that are waited for.
"""

from __future__ import annotations

from dataclasses import replace

from bras.plain import decode, encode
from bras.ppp import chap, option, packet
from bras.ppp.constants import CHAP, IPCP, IPV4, IPV6CP, LCP, PAP
from bras.ppp.events import (
    AddressWanted,
    CredentialsOffered,
    Dropped,
    LinkDown,
    LinkEvent,
    LinkRestarted,
    LinkUp,
    NetworkDown,
    NetworkEvent,
    NetworkPacketReceived,
    NetworkUp,
    ProtocolRejected,
    SendFrame,
    SendPacket,
)
from bras.ppp.frame import parse
from bras.ppp.handover import Handover, open_link
from bras.ppp.link import Link, LinkState
from bras.ppp.network import Network, NetworkConfig, NetworkState
from bras.ppp.settings import HandoverPolicy
from bras.secret import Secret
from tests.fuzz.harness import Cursor, Harness, Numbers
from tests.scenario.ppp_pair import ADDRESS, DNS, LOCAL, METHODS, SERVER, client_config

SERVERS = (
    SERVER,
    replace(SERVER, methods=("pap",)),
    replace(SERVER, methods=("chap", "pap"), acfc=False, pfc=False),
    replace(SERVER, methods=(), mru=1500),
)
HANDED_OVER = tuple(
    replace(SERVER, methods=("chap", "mschapv1", "pap"), handover=policy)
    for policy in (HandoverPolicy.ACCEPT, HandoverPolicy.ACCEPT, *list(HandoverPolicy)[:2])
)
CLIENTS = (client_config(*METHODS), client_config("chap"), client_config("pap", mru=1400), client_config("mschapv2"))
NETWORKS = (
    NetworkConfig(local_address=LOCAL, dns=DNS),
    NetworkConfig(local_address=LOCAL, dns=DNS, nbns=DNS, accept_client=True),
)
CLIENT_NETWORKS = (NetworkConfig(client=True, wants_dns=True), NetworkConfig(client=True))
PROTOCOLS = (LCP, LCP, LCP, IPCP, IPCP, IPCP, PAP, CHAP, CHAP, IPV6CP, 0x80FD, IPV4, 0xC025, 0xC227, 0xFF, 0)
VALUES = (
    b"", b"\x05\xb4", b"\xc0\x23", b"\xc2\x23\x05", b"\xc2\x23\x81", b"\xc2\x23\x80", bytes(4), b"\x0a\x40\x00\x01",
    b"\xc2\x27", b"\x00\x40", b"\x00\x2d\x0f\x01", b"\0\0\0\1",
)  # fmt: skip
MOST_OUT = 4
MOST_STEPS = 80


class Party:
    """Link and Network with their owner, and what came out of them."""

    def __init__(self, cursor: Cursor, client: bool, handed_over: bool) -> None:
        self.cursor = cursor
        start = cursor.u8()
        entropy = Numbers(start >> 5)
        configs = HANDED_OVER if handed_over else CLIENTS if client else SERVERS
        self.link = Link(configs[start >> 2 & 3], entropy)
        networks = CLIENT_NETWORKS if client else NETWORKS
        self.network = Network(networks[start >> 4 & 1], 0 if client else ADDRESS)
        self.entropy = entropy
        self.now = 1000.0
        self.requests = {LCP: b"\1\1\0\4", IPCP: b"\1\1\0\4"}
        self.last = b""
        self.identifier = {LCP: 1, IPCP: 1, PAP: 1, CHAP: 1}  # what the peer waits for
        self.offered = False
        self.up = False
        self.ends = 0
        self.out = 0
        if handed_over:
            self.link_events(open_link(self.link, self._told(), now=self.now))
        else:
            self.link_events(self.link.open(now=self.now))
            self._begin(start & 3, client)

    def _told(self) -> Handover:
        """Make up what a concentrator tells of a link that it has begun."""
        cursor = self.cursor
        form, more = cursor.u8(), cursor.u8()
        method = ("chap", "pap", "mschapv1", "")[form & 3]
        asked = option.build(3, {"chap": b"\xc2\x23\x05", "pap": b"\xc0\x23"}.get(method, b"\xc2\x23\x80"))
        own = option.build(5, b"\0\0\0\1")
        size = 16 if method == "chap" else 49 if more & 1 else 4
        return Handover(
            trusted=form & 4 == 0,
            last_sent=self.options() if form & 8 else asked + own,
            last_received=None if form & 16 else self.options() if form & 32 else own,
            method=method,
            name=None if more & 2 else b"joe",
            challenge=None if more & 4 else cursor.string() if more & 8 else bytes(16 if method == "chap" else 8),
            identifier=None if more & 16 else cursor.u8(),
            response=None if more & 32 else Secret(cursor.string() if more & 64 else bytes(size)),
        )

    def _begin(self, phase: int, client: bool) -> None:
        """Go through the phases as a good peer would."""
        if phase >= 1:
            self.agree(LCP)
            asks = b"" if not client else option.build(3, b"\xc2\x23\x05" if phase & 1 else b"\xc0\x23")
            self.frame(LCP, packet.build(1, 9, asks))
        if phase >= 2:
            self.prove(0)
            self.decide(0)
        if phase >= 3:
            self.agree(IPCP)
            self.frame(IPCP, packet.build(1, 9, option.build(3, ADDRESS.to_bytes(4, "big"))))

    # -- what comes out

    def link_events(self, events: list[LinkEvent]) -> None:
        for event in events:
            match event:
                case SendFrame(frame):
                    self._sent(frame)
                case CredentialsOffered():
                    self.offered = True
                case LinkUp(mru=mru):
                    assert self.link.state is LinkState.NETWORK
                    assert 64 <= mru <= self.link.config.mru
                    self.network_events(self.network.open(now=self.now))
                case LinkRestarted():
                    self.network_events(self.network.lower_down(now=self.now))
                case LinkDown():
                    self.ends += 1
                    self.network_events(self.network.lower_down(now=self.now))
                case NetworkPacketReceived(protocol, octets):
                    self.network_events(self.network.receive(protocol, octets, now=self.now))
                case ProtocolRejected(protocol):
                    self.network_events(self.network.reject(protocol, now=self.now))

    def network_events(self, events: list[NetworkEvent]) -> None:
        for event in events:
            match event:
                case SendPacket(protocol, octets):
                    self._sent(self.link.frame(protocol, octets))
                case AddressWanted():
                    if self.now % 2 < 1:
                        self.network_events(self.network.assign(ADDRESS + 1, now=self.now))
                case NetworkUp():
                    assert not self.up
                    self.up = True
                    assert self.network.state is NetworkState.OPEN
                case NetworkDown(final=final):
                    self.up = False
                    if final:
                        self.link_events(self.link.close(b"IPCP failed", now=self.now))
                case Dropped():
                    pass

    def _sent(self, frame: bytes) -> None:
        assert self.ends == 0, "a link that has ended sends nothing"
        self.out += 1
        self.last = frame
        protocol, offset = parse(frame)
        code, identifier, _ = packet.parse(frame, offset)
        assert len(frame) - offset <= 1500, "longer than any MRU"
        if code == 1 and protocol in self.requests:
            self.requests[protocol] = frame[offset:]
        self.identifier[protocol] = identifier

    # -- what goes in

    def raw(self, frame: bytes) -> None:
        self.link_events(self.link.receive(frame, now=self.now))

    def frame(self, protocol: int, octets: bytes, form: int = 0) -> None:
        field = bytes((protocol,)) if form & 1 and protocol < 0x100 else protocol.to_bytes(2, "big")
        self.raw((b"" if form & 2 else b"\xff\x03") + field + octets)

    def agree(self, protocol: int) -> None:
        self.frame(protocol, b"\x02" + self.requests[protocol][1:])

    def packet(self, form: int) -> None:
        protocol, code = self.cursor.of(PROTOCOLS), self.cursor.u8()
        identifier = self.identifier.get(protocol, 1) if code & 0x80 else self.cursor.u8() & 7
        octets = packet.build(code & 15, identifier, self.options() if form & 8 else self.cursor.string())
        if form & 4:
            octets = octets[: len(octets) - self.cursor.u8() % 8]
        self.frame(protocol, octets, form & 3)

    def options(self) -> bytes:
        built = b""
        for _ in range(self.cursor.u8() & 7):
            how = self.cursor.u8()
            kind = self.cursor.u8() if how & 0x80 else (how & 15)
            kind += 128 if kind & 0xFC == 0 and how & 0x40 else 0
            value = self.cursor.of(VALUES) if how & 0x20 else self.cursor.string(15)
            built += option.build(kind, value)
        return built

    def ours(self, what: int) -> None:
        """Answer our last request: agree, or refuse the first of its options."""
        protocol = IPCP if what & 8 else LCP
        _, identifier, data = packet.parse(self.requests[protocol])
        answer = (2, 2, 3, 4)[what & 3]
        if answer > 2 and data:
            skip = 0
            for _ in range(self.cursor.u8() & 3):
                skip += data[skip + 1] if skip + data[skip + 1] < len(data) else 0
            data = data[skip : skip + data[skip + 1]]
            if answer == 3:
                data = option.build(data[0], self.cursor.of(VALUES))
        self.frame(protocol, packet.build(answer, identifier, data))

    def good(self, what: int) -> None:
        """Ask as clients do."""
        protocol = IPCP if what & 8 else LCP
        own = (b"", option.build(1, b"\x05\xdc") + option.build(5, b"\0\0\0\1") + b"\x07\2\x08\2")[what & 1]
        if protocol == IPCP:
            own = option.build(3, (bytes(4), b"\x0a\x40\0\1")[what & 1]) + option.build(129, bytes(4)) * (what >> 2 & 1)
        self.frame(protocol, packet.build(1, self.cursor.u8() & 7, own))

    def prove(self, what: int) -> None:
        """Offer credentials, in the form that was agreed upon unless told otherwise."""
        identifier = self.identifier[CHAP]
        if what < 6:
            size = 16 if what & 1 or self.link.facts.method == "chap" else 49
            self.frame(CHAP, chap.build_value(2, identifier, bytes(size), b"joe"))
        if not 2 < what < 6:
            self.frame(PAP, packet.build(1, identifier, b"\x03joe\x04pass"))

    def decide(self, what: int) -> None:
        self.offered = False
        if what < 12:
            self.link_events(self.link.accept(b"hi", b"S=1", now=self.now))
            if self.link.config.client is not None:
                self.frame(CHAP, packet.build(3, self.identifier[CHAP], b"S=1"))
                self.frame(PAP, packet.build(2, self.identifier[PAP], b"\0"))
        else:
            self.link_events(self.link.refuse(b"no", b"E=691 R=0", now=self.now))

    def echo(self, _what: int) -> None:
        if self.last:
            self.raw(self.last)

    def octets(self, _what: int) -> None:
        self.raw(self.cursor.string())

    def timeout(self, what: int) -> None:
        self.now += what / 4
        for machine in (self.link, self.network):
            if machine.deadline is not None and (what & 1 or machine.deadline <= self.now):
                self.now = max(self.now, machine.deadline)
        self.link_events(self.link.handle_timeout(now=self.now))
        if self.network.deadline is not None and self.network.deadline <= self.now:
            self.network_events(self.network.handle_timeout(now=self.now))

    def owner(self, what: int) -> None:
        if what < 2:
            self.link_events(self.link.close(b"bye", now=self.now))
        elif what < 4:
            self.network_events(self.network.close(b"bye", now=self.now))
        elif what < 8:
            self.network_events(self.network.assign(ADDRESS + 2, now=self.now))
        else:
            self.reborn()

    def reborn(self) -> None:
        link, network = decode(encode(self.link.save())), decode(encode(self.network.save()))
        self.link = Link.restore(link, self.link.config, self.entropy)
        self.network = Network.restore(network, self.network.config)
        assert decode(encode(self.link.save())) == link
        assert decode(encode(self.network.save())) == network

    def step(self) -> None:
        what = self.cursor.u8()
        self.out = 0
        STEPS[what >> 4](self, what & 15)
        assert self.out <= MOST_OUT, "one packet makes many"
        assert self.ends == (self.link.state is LinkState.ENDED)
        if self.link.state in (LinkState.ESTABLISH, LinkState.TERMINATE):
            assert self.link.deadline is not None, "nothing would ever happen again"
        if self.link.state not in (LinkState.NETWORK, LinkState.TERMINATE):
            assert not self.up, "no network without a link"

    def finish(self) -> None:
        """Closed, it ends in time, once."""
        self.link_events(self.link.close(b"", now=self.now))
        for _ in range(30):
            if self.link.deadline is None:
                break
            self.now = max(self.now, self.link.deadline)
            self.link_events(self.link.handle_timeout(now=self.now))
        assert self.ends == 1
        assert self.link.deadline is None


STEPS = (
    Party.packet, Party.packet, Party.packet, Party.ours, Party.ours, Party.good, Party.good, Party.prove,
    Party.prove, Party.decide, Party.decide, Party.echo, Party.octets, Party.timeout, Party.timeout, Party.owner,
)  # fmt: skip


def _run(data: bytes, client: bool, handed_over: bool) -> None:
    cursor = Cursor(data)
    party = Party(cursor, client, handed_over)
    for _ in range(MOST_STEPS):
        if not cursor.more:
            break
        party.step()
    party.finish()


def harness(name: str) -> Harness:
    client, handed_over = name == "ppp_client", name == "ppp_handover"
    return Harness(lambda data: _run(data, client, handed_over), largest_octets=160)
