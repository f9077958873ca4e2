"""One call, end to end, in virtual time."""

from __future__ import annotations

from bras.subscriber.events import Phase, SubscriberEnded, SubscriberUp, TerminateCause
from tests.support.lacs import SimulatedLac
from tests.support.world import World


def up(world: World) -> int:
    return sum(count for (_group, phase), count in world.lns.core.registry.counts.items() if phase is Phase.UP)


def test_a_call_comes_up_is_billed_and_goes_down() -> None:
    world = World()
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass")
    world.run(2.0)
    assert client.address == 0x0A400001
    assert [type(fact) for fact in world.facts if isinstance(fact, SubscriberUp)] == [SubscriberUp]
    assert world.radius.statuses(b"user1") == [1]
    lac.hang_up(client)
    world.run(5.0)
    (ended,) = [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]
    assert ended.cause is TerminateCause.USER_REQUEST
    assert world.radius.statuses(b"user1") == [1, 2]
    assert not world.lns.core.registry.by_number
    assert not world.plane.entries
