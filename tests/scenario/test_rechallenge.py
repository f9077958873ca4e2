"""A client that is up proves itself again (RFC 1994 section 2), and answers that are lost on their way."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from bras.config.model import AuthConfig, Config, LacConfig, LnsConfig, PppConfig, UserConfig
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberEnded, TerminateCause
from tests.support.lacs import SimulatedLac
from tests.support.rim import CHAP, CONFIGURE_REQUEST, IPCP, LCP, PAP, TERMINATE_REQUEST, Line, Rim, gaps, option
from tests.support.world import SimulatedRadius, World, config

CHALLENGE, RESPONSE, SUCCESS, FAILURE = 1, 2, 3, 4


def every(interval_s: float, *methods: str, **keys: object) -> Config:
    auth = AuthConfig(methods=methods or ("chap",), rechallenge_interval_s=interval_s, **keys)  # type: ignore[arg-type]  # its keys
    return config(auth=auth)


@pytest.mark.parametrize("method", ["chap", "mschapv1"])
@pytest.mark.parametrize("interval_s", [40.0, 200.0])
def test_rechallenge_interval_s(method: str, interval_s: float) -> None:
    rim = Rim(every(interval_s, method))
    _, client = rim.up(method=method)
    address = client.address
    rim.run(5 * interval_s)
    challenges = rim.frames(CHAP, CHALLENGE)
    assert all(0.75 * interval_s <= gap <= interval_s + 1.0 for gap in gaps(one.at for one in challenges))
    assert len(challenges) >= 5
    assert len({one.data for one in challenges}) == len({one.identifier for one in challenges}) == len(challenges)
    assert len(rim.frames(CHAP, SUCCESS)) == len(challenges)
    assert len(rim.requests(Kind.AUTH)) == len(challenges), "RADIUS is asked each time"
    assert not rim.of(SubscriberEnded)
    assert (client.address, len(rim.plane.entries)) == (address, 1)
    assert rim.radius.statuses(b"user1") == [1], "one Start, and no interim for that"
    assert len(rim.frames(LCP, CONFIGURE_REQUEST)) == 1


def test_zero_is_never_and_pap_is_not_asked_again() -> None:
    for configuration, method in ((every(0.0), "chap"), (every(40.0, "pap"), "pap")):
        rim = Rim(configuration)
        rim.up(method=method)
        rim.run(500.0)
        assert len(rim.requests(Kind.AUTH)) == 1
        assert not rim.of(SubscriberEnded)


def test_many_that_came_together_are_not_challenged_together() -> None:
    rim = Rim(every(100.0))
    lac = rim.lac()
    for number in range(50):
        lac.dial(f"user{number}", "pass")
    rim.run(130.0)
    again = [one.at for one in rim.frames(CHAP, CHALLENGE)][50:]
    assert max(again) - min(again) > 15.0


def test_mschapv2_is_challenged_again_with_a_proof_of_ours() -> None:
    user = UserConfig("user1", Secret(b"pass"))
    rim = Rim(replace(every(40.0, "mschapv2", source="local"), user=(user,)))
    rim.up(method="mschapv2")
    rim.run(100.0)
    told = rim.frames(CHAP, SUCCESS)
    assert len(told) >= 3
    assert all(one.data.startswith(b"S=") for one in told)
    assert not rim.of(SubscriberEnded), "the client holds us to each proof"


def test_who_has_been_barred_meanwhile_is_out() -> None:
    server = SimulatedRadius()
    rim = Rim(every(40.0), servers=(server,))
    rim.up()
    server.reply = lambda _: (3, option(18, b"no more"))
    rim.run(60.0)
    (failure,) = rim.frames(CHAP, FAILURE)
    assert failure.data == b"no more"
    (end,) = rim.of(SubscriberEnded)
    assert (end.cause, end.reason, end.text) == (TerminateCause.USER_ERROR, "authentication_rejected", "no more")
    assert end.duration_s > 25.0
    assert server.statuses(b"user1") == [1, 2]
    assert not rim.plane.entries


def test_no_answer_ends_the_session_after_the_attempts() -> None:
    rim = Rim(every(40.0, timeout_s=2.0, max_attempts=3))
    _, client = rim.up()
    came = len(rim.frames(CHAP, CHALLENGE))
    client.link.proof.method = None  # it hears no challenge any more
    rim.run(60.0)
    challenges = rim.frames(CHAP, CHALLENGE)[came:]
    assert gaps(one.at for one in challenges) == [2.0, 2.0]
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "authentication_timeout"


def test_a_radius_that_is_silent_costs_nobody_the_session() -> None:
    rim = Rim(every(40.0))
    _, client = rim.up()
    rim.radius.silent = True
    rim.run(300.0)
    assert client.address
    assert not rim.of(SubscriberEnded)
    outcomes = [fact.outcome for fact in rim.of(Authenticated)]
    assert outcomes[0] is AuthOutcome.ACCEPTED
    assert set(outcomes[1:]) == {AuthOutcome.UNANSWERED}
    rim.radius.silent = False
    rim.run(60.0)
    assert rim.of(Authenticated)[-1].outcome is AuthOutcome.ACCEPTED


@pytest.mark.parametrize("users", [(), (UserConfig(name="user1", password=Secret(b"another")),)])
def test_nor_where_local_users_would_be_asked_in_its_place(users: tuple[UserConfig, ...]) -> None:
    auth = AuthConfig(methods=("chap",), source="radius-then-local", rechallenge_interval_s=40.0)
    rim = Rim(config(auth=auth, user=users))
    _, client = rim.up()
    rim.radius.silent = True
    rim.run(300.0)
    assert client.address
    assert not rim.of(SubscriberEnded), "whom RADIUS has let in, nobody else turns away"
    assert rim.of(Authenticated)[-1].outcome is AuthOutcome.UNANSWERED


def by_hand(rim: Rim, name: bytes = b"user1") -> Line:
    """Bring a session up packet by packet, by CHAP."""
    line = rim.line()
    rim.run(0.2)
    line.agree()
    respond(line, name)
    return line


def respond(line: Line, name: bytes = b"user1", value: bytes = bytes(16)) -> None:
    challenge = line.last(CHAP, CHALLENGE)
    line.say(CHAP, RESPONSE, challenge.identifier, bytes((len(value),)) + value + name)


def open_ipcp(line: Line) -> None:
    request = line.last(IPCP, CONFIGURE_REQUEST)
    line.say(IPCP, 2, request.identifier, request.data)
    line.say(IPCP, CONFIGURE_REQUEST, 2, option(3, line.addresses(option(3, bytes(4)))[3]))


def test_another_name_is_not_taken() -> None:
    rim = Rim(every(40.0))
    line = by_hand(rim)
    open_ipcp(line)
    assert rim.plane.entries
    rim.run(37.0)
    respond(line, b"user2")
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "user_changed"


def test_a_session_that_a_new_process_has_taken_over_is_not_challenged_at_once() -> None:
    world = World(every(100.0))
    lac = SimulatedLac(world)
    lac.open()
    clients = [lac.dial(f"user{number}", "pass") for number in range(20)]
    world.run(95.0)
    for subscriber in world.lns.core.registry.by_number.values():
        subscriber.resume(subscriber.forwarding.last, now=world.now)
        deadline = subscriber.link.proof.deadline
        assert deadline is not None
        assert 75.0 <= deadline - world.now <= 100.0
    assert all(client.address for client in clients)


# -- copies and losses


def test_a_response_that_comes_again_gets_the_same_answer_and_radius_is_asked_once() -> None:
    rim = Rim(every(0.0), servers=(SimulatedRadius(delay_s=1.0),))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    respond(line)
    respond(line)
    assert not rim.frames(CHAP, SUCCESS)
    rim.run(1.0)
    respond(line)
    respond(line)
    assert len(rim.requests(Kind.AUTH)) == 1
    told = rim.frames(CHAP, SUCCESS)
    assert len(told) == 3
    assert len({(one.identifier, one.data) for one in told}) == 1


@pytest.mark.parametrize("identifier", [-1, 1, 77])
def test_a_response_to_another_challenge_is_dropped_and_counted(identifier: int) -> None:
    rim = Rim(every(0.0))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    challenge = line.last(CHAP, CHALLENGE)
    line.say(CHAP, RESPONSE, challenge.identifier + identifier & 0xFF, b"\x10" + bytes(16) + b"user1")
    assert not rim.requests(Kind.AUTH)
    assert [fact.reason.value for fact in rim.facts if type(fact).__name__ == "Dropped"] == ["unexpected_packet"]


def test_a_pap_request_that_comes_again_gets_its_ack_again() -> None:
    rim = Rim(every(0.0, "pap"))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    line.login()
    rim.run(0.2)
    line.say(PAP, 1, 7, b"\x05user1\x04pass")
    acks = rim.frames(PAP, 2)
    assert [one.identifier for one in acks] == [1, 7]
    assert len(rim.requests(Kind.AUTH)) == 1


def test_a_success_that_was_lost_is_told_again_with_our_next_ipcp_request() -> None:
    """A pppd that has not heard it waits, and drops our IPCP (RFC 1661 section 3.5)."""
    rim = Rim(every(0.0))
    line = by_hand(rim)
    rim.run(1.2)
    assert [one.at for one in rim.frames(CHAP, SUCCESS)][1:] == [one.at for one in rim.frames(IPCP, CONFIGURE_REQUEST)][
        1:
    ]
    assert len(rim.frames(CHAP, SUCCESS)) == 2
    open_ipcp(line)
    told = len(rim.frames(CHAP, SUCCESS))
    rim.run(30.0)
    assert len(rim.frames(CHAP, SUCCESS)) == told, "once it speaks IPCP it has heard"


@pytest.mark.parametrize("code", [5, 6, 7])
@pytest.mark.parametrize("method", ["mschapv1", "mschapv2"])
def test_a_change_of_password_is_refused_and_counted(method: str, code: int) -> None:
    """RFC 2433 sections 7 and 8, RFC 2759 section 7: E=648 says the password has expired; we say R=0 and mean it."""
    expired = b"\x01E=648 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=expired"
    reply = b"\x1a" + bytes((len(expired) + 8,)) + struct.pack("!IBB", 311, 2, len(expired) + 2) + expired
    server = SimulatedRadius(reply=lambda _: (3, reply))
    rim = Rim(every(0.0, method), servers=(server,))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    line.say(CHAP, code, line.last(CHAP, CHALLENGE).identifier, bytes(582))
    respond(line, value=bytes(49))
    (failure,) = rim.frames(CHAP, FAILURE)
    assert failure.data.startswith(b"E=648 R=0 ")
    assert rim.frames(LCP, TERMINATE_REQUEST)
    assert [fact.reason.value for fact in rim.facts if type(fact).__name__ == "Dropped"] == ["password_change"]
    rim.run(10.0)
    assert rim.of(SubscriberEnded)[0].reason == "authentication_rejected"


def test_mschapv1_is_never_offered_unless_it_is_configured() -> None:
    assert "mschapv1" not in AuthConfig().methods
    rim = Rim(config(auth=AuthConfig()))
    line = rim.line()
    rim.run(0.5)
    for _ in range(6):
        request = line.last(LCP, CONFIGURE_REQUEST)
        assert request.options.get(3) != b"\xc2\x23\x80"
        line.say(LCP, 3, request.identifier, option(3, b"\xc2\x23\x80"))  # the client wants nothing else
    rim.run(20.0)
    assert not any(one.options.get(3) == b"\xc2\x23\x80" for one in rim.frames(LCP, CONFIGURE_REQUEST))
    assert rim.of(SubscriberEnded)[0].reason == "no_common_authentication"


def test_a_group_may_have_methods_of_its_own() -> None:
    lac = LacConfig(name="old", secrets=(Secret(b"tunsecret"),), methods=("mschapv1",))
    rim = Rim(config(lac=(lac,), ppp=PppConfig(mru=1460), lns=LnsConfig(listen=())))
    rim.line()
    rim.run(0.5)
    assert rim.frames(LCP, CONFIGURE_REQUEST)[0].options[3] == b"\xc2\x23\x80"
