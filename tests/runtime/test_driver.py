"""The driver on a real loop with real sockets: what wakes it, what it does, and what a defect costs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, Listen, LnsConfig, PppConfig, UserConfig
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.dataplane.base import DataPlane, DataPlaneError
from bras.dataplane.null import Null
from bras.forwarding.entry import Operation, Outcome
from bras.l2tp.events import By, Cause, Path, SendDatagram, TunnelRefused, TunnelUp
from bras.lns.commands import Disconnect, ShowPools, ShowSessions, Shutdown
from bras.lns.effects import Fact
from bras.lns.lns import Lns
from bras.runtime import clock, driver, ports
from bras.runtime.driver import Driver
from bras.runtime.udp import Listener
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, SubscriberUp
from tests.support.faults import spoil
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import Rim
from tests.support.wire import Wire
from tests.support.world import RADIUS_SECRET, SimulatedRadius, codec, config


def free_port() -> int:
    """Return a UDP port of 127.0.0.5 that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.5", 0))
        return int(opened.getsockname()[1])


@dataclass
class Bench:
    """A driver at work, and the LACs round it."""

    driver: Driver
    wire: Wire
    facts: list[Fact]
    port: int

    async def until(self, so: Callable[[], object], seconds: float = 10.0) -> None:
        """Let driver and LACs go on until something is so."""
        end = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < end, f"it did not happen in {seconds} s"
            self.wire.step(0)
            await asyncio.sleep(0.001)

    def of(self, kind: type) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def lac(self, number: int = 2) -> SimulatedLac:
        return self.wire.lac(f"127.0.0.{number}", 0, calls=("127.0.0.1", self.port), hostname=f"lac{number}")

    async def up(self, lac: SimulatedLac, *users: str) -> list[Client]:
        clients = [lac.dial(user, "pass") for user in users]
        await self.until(lambda: all(client.address for client in clients))
        return clients


def run(
    use: Callable[[Bench], Awaitable[None]], configuration: Config | None = None, plane: DataPlane | None = None
) -> None:
    """Run a test on a loop of its own; users come from the configuration unless it says otherwise."""

    async def on_loop() -> None:
        sections = {
            "lns": LnsConfig(listen=(Listen("127.0.0.1", 0),), hostname="lns1"),
            "auth": AuthConfig(methods=("chap",), source="local"),
            "radius": RadiusConfig(),
            "user": tuple(UserConfig(f"user{number}", Secret(b"pass")) for number in range(1, 5)),
        }
        given = configuration or config(**sections)
        facts: list[Fact] = []
        listener = Listener(0, Listen("127.0.0.1", 0), 65536)
        lns = Lns(given, codec(), os.urandom, epoch=1)
        driven = Driver(lns, plane or Null(), [listener], facts.append)
        with Wire() as wire:
            driven.start()
            try:
                await use(Bench(driven, wire, facts, listener.socket.getsockname()[1]))
            finally:
                driven.stop()

    asyncio.run(on_loop())


def test_a_call_over_real_sockets() -> None:
    async def use(bench: Bench) -> None:
        lac = bench.lac()
        (client,) = await bench.up(lac, "user1")
        assert len(bench.of(TunnelUp)) == len(bench.of(SubscriberUp)) == 1
        assert len(bench.driver.plane.entries) == 1  # type: ignore[attr-defined]  # Null has them
        lac.hang_up(client)
        await bench.until(lambda: bench.of(SubscriberEnded))
        await bench.until(lambda: client.ended)
        assert bench.driver.plane.entries == {}  # type: ignore[attr-defined]  # Null has them

    run(use)


def test_a_call_that_radius_lets_in() -> None:
    server = SimulatedRadius()
    ports = free_port(), free_port()
    one = RadiusServerConfig("127.0.0.5", Secret(RADIUS_SECRET), "r", auth_port=ports[0], acct_port=ports[1])
    section = RadiusConfig(server=(one,))

    async def use(bench: Bench) -> None:
        for port in ports:
            bench.wire.serve(None, "127.0.0.5", port, server)
        await bench.up(bench.lac(), "user1")
        await bench.until(lambda: server.statuses(b"user1") == [1])

    run(use, config(radius=section))


def test_a_server_that_is_not_there_is_left_at_once() -> None:
    """The kernel says so: nobody waits for a timeout."""
    gone = RadiusServerConfig("127.0.0.5", Secret(RADIUS_SECRET), "gone", auth_port=1, acct_port=0, timeout_s=60.0)
    port = free_port()
    there = RadiusServerConfig("127.0.0.5", Secret(RADIUS_SECRET), "there", auth_port=port, acct_port=0)
    unreachable = RadiusServerConfig("255.255.255.255", Secret(RADIUS_SECRET), "no", acct_port=0, timeout_s=60.0)

    async def use(bench: Bench) -> None:
        bench.wire.serve(None, "127.0.0.5", port, SimulatedRadius())
        await bench.up(bench.lac(), "user1")

    run(use, config(radius=RadiusConfig(server=(gone, unreachable, there))))


def test_questions_are_answered() -> None:
    async def use(bench: Bench) -> None:
        await bench.up(bench.lac(), "user1", "user2")
        sessions, pools = await bench.driver.ask(ShowSessions()), await bench.driver.ask(ShowPools())
        assert [row["user"] for row in sessions.body["sessions"]] == ["user1", "user2"]  # type: ignore[index,call-overload]
        assert pools.ok
        gone = bench.driver.ask(Disconnect("user1"))
        await bench.until(gone.done)
        assert gone.result().body == {"disconnected": 1}
        forgotten = bench.driver.ask(Shutdown())
        forgotten.cancel()  # who asked has gone away
        await bench.until(lambda: not bench.driver.plane.entries)  # type: ignore[attr-defined]  # Null has them

    run(use)


def test_timers_are_in_time() -> None:
    """A client that says nothing: five Configure-Requests, a fifth of a second apart."""
    section = PppConfig(mru=1460, restart_timer_s=0.2, restart_cap_s=0.2, max_configure=5)

    async def use(bench: Bench) -> None:
        lac = bench.lac()
        client = lac.dial("user1", "pass")
        await bench.until(lambda: lac.clients)
        client.link = Rim.line  # type: ignore[assignment]  # nobody is there
        lac.clients.clear()
        heard = len(bench.wire.heard)
        began_at = time.monotonic()
        await bench.until(lambda: bench.of(SubscriberEnded))
        assert 0.7 < time.monotonic() - began_at < 3.0
        assert len([one for one in bench.wire.heard[heard - 1 :] if not one.data[0] & 0x80]) >= 4

    run(use, config(auth=AuthConfig(source="local"), radius=RadiusConfig(), ppp=section))


def test_the_wall_clock_is_told_when_it_was_stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CLOCK_CHECK_S", 0.02)
    true = clock.wall_offset()

    async def use(bench: Bench) -> None:
        books = bench.driver.lns.core.books
        assert books.wall_offset_s == pytest.approx(true, abs=1.0)
        monkeypatch.setattr(clock, "wall_offset", lambda: true + 0.3)
        await asyncio.sleep(0.1)
        assert books.wall_offset_s == pytest.approx(true, abs=0.2), "a small drift is nothing to tell"
        monkeypatch.setattr(clock, "wall_offset", lambda: true + 3600.0)
        await bench.until(lambda: books.wall_offset_s == true + 3600.0)

    run(use)


def test_the_path_to_a_lac_is_measured() -> None:
    """That of the loopback is wider than any MRU."""

    async def use(bench: Bench) -> None:
        await bench.up(bench.lac(), "user1")
        assert bench.driver.lns.core.policy.path_mtu["127.0.0.2"] >= 65535
        (entry,) = bench.driver.plane.entries.values()  # type: ignore[attr-defined]  # Null has them
        assert entry.mtu == 1460, "the client's"

    users = (UserConfig("user1", Secret(b"pass")),)
    run(use, config(auth=AuthConfig(source="local"), radius=RadiusConfig(), user=users, ppp=PppConfig(mru="auto")))


def test_a_data_plane_that_is_gone_is_told_once() -> None:
    reader, writer = os.pipe()
    os.close(writer)

    class Gone(Null):
        def filenos(self) -> tuple[int, ...]:
            return (reader,)

        def on_readable(self, *, now: float) -> None:
            raise DataPlaneError("the interface was taken away")

    told: list[object] = []

    async def on_loop() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told.append(context["exception"]))
        driven = Driver(Lns(config(), codec(), os.urandom, epoch=1), Gone(), [], lambda fact: None)
        driven.start()
        await asyncio.sleep(0.1)
        driven.stop()

    asyncio.run(on_loop())
    os.close(reader)
    assert [str(wrong) for wrong in told] == ["the interface was taken away"]


class Slow(Null):
    """Answers removals when its descriptor is readable, as a back end does that waits for the kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.fileno = os.eventfd(0, os.EFD_NONBLOCK)
        self.batches: list[int] = []
        self._going: list[Outcome] = []
        self._done: list[Outcome] = []

    def program_all(self, operations: Sequence[Operation]) -> list[Outcome]:
        self.batches.append(len(operations))
        outcomes = [self.program(operation) for operation in operations]
        self._going += [outcome for outcome in outcomes if outcome.counters is not None]
        if self._going:
            asyncio.get_running_loop().call_later(0.05, os.eventfd_write, self.fileno, 1)
        return [outcome for outcome in outcomes if outcome.counters is None]

    def filenos(self) -> tuple[int, ...]:
        return (self.fileno,)

    def on_readable(self, *, now: float) -> None:
        os.eventfd_read(self.fileno)
        self._done, self._going = self._going, []

    def outcomes(self) -> tuple[Outcome, ...]:
        done, self._done = self._done, []
        return tuple(done)


@pytest.mark.parametrize("shutdown", [False, True])
def test_removals_that_are_answered_later_are_heard(shutdown: bool) -> None:
    slow = Slow()

    async def use(bench: Bench) -> None:
        lac = bench.lac()
        clients = await bench.up(lac, "user1", "user2", "user3")
        await bench.until(lambda: len(bench.of(SubscriberUp)) == 3)
        if shutdown:
            answer = bench.driver.ask(Shutdown())
            await bench.until(lambda: not slow.entries)
            assert len(bench.driver.lns.core.registry.by_number) == 3, "not before the data plane has answered"
            assert not answer.done()
            await bench.until(answer.done)
            assert max(slow.batches) == 3, "in one go"
        else:
            lac.hang_up(clients[0])
            await bench.until(lambda: len(slow.entries) == 2)
            assert not bench.of(SubscriberEnded)
            await bench.until(lambda: len(bench.of(SubscriberEnded)) == 1)
            return
        assert len(bench.of(SubscriberEnded)) == 3

    run(use, plane=slow)
    os.close(slow.fileno)


def test_what_cannot_be_sent_is_counted() -> None:
    async def use(bench: Bench) -> None:
        bench.driver._perform([SendDatagram(Path(0, "127.0.0.1", 1701, "127.0.0.9", 0), b"x")], 0.0)
        assert bench.driver.counts.send_failures[()] == 1

    run(use)


@pytest.mark.parametrize("worst", [False, True])
def test_a_defect_costs_its_own_call_and_is_told(worst: bool) -> None:
    """Its Network cannot receive; at worst nothing of it can even be ended."""

    async def use(bench: Bench) -> None:
        lac = bench.lac()
        clients = await bench.up(lac, "user1", "user2", "user3")
        (victim,) = bench.driver.lns.core.registry.of_user("user2")
        spoil(victim, "network", "receive")
        if worst:
            spoil(victim, "forwarding", "next_operation")
        structlog.reset_defaults()
        with capture_logs() as lines:
            for client in clients:
                lac.send(client, client.link.frame(0x8021, b"\x09\x01\x00\x04"))  # a code that IPCP does not know
            await bench.until(lambda: clients[1].ended)
        assert [line["event"] for line in lines] == ["defect"] * bench.driver.counts.defects[()]
        assert lines[0]["input"] == "DatagramReceived"
        assert bench.driver.counts.defects[()] == (1 if not worst else 2)
        assert not clients[0].ended
        assert not clients[2].ended
        assert len(bench.driver.plane.entries) == 2  # type: ignore[attr-defined]  # Null has them
        answer = await bench.driver.ask(ShowSessions())
        assert [row["user"] for row in answer.body["sessions"]] == ["user1", "user3"]  # type: ignore[index,call-overload]
        (again,) = await bench.up(lac, "user2")
        assert again.address, "and it may come again"

    run(use)


def test_defects_without_end_are_given_up() -> None:
    async def use(bench: Bench) -> None:
        spoil(bench.driver, "lns", "handle", "abandon")
        structlog.reset_defaults()
        with capture_logs():
            bench.lac()
            await bench.until(lambda: bench.driver.counts.defects[()])
        assert bench.driver.counts.defects[()] == 1 + driver.MOST_DEFECTS

    run(use)


def test_it_needs_no_radius_to_stop() -> None:
    async def use(bench: Bench) -> None:
        await bench.up(bench.lac(), "user1")
        answer = bench.driver.ask(Shutdown())
        await bench.until(answer.done, 6.0)
        assert answer.result().ok

    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"))
    users = (UserConfig("user1", Secret(b"pass")),)
    run(use, config(lac=(group,), auth=AuthConfig(source="local"), radius=RadiusConfig(), user=users))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_what_the_kernel_drops_before_us_is_known(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    listener = Listener(0, Listen(host, 0), 4096)
    try:
        assert listener.dropped == 0
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            for _ in range(200):
                sender.sendto(bytes(1000), listener.socket.getsockname())
        came = 0
        with contextlib.suppress(BlockingIOError):
            while listener.socket.recv(2048):
                came += 1
        assert 0 < came < 200
        assert listener.dropped == 200 - came
    finally:
        listener.close()


# -- ports of their own


def _own_ports() -> Config:
    group = LacConfig(
        name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), use_ephemeral_port=True,
        retransmit_initial_s=0.01, retransmit_cap_s=0.01, max_retransmissions=3,
    )  # fmt: skip
    return config(
        lns=LnsConfig(listen=(Listen("127.0.0.1", 0),), hostname="lns1"),
        lac=(group,),
        auth=AuthConfig(methods=("chap",), source="local"),
        radius=RadiusConfig(),
        user=tuple(UserConfig(f"user{number}", Secret(b"pass")) for number in range(1, 5)),
    )


def test_many_tunnels_with_ports_of_their_own_leave_no_descriptor() -> None:
    async def use(bench: Bench) -> None:
        before = len(os.listdir("/proc/self/fd"))
        lacs = [bench.lac(number) for number in range(2, 62)]
        theirs = len(os.listdir("/proc/self/fd")) - before
        await bench.until(lambda: len(bench.of(TunnelUp)) == 60)
        own = {up.path.local_port for up in bench.of(TunnelUp)}
        assert len(own) == 60
        assert bench.port not in own
        assert {heard.source[1] for heard in bench.wire.heard} == own, "from the SCCRP on"
        assert len(os.listdir("/proc/self/fd")) == before + theirs + 60
        (client,) = await bench.up(lacs[0], "user1")
        assert client.address
        for lac in lacs:
            cause = Cause(By.LOCAL, 1, 0, "")
            lac.take(lac.endpoint.close_tunnel(lac.tunnel_id, cause, now=bench.wire.now), bench.wire.now)
        await bench.until(lambda: len(os.listdir("/proc/self/fd")) == before + theirs)
        assert list(bench.driver.ports.listeners) == [0]

    run(use, _own_ports())


def test_a_tunnel_that_gets_no_port_is_refused_and_those_that_have_one_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(bench: Bench) -> None:
        first = bench.lac(2)
        await bench.until(lambda: bench.of(TunnelUp))
        monkeypatch.setattr(ports, "descriptors", lambda: 0)
        bench.lac(3)
        await bench.until(lambda: bench.of(TunnelRefused))
        assert bench.of(TunnelRefused)[0].cause.text == "no port for the tunnel: too few file descriptors"
        (client,) = await bench.up(first, "user1")
        assert client.address
        monkeypatch.undo()
        bench.lac(4)
        await bench.until(lambda: len(bench.of(TunnelUp)) == 2)

    run(use, _own_ports())
