from __future__ import annotations

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, PoolConfig
from bras.lns import admission
from bras.radius.authorization import Authorization
from bras.radius.events import Accepted, Unanswered
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, Phase, SubscriberEnded
from tests.scenario.test_client_comes_back import again, dialled, up
from tests.support.rim import Rim, option
from tests.support.world import config


def test_another_fixed_address_the_second_time_ends_the_session() -> None:
    """The Entry, the bill and the client have the old one."""
    line = dialled(option(8, bytes((192, 0, 2, 7))))
    line.login()
    up(line)
    line.rim.servers[0].reply = lambda _: (2, option(8, bytes((192, 0, 2, 8))))
    again(line)
    line.rim.run(20.0)
    (end,) = line.rim.of(SubscriberEnded)
    assert end.reason == "address_changed"
    assert line.rim.lns.core.pools.holder(0, 0xC0000207) is None


@pytest.mark.parametrize("second", [b"", option(8, bytes((192, 0, 2, 7)))])
def test_the_same_address_or_none_the_second_time_goes_on(second: bytes) -> None:
    line = dialled(option(8, bytes((192, 0, 2, 7))))
    line.login()
    up(line)
    line.rim.servers[0].reply = lambda _: (2, second)
    again(line)
    up(line)
    assert not line.rim.of(SubscriberEnded)
    assert line.rim.entry.addresses == (0xC0000207,)


def test_a_group_without_a_pool_gives_no_address() -> None:
    rim = Rim(config(lac=(LacConfig("any", secrets=(Secret(b"tunsecret"),)),)))
    rim.lac().dial("user1", "pass")
    rim.run(10.0)
    (fact,) = rim.of(Authenticated)
    assert (fact.outcome, fact.text) == (AuthOutcome.UNKNOWN_POOL, "no pool None")


def test_a_wish_that_cannot_be_granted_leaves_the_address_that_was_given() -> None:
    """It is another client's, or of no pool."""
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", accept_client_address=True))
    rim = Rim(config(lac=(group,)))
    lac = rim.lac()
    first = lac.dial("user1", "pass", wanted=0x0A400909)
    rim.run(3.0)
    second = lac.dial("user2", "pass", wanted=0x0A400909)
    third = lac.dial("user3", "pass", wanted=0xC0000201)
    rim.run(3.0)
    assert first.address == 0x0A400909
    assert second.address
    assert third.address
    assert len({first.address, second.address, third.address}) == 3
    (row,) = rim.lns.core.pools.rows(now=rim.now)
    assert (row["used"], row["exhausted"]) == (3, 0), "nothing that was tried stays taken"


def test_a_wish_in_a_full_pool_is_no_sign_that_it_is_too_small() -> None:
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", accept_client_address=True))
    pool = PoolConfig("default", ((0x0A400001, 0x0A400001),), hold_down_s=0.0)
    rim = Rim(config(lac=(group,), pool=(pool,)))
    client = rim.lac().dial("user1", "pass", wanted=0xC0000201)
    rim.run(3.0)
    assert client.address == 0x0A400001
    (row,) = rim.lns.core.pools.rows(now=rim.now)
    assert row["exhausted"] == 0


def test_a_verdict_on_one_that_is_gone_or_going_is_nothing() -> None:
    line = dialled()
    core = line.rim.lns.core
    (subscriber,) = core.registry.by_number.values()
    admission.answered(core, Unanswered(99), now=0.0)
    subscriber.end("shutdown", "", now=0.0)
    admission.answered(core, Accepted(subscriber.number, "r", Authorization(Grant()), b""), now=0.0)
    assert subscriber.phase is Phase.ENDING
    assert not core.backlog.subscriber


def test_local_users_of_no_name() -> None:
    rim = Rim(config(auth=AuthConfig(methods=("pap",), source="local")))
    client = rim.lac().dial("nobody", "pass", method="pap")
    rim.run(5.0)
    assert client.ended
    assert [(fact.outcome, fact.source) for fact in rim.of(Authenticated)] == [(AuthOutcome.REJECTED, "local")]
