"""The effect of the keys of ``[[lac]]`` that say how data messages look, each way and for both kinds.

Control frames leave by the endpoint, packets by the data plane or, where they are numbered, by
the endpoint too; what is asserted is octets on the wire and packets at the data plane.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import pytest

from bras.config.grant import Grant
from bras.config.model import LacConfig
from bras.errors import DropReason
from bras.l2tp.events import By, CallRefused, Cause, DataDisordered, Dropped
from bras.lns.commands import ShowSession
from bras.lns.inputs import PacketsToNumber
from bras.secret import Secret
from tests.support.lacs import SimulatedLac
from tests.support.rim import CDN, Rim
from tests.support.world import LNS_ADDRESS, Weather, codec, config

LCP_ECHO = b"\xff\x03\xc0\x21\x09"
IPV4 = b"\xff\x03\x00\x21"
LENGTH, SEQUENCE, PRIORITY = 0x4000, 0x0800, 0x0100


class Seen(NamedTuple):
    """A data message that the LNS sent, taken apart by hand."""

    flags: int
    length: int | None
    ns: int | None
    frame: bytes


def seen(data: bytes) -> Seen:
    flags = int.from_bytes(data[:2], "big")
    at, length, ns = 2, None, None
    if flags & LENGTH:
        length, at = int.from_bytes(data[2:4], "big"), 4
        assert length == len(data)
    at += 4
    if flags & SEQUENCE:
        ns, nr = struct.unpack_from("!HH", data, at)
        assert nr == 0
        at += 4
    return Seen(flags, length, ns, data[at:])


class Site(Rim):
    """An LNS with one group, a LAC and a client."""

    def __init__(self, *, required: bool = False, **keys: object) -> None:
        keys = {"secrets": (Secret(b"tunsecret"),), "grant": Grant(pool="default"), **keys}
        group = LacConfig(name="any", **keys)  # type: ignore[arg-type]  # keys of [[lac]]
        super().__init__(config(lac=(group,)))
        self.it = SimulatedLac(self, sequencing_required=required)
        self.it.open()
        self.client = self.it.dial("user1", "pass")
        self.run(3.0)

    @property
    def messages(self) -> list[Seen]:
        return [seen(datagram.data) for datagram in self.sent if not datagram.is_control]

    def down(self, *packets: bytes) -> list[Seen]:
        """Let the data plane have packets for the subscriber; return how they left."""
        before = len(self.messages)
        leg = self.entry.legs[0]
        assert leg.numbered, "else the data plane sends them itself"
        self.give(PacketsToNumber(tuple((leg.key, IPV4 + packet) for packet in packets)))
        return self.messages[before:]

    def up_messages(self, *packets: bytes) -> list[bytes]:
        """Return data messages with packets of the client, as the LAC sends them."""
        key = self.client.key
        assert key is not None
        datagrams = [self.it.endpoint.send_packet(key, IPV4 + packet) for packet in packets]
        return [datagram.data for datagram in datagrams if datagram is not None]

    def put(self, *messages: bytes, wait_s: float = 0.1) -> list[bytes]:
        """Send data messages one after the other; return what reached the data plane."""
        before = len(self.plane.forwarded)
        for message in messages:
            self.send(self.it.address, self.it.port, LNS_ADDRESS, 1701, message)
            self.run(0.02)
        self.run(wait_s)
        return [packet for _, _, packet in self.plane.forwarded[before:]]

    @property
    def disorder(self) -> list[DropReason]:
        """Return why data were dropped for their number."""
        return [fact.reason for fact in self.of(Dropped) if fact.reason.value.endswith("_data")]

    @property
    def data(self) -> dict[str, Any]:
        """Return what ``show session`` says of the data channel."""
        body: Any = self.answers[self.ask(ShowSession("user1"))].body
        shown: dict[str, Any] = body["sessions"][0]["data"]
        return shown


@pytest.mark.parametrize(
    ("dataseq", "required", "numbered"),
    [
        ("deny", False, False),
        ("allow", False, False),
        ("allow", True, True),
        ("prefer", False, True),
        ("prefer", True, True),
        ("require", False, True),
        ("require", True, True),
    ],
)
def test_dataseq(dataseq: str, required: bool, numbered: bool) -> None:
    site = Site(dataseq=dataseq, required=required)
    assert site.client.address
    numbers = [message.ns for message in site.messages]
    assert numbers == (list(range(len(numbers))) if numbered else [None] * len(numbers))
    assert len(numbers) > 5
    assert site.entry.legs[0].numbered is numbered
    shown = site.data
    assert (shown["numbered_down"], shown["numbered_up"]) == (numbered, numbered)
    assert shown["numbers_required"] is (required or dataseq == "require")


def test_a_lac_that_requires_numbers_is_refused_where_dataseq_denies_them() -> None:
    site = Site(dataseq="deny", required=True)
    assert not site.client.address
    (refused,) = site.of(CallRefused)
    assert refused.cause.text == "sequencing of data is not offered"
    assert site.controls(CDN)[0].result == (5, 0), "appropriate facilities are permanently not available"


def test_packets_and_control_frames_share_one_sequence() -> None:
    """Ns counts the data messages of the session, whatever is in them (RFC 2661 section 3.1)."""
    site = Site(dataseq="prefer")
    first = site.messages[-1].ns
    assert first is not None
    packets = [b"E" + bytes((number,)) for number in range(5)]
    sent = site.down(*packets)
    assert [message.ns for message in sent] == list(range(first + 1, first + 6))
    assert [message.frame for message in sent] == [IPV4 + packet for packet in packets]
    site.run(30.0)
    echo = next(message for message in site.messages if message.frame.startswith(LCP_ECHO))
    assert echo.ns == first + 6
    assert site.down(b"E")[0].ns == site.messages[-1].ns
    numbers = [message.ns for message in site.messages]
    assert numbers == list(range(len(numbers)))


def test_packets_for_a_call_that_has_gone_are_nobodys() -> None:
    site = Site(dataseq="prefer")
    leg = site.entry.legs[0]
    site.it.hang_up(site.client)
    site.run(2.0)
    before = len(site.messages)
    site.give(PacketsToNumber(((leg.key, IPV4 + b"E"),)))
    assert len(site.messages) == before


def test_what_a_lac_numbers_is_judged_whether_it_must_or_not() -> None:
    """Late and doubled packets are dropped; a gap is passed over, and counted."""
    site = Site(dataseq="prefer")
    a, b, c, d = site.up_messages(b"a", b"b", b"c", b"d")
    assert site.put(a, c, b, c, d) == [b"a", b"c", b"d"]
    assert site.disorder == [DropReason.OUT_OF_ORDER_DATA, DropReason.DUPLICATE_DATA]
    shown = site.data
    assert (shown["lost"], shown["late"], shown["duplicates"], shown["reordered"]) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("dataseq", "required", "taken"),
    [("allow", False, True), ("prefer", False, True), ("allow", True, False), ("require", False, False)],
)
def test_data_without_a_number(dataseq: str, required: bool, taken: bool) -> None:
    """Where numbers are required they must be there at all times (RFC 2661 section 5.4): without, data are dropped."""
    site = Site(dataseq=dataseq, required=required)
    (message,) = site.up_messages(b"packet")
    frame = seen(message).frame
    leg = site.entry.legs[0]
    plain = struct.pack("!HHH", 2, leg.key >> 16, leg.key & 0xFFFF) + frame
    assert site.put(plain) == ([b"packet"] if taken else [])
    assert site.disorder == ([] if taken else [DropReason.UNNUMBERED_DATA])
    assert site.data["unnumbered"] == int(not taken)


def test_reorder_timeout() -> None:
    site = Site(dataseq="prefer", reorder_timeout_s=0.5)
    a, b, c, d, e, f = site.up_messages(*(bytes((letter,)) for letter in b"abcdef"))
    assert site.put(a, c, d, b, b) == [b"a", b"b", b"c", b"d"]
    assert site.put(f) == [], "it waits for e"
    assert site.put(wait_s=0.5) == [b"f"], "no longer than reorder_timeout_s"
    assert site.put(e) == [], "too late"
    (gap,) = (fact for fact in site.of(DataDisordered) if fact.lost)
    assert (gap.group, gap.lost, gap.reordered) == ("any", 1, 1)
    assert sum(fact.reordered for fact in site.of(DataDisordered)) == 3
    shown = site.data
    assert (shown["lost"], shown["late"], shown["duplicates"], shown["reordered"]) == (1, 1, 1, 3)


def test_without_reorder_timeout_nothing_is_held() -> None:
    site = Site(dataseq="prefer")
    a, b, c = site.up_messages(b"a", b"b", b"c")
    assert site.put(a, c, wait_s=0.0) == [b"a", b"c"]
    assert site.put(b) == []


def test_what_is_held_ends_with_its_call() -> None:
    site = Site(dataseq="prefer", reorder_timeout_s=5.0)
    a, b, c = site.up_messages(b"a", b"b", b"c")
    assert site.put(a, c) == [b"a"]
    assert site.client.key is not None
    site.it.take(site.it.endpoint.close_call(site.client.key, Cause(By.LOCAL, 3), now=site.now), site.now)
    site.run(2.0)
    assert site.put(b, wait_s=10.0) == []
    assert site.of(Dropped)[-1].reason is DropReason.UNKNOWN_CALL


def test_length_bit() -> None:
    site = Site(length_bit=True)
    assert site.client.address
    assert {message.flags for message in site.messages} == {LENGTH | 2}
    assert site.entry.legs[0].length_bit
    assert site.data["length_bit"] is True
    assert {message.flags for message in Site().messages} == {2}


@pytest.mark.parametrize("wanted", [False, True])
def test_udp6_zero_checksum(wanted: bool) -> None:
    site = Site(udp6_zero_checksum=wanted)
    assert site.entry.legs[0].udp6_zero_checksum is wanted


def test_length_bit_with_numbers() -> None:
    site = Site(length_bit=True, dataseq="require")
    assert site.client.address
    (packet,) = site.down(b"E")
    assert {message.flags for message in site.messages} == {LENGTH | SEQUENCE | 2}
    assert packet.frame == IPV4 + b"E"


@pytest.mark.parametrize("dataseq", ["allow", "prefer"])
def test_priority_bit(dataseq: str) -> None:
    """LCP Echo and all other control frames have it, subscribers' packets never (RFC 2661 section 3.1)."""
    site = Site(priority_bit=True, dataseq=dataseq)
    site.run(30.0)
    assert {message.flags & PRIORITY for message in site.messages} == {PRIORITY}
    assert any(message.frame.startswith(LCP_ECHO) for message in site.messages)
    if dataseq == "prefer":
        (packet,) = site.down(b"E")
        assert packet.flags == SEQUENCE | 2
    assert not any(datagram.data[0] & 1 for datagram in site.sent if datagram.is_control)
    assert {message.flags & PRIORITY for message in Site(dataseq=dataseq).messages} == {0}


def test_an_old_call_keeps_what_held_when_it_came_up() -> None:
    """Restored under another configuration, it goes on as both ends have agreed."""
    site = Site(dataseq="prefer", length_bit=True)
    before = site.messages[-1].ns
    assert before is not None
    group = LacConfig(name="any", secrets=(Secret(b"tunsecret"),), dataseq="deny", grant=Grant(pool="default"))
    site.lns = type(site.lns).restore(site.lns.save(), config(lac=(group,)), codec(), bytes)
    (packet,) = site.down(b"E")
    assert (packet.ns, packet.flags) == (before + 1, LENGTH | SEQUENCE | 2)


def test_another_call_of_the_same_tunnel_has_numbers_of_its_own() -> None:
    site = Site(dataseq="prefer")
    other = site.it.dial("user2", "pass")
    site.run(3.0)
    assert other.address
    by_session: dict[int, list[int | None]] = {}
    for datagram in site.sent:
        if not datagram.is_control:
            session_id = int.from_bytes(datagram.data[4:6], "big")
            by_session.setdefault(session_id, []).append(seen(datagram.data).ns)
    assert len(by_session) == 2
    assert all(numbers == list(range(len(numbers))) for numbers in by_session.values())


@pytest.mark.parametrize("seed", range(5))
def test_bad_weather(seed: int) -> None:
    """A network that doubles and reorders: every packet arrives once and in its turn; the seed is that of the world."""
    site = Site(dataseq="prefer", reorder_timeout_s=1.0)
    site.dice.seed(seed)
    site.weather = Weather(duplication=0.3, jitter_s=0.2)
    packets = [number.to_bytes(2, "big") for number in range(300)]
    for start in range(0, 300, 10):
        for message in site.up_messages(*packets[start : start + 10]):
            site.send(site.it.address, site.it.port, LNS_ADDRESS, 1701, message)
        site.run(0.05)
    site.run(3.0)
    arrived = [packet for _, _, packet in site.plane.forwarded]
    assert arrived == packets
    shown = site.data
    assert (shown["lost"], shown["late"]) == (0, 0)
    assert shown["duplicates"] > 30
    assert shown["reordered"] > 30


@pytest.mark.parametrize("seed", range(5))
def test_sessions_come_up_and_stay_up_where_much_is_lost(seed: int) -> None:
    site = Site(dataseq="require", reorder_timeout_s=0.1)
    site.dice.seed(seed)
    site.weather = Weather(loss=0.1, duplication=0.1, jitter_s=0.1)
    others = [site.it.dial(f"other{number}", "pass") for number in range(5)]
    site.run(60.0)
    assert sum(bool(other.address) for other in others) >= 4
    assert site.client.address
    assert sum(fact.lost for fact in site.of(DataDisordered)) > 0
