"""A hostile peer costs nobody else anything: lock-outs, half-open tunnels and calls, floods, guesses."""

from __future__ import annotations

import random

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.errors import DropReason
from bras.l2tp import avp, messages
from bras.l2tp.constants import MessageType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import CallRefused, Dropped, Event, LockedOut, LockoutEnded, Path, TunnelRefused, TunnelUp
from bras.l2tp.lobby import TIME_S
from bras.l2tp.messages import CallRequest
from bras.secret import Secret
from tests.support.l2tp import LNS_ADDRESS, HandLac, Peer, control, kind, lac_endpoint, lns_endpoint, sent
from tests.support.network import Network
from tests.vectors.lacs_captured import ACCEL_PPP, ACCEL_PPP_HIDING, GO_L2TP, L2TPNS
from tests.vectors.xl2tpd_captured import XL2TPD_SCCRQ

SECRET = Secret(b"tunsecret")
GROUP = LacConfig("g", secrets=(SECRET,))
WRONG = avp.octets(13, bytes(16))


def at(address: str, port: int = 1701) -> Path:
    return Path(0, *LNS_ADDRESS, address, port)


def dropped(events: list[Event]) -> list[DropReason]:
    return [event.reason for event in events if isinstance(event, Dropped)]


def fails(endpoint: Endpoint, now: float, address: str = "198.18.0.2", hostname: str = "lac1") -> list[Event]:
    """Let a LAC ask for a tunnel and give a wrong response."""
    lac = HandLac(endpoint, at(address), tunnel_id=random.Random(now).randrange(1, 65536))
    lac.now = now
    events = lac.sccrq(hostname)
    if dropped(events):
        return events
    lac.peer_tunnel_id = lac.last().numbers[9]
    return lac.say(messages.scccn() + WRONG)


# -- lock-out


@pytest.mark.parametrize(("initial", "cap", "lengths"), [(10.0, 600.0, [10, 20, 40]), (30.0, 45.0, [30, 45, 45])])
def test_a_wrong_response_locks_out_longer_each_time(initial: float, cap: float, lengths: list[float]) -> None:
    endpoint = lns_endpoint(GROUP, lockout_initial_s=initial, lockout_cap_s=cap)
    now = 0.0
    for seconds in lengths:
        (locked,) = [event for event in fails(endpoint, now) if isinstance(event, LockedOut)]
        assert locked.seconds == seconds
        assert dropped(fails(endpoint, now + seconds - 0.5)) == [DropReason.LOCKED_OUT]
        assert not dropped(fails(endpoint, now + seconds - 0.5, hostname=f"other{now}")), "another Host Name"
        now += seconds
        ended = endpoint.handle_timeout(now=now)
        assert "lac1" in [event.lac_hostname for event in ended if isinstance(event, LockoutEnded)]


def test_lockout_initial_s_of_0_locks_out_nobody() -> None:
    endpoint = lns_endpoint(GROUP, lockout_initial_s=0.0)
    for number in range(5):
        assert not dropped(fails(endpoint, number / 10))
    assert list(endpoint.lockouts()) == []


def test_an_established_tunnel_is_not_touched() -> None:
    endpoint = lns_endpoint(LacConfig("h", hostname="good"), GROUP)
    lac = HandLac(endpoint)
    lac.establish("good")
    fails(endpoint, 1.0)
    fails(endpoint, 1.0, hostname="good")
    _, events = lac.call(1)
    assert len(events) == 1


def test_a_restart_is_no_way_round_it() -> None:
    endpoint = lns_endpoint(GROUP)
    fails(endpoint, 0.0)
    (fact,) = endpoint.lockouts()
    assert (fact.address, fact.hostname, fact.failures, fact.until) == ("198.18.0.2", "lac1", 1, 10.0)
    again = Endpoint.restore(endpoint.save(), lns=LnsConfig(()), groups=(GROUP,), entropy=random.Random(1).randbytes)
    assert list(again.lockouts()) == [fact]
    assert dropped(fails(again, 5.0)) == [DropReason.LOCKED_OUT]
    assert again.deadline is not None
    assert again.deadline <= 10.0


def test_who_guesses_tunnel_ids_cannot_lock_out_another_one() -> None:
    """A forger does not see our SCCRP: its SCCCN finds the tunnel by trying all ids."""
    endpoint = lns_endpoint(GROUP)
    path = at("198.18.0.2")
    endpoint.receive(path, control(0, 0, 0, messages.start(MessageType.SCCRQ, "lac1", "x", 7, 4)), now=0.0)
    found = []
    for tunnel_id in range(1, 4096):
        found += endpoint.receive(path, control(tunnel_id, 1, 1, messages.scccn() + WRONG), now=0.1)
    assert any(isinstance(event, TunnelRefused) for event in found)
    assert not any(isinstance(event, LockedOut) for event in found)
    assert not dropped(fails(endpoint, 1.0))


# -- half-open tunnels and calls


def half_open(endpoint: Endpoint, address: str, number: int, now: float) -> list[Event]:
    """Ask for a tunnel and never answer."""
    body = messages.start(MessageType.SCCRQ, "evil", "test", number, 8)
    return endpoint.receive(at(address), control(0, 0, 0, body), now=now)


@pytest.mark.parametrize("most", [3, 20])
def test_max_half_open(most: int) -> None:
    endpoint = lns_endpoint(max_half_open=most)
    for number in range(most):
        assert sent(half_open(endpoint, f"203.0.113.{number}", 1, 0.0))
    assert dropped(half_open(endpoint, "203.0.114.1", 1, 1.0)) == [DropReason.RATE_LIMITED]
    events = half_open(endpoint, "203.0.114.1", 1, TIME_S)
    assert [kind(data) for data in sent(events)] == ["SCCRP"]
    (gone,) = [event for event in events if isinstance(event, TunnelRefused)]
    assert gone.path.remote == "203.0.113.0", "the oldest"
    assert len(list(endpoint.tunnels())) == most


@pytest.mark.parametrize("most", [2, 5])
def test_max_half_open_per_source(most: int) -> None:
    endpoint = lns_endpoint(max_half_open_per_source=most)
    half_open(endpoint, "198.18.0.2", 1, 0.0)
    for number in range(most):
        half_open(endpoint, "2001:db8:6::" + f"{number:x}", 1, 0.0)
    assert dropped(half_open(endpoint, "2001:db8:6::ffff", 1, 1.0)) == [DropReason.RATE_LIMITED]
    events = half_open(endpoint, "2001:db8:6::ffff", 1, TIME_S)
    (gone,) = [event for event in events if isinstance(event, TunnelRefused)]
    assert gone.path.remote == "2001:db8:6::0", "its own oldest, not the older one of another source"
    assert len(list(endpoint.tunnels())) == most + 1


@pytest.mark.parametrize("most", [2, 7])
def test_max_half_open_calls(most: int) -> None:
    endpoint = lns_endpoint(max_half_open_calls=most)
    lac = HandLac(endpoint)
    lac.establish()
    refused = []
    for number in range(1, most + 3):
        refused += lac.say(messages.icrq(number, number, CallRequest()))
    assert [event.cause.result for event in refused if isinstance(event, CallRefused)] == [4, 4]
    lac.say(messages.iccn(CallRequest()), messages.parse(next(d for d in lac.heard if kind(d) == "ICRP")).numbers[14])
    assert lac.say(messages.icrq(99, 99, CallRequest())) == [], "one was connected: there is room for another"


def test_forged_half_open_tunnels_do_not_use_up_max_tunnels() -> None:
    endpoint = lns_endpoint(max_tunnels=5)
    for number in range(5):
        half_open(endpoint, f"203.0.113.{number}", 1, 0.0)
    lac = HandLac(endpoint)
    lac.now = TIME_S
    lac.establish()
    assert sum(facts.up_at is not None for facts in endpoint.tunnels()) == 1


def test_a_thousand_lacs_after_a_power_cut_all_get_in_at_once() -> None:
    endpoint = lns_endpoint(GROUP)
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    network = Network(seed, latency_s=0.05)
    network.attach("lns", Peer(endpoint), LNS_ADDRESS)
    lacs = []
    for number in range(1000):
        address = (f"198.19.{number >> 8}.{number & 255}", 1701)
        lac = Peer(lac_endpoint(number, f"lac{number}"))
        network.attach(f"lac{number}", lac, address)
        lacs.append((lac, Path(0, *address, *LNS_ADDRESS)))
    for lac, path in lacs:
        network.send(lac.did(lac.endpoint.open_tunnel(path, GROUP, now=0.0)[1]))
    network.run(until=0.9, max_steps=20_000)
    assert sum(len(lac.of(TunnelUp)) for lac, _ in lacs) == 1000


@pytest.mark.parametrize("many", range(3))
def test_in_a_flood_a_stranger_gets_in_all_the_same(many: int) -> None:
    """Invented addresses, 50,000 a second; the LAC was never here before, and comes when all is full."""
    endpoint = lns_endpoint(GROUP)
    lac = Peer(lac_endpoint(many))
    path = Path(0, "198.18.0.2", 1701, *LNS_ADDRESS)
    there = at("198.18.0.2")
    outgoing = lac.did(lac.endpoint.open_tunnel(path, GROUP, now=1.0)[1])
    step = 0
    forged = control(0, 0, 0, messages.start(MessageType.SCCRQ, "evil", "x", 7, 4))
    while not lac.of(TunnelUp) and step < 320:  # as long as a LAC tries (RFC 2661 section 5.8)
        step += 1
        now = step / 10
        for number in range(5000):
            address = f"{10 + (step >> 8)}.{step & 255}.{number >> 8}.{number & 255}"
            endpoint.receive(at(address), forged, now=now)
        if now >= 1.0:
            outgoing += lac.handle_timeout(now)
        while outgoing and now >= 1.0:
            back = sent([event for _, data in outgoing for event in endpoint.receive(there, data, now=now)])
            outgoing = [one for data in back for one in lac.receive(path, data, now)]
    assert lac.of(TunnelUp), "at the latest when the first half-open tunnels have had their time"
    assert len(list(endpoint.tunnels())) <= 2001


def test_no_state_and_no_answer_for_what_belongs_to_nothing() -> None:
    endpoint = lns_endpoint(GROUP)
    before = endpoint.save()
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    dice = random.Random(seed)
    for _ in range(5000):
        head = dice.choice((b"\x00\x02", b"\x40\x02", b"\xc8\x02\x00\x0c", b"\x02\x02", dice.randbytes(2)))
        data = head + dice.randbytes(dice.randrange(60))
        address = f"203.0.113.{dice.randrange(256)}"
        assert not sent(endpoint.receive(at(address), data, now=1.0)), f"{data.hex()}"
    after = endpoint.save()
    assert after["tunnels"] == before["tunnels"] == []


# -- who really calls still gets in


REQUESTS = {
    "xl2tpd": XL2TPD_SCCRQ,
    "l2tpns": L2TPNS.datagrams[0],
    "go-l2tp": GO_L2TP.datagrams[0],
    "accel-ppp": ACCEL_PPP.datagrams[0],
    "accel-ppp hiding": ACCEL_PPP_HIDING.datagrams[0],
}


@pytest.mark.parametrize("octets", REQUESTS.values(), ids=REQUESTS)
def test_the_sccrq_of_every_captured_lac_is_answered_at_once(octets: bytes) -> None:
    events = lns_endpoint(GROUP).receive(at("198.18.0.2"), octets, now=0.0)
    assert [kind(data) for data in sent(events)] == ["SCCRP"]


def test_xl2tpd_gets_our_sccrp_again_when_it_asks_again_and_not_before() -> None:
    lac = HandLac(lns_endpoint(GROUP))
    lac.raw(XL2TPD_SCCRQ)
    lac.kinds()
    lac.wait_until(5.0)
    assert lac.kinds() == []
    lac.raw(XL2TPD_SCCRQ)
    assert lac.kinds() == ["SCCRP"]


@pytest.mark.parametrize("many", range(20))
def test_with_a_fifth_of_all_datagrams_lost_lacs_get_in(many: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    network = Network(seed, loss=0.2)
    network.attach("lns", Peer(lns_endpoint(GROUP)), LNS_ADDRESS)
    lac = Peer(lac_endpoint(many))
    path = Path(0, "198.18.0.2", 1701, *LNS_ADDRESS)
    network.attach("lac", lac, ("198.18.0.2", 1701))
    for attempt in range(3):  # a LAC tries again when it got no answer at all
        network.send(lac.did(lac.endpoint.open_tunnel(path, GROUP, now=network.now)[1]))
        network.run(until=60.0 * (attempt + 1), done=lambda: bool(lac.of(TunnelUp)))
        if lac.of(TunnelUp):
            break
    assert lac.of(TunnelUp)
