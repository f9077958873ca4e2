from __future__ import annotations

import pytest

from bras.lns.stages import SetupTimed, Stages
from bras.plain import decode, encode
from bras.subscriber.events import Phase
from tests.support.rim import Rim
from tests.support.world import SimulatedRadius

STORY = (
    (Phase.LINK, Phase.AUTHENTICATING, 2.0),
    (Phase.AUTHENTICATING, Phase.NETWORK, 2.5),
    (Phase.NETWORK, Phase.PROGRAMMING, 3.5),
)
TOLD = (1.0, 0.5, -1.0, 1.0, 0.25)


def begun() -> Stages:
    stages = Stages()
    stages.begin(7, 1.0)
    stages.moved(7, "any", None, Phase.LINK, 1.0)
    return stages


@pytest.mark.parametrize("saved_after", range(4))
def test_a_set_up_is_told_by_phase_when_it_is_up(saved_after: int) -> None:
    stages = begun()
    for number, (left, phase, now) in enumerate(STORY):
        if number == saved_after:
            before, stages = stages, Stages.restore(decode(encode(stages.save())))
            stages.counts = before.counts  # the registry's to keep
        assert stages.moved(7, "any", left, phase, now) is None
    assert stages.moved(7, "any", Phase.PROGRAMMING, Phase.UP, 3.75) == TOLD
    assert len(stages) == 0, "nothing is kept of a session that is up"


def test_what_begins_again_is_one_time_in_all() -> None:
    stages = begun()
    stages.moved(7, "any", Phase.LINK, Phase.AUTHENTICATING, 2.0)
    stages.moved(7, "any", Phase.AUTHENTICATING, Phase.LINK, 3.0)
    stages.moved(7, "any", Phase.LINK, Phase.NETWORK, 4.0)
    assert stages.moved(7, "any", Phase.NETWORK, Phase.UP, 4.0) == (2.0, 1.0, -1.0, 0.0, -1.0)


def test_who_was_up_and_negotiates_again_is_not_told_twice() -> None:
    stages = begun()
    assert stages.moved(7, "any", Phase.LINK, Phase.UP, 2.0) is not None
    assert stages.moved(7, "any", Phase.UP, Phase.LINK, 9.0) is None
    assert stages.moved(7, "any", Phase.LINK, Phase.UP, 10.0) is None


def test_everyone_is_counted_where_they_stand() -> None:
    stages = begun()
    stages.moved(8, "any", None, Phase.LINK, 1.0)
    stages.moved(7, "any", Phase.LINK, Phase.UP, 1.0)
    assert stages.counts == {("any", Phase.LINK): 1, ("any", Phase.UP): 1}


def test_nothing_is_left_of_those_who_fail() -> None:
    stages = begun()
    stages.moved(7, "any", Phase.LINK, Phase.ENDING, 2.0)
    assert len(stages) == 0
    stages.begin(8, 1.0)
    stages.forget(8)
    stages.forget(8)
    assert len(stages) == 0


def test_a_real_set_up_waits_for_radius_and_for_its_client() -> None:
    rim = Rim(servers=(SimulatedRadius(delay_s=0.75),))
    rim.up("alice")
    (fact,) = [one for one in rim.facts if isinstance(one, SetupTimed)]
    seconds = dict(fact.by_phase)
    assert fact.session == rim.lns.core.registry.of_user("alice")[0].session_id
    assert Phase.ADDRESSING not in seconds, "nobody had the address"
    assert 0.75 <= seconds[Phase.AUTHENTICATING] < 0.8
    assert seconds[Phase.LINK] > 0.0
    assert len(rim.lns.core.registry.stages) == 0
