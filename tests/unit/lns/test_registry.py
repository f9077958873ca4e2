from __future__ import annotations

from bras.ids import CallKey
from bras.lns.registry import Registry
from bras.plain import decode, encode
from bras.subscriber.events import Phase
from bras.subscriber.parts import EntryState
from bras.subscriber.subscriber import Subscriber
from tests.unit.subscriber.pair import LEG, LINE, settings


def subscriber(registry: Registry, number: int = 0) -> Subscriber:
    one = Subscriber(number or registry.new_number(), registry.new_slot(), LINE, LEG, settings(), bytes, now=0.0)
    registry.add(CallKey(one.number), one)
    return one


def test_numbers_are_never_used_twice() -> None:
    registry = Registry()
    first = subscriber(registry)
    registry.remove(first)
    assert registry.new_number() > first.number


def test_a_slot_rests_before_it_is_used_again() -> None:
    """So that late counters of its last user find nobody."""
    registry = Registry()
    for _ in range(64):
        registry.remove(subscriber(registry))
    assert registry.new_slot() == 64
    registry = Registry()
    for _ in range(65):
        registry.remove(subscriber(registry))
    assert registry.new_slot() == 0, "the longest unused one"
    assert registry.new_slot() == 65, "and the others rest on"


def test_a_slot_whose_entry_still_goes_is_nobodys() -> None:
    registry = Registry()
    going, gone = subscriber(registry), subscriber(registry)
    assert registry.entries() == [(0, 1), (1, 2)]
    going.forwarding.state = EntryState.REMOVING
    registry.remove(going)
    registry.remove(gone)
    assert registry.entries() == []
    for _ in range(64):
        registry.remove(subscriber(registry))
    assert registry.new_slot() == 1
    restored = Registry.restore(decode(encode(registry.save())), [])
    for one in (registry, restored):
        one.entry_gone(gone.number)
        one.entry_gone(going.number)
        one.entry_gone(going.number)
        assert one.leaving == {}
        assert list(one._free_slots)[-1] == 0


def test_those_who_are_here_are_counted_by_group_and_phase() -> None:
    registry = Registry()
    one, other = subscriber(registry), subscriber(registry)
    assert registry.counts == {("any", Phase.LINK): 2}
    one.standing.phase = Phase.UP
    registry.touched(one, 0.0)
    assert registry.counts == {("any", Phase.LINK): 1, ("any", Phase.UP): 1}
    registry.remove(one)
    registry.remove(one)
    registry.remove(other)
    assert set(registry.counts.values()) == {0}


def test_names() -> None:
    registry = Registry()
    one, other = subscriber(registry), subscriber(registry)
    registry.name(one, "alice")
    registry.name(one, "alice")
    registry.name(other, "alice")
    assert registry.of_user("alice") == [one, other], "oldest first, each once"
    registry.name(one, "carol")
    assert registry.of_user("alice") == [other]
    assert registry.of_user("carol") == [one]
    registry.unname(other)
    registry.unname(other)
    registry.remove(one)
    assert registry.index.by_user == {}


def test_a_call_that_ended_leaves_its_id_to_others_at_once() -> None:
    registry = Registry()
    one = subscriber(registry)
    key = CallKey(one.number)
    assert registry.call_ended(key) is one
    assert registry.call_ended(key) is None
    assert one.number in registry.by_number, "it has still to end"


def test_the_deadline_is_followed() -> None:
    registry = Registry()
    one = subscriber(registry)
    registry.touched(one, 0.0)
    assert registry.deadlines.next_deadline == 30.0, "set-up"
    registry.remove(one)
    assert len(registry.deadlines) == 0
