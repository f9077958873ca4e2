from __future__ import annotations

from dataclasses import replace

import pytest

from bras.forwarding.entry import AddEntry, Counters, Outcome, RemoveEntry, ReplaceEntry, Route
from bras.subscriber.parts import NOTHING_CARRIED, EntryState, Forwarding
from tests.unit.subscriber.pair import LEG

ROUTE = Route(3, 7, 0, (LEG,), (0x0A400001,), 1460)
FASTER = replace(ROUTE, rate_up_bps=1000)
ELSEWHERE = replace(ROUTE, addresses=(0x0A400002,))
DONE = Outcome(3, 7, ok=True)
REFUSED = Outcome(3, 7, ok=False, reason="no room")


def test_nothing_is_wanted_nothing_is_done():
    assert Forwarding(3).next_operation() is None


def added() -> Forwarding:
    forwarding = Forwarding(3, wanted=ROUTE)
    assert forwarding.next_operation() == AddEntry(ROUTE)
    assert forwarding.next_operation() is None, "one operation at a time"
    forwarding.answered(DONE)
    assert forwarding.state is EntryState.ACTIVE
    assert forwarding.next_operation() is None, "what is there is what is wanted"
    return forwarding


def test_an_entry_that_is_refused_is_wanted_no_more():
    forwarding = Forwarding(3, wanted=ROUTE)
    forwarding.next_operation()
    forwarding.answered(REFUSED)
    assert (forwarding.state, forwarding.present, forwarding.wanted) == (EntryState.NONE, None, None)


def test_other_terms_replace_it_in_place():
    forwarding = added()
    forwarding.wanted = FASTER
    assert forwarding.next_operation() == ReplaceEntry(FASTER)
    forwarding.wanted = ROUTE
    assert forwarding.next_operation() is None, "not before the answer"
    forwarding.answered(DONE)
    assert forwarding.next_operation() == ReplaceEntry(ROUTE)


def test_a_change_that_is_refused_leaves_it_forwarding():
    forwarding = added()
    forwarding.wanted = FASTER
    forwarding.next_operation()
    forwarding.answered(REFUSED)
    assert forwarding.state is EntryState.ACTIVE


@pytest.mark.parametrize("wanted", [None, ELSEWHERE])
def test_no_entry_or_another_address_removes_it_first(wanted):
    forwarding = added()
    forwarding.last = Counters(up_octets4=5)
    forwarding.wanted = wanted
    assert forwarding.next_operation() == RemoveEntry(3, 7)
    forwarding.answered(Outcome(3, 7, ok=True, counters=Counters(up_octets4=9)))
    assert forwarding.total == Counters(up_octets4=9)
    assert forwarding.next_operation() == (AddEntry(ELSEWHERE) if wanted else None)


def test_what_one_entry_carried_is_added_to_what_the_next_one_does():
    forwarding = added()
    forwarding.wanted = None
    forwarding.next_operation()
    forwarding.answered(Outcome(3, 7, ok=True, counters=Counters(up_octets4=9, down_packets6=1)))
    forwarding.wanted = ROUTE
    forwarding.next_operation()
    forwarding.answered(DONE)
    forwarding.last = Counters(up_octets4=1)
    assert forwarding.total == Counters(up_octets4=10, down_packets6=1)


def test_a_removal_without_counters_keeps_what_was_read_last():
    forwarding = added()
    forwarding.last = Counters(down_octets4=4)
    forwarding.wanted = None
    forwarding.next_operation()
    forwarding.answered(REFUSED)
    assert forwarding.state is EntryState.NONE
    assert forwarding.total == Counters(down_octets4=4)
    assert forwarding.last is NOTHING_CARRIED


@pytest.mark.parametrize("changing", [False, True])
def test_a_new_process_tells_the_back_end_what_it_has_found(changing):
    forwarding = added()
    if changing:
        forwarding.wanted = FASTER
        forwarding.next_operation()
    found = Counters(up_octets4=5)
    forwarding.found(found)
    assert forwarding.tell_again() == ReplaceEntry(FASTER if changing else ROUTE)
    assert forwarding.next_operation() is None, "not before the answer"
    forwarding.answered(DONE)
    assert (forwarding.state, forwarding.total) == (EntryState.ACTIVE, found)


@pytest.mark.parametrize("changing", [False, True])
@pytest.mark.parametrize("wanted", [None, ELSEWHERE])
def test_what_is_found_but_is_to_go_goes(wanted, changing):
    forwarding = added()
    if changing:
        forwarding.wanted = FASTER
        forwarding.next_operation()
    forwarding.wanted = wanted
    forwarding.found(NOTHING_CARRIED)
    assert forwarding.tell_again() is None
    assert forwarding.next_operation() == RemoveEntry(3, 7)


def test_what_is_not_found_is_not_told_again_but_added():
    forwarding = added()
    forwarding.found(None)
    assert forwarding.tell_again() is None
    assert forwarding.next_operation() == AddEntry(ROUTE)
