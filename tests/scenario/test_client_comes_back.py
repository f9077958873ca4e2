"""A client that negotiates LCP anew, at any moment: the same one again, or another."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, PppConfig
from bras.lns.commands import ShowSession
from bras.lns.effects import Effect
from bras.lns.inputs import Input, Programmed
from bras.secret import Secret
from bras.subscriber.events import Phase, SubscriberEnded, SubscriberUp
from tests.support.dac import with_coa
from tests.support.rim import CDN, CONFIGURE_REQUEST, IPCP, LCP, TERMINATE_REQUEST, Line, Rim, option
from tests.support.world import SimulatedRadius, config

USER_NAME, FRAMED_IP_ADDRESS, CUI = 1, 8, 89
PRIMARY_DNS = 28  # of Microsoft, RFC 2548 section 2.7.1


def dialled(reply: bytes = b"", *, code: int = 2, delay_s: float = 0.01, base: Config | None = None) -> Line:
    """Return a call on which LCP is agreed; RADIUS answers with ``code`` and ``reply``."""
    server = SimulatedRadius(reply=lambda _: (code, reply), delay_s=delay_s)
    base = base or config(auth=AuthConfig(methods=("pap",)), ppp=PppConfig(mru=1460))
    rim = Rim(base, servers=(server,))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    return line


def up(line: Line) -> None:
    """Take the address that IPCP gives, so that the session is up."""
    request = line.last(IPCP, CONFIGURE_REQUEST)
    line.say(IPCP, 2, request.identifier, request.data)
    address = line.addresses(option(3, bytes(4)))[3]
    line.say(IPCP, CONFIGURE_REQUEST, 2, option(3, address))


def again(line: Line, user: bytes = b"user1") -> None:
    """Negotiate LCP anew, and log in."""
    line.say(LCP, CONFIGURE_REQUEST, 9)
    request = line.last(LCP, CONFIGURE_REQUEST)
    line.say(LCP, 2, request.identifier, request.data)
    line.login(user)


@pytest.mark.parametrize("code", [2, 3])
def test_the_verdict_comes_when_the_client_has_begun_anew(code: int) -> None:
    """Whatever it is, the client is not left hanging."""
    line = dialled(code=code, delay_s=2.0)
    line.login()
    line.say(LCP, CONFIGURE_REQUEST, 9)
    rim = line.rim
    rim.run(60.0)
    assert rim.controls(CDN), "the call is ended, not forgotten"
    assert not rim.lns.core.registry.by_number
    if code == 3:
        assert rim.frames(LCP, TERMINATE_REQUEST)
        assert rim.of(SubscriberEnded)[0].reason == "authentication_rejected"


def test_a_name_that_radius_has_rewritten_does_not_make_another_user() -> None:
    line = dialled(option(USER_NAME, b"alice"))
    line.login()
    up(line)
    rim = line.rim
    assert [fact.user for fact in rim.of(SubscriberUp)] == ["alice"]
    again(line)
    up(line)
    rim.run(1.0)
    assert not rim.of(SubscriberEnded)
    assert len(rim.plane.entries) == 1
    rows = rim.answers[rim.ask(ShowSession("alice"))].body
    assert len(rows["sessions"]) == 1  # type: ignore[arg-type,index,call-overload]  # plain data


def test_another_user_on_a_session_that_is_billed_is_sent_away() -> None:
    line = dialled()
    line.login()
    up(line)
    again(line, b"user2")
    line.rim.run(20.0)
    assert line.rim.of(SubscriberEnded)[0].reason == "user_changed"
    assert line.rim.servers[0].statuses(b"user1") == [1, 2]
    assert line.rim.servers[0].statuses(b"user2") == []


def test_another_user_does_not_get_the_first_ones_address() -> None:
    """Even before anything is billed: the address may be the first one's for good."""
    line = dialled()
    rim = line.rim
    static = option(FRAMED_IP_ADDRESS, bytes((192, 0, 2, 7)))
    rim.servers[0].reply = lambda attributes: (2, static if attributes[1] == b"user1" else b"")
    line.login()
    assert rim.lns.core.pools.holder(0, 0xC0000207) == 1
    again(line, b"user2")
    rim.run(20.0)
    assert not rim.of(SubscriberUp)
    assert rim.of(SubscriberEnded)[0].reason == "user_changed"
    assert rim.lns.core.pools.holder(0, 0xC0000207) is None
    assert not rim.lns.core.registry.index.by_user


def test_what_radius_says_the_second_time_counts() -> None:
    line = dialled()
    rim = line.rim

    def told(server: bytes) -> bytes:
        return option(26, (311).to_bytes(4, "big") + option(PRIMARY_DNS, server))

    rim.servers[0].reply = lambda _: (2, told(b"\xc0\x00\x02\x01"))
    line.login()
    up(line)
    assert line.addresses(option(129, bytes(4)))[129] == b"\xc0\x00\x02\x01"
    rim.servers[0].reply = lambda _: (2, told(b"\xc0\x00\x02\x02"))
    again(line)
    up(line)
    assert line.addresses(option(129, bytes(4)))[129] == b"\xc0\x00\x02\x02"
    assert not rim.of(SubscriberEnded)


def test_a_name_that_radius_rewrites_otherwise_the_second_time_leaves_nothing_behind() -> None:
    line = dialled(option(USER_NAME, b"alice"))
    rim = line.rim
    line.login()
    up(line)
    rim.servers[0].reply = lambda _: (2, option(USER_NAME, b"carol"))
    again(line)
    up(line)
    assert set(rim.lns.core.registry.index.by_user) == {"carol"}
    line.say(LCP, TERMINATE_REQUEST, 7)
    rim.run(5.0)
    assert not rim.lns.core.registry.index.by_user


@pytest.mark.parametrize("billed", [True, False])
@pytest.mark.parametrize("second", ["accepted", "refused", "unheard"])
def test_who_is_charged_otherwise_the_second_time_leaves_nothing_behind(billed: bool, second: str) -> None:
    """Nor is it to be found any longer by what its records do not say."""
    line = dialled(option(CUI, b"one"), base=with_coa(config(auth=AuthConfig(methods=("pap",)))))
    rim = line.rim
    index = rim.lns.core.registry.index
    line.login()
    if billed:
        up(line)
    (number,) = index.find(option(CUI, b"one"))
    other = option(CUI, b"two") + (
        option(26, (32473).to_bytes(4, "big") + option(1, b"none")) if second == "refused" else b""
    )
    rim.servers[0].reply = lambda _: (2, other)
    rim.servers[0].silent = second == "unheard"
    again(line)
    if second == "accepted":
        assert (index.find(option(CUI, b"one")), index.find(option(CUI, b"two"))) == ([], [number])
    rim.run(1.0)
    line.say(LCP, TERMINATE_REQUEST, 7)
    rim.run(60.0)
    assert not rim.lns.core.registry.by_number
    assert not index.find(option(CUI, b"one"))
    assert not index.find(option(CUI, b"two"))
    assert not index.find(option(USER_NAME, b"user1"))


class Slow(Rim):
    """A world whose data plane takes its time when told to."""

    holding = False
    held: ClassVar[list[Input]] = []

    def perform(self, effects: list[Effect]) -> list[Input]:
        inputs = super().perform(effects)
        if not self.holding:
            return inputs
        self.held += [one for one in inputs if isinstance(one, Programmed)]
        return [one for one in inputs if not isinstance(one, Programmed)]

    def release(self) -> None:
        """Let the data plane answer what it was told."""
        self.holding = False
        held, self.held = self.held, []
        self.give(*held)


@pytest.mark.parametrize("anew", ["user1", "eve"])
def test_a_verdict_is_one_on_the_credentials_it_was_asked_for(anew: str) -> None:
    """It waits for the older session to go; meanwhile its client comes back, perhaps as somebody else."""
    server = SimulatedRadius(reply=lambda attributes: (2 if attributes[1] == b"user1" else 3, b""))
    auth = AuthConfig(methods=("pap",), single_session="replace")
    rim = Slow(config(auth=auth, ppp=PppConfig(mru=1460)), servers=(server,))
    older = rim.line()
    rim.run(0.2)
    older.agree()
    older.login()
    up(older)
    rim.holding = True
    line = rim.line(older.lac)
    rim.run(0.2)
    line.agree()
    line.login()
    (waiter,) = [one for one in rim.lns.core.registry.by_number.values() if one.phase is Phase.ADDRESSING]
    server.delay_s = 1.0
    again(line, anew.encode())
    rim.release()
    rim.run(0.2)
    assert waiter.profile is None, "what was said of user1 does not count for eve"
    rim.run(20.0)
    assert (waiter.profile is not None) is (anew == "user1")
    if anew == "eve":
        assert [fact.reason for fact in rim.of(SubscriberEnded)][-1] == "authentication_rejected"


def test_a_fault_of_idle_and_interim_at_once_does_not_spin() -> None:
    """The data plane has lost the Entry: its counters never come."""
    grant = Grant(pool="default", idle_timeout_s=60.0, interim_interval_s=60.0)
    lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=grant)
    rim = Rim(config(lac=(lac,), radius=replace(config().radius, interim_jitter=0.0)))
    rim.up()
    rim.plane.entries.clear()
    rim.run(1000.0, most_steps=5000)
