"""A LAC behind a NAT that gives it another port goes on, with its sessions, where ``follow_port`` says so.

The NAT is between the LAC and ``World``: what the LAC sends seems to come from ``port``, and only
what is sent to one of ``heard`` reaches it.
"""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from pathlib import Path as FilePath

import pytest

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, Listen, LnsConfig
from bras.errors import DropReason
from bras.forwarding.entry import Counters, ReplaceEntry
from bras.l2tp import messages
from bras.l2tp.events import By, Cause, Dropped, Path, TunnelDown, TunnelMoved, TunnelProbed
from bras.l2tp.header import parse_control
from bras.lns import from_l2tp
from bras.lns.commands import ShowTunnels
from bras.lns.effects import Program
from bras.lns.inputs import DatagramReceived
from bras.lns.lns import Lns
from bras.plain import decode, encode
from bras.secret import Secret
from bras.subscriber.events import Phase, SubscriberEnded
from tests.support.crash import Mortal
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import HELLO, Rim
from tests.support.world import LNS_ADDRESS, Weather, World, codec, config

LAC = "198.18.0.2"
OLD, NEW = 1701, 40000


class Nat:
    """Stands between a world and the LAC that has port 1701 in it."""

    def __init__(self, world: World, lac: SimulatedLac) -> None:
        self.port = OLD
        self.came: list[tuple[int, bytes]] = []
        """What came to each port of the LAC's address, whether it reaches the LAC or not."""
        self._world, self._lac = world, lac
        self._heard: dict[int, bool] = {}
        lac.world = self  # type: ignore[assignment]  # as far as the LAC looks
        self.opens(OLD)

    @property
    def now(self) -> float:
        return self._world.now

    @property
    def speaker_port(self) -> int:
        return self._world.speaker_port

    def send(self, source: str, _port: int, target: str, target_port: int, data: bytes) -> None:
        self._world.send(source, self.port, target, target_port, data)

    def opens(self, port: int, *, reaches: bool = True) -> None:
        """Notice what comes to a port, and let it reach the LAC or not."""
        self._heard[port] = reaches

        def receive(data: bytes, now: float) -> None:
            self.came.append((port, data))
            if self._heard[port]:
                self._lac.receive(data, now)

        self._world.parties[LAC, port] = receive

    def rebinds(self, port: int = NEW) -> None:
        """Give the LAC another port; nothing comes through by the former one."""
        self.opens(self.port, reaches=False)
        self.opens(port)
        self.port = port

    def sent_to(self, port: int) -> list[bytes]:
        return [data for at, data in self.came if at == port]


def setting(*, follow: bool = True, **keys: object) -> Config:
    group = LacConfig(
        name="any",
        secrets=(Secret(b"tunsecret"),),
        grant=Grant(pool="default"),
        follow_port=follow,
        **keys,  # type: ignore[arg-type]  # keys of [[lac]]
    )
    lns = LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), hostname="lns1", idle_tunnel_s=0.0)
    return config(lac=(group,), lns=lns)


def come_up(world: World, sessions: int = 3) -> tuple[SimulatedLac, Nat, list[Client]]:
    lac = SimulatedLac(world, address=LAC)
    lac.group = replace(lac.group, hello_interval_s=0.0)
    nat = Nat(world, lac)
    lac.open()
    clients = [lac.dial(f"user{number}", "pass") for number in range(sessions)]
    world.run(5.0)
    assert all(client.address for client in clients)
    return lac, nat, clients


def ports(world: World) -> set[int]:
    """Return to which ports of the LAC packets are sent."""
    return {entry.legs[0].remote_port for entry in world.plane.entries.values()}


def of(world: World, kind: type) -> list:  # type: ignore[type-arg]  # of that kind
    return [fact for fact in world.facts if isinstance(fact, kind)]


def tunnel_id(lac: SimulatedLac) -> int:
    """Return the LNS's id of the LAC's tunnel."""
    return lac.endpoint._tunnels[lac.tunnel_id].association.peer_tunnel_id


def forged(lac: SimulatedLac, nr: int, ns: int = 0) -> bytes:
    """Return a ZLB that anybody can make who knows the tunnel's id."""
    return struct.pack("!HHHHHH", 0xC802, 12, tunnel_id(lac), 0, ns, nr)


@pytest.mark.parametrize("follow", [True, False])
def test_follow_port(follow: bool) -> None:
    """The tunnel moves with all its sessions, and they go on both ways; not so without the key."""
    rim = Rim(setting(follow=follow))
    lac, nat, clients = come_up(rim)
    for slot in rim.plane.entries:
        rim.plane.feed(slot, Counters(up_octets4=100, up_packets4=1))
    nat.rebinds()
    lac.tell(messages.hello())
    rim.run(60.0 if follow else 200.0)
    assert bool(of(rim, TunnelMoved)) is follow
    assert bool(of(rim, TunnelDown)) is not follow
    if not follow:
        assert not of(rim, TunnelProbed)
        assert DropReason.WRONG_PEER in {fact.reason for fact in of(rim, Dropped)}
        assert not nat.sent_to(NEW)
        return
    (moved,) = of(rim, TunnelMoved)
    assert (moved.path.remote_port, moved.former_port, moved.group, moved.lac_hostname) == (NEW, OLD, "any", "lac1")
    assert ports(rim) == {NEW}
    assert [entry.legs[0].remote for entry in rim.plane.entries.values()] == [LAC] * 3
    asked = [(slot, entry.generation) for slot, entry in rim.plane.entries.items()]
    assert {counters for *_, counters in rim.plane.read(asked)} == {Counters(up_octets4=100, up_packets4=1)}
    (shown,) = rim.answers[rim.ask(ShowTunnels())].body["tunnels"]  # type: ignore[index,call-overload]  # plain data
    assert shown["remote"] == f"{LAC}:{NEW}"
    late = lac.dial("user9", "pass")
    rim.run(3.0)
    assert late.address, "the control connection goes on"
    for client in [*clients, late]:
        lac.hang_up(client)
    rim.run(5.0)
    ends = of(rim, SubscriberEnded)
    assert {end.reason for end in ends} == {"client_terminated"}, "data go on both ways"
    assert sorted(end.counters.up_octets4 for end in ends) == [0, 100, 100, 100], "and the counters with them"
    assert not of(rim, TunnelDown)


def test_it_follows_to_a_port_of_our_own_too() -> None:
    rim = Rim(setting(use_ephemeral_port=True))
    lac, nat, clients = come_up(rim)
    (before,) = rim.lns.core.endpoint.tunnels()
    assert before.path.local_port != 1701
    nat.rebinds()
    lac.tell(messages.hello())
    rim.run(5.0)
    (after,) = rim.lns.core.endpoint.tunnels()
    assert after.path == replace(before.path, remote_port=NEW)
    assert ports(rim) == {NEW}
    lac.hang_up(clients[0])
    rim.run(2.0)
    assert [end.reason for end in of(rim, SubscriberEnded)] == ["client_terminated"]


def test_data_alone_are_enough_to_ask() -> None:
    rim = Rim(setting(hello_interval_s=0.0))
    lac, nat, clients = come_up(rim)
    nat.rebinds()
    lac.send(clients[0], b"\xff\x03\xc0\x21\x0d\x07\x00\x08\0\0\0\0")
    rim.run(5.0)
    assert ports(rim) == {NEW}
    assert not of(rim, TunnelDown)


def test_the_old_port_is_asked_first_and_the_new_one_when_that_is_silent() -> None:
    rim = Rim(setting())
    lac, nat, _ = come_up(rim)
    nat.rebinds()
    came = len(nat.came)
    lac.tell(messages.hello())
    rim.run(0.9)
    (first,) = nat.came[came:]
    assert (first[0], rim.controls(HELLO)[-1].target) == (OLD, (LAC, OLD))
    rim.run(0.2)
    assert [port for port, _ in nat.came[came:]] == [OLD, OLD, NEW, NEW][: len(nat.came) - came]
    assert nat.sent_to(NEW)[0][8:10] == first[1][8:10], "the same Ns"
    assert ports(rim) == {NEW}


def test_while_the_old_port_answers_nothing_is_sent_elsewhere_and_nothing_moves() -> None:
    """Somebody else behind the same NAT cannot have the tunnel."""
    rim = Rim(setting())
    lac, nat, clients = come_up(rim)
    nat.opens(NEW, reaches=False)
    for _ in range(100):
        rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, 0))
        for nr in range(64):
            rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, nr))
        rim.run(1.0)
    assert not nat.sent_to(NEW)
    assert not of(rim, TunnelMoved)
    assert ports(rim) == {OLD}
    assert 9 <= len(of(rim, TunnelProbed)) <= 11
    assert all(client.address for client in clients)


def test_a_flood_from_random_ports() -> None:
    rim = Rim(setting())
    lac, _, clients = come_up(rim)
    dice = random.Random(7)
    hellos = len(rim.controls(HELLO))
    for _ in range(100):
        for _ in range(100):
            port = dice.randrange(1024, 65536)
            rim.send(LAC, port, LNS_ADDRESS, 1701, forged(lac, dice.randrange(65536), dice.randrange(65536)))
        rim.run(0.5)
    assert len(rim.controls(HELLO)) - hellos <= 6, "fifty seconds"
    assert {datagram.target[1] for datagram in rim.sent} == {OLD}
    assert sum(fact.reason is DropReason.WRONG_PEER for fact in of(rim, Dropped)) == 10_000
    lac.hang_up(clients[0])
    rim.run(2.0)
    assert [end.reason for end in of(rim, SubscriberEnded)] == ["client_terminated"]
    assert not of(rim, TunnelDown)


@pytest.mark.parametrize(("source", "target"), [("198.18.0.3", (LNS_ADDRESS, 1701)), (LAC, ("198.18.0.254", 1701))])
def test_addresses_never_change(source: str, target: tuple[str, int]) -> None:
    rim = Rim(setting())
    lac, nat, _ = come_up(rim)
    nat.opens(OLD, reaches=False)
    for _ in range(40):
        rim.send(source, NEW, *target, forged(lac, random.Random(1).randrange(65536)))
        rim.run(1.0)
    assert not of(rim, TunnelProbed)
    assert {datagram.target for datagram in rim.sent} == {(LAC, OLD)}


def test_an_answer_from_a_port_that_was_not_asked_moves_nothing() -> None:
    """The way to the LAC is dead; whoever guesses every Nr from another port than the one in question is not it."""
    rim = Rim(setting())
    lac, nat, _ = come_up(rim)
    nat.opens(OLD, reaches=False)
    nat.opens(NEW, reaches=False)
    rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, 0))
    rim.run(2.0)
    assert nat.sent_to(NEW)
    for nr in range(256):
        rim.send(LAC, NEW + 1, LNS_ADDRESS, 1701, forged(lac, nr))
    rim.run(0.5)
    assert not of(rim, TunnelMoved)
    for wrong in (0, 0x7FFF, 0xFFFF):
        rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, wrong))
    rim.run(0.5)
    assert not of(rim, TunnelMoved), "nor one who was asked and does not know what"
    asked = parse_control(nat.sent_to(NEW)[-1])
    rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, asked[3] + 1))
    rim.run(0.5)
    assert of(rim, TunnelMoved)


def test_a_feigned_port_does_not_keep_the_lac_from_moving() -> None:
    """The LAC has moved, but somebody else was first to be asked: after ten seconds it is the LAC's turn."""
    rim = Rim(setting())
    lac, nat, clients = come_up(rim)
    nat.rebinds()
    rim.send(LAC, NEW + 1, LNS_ADDRESS, 1701, forged(lac, 0))
    rim.run(0.1)
    lac.tell(messages.hello())
    rim.run(25.0)
    assert ports(rim) == {NEW}
    assert all(client.address for client in clients)
    assert not of(rim, TunnelDown)


def test_what_waits_for_an_acknowledgement_goes_along() -> None:
    """The port changes while an answer of ours is under way: it reaches the LAC by the new one."""
    rim = Rim(setting())
    lac, nat, _ = come_up(rim)
    client = lac.dial("user9", "pass")
    rim.run(0.007)  # the ICRQ has come, the ICRP is under way
    nat.rebinds()
    rim.run(15.0)
    assert of(rim, TunnelMoved)
    rim.run(15.0)
    assert client.address
    assert not of(rim, TunnelDown)


def test_another_lac_at_that_port_keeps_it() -> None:
    """Two LACs behind one address: what one says in the other's tunnel moves nothing."""
    rim = Rim(setting())
    lac, nat, _ = come_up(rim)
    other = SimulatedLac(rim, address=LAC, port=NEW, hostname="lac2")
    own = lac.endpoint._tunnels[lac.tunnel_id].association.tunnel_id
    other.entropy = other.endpoint._table.entropy = lambda count: own.to_bytes(2, "big").rjust(count, b"\0")
    other.open()
    rim.run(2.0)
    assert other.tunnel_id == own, "both LACs have chosen the same id"
    rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, 0))
    rim.run(5.0)
    assert not of(rim, TunnelProbed)
    nat.rebinds(NEW + 1)
    lac.tell(messages.hello())
    rim.run(5.0)
    assert [moved.path.remote_port for moved in of(rim, TunnelMoved)] == [NEW + 1]
    assert len(list(rim.lns.core.endpoint.tunnels())) == 2


def test_it_moves_again_and_back() -> None:
    rim = Rim(setting(hello_interval_s=0.0))
    lac, nat, clients = come_up(rim)
    for port in (NEW, NEW + 1, OLD):
        nat.rebinds(port)
        lac.tell(messages.hello())
        rim.run(15.0)
        assert ports(rim) == {port}
    assert all(client.address for client in clients)
    nat.opens(OLD, reaches=True)
    lac.open()
    rim.run(2.0)
    assert len(list(rim.lns.core.endpoint.tunnels())) == 2, "its ids are where they belong"


def test_a_tunnel_that_ends_has_nothing_to_find_out() -> None:
    rim = Rim(setting(max_retransmissions=2))
    lac, nat, _ = come_up(rim)
    nat.opens(OLD, reaches=False)
    nat.opens(NEW, reaches=False)
    rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, 0))
    rim.run(30.0)
    assert of(rim, TunnelDown)[0].cause.text == "no answer to Hello"
    assert len(nat.sent_to(NEW)) == 2, "as often as it was said again"
    asked = parse_control(nat.sent_to(NEW)[-1])
    rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, asked[3] + 1))
    rim.run(60.0)
    assert not of(rim, TunnelMoved)
    assert not list(rim.lns.core.endpoint.tunnels())


class Saved(Rim):
    """Goes on from its own saved state before each input."""

    def handle(self, given):  # type: ignore[no-untyped-def]  # as World has it
        saved = decode(encode(self.lns.save()))
        entropy = self.lns.core.entropy
        self.lns = Lns.restore(saved, self.configuration, codec(), entropy)
        assert decode(encode(self.lns.save())) == saved
        return super().handle(given)


@pytest.mark.parametrize("kind", [Rim, Saved])
def test_thousands_move_some_at_a_turn(kind: type[Rim], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_l2tp, "A_TURN", 2)
    rim = kind(setting())
    most = [0]
    handle = rim.handle

    def counted(given):  # type: ignore[no-untyped-def]  # as World has it
        effects = handle(given)
        operations = [one.operation for one in effects if isinstance(one, Program)]
        most.append(sum(isinstance(one, ReplaceEntry) for one in operations))
        return effects

    rim.handle = counted  # type: ignore[method-assign]  # watched, not replaced
    lac, nat, clients = come_up(rim, 7)
    nat.rebinds()
    lac.tell(messages.hello())
    rim.run(5.0)
    assert ports(rim) == {NEW}
    assert (max(most), sum(most)) == (2, 7)
    lac.hang_up(clients[3])
    rim.run(2.0)
    assert len(of(rim, SubscriberEnded)) == 1


@pytest.mark.parametrize("how", ["unwritten", "unsent", "unheard"])
@pytest.mark.parametrize("pinned", [True, False])
def test_killed_when_it_moves(how: str, pinned: bool, tmp_path: FilePath) -> None:
    """At whichever instant: in the end all is at the new port, and so it is after another death."""
    world = Mortal(tmp_path, setting(), weather=Weather(), pinned=pinned)
    lac, nat, clients = come_up(world)
    nat.rebinds()
    lac.tell(messages.hello())
    world.run(5.0, until=lambda: bool(nat.sent_to(NEW)))
    world.kill_at = how
    world.run(5.0, until=lambda: not world.alive)
    assert not world.alive
    world.run(0.5)
    world.revive()
    lac.tell(messages.hello())
    world.run(25.0)
    assert ports(world) == {NEW}
    lac.tell(messages.hello())
    world.kill(how)
    world.run(15.0)
    assert ports(world) == {NEW}
    (facts,) = world.lns.core.endpoint.tunnels()
    assert facts.path.remote_port == NEW
    lac.hang_up(clients[0])
    world.run(5.0)
    assert [end.reason for end in of(world, SubscriberEnded)] == ["client_terminated"]
    assert all(client.address for client in clients[1:])


@pytest.mark.parametrize("how", ["unsent", "unheard"])
def test_killed_before_the_sessions_have_moved(how: str, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal has the tunnel at its new port: the sessions find it there, without a word of the LAC."""
    monkeypatch.setattr(from_l2tp, "A_TURN", 1)
    world = Mortal(tmp_path, setting(), weather=Weather())
    lac, nat, _ = come_up(world)
    nat.rebinds()
    lac.tell(messages.hello())
    world.run(5.0, until=lambda: bool(nat.sent_to(NEW)))
    world.kill_at = how
    world.run(5.0, until=lambda: not world.alive)
    assert OLD in ports(world), "those of the kernel are still as they were"
    nat.opens(NEW, reaches=False)
    world.revive()
    (facts,) = world.lns.core.endpoint.tunnels()
    assert facts.path.remote_port == NEW
    world.run(0.1)
    assert ports(world) == {NEW}
    world._die()
    world.revive()
    (facts,) = world.lns.core.endpoint.tunnels()
    assert facts.path.remote_port == NEW
    assert {one.leg.remote_port for one in world.lns.core.registry.by_number.values()} == {NEW}


def test_a_lac_that_has_moved_is_known_there_by_its_own_id() -> None:
    """A StopCCN that names the LAC's id alone counts from the new port, and from the old one no more."""
    rim = Rim(setting())
    lac, nat, _ = come_up(rim)
    nat.rebinds()
    lac.tell(messages.hello())
    rim.run(15.0)
    assert ports(rim) == {NEW}
    ns = lac.endpoint._tunnels[lac.tunnel_id].channel.sender.first
    body = bytes.fromhex("8008 0000 0000 0004 8008 0000 0001 0001 8008 0000 0009") + lac.tunnel_id.to_bytes(2, "big")
    stop = struct.pack("!HHHHHH", 0xC802, 12 + len(body), 0, 0, ns, 0) + body
    rim.send(LAC, OLD, LNS_ADDRESS, 1701, stop)
    rim.run(0.1)
    assert not of(rim, TunnelDown)
    rim.send(LAC, NEW, LNS_ADDRESS, 1701, stop)
    rim.run(0.1)
    assert of(rim, TunnelDown)


def test_a_tunnel_that_was_closed_meanwhile_moves_no_more() -> None:
    rim = Rim(setting())
    lac, nat, _ = come_up(rim)
    nat.opens(OLD, reaches=False)
    nat.opens(NEW, reaches=False)
    rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, 0))
    rim.run(2.0)
    asked = parse_control(nat.sent_to(NEW)[-1])
    rim.lns.core.endpoint.close_tunnel(tunnel_id(lac), Cause(By.LOCAL, 1), now=rim.now)
    rim.send(LAC, NEW, LNS_ADDRESS, 1701, forged(lac, asked[3] + 1))
    rim.run(0.1)
    assert not of(rim, TunnelMoved)


def test_where_the_old_port_is_silent_already_the_new_one_is_asked_at_once() -> None:
    rim = Rim(setting(hello_interval_s=5.0))
    lac, nat, _ = come_up(rim)
    nat.rebinds()
    rim.run(9.0)
    assert not nat.sent_to(NEW), "nobody has said anything from there"
    lac.tell(messages.hello())
    rim.run(0.1)
    assert ports(rim) == {NEW}


def test_an_entry_that_must_change_while_it_is_being_added() -> None:
    """The data plane answers late: the session is up when the Entry is as it must be."""
    rim = Rim(setting())
    lac, nat, _ = come_up(rim)
    late: list[object] = []
    perform = rim.perform

    def slow(effects):  # type: ignore[no-untyped-def]  # as World has it
        late.extend(one for one in effects if isinstance(one, Program))
        return perform([one for one in effects if not isinstance(one, Program)])

    rim.perform = slow  # type: ignore[method-assign]  # as a back end that takes its time
    lac.dial("user9", "pass")
    rim.run(3.0, until=lambda: bool(late))
    nat.rebinds()
    lac.tell(messages.hello())
    rim.run(5.0)
    assert of(rim, TunnelMoved)
    rim.perform = perform  # type: ignore[method-assign]  # as it was
    rim.give(*rim.perform(late))  # type: ignore[arg-type]  # effects
    rim.run(1.0)
    assert ports(rim) == {NEW}
    assert {one.phase for one in rim.lns.core.registry.by_number.values()} == {Phase.UP}


def test_what_comes_before_the_proof_is_not_acted_on() -> None:
    """A StopCCN from another port ends nothing, whatever its Ns."""
    rim = Rim(setting())
    lac, _, _ = come_up(rim)
    body = bytes.fromhex("8008 0000 0000 0004 8008 0000 0001 0001 8008 0000 0009 0007")
    for ns in range(32):
        head = struct.pack("!HHHHHH", 0xC802, 12 + len(body), tunnel_id(lac), 0, ns, 0)
        path = Path(0, LNS_ADDRESS, 1701, LAC, NEW)
        rim.give(DatagramReceived(path, head + body))
    rim.run(5.0)
    assert not of(rim, TunnelDown)
    assert not of(rim, TunnelMoved)
