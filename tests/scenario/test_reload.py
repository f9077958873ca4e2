"""The configuration changes while calls come and go: what is new goes by it, nobody's session is touched."""

from __future__ import annotations

import hashlib
import hmac
import random
import tempfile
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

import bras
from bras.config import dictionary
from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, PoolConfig, PppConfig, ProfileConfig, UserConfig
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.l2tp.events import TunnelDown, TunnelRefused, TunnelUp
from bras.lns.commands import ShowGroups, ShowPools, ShowTunnel
from bras.lns.inputs import ConfigChanged
from bras.radius.codec import Codec
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import Phase, SubscriberEnded, SubscriberUp
from bras.wire import ipv4_text
from tests.support.lacs import SimulatedLac
from tests.support.rim import AUTHENTICATION, CONFIGURE_REQUEST, LCP, MRU, Rim
from tests.support.world import SimulatedRadius, Weather, World, config

OLD, NEW = Secret(b"tunsecret"), Secret(b"another secret")
START, STOP, INTERIM = 1, 2, 3


def group(name: str = "any", **keys: object) -> LacConfig:
    keys = {"secrets": (OLD,), "grant": Grant(pool="default"), **keys}
    return LacConfig(name=name, **keys)  # type: ignore[arg-type]  # keys of [[lac]]


def asked(world: World, command: Any) -> Any:
    return world.answers[world.ask(command)].body


def address(client: Any) -> str:
    return ipv4_text(client.address)


def test_nothing_that_is_up_notices_it() -> None:
    rim = Rim(config(lac=(group(hello_interval_s=0.0),)))
    rim.up()
    before, sent, asked_before = rim.lns.save(), len(rim.sent), len(rim.asked)
    for changed in (config(lac=(group(),)), config(lac=(group(hello_interval_s=0.0),)), config()):
        rim.configure(changed)
    assert (len(rim.sent), len(rim.asked)) == (sent, asked_before)
    rim.configure(config(lac=(group(hello_interval_s=0.0),)))
    assert rim.lns.save() == before
    assert not rim.of(SubscriberEnded)
    assert not rim.of(TunnelDown)


# -- [[lac]]


def test_a_secret_of_a_lac_is_another_for_the_next_tunnel() -> None:
    rim = Rim(config(lac=(group(),)))
    lac, client = rim.up()
    rim.configure(config(lac=(group(secrets=(NEW,)),)))
    late = SimulatedLac(rim, address="198.18.0.3", hostname="lac2")
    late.open()
    changed = rim.lac(address="198.18.0.4", hostname="lac3", secret=NEW.reveal())
    rim.run(5.0)
    assert late.refused
    assert [refused.lac_hostname for refused in rim.of(TunnelRefused)] == ["lac2"]
    assert not changed.refused
    lac.dial("user2", "pass")  # the tunnel that is there takes calls as before
    rim.run(5.0)
    assert [up.user for up in rim.of(SubscriberUp)] == ["user1", "user2"]
    assert client.address
    assert not client.ended


def test_who_hides_by_a_secret_that_is_no_more_is_understood_to_the_end_of_its_tunnel() -> None:
    rim = Rim(config(lac=(group(hide_avps=True),)))
    lac = rim.lac(hide_avps=True)
    lac.dial("user1", "pass")
    rim.run(3.0)
    rim.configure(config(lac=(group(hide_avps=True, secrets=(NEW,)),)))
    lac.dial("user2", "pass")
    rim.run(3.0)
    assert [up.user for up in rim.of(SubscriberUp)] == ["user1", "user2"]
    (detail,) = asked(rim, ShowTunnel(str(rim.of(TunnelUp)[0].tunnel_id)))["tunnels"]
    assert detail["authenticated"]
    assert detail["peer_secret"] is None, "it is none of those that are configured"


def test_who_has_the_former_secret_is_answered_with_it_while_both_are_there() -> None:
    rim = Rim(config(lac=(group(),)))
    lac, _ = rim.up()
    rim.configure(config(lac=(group(secrets=(NEW, OLD)),)))
    (detail,) = asked(rim, ShowTunnel("lac1"))["tunnels"]
    assert detail["peer_secret"] == 2
    lac.open()
    rim.run(3.0)
    assert len(rim.of(TunnelUp)) == 2
    assert not rim.of(TunnelRefused)


def test_a_group_that_is_gone_takes_nobody_new_and_loses_nobody() -> None:
    radius = SimulatedRadius()
    books = replace(config().radius, interim_min_s=1.0)
    north = group("north", grant=Grant(pool="default", interim_interval_s=30.0))
    rim = Rim(config(lac=(north,), radius=books), servers=[radius])
    lac, client = rim.up()
    rim.configure(config(lac=(group("south", address=("192.0.2.0/24",)),), radius=books))
    refused = lac.dial("user2", "pass")
    late = SimulatedLac(rim, address="198.18.0.3", hostname="lac2")
    late.open()
    rim.run(70.0)
    assert refused.ended
    assert late.refused
    assert not client.ended
    assert radius.statuses(b"user1") == [START, INTERIM, INTERIM]
    rim.configure(config(lac=(group("north"), group("south", address=("192.0.2.0/24",))), radius=books))
    lac.dial("user3", "pass")
    rim.run(5.0)
    lac.hang_up(client)
    rim.run(5.0)
    assert radius.statuses(b"user1") == [START, INTERIM, INTERIM, STOP]
    assert [up.user for up in rim.of(SubscriberUp)] == ["user1", "user3"]


def test_limits_hold_for_the_tunnels_that_there_are() -> None:
    rim = Rim(config(lac=(group(),)))
    lac, _ = rim.up()
    for most, welcome in ((1, False), (2, True), (0, True)):
        rim.configure(config(lac=(group(max_sessions=most),)))
        client = lac.dial(f"user{most}", "pass")
        rim.run(3.0)
        assert (not client.ended) is welcome
    rim.configure(config(lac=(group(one_session_per_host=True),)))
    assert lac.dial("one more", "pass").ended == ""
    rim.run(3.0)
    assert "one more" not in [up.user for up in rim.of(SubscriberUp)]
    (row,) = asked(rim, ShowGroups())["groups"]
    assert (row["sessions"], row["max_sessions"]) == (3, 0)


def test_hellos_of_the_tunnels_that_there_are() -> None:
    rim = Rim(config(lac=(group(hello_interval_s=0.0),), ppp=PppConfig(mru=1460, echo_interval_s=0.0)))
    rim.up()
    rim.run(100.0)
    hellos = len(rim.controls(6))
    rim.configure(config(lac=(group(hello_interval_s=10.0),), ppp=PppConfig(mru=1460, echo_interval_s=0.0)))
    rim.run(35.0)
    assert (hellos, len(rim.controls(6))) == (0, 2), "ten seconds after the LAC was heard"


def test_methods_of_the_next_call() -> None:
    rim = Rim(config(lac=(group(methods=("chap",)),)))
    lac, client = rim.up()
    rim.configure(config(lac=(group(methods=("pap",)),)))
    lac.dial("user2", "pass", method="pap")
    rim.run(3.0)
    wanted = [one.options[AUTHENTICATION] for one in rim.frames(LCP, CONFIGURE_REQUEST)]
    assert (wanted[0], wanted[-1]) == (b"\xc2\x23\x05", b"\xc0\x23")
    assert [up.user for up in rim.of(SubscriberUp)] == ["user1", "user2"]
    assert not client.ended


def test_links_that_begin_from_now_on() -> None:
    rim = Rim(config(ppp=PppConfig(mru=1460, echo_interval_s=0.0)))
    lac, _ = rim.up()
    rim.configure(config(ppp=PppConfig(mru=1400, echo_interval_s=5.0)))
    lac.dial("user2", "pass", mru=1400)
    rim.run(30.0)
    wanted = [one.options[MRU] for one in rim.frames(LCP, CONFIGURE_REQUEST)]
    assert (wanted[0], wanted[-1]) == ((1460).to_bytes(2, "big"), (1400).to_bytes(2, "big"))
    assert len({one.session_id for one in rim.frames(LCP, 9)}) == 1, "the old link is asked for no sign of life"


def test_hostname_of_the_next_tunnel() -> None:
    rim = Rim(config())
    rim.up()
    rim.configure(config(lns=replace(config().lns, hostname="lns2")))
    rim.lac(address="198.18.0.3", hostname="lac2")
    rim.run(2.0)
    assert [reply.avps[7] for reply in rim.controls(2)] == [b"lns1", b"lns2"]


def test_idle_tunnels() -> None:
    rim = Rim(config(lns=replace(config().lns, idle_tunnel_s=0.0)))
    rim.lac()
    rim.run(100.0)
    assert not rim.of(TunnelDown)
    rim.configure(config(lns=replace(config().lns, idle_tunnel_s=20.0)))
    rim.run(30.0)
    assert rim.of(TunnelDown)


# -- [auth], [[user]], [[profile]], [defaults]


def test_who_is_asked_about_the_next_client() -> None:
    user = UserConfig("local1", Secret(b"pass"))
    rim = Rim(config())
    lac, client = rim.up()
    rim.configure(config(auth=AuthConfig(methods=("chap",), source="local"), user=(user,)))
    for name in ("local1", "user2"):
        lac.dial(name, "pass")
    rim.run(5.0)
    assert [up.user for up in rim.of(SubscriberUp)] == ["user1", "local1"]
    rim.configure(config(auth=AuthConfig(methods=("chap",), source="local"), user=(replace(user, name="user2"),)))
    lac.dial("user2", "pass")
    lac.dial("local1", "pass")
    rim.run(5.0)
    assert [up.user for up in rim.of(SubscriberUp)] == ["user1", "local1", "user2"]
    assert not client.ended


def test_policy_of_the_next_session() -> None:
    """What a session has it keeps; a profile is laid anew under who comes again."""
    user = UserConfig("user1", Secret(b"pass"), profile="gold")
    auth = AuthConfig(methods=("chap",), source="local")

    def of(rate: int, default: int) -> Any:
        profile = ProfileConfig("gold", Grant(rate_down_bps=rate))
        return config(auth=auth, user=(user,), profile=(profile,), defaults=Grant(rate_up_bps=default))

    rim = Rim(of(8_000_000, 1_000_000))
    lac, _ = rim.up()
    rim.configure(of(16_000_000, 2_000_000))
    assert (rim.entry.rate_down_bps, rim.entry.rate_up_bps) == (8_000_000, 1_000_000)
    lac.dial("user1", "pass")
    rim.run(5.0)
    rates = [(one.rate_down_bps, one.rate_up_bps) for one in rim.plane.entries.values()]  # type: ignore[union-attr]
    assert rates == [(8_000_000, 1_000_000), (16_000_000, 2_000_000)]


# -- [[pool]]


def pools(*ranges: tuple[int, int], name: str = "default") -> tuple[PoolConfig, ...]:
    return (PoolConfig(name, ranges, hold_down_s=0.0),)


def test_a_range_more() -> None:
    rim = Rim(config(pool=pools((0x0A400001, 0x0A400001))))
    lac, _ = rim.up()
    refused = lac.dial("user2", "pass")
    rim.run(5.0)
    assert refused.ended
    rim.configure(config(pool=pools((0x0A400001, 0x0A400001), (0x0A500001, 0x0A500001))))
    late = lac.dial("user2", "pass")
    rim.run(5.0)
    assert address(late) == "10.80.0.1"
    (row,) = asked(rim, ShowPools())["pools"]
    assert (row["size"], row["used"], row["free"]) == (2, 2, 0)


def test_a_range_less() -> None:
    """Who has an address keeps it; when it is free again, nobody gets it."""
    rim = Rim(config(pool=pools((0x0A400001, 0x0A400002))))
    lac, client = rim.up()
    rim.configure(config(pool=pools((0x0A500001, 0x0A500002))))
    assert asked(rim, ShowPools())["pools"][0]["used"] == 0
    late = lac.dial("user2", "pass")
    rim.run(3.0)
    assert (address(client), address(late)) == ("10.64.0.1", "10.80.0.1")
    assert not client.ended
    lac.hang_up(client)
    rim.run(5.0)
    again = lac.dial("user1", "pass")
    rim.run(3.0)
    assert address(again) == "10.80.0.2"
    refused = lac.dial("user3", "pass")
    rim.run(3.0)
    assert refused.ended
    rim.configure(config(pool=pools((0x0A400001, 0x0A400002))))
    fourth = lac.dial("user4", "pass")
    rim.run(3.0)
    assert address(fourth) == "10.64.0.1"


def test_an_address_that_moves_to_another_pool_has_one_holder() -> None:
    rim = Rim(config(pool=pools((0x0A400001, 0x0A400002))))
    lac, client = rim.up()
    rim.configure(config(lac=(group(grant=Grant(pool="b")),), pool=pools((0x0A400001, 0x0A400002), name="b")))
    late = lac.dial("user2", "pass")
    rim.run(3.0)
    assert (address(client), address(late)) == ("10.64.0.1", "10.64.0.2")


# -- [radius]


class Strict(SimulatedRadius):
    """Says nothing to who does not know the secret of now, as real servers do."""

    unheard = 0

    def receive(self, data: bytes, kind: Kind = Kind.AUTH) -> bytes | None:
        if not self._is_signed(data):
            self.unheard += 1
            return None
        return super().receive(data, kind)

    def _is_signed(self, data: bytes) -> bool:
        if data[0] == 4:
            return data[4:20] == hashlib.md5(data[:4] + bytes(16) + data[20:] + self.secret).digest()
        assert data[20:22] == b"\x50\x12"
        blank = data[:22] + bytes(16) + data[38:]
        return hmac.compare_digest(data[22:38], hmac.digest(self.secret, blank, "md5"))


def servers(*secrets: bytes, **keys: object) -> RadiusConfig:
    told = [
        RadiusServerConfig(address=f"198.18.1.{2 + number}", secret=Secret(secret), name=f"radius{1 + number}", **keys)  # type: ignore[arg-type]  # keys of [[radius.server]]
        for number, secret in enumerate(secrets)
    ]
    return replace(config().radius, server=tuple(told), interim_min_s=1.0)


@pytest.mark.parametrize("first", ["server", "file"])
@pytest.mark.parametrize("method", ["pap", "chap"])
def test_a_secret_of_a_server_is_another(method: str, first: str) -> None:
    """Requests and records that wait go on with it, whichever end knows it first."""
    radius = Strict(secret=b"one")
    auth = AuthConfig(methods=(method,), timeout_s=60.0)
    lac_group = group(grant=Grant(pool="default", interim_interval_s=5.0))
    rim = Rim(config(radius=servers(b"one", dead_time_s=1.0), auth=auth, lac=(lac_group,)), servers=[radius])
    lac, stays = rim.up(method=method)
    steps = [lambda: setattr(radius, "secret", b"two")]
    after = config(radius=servers(b"two", dead_time_s=1.0), auth=auth, lac=(lac_group,))
    steps.insert(0 if first == "file" else 1, lambda: rim.configure(after))
    goes = lac.dial("goes", "pass", method=method)
    rim.run(2.0)
    steps[0]()
    late = [lac.dial(f"late{number}", "pass", method=method) for number in range(3)]
    lac.hang_up(goes)
    rim.run(1.5)
    steps[1]()
    rim.run(60.0)
    assert radius.unheard, "it was noticed"
    assert all(client.address for client in (stays, *late))
    assert radius.statuses(b"goes") == [START, STOP]
    assert set(radius.statuses(b"user1")) == {START, INTERIM}
    assert rim.lns.core.exchanges.records == 0
    assert [ended.user for ended in rim.of(SubscriberEnded)] == ["goes"]


@pytest.mark.parametrize("seed", range(3))
def test_secrets_change_under_load_and_nothing_is_lost(seed: int) -> None:
    """Every few seconds both ends, one after the other, have another secret; calls come and go in bad weather."""
    dice = random.Random(seed)
    radius = Strict(secret=b"0")
    auth = AuthConfig(methods=("chap", "pap"), timeout_s=3.0, max_attempts=10)
    lac_group = group(grant=Grant(pool="default", interim_interval_s=5.0))

    def of(secret: bytes) -> Any:
        return config(radius=servers(secret, dead_time_s=1.0), auth=auth, lac=(lac_group,))

    world = World(of(b"0"), seed=seed, weather=Weather(loss=0.03, jitter_s=0.02), radius=radius)
    lac = SimulatedLac(world, window=16)
    lac.open()
    world.run(3.0)
    dialled = 0
    for turn in range(1, 20):
        secret = str(turn).encode()
        ends = [partial(setattr, radius, "secret", secret), partial(world.configure, of(secret))]
        dice.shuffle(ends)
        for learn, seconds in zip(ends, (dice.random(), 7.0 + dice.random()), strict=True):
            learn()
            for _ in range(dice.randrange(4)):
                lac.dial(f"user{dialled}", "pass", method=dice.choice(("chap", "pap")))
                dialled += 1
            present = [client for client in lac.clients.values() if client.address]
            for client in dice.sample(present, min(len(present), dice.randrange(2))):
                lac.hang_up(client)
            world.run(seconds)
    world.weather = Weather()
    world.run(120.0)
    ups = [fact for fact in world.facts if isinstance(fact, SubscriberUp)]
    assert len(ups) > 0.9 * dialled
    assert world.lns.core.exchanges.records == 0
    ended = [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]
    gone = {fact.user for fact in ended} & {up.user for up in ups}
    assert gone
    hung_up = {"client_terminated", "lac_lost_carrier"}  # the latter where the weather took the client's last words
    assert {fact.reason for fact in ended if fact.user in gone} <= hung_up
    for up in ups:
        assert set(radius.statuses(up.user.encode())) >= ({START, STOP} if up.user in gone else {START})
    assert radius.unheard


def test_servers_that_come_and_go() -> None:
    """Those of the new one are asked; records that the old one had not taken go there."""
    old, new = SimulatedRadius(secret=b"one"), SimulatedRadius(secret=b"two")
    rim = Rim(config(radius=servers(b"one")), servers=[old, new])
    lac, client = rim.up()
    old.silent = True
    late = lac.dial("late", "pass")
    lac.hang_up(client)
    rim.run(1.0)
    section = replace(servers(b"one", b"two").server[1])
    rim.configure(config(radius=replace(config().radius, server=(section,))))
    rim.run(10.0)
    assert late.address
    assert STOP in new.statuses(b"user1")
    assert START in new.statuses(b"late")
    assert rim.lns.core.exchanges.records == 0


def test_a_group_of_servers_for_a_group_of_lacs() -> None:
    one, two = SimulatedRadius(secret=b"one"), SimulatedRadius(secret=b"two")
    rim = Rim(config(radius=servers(b"one")), servers=[one, two])
    lac, client = rim.up()
    first, second = servers(b"one", b"two").server
    radius = replace(config().radius, server=(first, replace(second, group="b")))
    rim.configure(config(radius=radius, lac=(group(radius="b"),)))
    late = lac.dial("late", "pass")
    rim.run(5.0)
    assert late.address
    assert START in two.statuses(b"late")
    lac.hang_up(client)
    rim.run(5.0)
    assert one.statuses(b"user1") + two.statuses(b"user1") == [START, STOP]


def test_a_dictionary_more() -> None:
    """An operator's own vendor, whose attribute 7 names the profile; a session of before is not asked again."""
    lines = ["VENDOR Acme 9999", "BEGIN-VENDOR Acme", "ATTRIBUTE Bras-Profile 7 string", "END-VENDOR Acme"]
    reply = b"\x1a\x0c" + (9999).to_bytes(4, "big") + b"\x07\x06gold"
    profile = ProfileConfig("gold", Grant(rate_down_bps=1_000_000))
    rim = Rim(config(profile=(profile,)), servers=[SimulatedRadius(reply=lambda _: (2, reply))])
    lac, _ = rim.up()
    assert rim.entry.rate_down_bps == 0
    with tempfile.NamedTemporaryFile("w", prefix="dictionary.") as own:
        own.write("\n".join(lines) + "\n")
        own.flush()
        further = Codec(dictionary.load(dictionary.find(bras.__path__[0]), (own.name,)))
    rim.give(ConfigChanged(rim.configuration, further))
    lac.dial("late", "pass")
    rim.run(5.0)
    rates = [one.rate_down_bps for one in rim.plane.entries.values()]  # type: ignore[union-attr]  # Routes
    assert rates == [0, 1_000_000]


def test_accounting_is_begun_and_left() -> None:
    rim = Rim(config(radius=replace(config().radius, accounting=False)))
    lac, client = rim.up()
    assert rim.radius.statuses() == []
    rim.configure(config())
    lac.dial("user2", "pass")
    rim.run(3.0)
    assert rim.radius.statuses(b"user2") == [START]
    lac.hang_up(client)
    rim.run(3.0)
    assert rim.radius.statuses(b"user1") == [STOP], "its sums are told, though its Start was not"


def test_what_was_begun_is_ended_when_nothing_is_begun_any_more() -> None:
    rim = Rim(config())
    lac, client = rim.up()
    rim.configure(config(radius=replace(config().radius, accounting=False)))
    other = lac.dial("user2", "pass")
    rim.run(3.0)
    for one in (client, other):
        lac.hang_up(one)
    rim.run(3.0)
    assert rim.radius.statuses(b"user1") == [START, STOP]
    assert rim.radius.statuses(b"user2") == []


def test_no_server_any_more() -> None:
    user = UserConfig("user2", Secret(b"pass"))
    rim = Rim(config())
    lac, client = rim.up()
    rim.configure(config(radius=RadiusConfig(), auth=AuthConfig(methods=("chap",), source="local"), user=(user,)))
    lac.dial("user2", "pass")
    rim.run(5.0)
    assert [up.user for up in rim.of(SubscriberUp)] == ["user1", "user2"]
    assert not client.ended


def test_who_ends_while_there_is_no_server_is_told_to_the_next_one() -> None:
    radius = SimulatedRadius()
    rim = Rim(config(), servers=[radius, radius])
    lac, client = rim.up()
    rim.configure(config(radius=RadiusConfig()))
    lac.hang_up(client)
    rim.run(5.0)
    assert radius.statuses(b"user1") == [START]
    rim.configure(config())
    rim.run(120.0)
    assert radius.statuses(b"user1") == [START, STOP]
    assert rim.lns.core.exchanges.records == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_reloads(seed: int) -> None:
    """Calls come and go over a bad network while the configuration is another each half second: nobody is lost."""
    dice = random.Random(seed)
    world = World(seed=seed, weather=Weather(loss=0.05, duplication=0.05, jitter_s=0.02))
    lacs = [SimulatedLac(world, address=f"198.18.0.{2 + number}", hostname=f"lac{number}") for number in range(3)]
    for lac in lacs:
        lac.open()
    world.run(5.0)  # until each has shown which secret it knows
    dialled = 0
    for _ in range(60):
        world.configure(_any_of(dice))
        for lac in lacs:
            if dice.random() < 0.5:
                lac.dial(f"user{dialled}", "pass", method=dice.choice(("chap", "pap")))
                dialled += 1
        world.run(0.5)
    world.weather = Weather()
    world.configure(config())
    world.run(60.0)
    clients = [client for lac in lacs for client in lac.clients.values()]
    assert len(clients) > dialled * 0.9, "but for calls that the weather has kept from coming up"
    assert not [one for one in world.facts if isinstance(one, TunnelDown)]
    assert not [one for one in world.facts if isinstance(one, SubscriberEnded) and one.phase is Phase.UP]
    addresses = [client.address for client in clients if client.address]
    assert len(set(addresses)) == len(addresses)
    for lac in lacs:
        for client in list(lac.clients.values()):
            lac.hang_up(client)
    world.run(200.0)
    assert not world.plane.entries
    for up in [one for one in world.facts if isinstance(one, SubscriberUp)]:
        assert {START, STOP} <= set(world.radius.statuses(up.user.encode()))


def _any_of(dice: random.Random) -> Any:
    secrets = dice.choice(((OLD,), (NEW, OLD), (OLD, NEW)))
    first = 0x0A400001 + 256 * dice.randrange(3)
    lac = group(
        secrets=secrets,
        hello_interval_s=dice.choice((0.0, 5.0, 60.0)),
        retransmit_initial_s=dice.choice((0.5, 1.0)),
        max_sessions=dice.choice((0, 1000)),
        one_session_per_host=False,
    )
    others = dice.sample([group("north", address=("192.0.2.0/24",)), group("south", address=("192.0.2.0/24",))], 1)
    return config(
        lac=(*others, lac),
        ppp=PppConfig(mru=1460, echo_interval_s=dice.choice((0.0, 10.0)), restart_timer_s=dice.choice((0.5, 1.0))),
        pool=pools((first, first + 255)),
        defaults=Grant(rate_up_bps=dice.choice((None, 1_000_000))),
        radius=replace(config().radius, interim_jitter=dice.choice((0.0, 0.1))),
    )
