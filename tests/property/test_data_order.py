"""Numbered data in any order: given on in the order in which they were sent, nothing twice (RFC 2661 section 5.4)."""

from __future__ import annotations

import itertools

from hypothesis import event, given
from hypothesis import strategies as st

from bras.l2tp.sequence import MOST_HELD, Arrivals, Order

HOLD_S = 1.0
FIRSTS = st.sampled_from([0, 1, 0x7FF0, 0x8000, 0xFFC0, 0xFFFF])


@st.composite
def shuffled(draw: st.DrawFn, most: int = 150) -> list[int]:
    """Return 0, 1, 2, … with each one late by at most as many places as may be held."""
    count = draw(st.integers(1, most))
    bound = draw(st.integers(1, MOST_HELD - 1))
    places = [index + draw(st.integers(0, bound)) for index in range(count)]
    return sorted(range(count), key=lambda index: (places[index], index))


class Receiver:
    """Remembers what was given on; it is saved and restored before whichever frames ``restored`` says."""

    def __init__(self, first: int, hold_s: float) -> None:
        self.first = first
        self.hold_s = hold_s
        self.arrivals = Arrivals(first)
        self.given: list[int] = []
        self.lost = 0
        self.dropped = 0

    def take(self, index: int, now: float) -> None:
        ns = (self.first + index) & 0xFFFF
        self._note(self.arrivals.receive(ns, b"%d" % index, self.hold_s, now=now))

    def wait(self, now: float) -> None:
        self._note(self.arrivals.handle_timeout(now=now))

    def restore(self) -> None:
        self.arrivals = Arrivals.restore(self.arrivals.save())

    def _note(self, order: Order) -> None:
        self.given += [int(frame) for frame in order.frames]
        self.lost += order.lost
        self.dropped += order.dropped is not None


@given(FIRSTS, shuffled(), st.sets(st.integers(0, 150)))
def test_any_permutation_within_the_bound_is_given_on_in_order(first: int, order: list[int], saved: set[int]) -> None:
    receiver = Receiver(first, HOLD_S)
    for place, index in enumerate(order):
        if place in saved:
            receiver.restore()
        receiver.take(index, now=0.0)
    assert receiver.given == list(range(len(order)))
    assert (receiver.lost, receiver.dropped) == (0, 0)
    assert receiver.arrivals.deadline is None


@given(FIRSTS, shuffled(60), st.data())
def test_what_comes_twice_is_given_on_once(first: int, order: list[int], data: st.DataObject) -> None:
    copies = data.draw(st.lists(st.tuples(st.sampled_from(order), st.integers(0, 60)), max_size=12))
    for index, later in copies:
        order = [*order[: order.index(index) + 1 + later], index, *order[order.index(index) + 1 + later :]]
    receiver = Receiver(first, HOLD_S)
    for index in order:
        receiver.take(index, now=0.0)
    assert len(set(receiver.given)) == len(receiver.given)
    if not receiver.lost:
        assert receiver.given == sorted(receiver.given)
        assert receiver.dropped == len(copies)


@given(FIRSTS, shuffled(), st.sets(st.integers(0, 149)), st.floats(0.0, 0.3), st.booleans())
def test_loss_time_and_any_order(first: int, order: list[int], missing: set[int], step_s: float, hold: bool) -> None:
    """Whatever is lost and however long the rest takes: in order, nothing twice, every number accounted for."""
    receiver = Receiver(first, HOLD_S if hold else 0.0)
    sent = [index for index in order if index not in missing]
    now = 0.0
    for index in sent:
        now += step_s
        deadline = receiver.arrivals.deadline
        if deadline is not None and deadline <= now:
            receiver.wait(now)
        receiver.take(index, now)
        deadline = receiver.arrivals.deadline
        assert deadline is None or now < deadline <= now + HOLD_S, "nothing waits for longer than it may"
    receiver.wait(now + HOLD_S)
    given_on = receiver.given
    event("all came through" if len(given_on) == len(sent) else "some came too late")
    assert receiver.arrivals.deadline is None
    assert len(set(given_on)) == len(given_on)
    assert len(given_on) + receiver.dropped == len(sent)
    assert _ascends(given_on) or receiver.dropped > 15, "only a peer that began anew may go back"
    if _ascends(given_on) and given_on:
        assert receiver.lost == given_on[-1] + 1 - len(given_on)


def _ascends(numbers: list[int]) -> bool:
    return all(before < after for before, after in itertools.pairwise(numbers))
