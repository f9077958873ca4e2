"""CoA- and Disconnect-Requests against a whole LNS: what is changed, when it is answered, and what is refused."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from typing import cast

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, ProfileConfig, UserConfig
from bras.config.radius import RadiusConfig, RealmConfig
from bras.errors import DropReason
from bras.lns import coa
from bras.lns.commands import ShowCoa, ShowSession
from bras.lns.effects import Effect
from bras.lns.inputs import Input
from bras.lns.lns import Lns
from bras.plain import decode, encode
from bras.radius.coa_events import CoaDropped, CoaRepeated, Origin
from bras.radius.dynauth import COA_ACK, COA_NAK, COA_REQUEST, DISCONNECT_ACK, DISCONNECT_REQUEST
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, TerminateCause
from bras.subscriber.subscriber import Subscriber
from tests.support.dac import (
    DAC,
    DAC_SECRET,
    OURS,
    CoaWorld,
    cause_of,
    check_signatures,
    client,
    stamp,
    with_coa,
)
from tests.support.lacs import SimulatedLac
from tests.support.radius import attribute, attributes_of, vendor_attribute
from tests.support.rim import IPCP
from tests.support.world import LNS_ADDRESS, SimulatedRadius, codec, config, entropy_of

USER, SESSION_ID, MULTI_ID, CLASS, PROXY, TIMEOUT, IDLE, INTERIM = 1, 44, 50, 25, 33, 27, 28, 85
BRAS = 32473
GOLD, SILVER = Grant(rate_down_bps=50_000_000, burst_down_octets=70_000), Grant(rate_down_bps=5_000_000)
PROFILES = (
    ProfileConfig("gold", GOLD),
    ProfileConfig("silver", SILVER),
    ProfileConfig("far", Grant(dns=("192.0.2.9",))),
)


def named(profile: str) -> bytes:
    return vendor_attribute(BRAS, 1, profile.encode())


class Restored(CoaWorld):
    """Its Lns is replaced by its restored self after every input."""

    def _new_lns(self) -> Lns:
        self.entropy = entropy_of(random.Random(self.dice.random()))
        return Lns(self.configuration, codec(), self.entropy, epoch=0x68E00000)

    def handle(self, given: Input) -> list[Effect]:
        effects = super().handle(given)
        self.lns = Lns.restore(decode(encode(self.lns.save())), self.configuration, codec(), self.entropy)
        return effects


KINDS = pytest.mark.parametrize("kind", [CoaWorld, Restored])


def world(count: int = 1, *, reply: bytes = b"", kind: type[CoaWorld] = CoaWorld, **keys: object) -> CoaWorld:
    """Return a world with so many sessions, user1 the first."""
    base = with_coa(config(profile=PROFILES), **keys)
    made = kind(base, servers=(SimulatedRadius(reply=lambda _: (2, reply)),))
    dial(made, count)
    return made


def dial(world: CoaWorld, count: int) -> SimulatedLac:
    lac = world.lac()
    clients = [lac.dial(f"user{number}", "pass", method="pap") for number in range(1, count + 1)]
    world.run(3.0)
    assert all(one.address for one in clients)
    world.lines.clear()
    return lac


def subscriber(world: CoaWorld, user: str = "user1") -> Subscriber:
    (found,) = world.lns.core.registry.of_user(user)
    return found


def rename(world: CoaWorld, user: str, name: str) -> None:
    """Let a session have another's user name."""
    core, one = world.lns.core, subscriber(world, user)
    core.registry.unname(one)
    one.who.record = core.books.identities.rename(one.who.record, name.encode())
    core.registry.name(one, name)


def session_id(world: CoaWorld, user: str = "user1") -> bytes:
    return attribute(SESSION_ID, subscriber(world, user).session_id.encode())


def statuses(world: CoaWorld, status: int) -> list[dict[int, bytes]]:
    records = [one.attributes for one in world.requests(Kind.ACCT)]
    return [record for record in records if int.from_bytes(record[40], "big") == status]


# -- what is changed


def test_a_change_is_answered_when_the_data_plane_has_done_it() -> None:
    made = world()
    made.slow.delay_s = 2.0
    began = made.now
    request = made.ask_for(COA_REQUEST, session_id(made) + named("gold"), identifier=7)
    made.run(1.9)
    assert not made.coa_replies
    made.run(1.0)
    assert made.lines == [">> CoA-Request 7", "== ReplaceEntry 0", "<< CoA-ACK 7"]
    ((at, origin, data),) = made.coa_replies
    assert at == pytest.approx(began + 2.0)
    assert origin == Origin(0, OURS, DAC, 40000)
    check_signatures(data, request)
    assert (made.entry.rate_down_bps, made.entry.burst_down_octets) == (50_000_000, 70_000)
    (told,) = made.told()
    assert (told.client, told.cause, told.count, told.user, told.seconds) == (
        "aaa",
        None,
        1,
        "user1",
        pytest.approx(2.0),
    )
    assert told.sessions == (subscriber(made).session_id,)


def test_the_same_change_again_is_acknowledged_and_nothing_is_told_to_the_data_plane() -> None:
    made = world()
    for identifier in (1, 2):
        made.ask_for(COA_REQUEST, session_id(made) + named("gold"), identifier=identifier)
        assert made.outcome == 0
    made.run(1.0)
    assert made.lines == [">> CoA-Request 1", "== ReplaceEntry 0", "<< CoA-ACK 1", ">> CoA-Request 2", "<< CoA-ACK 2"]


def test_what_is_not_named_stays() -> None:
    made = world(reply=named("gold") + attribute(TIMEOUT, 5000))
    made.ask_for(COA_REQUEST, session_id(made) + attribute(IDLE, 900))
    assert made.outcome == 0
    profile = subscriber(made).profile
    assert profile is not None
    assert (profile.named, profile.session_timeout_s, profile.idle_timeout_s) == ("gold", 5000.0, 900.0)
    made.ask_for(COA_REQUEST, session_id(made) + named("silver"), identifier=2)
    assert made.outcome == 0
    profile = subscriber(made).profile
    assert profile is not None
    assert (profile.named, profile.session_timeout_s, profile.idle_timeout_s) == ("silver", 5000.0, 900.0)
    assert made.entry.rate_down_bps == 5_000_000


def test_a_session_timeout_counts_from_the_start_of_the_session() -> None:
    made = world()
    made.run(100.0)
    made.ask_for(COA_REQUEST, session_id(made) + attribute(TIMEOUT, 150))
    assert made.outcome == 0
    assert not made.slow.replaced
    made.run(40.0)
    assert not made.of(SubscriberEnded)
    made.run(20.0)
    (ended,) = made.of(SubscriberEnded)
    assert (ended.cause, round(ended.duration_s)) == (TerminateCause.SESSION_TIMEOUT, 150)


def test_an_idle_timeout_is_counted_from_now_on() -> None:
    made = world()
    made.run(50.0)
    made.ask_for(COA_REQUEST, session_id(made) + attribute(IDLE, 60))
    assert made.outcome == 0
    made.run(70.0)
    (ended,) = made.of(SubscriberEnded)
    assert ended.cause is TerminateCause.IDLE_TIMEOUT


def test_an_interim_interval_begins_at_once() -> None:
    made = world()
    made.ask_for(COA_REQUEST, session_id(made) + attribute(INTERIM, 60))
    assert made.outcome == 0
    made.run(200.0)
    assert len(statuses(made, 3)) == 3
    made.ask_for(COA_REQUEST, session_id(made) + attribute(INTERIM, 0), identifier=2)
    assert made.outcome == 0
    made.run(200.0)
    assert len(statuses(made, 3)) == 3


def test_another_class_is_in_all_records_from_now_on() -> None:
    made = world(reply=attribute(CLASS, b"old"))
    assert statuses(made, 1)[0][CLASS] == b"old"
    made.ask_for(COA_REQUEST, session_id(made) + attribute(CLASS, b"new") + attribute(CLASS, b"er"))
    assert made.outcome == 0
    assert subscriber(made).who.classes == (b"new", b"er")
    made.ask_for(DISCONNECT_REQUEST, session_id(made), identifier=2)
    assert made.outcome == 0
    stop = next(one for one in made.requests(Kind.ACCT) if one.attributes[40][-1] == 2)
    assert [value for code, value in attributes_of(stop.data) if code == CLASS] == [b"new", b"er"]


def test_a_state_is_what_the_next_request_carries() -> None:
    """With Termination-Action the session's time may be over, and the client proves itself again."""
    made = CoaWorld(with_coa(config(auth=AuthConfig(methods=("chap",)))))
    lac = made.lac()
    lac.dial("user1", "pass", method="chap")
    made.run(3.0)
    made.ask_for(COA_REQUEST, session_id(made) + attribute(24, b"opaque") + attribute(29, 1) + attribute(TIMEOUT, 30))
    assert made.outcome == 0
    assert subscriber(made).who.state == b"opaque"
    made.run(40.0)
    asked = [one.attributes for one in made.requests(Kind.AUTH)]
    assert [one.get(24) for one in asked] == [None, b"opaque"]


def test_nothing_to_change_is_done_at_once() -> None:
    made = world()
    made.ask_for(COA_REQUEST, session_id(made))
    assert made.outcome == 0


def test_a_client_that_negotiates_again_has_nothing_to_be_told_of() -> None:
    made = world()
    lac = SimulatedLac(made, address="198.18.0.7", hostname="lac7")
    lac.open()
    one = lac.dial("user9", "pass", method="pap")
    made.run(3.0)
    one.speaks_ipcp = False
    lac.send(one, b"\xff\x03" + struct.pack("!H", IPCP) + b"\x01\x99\x00\x04")
    made.run(0.5)
    assert subscriber(made, "user9").forwarding.wanted is None
    made.ask_for(COA_REQUEST, session_id(made, "user9") + named("gold"))
    assert made.outcome == 0
    assert subscriber(made, "user9").profile.rate_down_bps == 50_000_000  # type: ignore[union-attr]  # it is admitted


def test_a_local_user_is_changed_above_its_own_layer() -> None:
    base = config(
        auth=AuthConfig(methods=("pap",), source="local"),
        user=(UserConfig("user1", Secret(b"pass"), grant=Grant(rate_up_bps=1_000_000, rate_down_bps=2_000_000)),),
        radius=RadiusConfig(),
        profile=PROFILES,
    )
    made = CoaWorld(with_coa(base))
    dial(made, 1)
    made.ask_for(COA_REQUEST, session_id(made) + named("gold"))
    assert made.outcome == 0
    assert (made.entry.rate_up_bps, made.entry.rate_down_bps) == (1_000_000, 50_000_000)


# -- what cannot be changed


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        (attribute(88, b"default"), 0),  # Framed-Pool, as it is
        (attribute(88, b"other"), 407),
        (vendor_attribute(311, 28, 0xC0000201), 407),  # MS-Primary-DNS-Server
        (named("none"), 407),
        (named("far"), 0),
        (attribute(6, 2), 0),
        (attribute(6, 17), 405),  # Authorize-Only
        (attribute(6, 1), 405),
        (attribute(6, b"x"), 405),
        (attribute(7, 2), 405),
        (attribute(TIMEOUT, b"x"), 404),
        (attribute(200, b"x"), 401),
        (attribute(61, 5), 401),
        (vendor_attribute(BRAS, 250, b"x"), 401),
        (vendor_attribute(9999, 1, b"x"), 401),
        (attribute(26, b"xyz"), 401),
        (vendor_attribute(14988, 8, b"fast"), 407),  # Mikrotik-Rate-Limit
        (attribute(22, b"nowhere"), 407),  # Framed-Route
        (attribute(11, b"filter"), 401),  # Filter-Id
        (attribute(22, b"nowhere") + attribute(11, b"filter"), 401),
        (attribute(18, b"hello"), 0),  # Reply-Message
    ],
)
def test_what_can_and_what_cannot_be_changed(attributes: bytes, cause: int) -> None:
    made = world()
    before = subscriber(made).profile
    made.ask_for(COA_REQUEST, session_id(made) + attributes)
    assert made.outcome == cause
    made.run(1.0)
    assert not made.slow.replaced
    after = subscriber(made).profile
    assert before is not None
    assert after is not None
    assert (after.pool, after.dns) == (before.pool, before.dns)
    if cause:
        assert after is before
        assert made.told()[0].text


def test_a_profile_leaves_what_it_cannot_change() -> None:
    made = world()
    made.ask_for(COA_REQUEST, session_id(made) + named("far"))
    assert made.outcome == 0
    profile = subscriber(made).profile
    assert profile is not None
    assert (profile.named, profile.dns) == ("far", ())


# -- whom it means


def test_all_that_is_named_must_match() -> None:
    made = world(3)
    one = subscriber(made)
    address = attribute(8, one.address)
    port = next(value for code, value in attributes_of(bytes(20) + one.who.record) if code == 87)
    calling = next(value for code, value in attributes_of(bytes(20) + one.who.record) if code == 31)
    right = [
        session_id(made),
        attribute(USER, b"user1"),
        address,
        attribute(5, one.leg.key),
        attribute(87, port),
        session_id(made) + attribute(USER, b"user1") + address + attribute(87, port) + attribute(31, calling),
        session_id(made) + attribute(32, b"lns1"),
        session_id(made) + attribute(4, bytes(map(int, LNS_ADDRESS.split(".")))),
    ]
    for identifier, body in enumerate(right):
        made.ask_for(COA_REQUEST, body + attribute(TIMEOUT, 10_000 + identifier), identifier=identifier)
        assert made.outcome == 0, body
        profile = one.profile
        assert profile is not None
        assert profile.session_timeout_s == 10_000 + identifier
    others = [subscriber(made, "user2").profile, subscriber(made, "user3").profile]
    assert all(profile is not None and not profile.session_timeout_s for profile in others)


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        (b"", 402),
        (attribute(30, b"100"), 402),
        (attribute(USER, b"nobody"), 503),
        (attribute(SESSION_ID, b"0000000000000001"), 503),
        (attribute(SESSION_ID, b"what"), 503),
        (attribute(8, 0x0A400999), 503),
        (attribute(8, 0), 503),
        (attribute(8, b"x"), 503),
        (attribute(87, b"lns1:1:1"), 503),
        (attribute(31, b"999"), 503),
        (attribute(89, b"cui"), 503),
        (attribute(97, b"\0\x40" + bytes(8)), 503),
        (attribute(123, b"\0\x38" + bytes(7)), 503),
        (attribute(USER, b"user1") + attribute(89, b"cui"), 503),
        (attribute(USER, b"user1") + attribute(97, b"\0\x40" + bytes(8)), 503),
        (attribute(USER, b"user1") + attribute(30, b"999"), 503),
        (attribute(USER, b"user1") + attribute(USER, b"user2"), 503),
        (attribute(USER, b"user1") + attribute(32, b"other"), 403),
        (attribute(32, b"other"), 403),
        (attribute(USER, b"user1") + attribute(4, 0xC0000201), 403),
        (attribute(USER, b"user1") + attribute(95, bytes(16)), 403),
        (attribute(USER, b"nobody") + attribute(32, b"other"), 403),
    ],
)
@pytest.mark.parametrize("code", [COA_REQUEST, DISCONNECT_REQUEST])
def test_a_request_that_means_nobody_is_refused(code: int, attributes: bytes, cause: int) -> None:
    made = world(2)
    made.ask_for(code, attributes)
    assert made.outcome == cause
    made.run(1.0)
    assert not made.slow.replaced
    assert not made.of(SubscriberEnded)


def test_chargeable_user_identity_finds_its_session() -> None:
    made = world(2, reply=attribute(89, b"cui-7"))
    made.ask_for(DISCONNECT_REQUEST, attribute(89, b"cui-7") + attribute(USER, b"user2"))
    assert made.outcome == 0
    assert [one.user for one in made.of(SubscriberEnded)] == ["user2"]


def test_a_user_name_is_meant_as_accounting_tells_it() -> None:
    made = world(reply=attribute(USER, b"customer7"))
    made.ask_for(COA_REQUEST, attribute(USER, b"user1") + named("gold"))
    assert made.outcome == 503
    made.ask_for(COA_REQUEST, attribute(USER, b"customer7") + named("gold"), identifier=2)
    assert made.outcome == 0


@pytest.mark.parametrize(
    ("user", "told", "others"),
    [
        ("user1@One.example", b"user1", (b"user1@One.example",)),
        ("user1", b"user1@default.example", (b"user1", b"user1@one.example")),
    ],
)
def test_a_user_name_of_a_realm_is_meant_as_accounting_tells_it(
    user: str, told: bytes, others: tuple[bytes, ...]
) -> None:
    group = LacConfig(
        "any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), default_realm="default.example"
    )
    base = config(profile=PROFILES, lac=(group,), realm=(RealmConfig("one.example", strip=True),))
    made = CoaWorld(with_coa(base))
    made.lac().dial(user, "pass", method="pap")
    made.run(3.0)
    assert statuses(made, 1)[0][USER] == told
    for other in others:
        made.ask_for(COA_REQUEST, attribute(USER, other) + named("gold"))
        assert made.outcome == 503
    made.ask_for(COA_REQUEST, attribute(USER, told) + named("gold"), identifier=2)
    assert made.outcome == 0


def test_several_sessions_are_all_meant() -> None:
    made = world(1)
    lac = SimulatedLac(made, address="198.18.0.7", hostname="lac7")
    lac.open()
    lac.dial("user1", "pass", method="pap")
    made.run(3.0)
    made.slow.delay_s = 1.0
    made.ask_for(COA_REQUEST, attribute(USER, b"user1") + named("gold"))
    assert not made.coa_replies
    made.run(2.0)
    assert made.outcome == 0
    assert [one.rate_down_bps for one in made.plane.entries.values()] == [50_000_000] * 2  # type: ignore[union-attr]  # Routes
    assert made.told()[0].count == 2
    made.ask_for(DISCONNECT_REQUEST, attribute(USER, b"user1"), identifier=2)
    assert made.outcome == 0
    assert len(made.of(SubscriberEnded)) == 2


@pytest.mark.parametrize("several", ["all", "refuse"])
def test_several(several: str) -> None:
    made = world(1, several=several)
    lac = SimulatedLac(made, address="198.18.0.7", hostname="lac7")
    lac.open()
    lac.dial("user1", "pass", method="pap")
    made.run(3.0)
    made.ask_for(DISCONNECT_REQUEST, attribute(USER, b"user1"))
    assert made.outcome == {"all": 0, "refuse": 508}[several]
    assert len(made.of(SubscriberEnded)) == {"all": 2, "refuse": 0}[several]


@pytest.mark.interpreted  # a constant is no variable in what is compiled
def test_too_many_sessions_are_not_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coa, "MOST_MEANT", 2)
    made = world(3, reply=attribute(USER, b"guest"))
    made.ask_for(DISCONNECT_REQUEST, attribute(USER, b"guest"))
    assert made.outcome == 508
    assert not made.of(SubscriberEnded)


# -- all or nothing


@KINDS
def test_one_refused_puts_all_back_as_they_were(kind: type[CoaWorld]) -> None:
    made = world(3, kind=kind, reply=named("silver") + attribute(CLASS, b"old"))
    for other in ("user2", "user3"):
        rename(made, other, "user1")
    before = dict(made.plane.entries)
    assert len(before) == 3
    made.slow.refuses = {1}
    made.slow.delay_s = 0.5
    made.ask_for(COA_REQUEST, attribute(USER, b"user1") + named("gold") + attribute(CLASS, b"new"))
    made.run(3.0)
    assert made.plane.entries == before
    data = made.reply
    assert cause_of(data) == 506
    assert len(made.slow.replaced) == 6, "each was told both ways"
    assert {one.profile.named for one in made.lns.core.registry.of_user("user1") if one.profile} == {"silver"}
    assert {one.who.classes for one in made.lns.core.registry.of_user("user1")} == {(b"old",)}
    assert made.told()[0].text == "no room"


@pytest.mark.parametrize("refused", [True, False])
def test_a_change_is_done_whole_or_not_at_all_though_nobody_may_ask_any_more(refused: bool) -> None:
    made = world(2, reply=attribute(USER, b"guest") + named("silver"))
    before = dict(made.plane.entries)
    made.slow.refuses, made.slow.delay_s = {1} if refused else set(), 0.5
    made.ask_for(COA_REQUEST, attribute(USER, b"guest") + named("gold"))
    made.configure(config(profile=PROFILES))
    made.ask_for(COA_REQUEST, attribute(USER, b"guest") + named("gold"), identifier=2)
    made.run(5.0)
    after = {replace(entry, rate_down_bps=50_000_000, burst_down_octets=70_000) for entry in before.values()}  # type: ignore[type-var]  # Routes
    assert set(made.plane.entries.values()) == (set(before.values()) if refused else after)
    assert [data[1] for _, _, data in made.coa_replies] == [1], "if its socket is still there"
    made.configure(config(profile=PROFILES))
    assert made.lns.core.coa is None


@KINDS
@pytest.mark.parametrize("for_s", [0.5, 2.5, 12.0])
def test_a_data_plane_that_refuses_what_was_before_as_well_is_told_again(kind: type[CoaWorld], for_s: float) -> None:
    made = world(2, kind=kind, reply=attribute(USER, b"guest") + named("silver"))
    before = dict(made.plane.entries)
    made.slow.refuses = {0}
    made.ask_for(COA_REQUEST, attribute(USER, b"guest") + named("gold"))
    assert made.outcome == 506
    made.slow.refuses, made.slow.delay_s = {0}, 0.1
    made.ask_for(COA_REQUEST, attribute(USER, b"guest") + named("gold"), identifier=2)
    made.run(0.15)
    made.slow.stubborn = {1}
    made.run(0.1)
    assert made.plane.entries != before, "one is left with what it was to have"
    made.run(for_s)
    made.ask_for(COA_REQUEST, attribute(USER, b"guest") + attribute(IDLE, 900), identifier=3)
    made.slow.stubborn.clear()
    made.run(20.0)
    assert made.plane.entries == before
    assert [(data[1], cause_of(data)) for _, _, data in made.coa_replies] == [(2, 506), (3, 0)], "the next one waits"
    assert not made.of(SubscriberEnded)
    assert not made.lns.core.coa.tickets  # type: ignore[union-attr]  # there is a desk


@KINDS
def test_at_last_a_session_ends_of_which_nobody_knows_what_it_has(kind: type[CoaWorld]) -> None:
    made = world(2, kind=kind, reply=attribute(USER, b"guest") + named("silver"))
    made.slow.delay_s = 0.1
    made.slow.refuses = {0}
    made.ask_for(COA_REQUEST, attribute(USER, b"guest") + named("gold"))
    made.run(0.15)
    made.slow.stubborn = {1}
    made.run(30.0)
    assert made.outcome == 506
    (ended,) = made.of(SubscriberEnded)
    assert (ended.cause, ended.reason, ended.text) == (TerminateCause.NAS_ERROR, "data_plane_refused", "no room")
    assert len(statuses(made, 2)) == 1
    (left,) = made.lns.core.registry.of_user("guest")
    assert left.forwarding.slot == 0
    assert left.profile is not None
    assert left.profile.named == "silver"
    assert list(made.plane.entries.values()) == [left.forwarding.wanted]
    assert made.lns.core.coa is not None
    assert not made.lns.core.coa.tickets
    assert not made.lns.core.coa.queues


@KINDS
def test_what_a_data_plane_refuses_after_its_time_is_taken_back_all_the_same(kind: type[CoaWorld]) -> None:
    made = world(kind=kind, reply=named("silver"))
    before = dict(made.plane.entries)
    made.slow.delay_s = 40.0
    made.ask_for(COA_REQUEST, session_id(made) + named("gold"))
    made.run(35.0)
    assert made.outcome == 506
    made.ask_for(COA_REQUEST, session_id(made) + attribute(IDLE, 900), identifier=2)
    made.run(4.0)
    assert not made.coa_replies, "it has its turn when that is over"
    made.slow.delay_s = 0.1
    made.slow.stubborn = {0}
    made.run(3.0)
    assert made.plane.entries == before
    made.slow.stubborn.clear()
    made.run(20.0)
    assert made.outcome == 0
    assert made.plane.entries == before


@KINDS
@pytest.mark.parametrize("early", [True, False])
def test_a_data_plane_that_says_nothing_keeps_nobody_from_ending_a_session(kind: type[CoaWorld], early: bool) -> None:
    made = world(2, kind=kind, reply=attribute(USER, b"guest") + named("silver"))
    one, other = (entry.generation for entry in made.plane.entries.values())
    number = one
    end_it = attribute(SESSION_ID, made.lns.core.registry.by_number[one].session_id.encode())
    made.slow.silent = True
    made.ask_for(COA_REQUEST, attribute(USER, b"guest") + named("gold"))
    made.run(29.0 if early else 31.0)
    made.ask_for(DISCONNECT_REQUEST, end_it, identifier=2)
    made.run(5.0)
    assert [(data[1], cause_of(data)) for _, _, data in made.coa_replies] == [(1, 506)]
    end = made.lns.core.registry.by_number[number].standing.end
    assert end is not None
    assert end.reason == "disconnected_by_radius"
    assert made.lns.core.registry.by_number[other].standing.end is None
    made.slow.silent = False
    for late in (one, other):
        made.give_outcome(made.lns.core.registry.by_number[late].forwarding.slot, late)
    made.run(5.0)
    assert [(data[1], cause_of(data)) for _, _, data in made.coa_replies] == [(1, 506), (2, 0)]
    assert len(statuses(made, 2)) == 1
    assert made.lns.core.coa is not None
    assert not made.lns.core.coa.queues


def test_a_network_is_one_sessions() -> None:
    made = world(2, reply=attribute(USER, b"guest"))
    made.ask_for(COA_REQUEST, attribute(USER, b"guest") + attribute(22, b"192.0.2.0/24 0.0.0.0 1"))
    assert made.outcome == 506
    assert not made.slow.replaced
    first = made.lns.core.registry.of_user("guest")[0]
    one = attribute(SESSION_ID, first.session_id.encode())
    made.ask_for(COA_REQUEST, one + attribute(22, b"192.0.2.0/24 0.0.0.0 1"), identifier=2)
    assert made.outcome == 0
    assert made.slow.replaced


def test_if_one_cannot_none_is_touched() -> None:
    made = world(2)
    rename(made, "user2", "user1")
    first, second = made.lns.core.registry.of_user("user1")
    assert second.profile is not None
    second.profile = second.profile._replace(pool="other")
    made.ask_for(COA_REQUEST, attribute(USER, b"user1") + attribute(88, b"default") + named("gold"))
    assert made.outcome == 407
    assert not made.slow.replaced
    assert first.profile is not None
    assert first.profile.named == ""


@KINDS
def test_a_data_plane_that_says_nothing_has_not_done_it(kind: type[CoaWorld]) -> None:
    made = world(kind=kind)
    before = subscriber(made).profile
    made.slow.silent = True
    made.ask_for(COA_REQUEST, session_id(made) + named("gold"))
    made.run(29.0)
    assert not made.coa_replies
    made.run(2.0)
    assert made.outcome == 506
    assert subscriber(made).profile == before


# -- one after the other


@KINDS
def test_requests_for_one_session_wait_for_their_turn(kind: type[CoaWorld]) -> None:
    made = world(2, kind=kind)
    made.slow.delay_s = 1.0
    made.ask_for(COA_REQUEST, session_id(made) + named("gold"), identifier=1)
    made.ask_for(COA_REQUEST, session_id(made) + named("silver"), identifier=2)
    made.ask_for(COA_REQUEST, session_id(made, "user2") + named("gold"), identifier=3)
    made.ask_for(DISCONNECT_REQUEST, session_id(made), identifier=4)
    made.run(5.0)
    assert made.lines == [
        ">> CoA-Request 1",
        "== ReplaceEntry 0",
        ">> CoA-Request 2",
        ">> CoA-Request 3",
        "== ReplaceEntry 1",
        ">> Disconnect-Request 4",
        "== ReplaceEntry 0",
        "<< CoA-ACK 1",
        "<< CoA-ACK 3",
        "<< CoA-ACK 2",
        "<< Disconnect-ACK 4",
    ]


def test_who_is_behind_too_many_is_refused() -> None:
    made = world()
    made.slow.silent = True
    for identifier in range(17):
        made.ask_for(
            COA_REQUEST, session_id(made) + attribute(TIMEOUT, 9000 + identifier) + named("gold"), identifier=identifier
        )
    data = made.reply
    assert (data[0], data[1], cause_of(data)) == (COA_NAK, 16, 506)


def test_a_session_that_ends_meanwhile_is_not_there_any_more() -> None:
    made = CoaWorld(with_coa(config(profile=PROFILES)))
    lac = dial(made, 1)
    made.slow.silent = True
    made.ask_for(COA_REQUEST, session_id(made) + named("gold"), identifier=1)
    made.ask_for(COA_REQUEST, session_id(made) + named("silver"), identifier=2)
    (one,) = lac.clients.values()
    lac.hang_up(one)
    made.run(5.0)
    assert not made.coa_replies, "the Entry can only be removed when the change is answered"
    slot = subscriber(made)
    made.give_outcome(slot.forwarding.slot, slot.number)
    made.run(1.0)
    assert [(data[1], cause_of(data)) for _, _, data in made.coa_replies] == [(1, 503), (2, 503)]


# -- disconnect


def test_a_disconnect_is_answered_when_the_session_has_ended() -> None:
    made = world(2)
    number = subscriber(made).number
    made.ask_for(DISCONNECT_REQUEST, session_id(made) + attribute(18, b"come again") + attribute(CLASS, b"last"))
    data = made.reply
    assert data[0] == DISCONNECT_ACK
    assert number not in {entry.generation for entry in made.plane.entries.values()}
    (stop,) = statuses(made, 2)
    assert (stop[49], stop[CLASS]) == ((6).to_bytes(4, "big"), b"last")
    (ended,) = made.of(SubscriberEnded)
    assert (ended.user, ended.cause, ended.reason, ended.text) == (
        "user1",
        TerminateCause.ADMIN_RESET,
        "disconnected_by_radius",
        "come again",
    )
    made.run(5.0)
    (cdn,) = made.controls(14)
    assert cdn.result == (3, 0)
    (told,) = made.told()
    assert (told.client, told.asked.value, told.count) == ("aaa", "disconnect", 1)


@pytest.mark.parametrize(
    ("attributes", "cause"), [(attribute(TIMEOUT, 9), 401), (named("gold"), 401), (attribute(6, 17), 405)]
)
def test_a_disconnect_changes_nothing_else(attributes: bytes, cause: int) -> None:
    made = world()
    made.ask_for(DISCONNECT_REQUEST, session_id(made) + attributes)
    assert made.outcome == cause
    assert not made.of(SubscriberEnded)


# -- repeats


def test_a_repeated_request_gets_the_same_octets_and_nothing_is_done_again() -> None:
    made = world()
    request = made.ask_for(COA_REQUEST, session_id(made) + named("gold"))
    first = made.reply
    other = Origin(0, OURS, DAC, 40001)
    made.send_again(request, origin=other)
    ((_, origin, data),) = made.coa_replies
    assert (origin, data) == (other, first)
    assert len(made.slow.replaced) == 1
    assert [fact.answered for fact in made.of(CoaRepeated)] == [True]


@KINDS
def test_a_repeat_of_a_pending_one_is_answered_once_when_it_is_done(kind: type[CoaWorld]) -> None:
    made = world(kind=kind)
    made.slow.delay_s = 2.0
    request = made.ask_for(COA_REQUEST, session_id(made) + named("gold"))
    for _ in range(3):
        made.send_again(request)
    made.run(3.0)
    assert made.outcome == 0
    assert len(made.slow.replaced) == 1
    assert [fact.answered for fact in made.of(CoaRepeated)] == [False] * 3


def test_another_request_with_the_same_identifier_is_another_one() -> None:
    made = world()
    made.ask_for(COA_REQUEST, session_id(made) + named("gold"))
    first = made.reply
    made.ask_for(COA_REQUEST, session_id(made) + named("silver"))
    assert made.reply != first
    assert made.entry.rate_down_bps == 5_000_000


def test_proxy_states_come_back_in_their_order() -> None:
    made = world()
    proxies = [attribute(PROXY, text) for text in (b"a", b"b", b"a")]
    for identifier, body in enumerate((session_id(made), attribute(USER, b"nobody"))):
        request = made.ask_for(COA_REQUEST, proxies[0] + body + proxies[1] + proxies[2], identifier=identifier)
        data = made.reply
        check_signatures(data, request)
        assert [value for code, value in attributes_of(data) if code == PROXY] == [b"a", b"b", b"a"]


# -- who may ask


@pytest.mark.parametrize("window_s", [60.0, 300.0])
def test_window_s(window_s: float) -> None:
    made = world(window_s=window_s)
    for identifier, offset_s in enumerate((-200.0, -50.0, 50.0, 200.0)):
        made.ask_for(COA_REQUEST, stamp(made, offset_s) + session_id(made), identifier=identifier)
    answered = [data[1] for _, _, data in made.coa_replies]
    assert answered == ([1, 2] if window_s == 60.0 else [0, 1, 2, 3])
    assert len([one for one in made.of(CoaDropped) if one.reason is DropReason.RADIUS_STALE]) == 4 - len(answered)


def test_who_has_recorded_a_request_cannot_have_it_done_again() -> None:
    made = world()
    request = made.ask_for(COA_REQUEST, stamp(made, 290.0) + session_id(made) + named("gold"))
    made.ask_for(COA_REQUEST, stamp(made) + session_id(made) + named("silver"), identifier=2)
    for _ in range(70):
        made.run(10.0)
        made.send_again(request, origin=Origin(0, OURS, DAC, 50000))
    assert made.entry.rate_down_bps == 5_000_000


@pytest.mark.parametrize("message_authenticator", ["require", "if-present"])
def test_message_authenticator(message_authenticator: str) -> None:
    made = CoaWorld(with_coa(None, client(message_authenticator=message_authenticator)))
    dial(made, 1)
    made.ask_for(COA_REQUEST, session_id(made), signed=False)
    assert len(made.coa_replies) == (message_authenticator == "if-present")
    made.ask_for(COA_REQUEST, session_id(made) + attribute(80, bytes(16)), signed=False, identifier=2)
    assert made.of(CoaDropped)[-1].reason is DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR


@pytest.mark.parametrize("event_timestamp", ["require", "if-present"])
def test_event_timestamp(event_timestamp: str) -> None:
    made = CoaWorld(with_coa(None, client(event_timestamp=event_timestamp)))
    dial(made, 1)
    made.ask_for(COA_REQUEST, session_id(made))
    assert len(made.coa_replies) == (event_timestamp == "if-present")
    made.ask_for(COA_REQUEST, session_id(made) + stamp(made), identifier=2)
    assert made.coa_replies[-1][2][1] == 2


def test_address_name_and_secret_of_a_client() -> None:
    near = client(address=(f"{DAC}/32",), secrets=(Secret(b"near"), Secret(b"older")), name="near")
    far = client(address=("198.18.0.0/15", "2001:db8::/32"), secrets=(Secret(b"far"),), name="far")
    made = CoaWorld(with_coa(None, far, near))
    dial(made, 1)
    asked = [
        (DAC, b"near", "near"),
        (DAC, b"older", "near"),
        (DAC, b"far", None),
        ("198.18.1.8", b"far", "far"),
        ("198.18.1.8", b"near", None),
        ("2001:db8::9", b"far", "far"),
        ("192.0.2.1", b"far", None),
        ("2001:db9::9", b"far", None),
    ]
    for identifier, (address, secret, name) in enumerate(asked):
        origin = Origin(0, OURS, address, 40000)
        request = made.ask_for(COA_REQUEST, session_id(made), identifier=identifier, secret=secret, origin=origin)
        if name is None:
            assert not made.coa_replies
        else:
            check_signatures(made.reply, request, secret)
            assert made.told()[-1].client == name
    reasons = [(one.client, one.remote, one.reason.value) for one in made.of(CoaDropped)]
    assert reasons == [
        ("near", DAC, "radius_bad_authenticator"),
        ("far", "198.18.1.8", "radius_bad_authenticator"),
        ("", "192.0.2.1", "radius_unknown_client"),
        ("", "2001:db9::9", "radius_unknown_client"),
    ]


def test_clients_are_shown_with_what_became_of_their_requests() -> None:
    made = world()
    request = made.ask_for(COA_REQUEST, session_id(made))
    made.send_again(request)
    made.ask_for(COA_REQUEST, attribute(USER, b"nobody"), identifier=2)
    made.ask_for(COA_REQUEST, session_id(made), identifier=3, secret=b"wrong")
    made.slow.silent = True
    made.ask_for(COA_REQUEST, session_id(made) + named("gold"), identifier=4)
    (row,) = cast(dict[str, list[dict[str, object]]], made.answers[made.ask(ShowCoa())].body)["clients"]
    figures = {"ack": 1, "nak": 1, "repeated": 1, "dropped": 1, "pending": 1}
    assert row == {"client": "aaa", "address": [f"{DAC}/32"], **figures}


def test_without_the_section_nobody_is_answered() -> None:
    made = CoaWorld(config())
    dial(made, 1)
    made.ask_for(COA_REQUEST, session_id(made))
    assert not made.coa_replies
    assert made.answers[made.ask(ShowCoa())].body == {"clients": []}
    assert not made.lns.core.registry.index.has_attributes


def test_a_session_shows_what_it_was_given_by_whom() -> None:
    made = world()
    made.ask_for(COA_REQUEST, session_id(made) + named("gold") + attribute(TIMEOUT, 9000))
    assert made.outcome == 0
    answer = made.answers[made.ask(ShowSession("user1"))]
    (row,) = cast(dict[str, list[dict[str, dict[str, object]]]], answer.body)["sessions"]
    assert row["profile"]["rate_down_bps"] == {"value": 50_000_000, "source": "profile gold"}
    assert row["profile"]["session_timeout_s"] == {"value": 9000.0, "source": "radius"}


def test_a_group_layer_lies_below() -> None:
    """Where RADIUS says nothing any more weaker layers hold; a change above them leaves them."""
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", rate_up_bps=3_000_000))
    made = CoaWorld(with_coa(replace(config(profile=PROFILES), lac=(group,))))
    dial(made, 1)
    made.ask_for(COA_REQUEST, session_id(made) + named("silver"))
    assert made.outcome == 0
    assert (made.entry.rate_up_bps, made.entry.rate_down_bps) == (3_000_000, 5_000_000)


def test_answers_are_signed_with_the_secret_of_the_request() -> None:
    made = world()
    request = made.ask_for(COA_REQUEST, session_id(made), secret=DAC_SECRET)
    data = made.reply
    assert data[0] == COA_ACK
    check_signatures(data, request)
