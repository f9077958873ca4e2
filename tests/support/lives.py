"""Whole lives of a small world, by name: what tests of saving, restoring and journals live through."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import replace

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, PoolConfig, PppConfig, ProfileConfig, UserConfig
from bras.config.radius import RadiusConfig
from bras.forwarding.entry import Counters
from bras.l2tp.constants import LineAvp
from bras.l2tp.line import gather
from bras.l2tp.messages import CallRequest
from bras.lns.commands import Disconnect, Shutdown, TakeCensus
from bras.lns.effects import Answer, Effect
from bras.lns.inputs import CoaReceived, Input
from bras.lns.lns import Lns
from bras.plain import decode, encode
from bras.ppp.constants import IPCP, LCP
from bras.radius.coa_events import Origin
from bras.radius.dynauth import COA_REQUEST, DISCONNECT_REQUEST
from bras.secret import Secret
from tests.support.dac import DAC, DAC_SECRET, with_coa
from tests.support.dynauth import dynamic_request
from tests.support.lacs import SimulatedLac
from tests.support.world import RadiusServerConfig, SimulatedRadius, Weather, World, codec, config, entropy_of


class Watched(World):
    """A World that writes down what its Lns wants, and may replace it after every ``every``th input."""

    every = 0
    script: list[tuple[float, Effect]]
    handled = 0

    def _new_lns(self) -> Lns:
        self.script = []
        self.entropy = entropy_of(random.Random(self.dice.random()))
        return Lns(self.configuration, codec(), self.entropy, epoch=0x68E00000)

    def handle(self, given: Input) -> list[Effect]:
        effects = self.lns.handle(given, self.now)
        self.script += [(self.now, effect) for effect in effects if type(effect) is not Answer]
        self.handled += 1
        if self.every and self.handled % self.every == 0:
            saved = decode(encode(self.lns.save()))
            self.lns = Lns.restore(saved, self.configuration, codec(), self.entropy)
        return effects


Life = Callable[[type[Watched]], Watched]
GOLD = Grant(rate_down_bps=50_000_000)
STORM = Weather(loss=0.2, duplication=0.2, jitter_s=0.05, delay_s=0.01)


def _dial(world: World, count: int = 3, *, methods: tuple[str, ...] = ("chap",), seconds: float = 3.0) -> SimulatedLac:
    lac = SimulatedLac(world)
    lac.open()
    for number in range(count):
        lac.dial(f"user{number}", "pass", method=methods[number % len(methods)])
    world.run(seconds)
    return lac


def _feed(world: World) -> None:
    for slot in world.plane.entries:
        world.plane.feed(slot, Counters(up_octets4=1000 + slot, up_packets4=7, down_octets4=9, down_packets4=1))


def _group(**values: object) -> tuple[LacConfig, ...]:
    grant = Grant(pool="default", **values)  # type: ignore[arg-type]  # keys of Grant
    return (LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=grant),)


def _methods(kind: type[Watched]) -> Watched:
    users = tuple(UserConfig(name=f"user{number}", password=Secret(b"pass")) for number in range(8))
    methods = ("mschapv2", "chap", "pap", "mschapv1")
    world = kind(config(auth=AuthConfig(methods=methods, source="local"), user=users, radius=RadiusConfig()))
    lac = _dial(world, 9, methods=methods, seconds=10.0)
    for client in list(lac.clients.values()):
        lac.hang_up(client)
    world.run(60.0)
    return world


def _pap_through_an_outage(kind: type[Watched]) -> Watched:
    """Nobody answers for a while: Access-Requests wait with a password, records rest, servers die and live."""
    servers = tuple(
        RadiusServerConfig(address=f"198.18.1.{number}", secret=Secret(b"radsecret"), name=f"r{number}")
        for number in (2, 3)
    )
    auth = AuthConfig(methods=("pap",), source="radius-then-local", timeout_s=60.0)
    users = tuple(UserConfig(name=f"user{number}", password=Secret(b"pass")) for number in range(8))
    world = kind(config(auth=auth, radius=RadiusConfig(server=servers), user=users))
    world.radius.silent = True
    lac = _dial(world, 5, methods=("pap",), seconds=40.0)
    _feed(world)
    lac.hang_up(next(iter(lac.clients.values())))
    world.run(200.0)
    world.radius.silent = False
    world.run(400.0)
    return world


def _proxied(kind: type[Watched]) -> Watched:
    """LACs that have done LCP and authentication, over a bad network; some clients begin anew."""
    users = tuple(UserConfig(name=f"user{number}", password=Secret(b"pass")) for number in range(12))
    group = LacConfig(
        name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), proxy="renegotiate-on-mismatch"
    )
    methods = ("pap", "chap", "mschapv1", "mschapv2")
    auth = AuthConfig(methods=methods, source="local")
    world = kind(config(auth=auth, user=users, lac=(group,), radius=RadiusConfig()), weather=STORM)
    lac = SimulatedLac(world, window=16)
    lac.open()
    for number in range(12):
        mru = 1460 if number % 3 else 1492  # more than we receive
        lac.dial(f"user{number}", "pass", method=methods[number % len(methods)], mru=mru, proxy=True)
    world.run(40.0)
    for client in list(lac.clients.values())[:4]:
        lac.send(client, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")
    world.run(60.0)
    return world


def _storm(seed: int) -> Life:
    def live(kind: type[Watched]) -> Watched:
        world = kind(seed=seed, weather=STORM)
        lac = _dial(world, 12, methods=("chap", "pap"), seconds=40.0)
        world.weather = Weather()
        world.run(30.0)
        for client in list(lac.clients.values()):
            lac.hang_up(client)
        world.run(100.0)
        return world

    return live


def _renegotiation(kind: type[Watched]) -> Watched:
    world = kind(config(lac=_group(interim_interval_s=20.0, idle_timeout_s=90.0, session_timeout_s=200.0)))
    lac = _dial(world)
    first, second, third = lac.clients.values()
    _feed(world)
    lac.send(first, b"\xff\x03" + struct.pack("!H", LCP) + b"\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04")
    lac.send(second, b"\xff\x03" + struct.pack("!H", IPCP) + b"\x01\x99\x00\x04")
    world.run(50.0)
    _feed(world)
    lac.send(third, b"\xff\x03\x80\xfd" + b"\x01\x01\x00\x04")
    lac.clients.clear()
    world.run(400.0)
    return world


def _conflicts(kind: type[Watched]) -> Watched:
    framed = b"\x08\x06" + struct.pack("!I", 0xC0000207)
    radius = SimulatedRadius(reply=lambda asked: (2, framed if asked[1].startswith(b"fixed") else b""))
    small = PoolConfig(name="default", ranges=((0x0A400001, 0x0A400003),), hold_down_s=30.0)
    world = kind(config(auth=AuthConfig(methods=("chap",), single_session="replace"), pool=(small,)), radius=radius)
    lac = _dial(world, 2)
    for user in ("user1", "user1", "user1", "fixed1", "fixed2", "fixed3"):
        lac.dial(user, "pass")
        world.run(0.1)
    world.run(20.0)
    for client in list(lac.clients.values())[:2]:
        lac.hang_up(client)
    lac.dial("user9", "pass", wanted=0x0A400002)
    world.run(60.0)
    return world


def _wishes(kind: type[Watched]) -> Watched:
    world = kind(config(lac=_group(accept_client_address=True), ppp=PppConfig(mru="auto", echo_interval_s=5.0)))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass", wanted=0x0A400909)
    lac.dial("user2", "pass", wanted=0x0A400909)
    world.run(30.0)
    world.ask(Disconnect("user1"))
    world.ask(TakeCensus())
    world.run(30.0)
    return world


def _shutdown(kind: type[Watched]) -> Watched:
    world = kind(weather=Weather(loss=0.1))
    _dial(world, 10, seconds=20.0)
    _feed(world)
    world.ask(Shutdown())
    world.run(0.5)
    late = SimulatedLac(world, address="198.18.0.3", hostname="lac2")
    late.open()
    world.run(40.0)
    return world


def _tunnels(kind: type[Watched]) -> Watched:
    """Tunnels that are refused, begun anew, left without calls, lost."""
    world = kind()
    lac = _dial(world, 2)
    lac.open()
    world.run(1.0)
    SimulatedLac(world, address="198.18.0.9", secret=b"other").open()
    again = SimulatedLac(world)  # at the address of the first one, which it forgets
    again.open()
    again.dial("user5", "pass")
    world.run(200.0)
    world.parties.clear()
    world.run(200.0)
    return world


def _own_ports(kind: type[Watched]) -> Watched:
    """Tunnels with ports of their own, over a bad network: one begins anew, one is lost, one is refused a port."""
    group = replace(_group()[0], use_ephemeral_port=True)
    world = kind(config(lac=(group,), lns=replace(config().lns, idle_tunnel_s=20.0)), weather=STORM)
    lac = _dial(world, 3)
    other = SimulatedLac(world, address="198.18.0.9", hostname="lac9")
    other.open()
    world.no_port = "none is left"
    SimulatedLac(world, address="198.18.0.10", hostname="lac10").open()
    world.run(10.0)
    world.no_port = ""
    again = SimulatedLac(world)  # at the address of the first one, which it forgets
    again.open()
    again.dial("user5", "pass")
    world.run(60.0)
    for client in list(lac.clients.values()):
        lac.hang_up(client)
    world.run(200.0)
    return world


def _reloads(kind: type[Watched]) -> Watched:
    """The configuration is another while calls come and go: secrets, groups, limits, pools, links."""
    any_group = replace(_group(interim_interval_s=20.0)[0], hello_interval_s=5.0)
    world = kind(config(lac=(any_group,)), weather=Weather(loss=0.05, jitter_s=0.01))
    lac = _dial(world, 4)
    both = replace(any_group, secrets=(Secret(b"another"), *any_group.secrets), max_sessions=6)
    small = PoolConfig(name="default", ranges=((0x0A500001, 0x0A500009),), hold_down_s=10.0)
    changed = (
        config(lac=(both,), ppp=PppConfig(mru=1400, echo_interval_s=5.0)),
        config(lac=(both,), lns=replace(config().lns, hostname="lns2", setup_timeout_s=10.0), pool=(small,)),
        config(lac=(replace(any_group, name="other", secrets=(Secret(b"another"),)),)),
        config(lac=(replace(both, one_session_per_host=True),), radius=replace(config().radius, accounting=False)),
        config(lac=(any_group,), auth=AuthConfig(methods=("pap",))),
    )
    for number, one in enumerate(changed):
        lac.dial(f"late{number}", "pass")
        world.run(0.05 * number)
        world.configure(one)
        lac.hang_up(next(iter(lac.clients.values())))
        world.run(15.0)
    world.run(60.0)
    return world


def _named(kind: type[Watched]) -> Watched:
    """LACs that tell much of their calls, a server that gives identities, and clients that are asked again."""
    group = replace(
        _group(interim_interval_s=20.0)[0],
        nas_port_type="line",
        nas_port_id="{lns}#{local}#{peer_tunnel}#{peer_session}",
        caller_id="{circuit_id}/{number}",
        tunnel_connection="{hostname}-{serial}",
    )
    radius = replace(config().radius, chargeable_user_identity=True, access_timestamp=True)
    auth = AuthConfig(methods=("chap",), rechallenge_interval_s=30.0)
    server = SimulatedRadius(reply=lambda attributes: (2, b"\x59\x07cui" + attributes[1][-2:]))
    world = kind(config(lac=(group,), radius=radius, auth=auth), radius=server)
    lac = SimulatedLac(world)
    lac.open()
    line = gather({LineAvp.AGENT_CIRCUIT_ID: b"dslam1 atm 1/2", LineAvp.ACCESS_LINE_TYPE: (6).to_bytes(4, "big")})
    for number in range(4):
        request = CallRequest(
            "555", "100", "", number, 77, 16_000_000, 1_000_000, access_line=line if number % 2 else b""
        )
        lac.dial(f"user{number}", "pass", request=request)
    world.run(70.0)
    for client in list(lac.clients.values()):
        lac.hang_up(client)
    world.run(5.0)
    return world


def _changed(kind: type[Watched]) -> Watched:
    """Sessions are changed and ended by RADIUS; some requests come again, some are refused, some are wrong."""
    world = kind(with_coa(config(lac=_group(rate_down_bps=9_000_000), profile=(ProfileConfig("gold", GOLD),))))
    lac = _dial(world, 4)
    gold = b"\x1a\x0c\x00\x00\x7e\xd9\x01\x06gold"
    requests = [
        (COA_REQUEST, b"\x01\x07user0" + gold),
        (COA_REQUEST, b"\x01\x07user1" + b"\x1b\x06\x00\x00\x00\x40" + b"\x19\x05new"),
        (COA_REQUEST, b"\x01\x07user1" + b"\x55\x06\x00\x00\x00\x3c"),
        (COA_REQUEST, b"\x01\x07user9" + gold),
        (COA_REQUEST, b"\x01\x07user2" + b"\xc8\x03x"),
        (DISCONNECT_REQUEST, b"\x01\x07user2"),
        (COA_REQUEST, b"\x01\x07user2" + gold),
    ]
    for identifier, (code, attributes) in enumerate(requests):
        data = dynamic_request(code, attributes, identifier=identifier, secret=DAC_SECRET)
        for _ in range(2):
            world.give(CoaReceived(Origin(0, "198.18.0.1", DAC, 40000), data))
        world.run(0.2)
    _feed(world)
    lac.hang_up(next(iter(lac.clients.values())))
    world.run(200.0)
    return world


LIVES: dict[str, Life] = {
    "changed": _changed,
    "named": _named,
    "reloads": _reloads,
    "methods": _methods,
    "outage": _pap_through_an_outage,
    "renegotiation": _renegotiation,
    "conflicts": _conflicts,
    "wishes": _wishes,
    "shutdown": _shutdown,
    "tunnels": _tunnels,
    "proxied": _proxied,
    "own ports": _own_ports,
    **{f"storm{seed}": _storm(seed) for seed in range(4)},
}
