"""Server against client, whole conversations: every method, every way to fall back, bad wires, rebirth."""

from __future__ import annotations

import itertools

import pytest

from bras.ppp.events import (
    AddressWanted,
    CredentialsOffered,
    Dropped,
    EchoMeasured,
    LinkEnd,
    LinkRestarted,
    LinkUp,
    NetworkDown,
    NetworkUp,
)
from bras.ppp.link import LinkConfig, LinkState
from bras.ppp.network import NetworkConfig
from tests.scenario.ppp_pair import (
    ADDRESS,
    DNS,
    LOCAL,
    METHODS,
    SERVER,
    Pair,
    client_config,
    lcp_frames,
)


def server(*methods: str) -> LinkConfig:
    return LinkConfig(mru=1460, methods=methods, hostname=b"lns1")


@pytest.mark.parametrize("method", METHODS)
def test_each_method_lets_the_right_password_in(method: str) -> None:
    pair = Pair(server(method)).start().run()
    assert pair.server.is_up
    assert pair.client.is_up
    assert pair.server.link.facts.method == pair.client.link.facts.method == method
    assert pair.server.of(NetworkUp) == [NetworkUp(LOCAL, ADDRESS)]
    assert pair.client.of(NetworkUp) == [NetworkUp(ADDRESS, LOCAL, DNS)]
    assert pair.server.of(LinkUp) == [LinkUp(1460, acfc=True, pfc=True)]
    assert not pair.server.of(Dropped)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_turns_the_wrong_password_away_and_says_so(method: str) -> None:
    pair = Pair(server(method), client_config(*METHODS, password=b"guess")).start().run()
    for end in (pair.server, pair.client):
        assert end.link.state is LinkState.ENDED
        assert end.down is not None
        assert end.down.end is LinkEnd.AUTH_REFUSED
        assert not end.of(LinkUp)
    assert pair.client.down is not None
    assert "go away" in pair.client.down.text or method == "mschapv1"  # which has only a number


@pytest.mark.parametrize(
    ("offered", "granted"),
    [
        (offered, granted)
        for count in (1, 2, 3)
        for offered in itertools.permutations(METHODS, count)
        for granted in [*((method,) for method in METHODS), ("pap", "chap"), ("chap", "mschapv1")]
    ],
    ids="-".join,
)
def test_every_order_falls_back_to_what_both_can_do(offered: tuple[str, ...], granted: tuple[str, ...]) -> None:
    pair = Pair(server(*offered), client_config(*granted)).start().run()
    common = [method for method in granted if method in offered]
    if not common:
        assert pair.server.down is not None
        assert pair.server.down.end is LinkEnd.NO_COMMON_AUTH
        assert pair.client.link.state is LinkState.ENDED
        return
    assert pair.server.is_up
    expected = offered[0] if offered[0] in granted else common[0]  # the client's Nak names what it likes best
    assert pair.server.link.facts.method == expected


def test_a_client_without_secrets_rejects_every_method() -> None:
    pair = Pair(SERVER, client_config()).start().run()
    assert pair.server.down is not None
    assert pair.server.down.end is LinkEnd.NO_COMMON_AUTH
    assert pair.server.down.text == "no common authentication"
    requests = [frame for frame in lcp_frames(pair.server.sent) if frame[0] == 1]
    assert len(requests) == len(METHODS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(12))
def test_a_bad_wire_ends_up_or_with_a_reason(method: str, seed: int) -> None:
    pair = Pair(server(method), seed=seed, loss=0.2, duplication=0.2, jitter_s=0.1, decides_after_s=0.3)
    pair.start().run(120.0)
    up = pair.server.is_up and pair.client.is_up
    assert up or pair.server.down is not None, f"seed {seed}: {pair.server.link.state}, {pair.client.link.state}"


def test_a_bad_wire_brings_nearly_every_link_up() -> None:
    pairs = [Pair(server("chap"), seed=seed, loss=0.2, duplication=0.2, jitter_s=0.1) for seed in range(60)]
    up = [pair for pair in pairs if pair.start().run(60.0).server.is_up]
    assert len(up) >= 55


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_rebirth_after_every_event_changes_nothing(method: str, loss: float) -> None:
    logs = []
    for reborn in (False, True):
        pair = Pair(
            server(method), seed=7, loss=loss, duplication=loss, jitter_s=loss / 2, decides_after_s=0.3, reborn=reborn
        )
        pair.start().run(30.0)
        pair.take(pair.client, pair.client.link.close(b"bye", now=pair.now))
        pair.run(10.0)
        logs.append((pair.server.events, pair.client.events))
    assert logs[0] == logs[1]


def test_rebirth_of_a_refusal_and_of_a_held_address_changes_nothing() -> None:
    for kwargs in (
        {"client": client_config(*METHODS, password=b"guess")},
        {"server_network": NetworkConfig(local_address=LOCAL, accept_client=True), "wish": ADDRESS + 5},
    ):
        logs = []
        for reborn in (False, True):
            pair = Pair(reborn=reborn, **kwargs).start().run()  # type: ignore[arg-type]  # two shapes in one table
            logs.append((pair.server.events, pair.client.events))
        assert logs[0] == logs[1]


def test_a_client_that_renegotiates_proves_itself_again() -> None:
    pair = Pair(server("chap")).start().run()
    fresh = Pair(server("chap"), seed=9).client
    fresh.events = pair.client.events
    pair.client = fresh  # a client that forgot everything, on the same call
    pair.take(fresh, fresh.link.open(now=pair.now))
    pair.run(10.0)
    assert len(pair.server.of(LinkRestarted)) == 1
    assert len(pair.server.of(CredentialsOffered)) == 2
    assert len(pair.server.of(LinkUp)) == 2
    assert pair.server.of(NetworkDown) == [NetworkDown(final=False)]
    assert len(pair.server.of(NetworkUp)) == 2
    assert pair.server.is_up
    assert pair.client.is_up


def test_a_decision_that_comes_after_a_renegotiation_is_void() -> None:
    pair = Pair(server("chap"), decides_after_s=3.0).start().run(1.0)
    assert pair.server.link.state is LinkState.AUTHENTICATE
    restarted = Pair(server("chap"), seed=9).client
    request = restarted.link.open(now=pair.now)[0]
    pair.take(pair.server, pair.server.link.receive(request.frame, now=pair.now))  # type: ignore[union-attr]
    assert pair.server.link.state is LinkState.ESTABLISH
    assert pair.server.link.accept(b"", b"", now=pair.now) == []
    assert pair.server.link.refuse(b"", b"", now=pair.now) == []


def test_the_first_request_is_lost_as_with_a_real_pppd() -> None:
    pair = Pair(server("chap"))
    pair.take(pair.server, pair.server.link.open(now=pair.now))
    pair.due.clear()  # pppd was not there yet
    pair.now += 0.4
    pair.take(pair.client, pair.client.link.open(now=pair.now))
    pair.run(0.1)
    assert pair.client.link.state is LinkState.ESTABLISH
    assert lcp_frames(pair.server.sent)[-1][0] == 2  # the client is answered at once
    pair.run(1.0)
    assert pair.server.is_up


@pytest.mark.parametrize("way_s", [0.005, 0.02, 0.06, 0.2, 0.45])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_requests_that_cross_are_not_sent_again_however_long_the_way(way_s: float, share: float) -> None:
    pair = Pair(server("chap"), way_s=way_s)
    pair.take(pair.server, pair.server.link.open(now=pair.now))
    pair.run(share * way_s)
    pair.take(pair.client, pair.client.link.open(now=pair.now))
    pair.run(20.0)
    assert pair.server.is_up
    assert [frame[0] for frame in lcp_frames(pair.server.sent)].count(1) == 1
    assert not [event for event in pair.server.events + pair.client.events if isinstance(event, LinkRestarted)]


def test_a_looped_line_is_seen() -> None:
    pair = Pair()
    pair.take(pair.server, pair.server.link.open(now=pair.now))
    for _ in range(50):
        if pair.server.down is not None:
            break
        looped = pair.due.pop(0)[3]
        assert isinstance(looped, bytes)
        pair.take(pair.server, pair.server.link.receive(looped, now=pair.now))
    assert pair.server.down is not None
    assert pair.server.down.end is LinkEnd.LOOPBACK


def test_echo_keeps_time_and_notices_who_has_gone() -> None:
    pair = Pair(server("pap")).start().run(100.0)
    assert pair.server.is_up
    measured = pair.server.of(EchoMeasured)
    assert measured
    assert pair.server.link.keepalive.round_trip_s == pytest.approx(0.02)
    pair.loss = 1.0
    pair.run(200.0)
    for end in (pair.server, pair.client):
        assert end.down is not None
        assert end.down.end is LinkEnd.ECHO_TIMEOUT


@pytest.mark.parametrize("side", ["server", "client"])
def test_either_side_hangs_up(side: str) -> None:
    pair = Pair(server("chap")).start().run()
    one = pair.server if side == "server" else pair.client
    pair.take(one, one.link.close(b"enough", now=pair.now))
    pair.run()
    assert one.down is not None
    assert one.down.end is LinkEnd.LOCAL_CLOSE
    other = pair.other(one).down
    assert other is not None
    assert (other.end, other.text) == (LinkEnd.PEER_TERMINATED, "enough")


def test_both_sides_hang_up_at_once() -> None:
    pair = Pair(server("chap")).start().run()
    for end in (pair.server, pair.client):
        pair.take(end, end.link.close(b"enough", now=pair.now))
    pair.run()
    assert [end.down.end for end in (pair.server, pair.client) if end.down] == [LinkEnd.LOCAL_CLOSE] * 2


def test_hanging_up_on_a_dead_wire_takes_two_requests() -> None:
    pair = Pair(server("chap")).start().run()
    pair.loss = 1.0
    before = pair.now
    pair.take(pair.server, pair.server.link.close(b"enough", now=pair.now))
    while pair.server.down is None:
        assert pair.step(before + 60.0)
    assert [frame[0] for frame in lcp_frames(pair.server.sent)][-2:] == [5, 5]
    assert pair.now - before == pytest.approx(3.0)


@pytest.mark.parametrize("granted", [True, False])
def test_a_clients_wish_is_granted_or_not(granted: bool) -> None:
    wish = ADDRESS + 77
    pair = Pair(server_network=NetworkConfig(local_address=LOCAL, dns=DNS, accept_client=True), wish=wish)
    pair.grants_wishes = granted
    pair.start().run()
    assert pair.server.of(AddressWanted) == [AddressWanted(wish)]
    expected = wish if granted else ADDRESS
    assert pair.server.network.address == pair.client.network.address == expected


def test_a_wish_that_nobody_asked_for_is_overruled() -> None:
    pair = Pair(wish=ADDRESS + 77).start().run()
    assert not pair.server.of(AddressWanted)
    assert pair.client.network.address == ADDRESS


def test_a_client_that_speaks_no_ipcp_rejects_it() -> None:
    mute = LinkConfig(
        mru=1500,
        methods=METHODS,
        hostname=b"",
        network_protocols=frozenset(),
        client=client_config().client,
    )
    pair = Pair(client=mute).start().run()
    assert NetworkDown(final=True, text="the peer rejects IPCP") in pair.server.of(NetworkDown)


def test_a_client_that_closes_ipcp_hangs_up() -> None:
    pair = Pair().start().run()
    pair.take(pair.client, pair.client.network.close(b"no more", now=pair.now))
    pair.run()
    assert NetworkDown(final=False) in pair.server.of(NetworkDown)
    assert NetworkDown(final=True, text="no more") in pair.client.of(NetworkDown)
    assert pair.server.down is not None
    assert pair.server.down.end is LinkEnd.PEER_TERMINATED
