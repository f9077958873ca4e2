"""Every state and every input: events, never an exception; one end; the same after save and restore."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bras import plain
from bras.ppp import packet
from bras.ppp.automaton import EVENTS, OPENED, TABLE
from bras.ppp.constants import CHAP, IPCP, LCP, PAP
from bras.ppp.events import LinkDown, LinkEvent, LinkUp, NetworkEvent, SendFrame
from bras.ppp.handover import Handover, open_link
from bras.ppp.link import Link, LinkConfig, LinkState
from bras.ppp.network import Network, NetworkConfig
from bras.ppp.settings import HandoverPolicy
from bras.secret import Secret
from tests.scenario.ppp_pair import ADDRESS, LOCAL, METHODS, SERVER, Pair, client_config, seeded

OPTION = st.builds(
    lambda kind, value: bytes((kind, len(value) + 2)) + value,
    st.sampled_from([1, 2, 3, 4, 5, 7, 8, 13, 17, 129, 130, 131, 132]) | st.integers(0, 255),
    st.sampled_from([b"", b"\x05\xb4", b"\xc0\x23", b"\xc2\x23\x05", b"\xc2\x23\x81", bytes(4), b"\x0a\x40\0\1"])
    | st.binary(max_size=6),
)
DATA = st.lists(OPTION, max_size=5).map(b"".join) | st.binary(max_size=60) | st.just(b"\x31" + bytes(49) + b"joe")
PACKET = st.builds(packet.build, st.integers(0, 14), st.integers(0, 4), DATA)
FRAME = st.builds(
    lambda front, protocol, octets: front + protocol.to_bytes(2, "big") + octets,
    st.sampled_from([b"\xff\x03", b""]),
    st.sampled_from([LCP, LCP, LCP, PAP, CHAP, IPCP, 0x80FD, 0x8057, 0x21]),
    PACKET,
) | st.binary(max_size=40)
CONFIG = st.sampled_from([
    SERVER,
    replace(SERVER, methods=("pap",)),
    replace(SERVER, methods=("chap", "pap"), acfc=False),
    replace(SERVER, methods=()),
    client_config(*METHODS),
    client_config("chap"),
])  # fmt: skip
MOVE = st.one_of(
    FRAME,
    st.sampled_from(["timeout", "open", "accept", "refuse", "close", "echo of ours"]),
    st.sampled_from(["right answer", "right answer", "right answer"]),
)


def right_answer(sent: list[bytes]) -> bytes:
    """Acknowledge our last Configure-Request, or return our last frame as it was."""
    for frame in reversed(sent):
        if frame.startswith(b"\xff\x03\xc0\x21\x01"):
            return frame[:4] + b"\x02" + frame[5:]
    return b"\xff\x03\xc0\x21\x01\x01\x00\x04"


def move(link: Link, what: bytes | str, sent: list[bytes], now: float) -> list[LinkEvent]:
    match what:
        case bytes():
            return link.receive(what, now=now)
        case "right answer":
            return link.receive(right_answer(sent), now=now)
        case "echo of ours":
            return link.receive(sent[-1] if sent else b"", now=now)
        case "timeout":
            return link.handle_timeout(now=now if link.deadline is None else link.deadline)
        case "open":
            return link.open(now=now)
        case "accept":
            return link.accept(b"hi", b"S=1", now=now)
        case "refuse":
            return link.refuse(b"no", b"", now=now)
        case _:
            return link.close(b"bye", now=now)


@given(CONFIG, st.lists(MOVE, max_size=40), st.integers(0, 9))
def test_a_link_takes_anything(config: LinkConfig, moves: list[bytes | str], seed: int) -> None:
    entropy, twin_entropy = seeded(seed), seeded(seed)
    link, twin = Link(config, entropy), Link(config, twin_entropy)
    sent: list[bytes] = []
    ends = 0
    now = 0.0
    for what in ["open", *moves]:
        now += 0.25
        events = move(link, what, sent, now)
        twin = Link.restore(plain.decode(plain.encode(twin.save())), config, twin_entropy)
        assert move(twin, what, sent, now) == events
        assert twin.save() == link.save()
        for event in events:
            ends += isinstance(event, LinkDown)
            sent += [event.frame] if hasattr(event, "frame") else []
            if isinstance(event, LinkUp):
                assert link.state is LinkState.NETWORK
                assert 128 <= event.mru <= config.mru
        assert ends == (link.state is LinkState.ENDED)
        if ends:
            assert link.deadline is None
        if link.state in (LinkState.ESTABLISH, LinkState.TERMINATE):
            assert link.deadline is not None, "nothing would ever happen again"


OPTIONS = st.lists(OPTION, max_size=4).map(b"".join)
SENT = st.builds(
    bytes.__add__, st.sampled_from([b"\x03\x05\xc2\x23\x05", b"\x03\x04\xc0\x23", b"\x03\x05\xc2\x23\x81"]), OPTIONS
)
HANDOVER = st.builds(
    Handover,
    st.sampled_from([True, True, True, False]),
    st.none() | SENT | SENT | st.binary(max_size=20),
    st.none() | OPTIONS | OPTIONS | st.just(b"\x05\x06joey") | st.binary(max_size=20),
    st.sampled_from(["chap", "pap", "mschapv1", ""]),
    st.none() | st.binary(max_size=300),
    st.none() | st.binary(max_size=300) | st.just(bytes(8)),
    st.none() | st.integers(0, 255),
    st.none() | st.sampled_from([16, 49, 5, 300]).map(bytes).map(Secret),
)


@given(HANDOVER, CONFIG, st.sampled_from(HandoverPolicy), st.lists(MOVE, max_size=20), st.integers(0, 9))
def test_a_link_that_was_begun_by_another_takes_anything_and_lets_nobody_in(
    told: Handover, config: LinkConfig, policy: HandoverPolicy, moves: list[bytes | str], seed: int
) -> None:
    entropy, twin_entropy = seeded(seed), seeded(seed)
    config = replace(config, handover=policy, client=None, methods=config.methods or ("chap",))
    link, twin = Link(config, entropy), Link(config, twin_entropy)
    sent: list[bytes] = []
    events = open_link(link, told, now=0.0)
    assert open_link(twin, told, now=0.0) == events
    accepted = False
    for now, what in enumerate(["", *moves], 1):
        if what:
            twin = Link.restore(plain.decode(plain.encode(twin.save())), config, twin_entropy)
            accepted |= what == "accept"
            events = move(link, what, sent, float(now))
            assert move(twin, what, sent, float(now)) == events
        assert twin.save() == link.save()
        sent += [event.frame for event in events if isinstance(event, SendFrame)]
        assert accepted or not any(isinstance(event, LinkUp) for event in events), "without proof"


@given(
    st.booleans(),
    st.booleans(),
    st.lists(
        PACKET | st.binary(max_size=30) | st.sampled_from(["timeout", "open", "down", "assign", "reject", "ack"]),
        max_size=40,
    ),
)
def test_a_network_takes_anything(client: bool, wishes: bool, moves: list[bytes | str]) -> None:
    config = NetworkConfig(local_address=LOCAL, dns=(1,), client=client, wants_dns=client, accept_client=wishes)
    network = Network(config, 0 if client else ADDRESS)
    sent: list[bytes] = []

    def step(machine: Network, what: bytes | str) -> list[NetworkEvent]:
        match what:
            case bytes():
                return machine.receive(IPCP, what, now=1.0)
            case "ack":
                return machine.receive(IPCP, b"\x02" + (sent or [b"\1\1\0\4"])[-1][1:], now=1.0)
            case "timeout":
                return machine.handle_timeout(now=machine.deadline or 1.0)
            case "open":
                return machine.open(now=1.0)
            case "down":
                return machine.lower_down(now=1.0)
            case "assign":
                return machine.assign(ADDRESS + 1, now=1.0)
            case _:
                return machine.reject(IPCP, now=1.0)

    for what in ["open", *moves]:
        twin = Network.restore(plain.decode(plain.encode(network.save())), config)
        events = step(network, what)
        assert step(twin, what) == events
        assert twin.save() == network.save()
        sent += [event.packet for event in events if hasattr(event, "packet") and event.packet[0] == 1]


@given(
    st.integers(0, 200), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 60), st.integers(0, 255)), max_size=6)
)
def test_a_conversation_with_broken_frames_goes_on_or_ends(seed: int, breaks: list[tuple[int, int, int]]) -> None:
    pair = Pair(seed=seed).start()
    for skip, position, octet in breaks:
        for _ in range(skip):
            pair.step(pair.now + 5.0)
        if pair.due and isinstance(frame := pair.due[0][3], bytes):
            broken = bytearray(frame)
            broken[position % len(broken)] ^= octet
            at, serial, end, _ = pair.due[0]
            pair.due[0] = (at, serial, end, bytes(broken))
    pair.run(60.0)
    assert pair.server.is_up or pair.server.down is not None


def test_every_state_but_the_first_takes_every_packet() -> None:
    packets = ["RCR+", "RCR-", "RCA", "RCN", "RTR", "RTA", "RUC", "RXJ+", "RXJ-", "RXR"]
    for event in packets:
        assert all(TABLE[EVENTS.index(event)][state] is not None for state in range(2, OPENED + 1))
