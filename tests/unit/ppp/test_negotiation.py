"""The automaton at work: identifiers, counters, the restart timer, refusals (RFC 1661 sections 4 and 5)."""

from __future__ import annotations

import pytest

from bras.errors import DropReason
from bras.ppp import option, packet
from bras.ppp.automaton import ACK_RCVD, ACK_SENT, CLOSED, CLOSING, OPENED, REQ_SENT, STARTING, STOPPED, STOPPING
from bras.ppp.negotiation import Layer, Negotiation
from bras.ppp.option import Option
from bras.ppp.settings import RestartConfig


class Policy:
    """Asks for option 1, dislikes option 2, does not know option 3."""

    def __init__(self) -> None:
        self.value = b"a"
        self.restarts = 0
        self.goes_on = True

    def restart(self) -> None:
        self.restarts += 1

    def request(self) -> bytes:
        return option.build(1, self.value)

    def judge(self, options: list[Option], may_nak: bool) -> tuple[int, bytes]:
        kinds = [kind for kind, _ in options]
        if 3 in kinds:
            return 4, option.build(3)
        if 2 in kinds:
            return (3, option.build(2, b"better")) if may_nak else (4, option.build(2))
        return 2, b""

    def naked(self, options: list[Option]) -> bool:
        self.value = options[0][1] if options else self.value
        return self.goes_on

    def rejected(self, options: list[Option]) -> bool:
        return self.goes_on


GOOD = option.build(1, b"x")
DISLIKED = option.build(2)
UNKNOWN = option.build(3)


def opening(**changes: object) -> tuple[Negotiation, Policy]:
    policy = Policy()
    negotiation = Negotiation(RestartConfig(**changes), policy)  # type: ignore[arg-type]  # fields by name
    assert negotiation.open(now=0.0) == [packet.build(1, 1, b"\x01\x03a")]
    return negotiation, policy


def opened() -> tuple[Negotiation, Policy]:
    negotiation, policy = opening()
    negotiation.receive(1, 9, GOOD, now=0.0)
    assert negotiation.receive(2, 1, b"\x01\x03a", now=0.0) == [Layer.UP]
    assert negotiation.state == OPENED
    assert negotiation.deadline is None
    return negotiation, policy


def test_both_ways_to_open() -> None:
    opened()
    negotiation, _ = opening()
    assert negotiation.receive(2, 1, b"\x01\x03a", now=0.0) == []
    assert negotiation.state == ACK_RCVD
    assert negotiation.receive(1, 9, GOOD, now=0.0) == [packet.build(2, 9, GOOD), Layer.UP]


@pytest.mark.parametrize("patience", [1, 3])
def test_a_peer_that_only_acknowledges_counts_as_agreed_in_the_end(patience: int) -> None:
    negotiation, _ = opening()
    negotiation.patience = patience
    for turn in range(1, patience):
        negotiation.receive(2, negotiation.save()[2], b"\x01\x03a", now=0.0)
        assert negotiation.state == ACK_RCVD
        assert len(negotiation.handle_timeout(now=100.0 * turn)) == 1, "we ask again"
        assert negotiation.state == REQ_SENT
    negotiation.receive(2, negotiation.save()[2], b"\x01\x03a", now=0.0)
    assert negotiation.handle_timeout(now=1000.0) == [Layer.UP], "and nothing is sent"
    assert (negotiation.state, negotiation.deadline) == (OPENED, None)


def test_no_other_peer_counts_as_agreed() -> None:
    silent, _ = opening()
    silent.patience = 1
    assert len(silent.handle_timeout(now=100.0)) == 1
    assert silent.state == REQ_SENT, "it has acknowledged nothing"
    asking, _ = opening()
    asking.patience = 1
    asking.receive(1, 9, DISLIKED, now=0.0)
    asking.receive(2, 1, b"\x01\x03a", now=0.0)
    assert asking.state == ACK_RCVD
    assert len(asking.handle_timeout(now=100.0)) == 1, "it asks for what we refuse, and goes on doing so"
    unlimited, _ = opening()
    unlimited.receive(2, 1, b"\x01\x03a", now=0.0)
    assert len(unlimited.handle_timeout(now=100.0)) == 1


def test_a_layer_that_another_has_opened_is_negotiated_again_as_any() -> None:
    negotiation = Negotiation(RestartConfig(), Policy())
    negotiation.adopt()
    assert negotiation.deadline is None
    assert negotiation.handle_timeout(now=100.0) == []
    assert negotiation.receive(1, 9, GOOD, now=0.0) == [
        Layer.DOWN,
        packet.build(1, 1, b"\x01\x03a"),
        packet.build(2, 9, GOOD),
    ]


def test_an_ack_repeats_the_options_octet_by_octet() -> None:
    negotiation, _ = opening()
    data = GOOD + option.build(77) + GOOD
    assert negotiation.receive(1, 42, data, now=0.0) == [packet.build(2, 42, data)]


def test_the_timer_doubles_to_its_cap_and_gives_up_after_max_configure() -> None:
    negotiation, _ = opening(max_configure=5)
    intervals, now = [], 0.0
    while negotiation.deadline is not None:
        intervals.append(negotiation.deadline - now)
        now = negotiation.deadline
        assert negotiation.handle_timeout(now=now - 0.01) == []
        outputs = negotiation.handle_timeout(now=now)
        again = [packet.build(1, 1, b"\x01\x03a")]  # the same identifier: a late answer still counts
        assert outputs == ([Layer.FINISHED] if negotiation.deadline is None else again)
    assert intervals == [1.0, 2.0, 4.0, 4.0, 4.0]
    assert negotiation.state == STOPPED


def test_many_doublings_are_still_the_cap() -> None:
    negotiation, _ = opening(max_configure=3000)
    for _ in range(2000):
        assert negotiation.deadline is not None
        negotiation.handle_timeout(now=negotiation.deadline)
    assert negotiation.deadline is not None


def test_an_ack_must_match_identifier_and_options() -> None:
    negotiation, _ = opening()
    for identifier, data in ((2, b"\x01\x03a"), (1, b"\x01\x03b"), (1, b"")):
        assert negotiation.receive(2, identifier, data, now=0.0) == [DropReason.UNEXPECTED_PACKET]
    assert negotiation.state == REQ_SENT


@pytest.mark.parametrize("code", [2, 3, 4])
def test_a_second_answer_to_the_same_request_is_dropped(code: int) -> None:
    negotiation, _ = opened()
    assert negotiation.receive(code, 1, b"\x01\x03a", now=0.0) == [DropReason.UNEXPECTED_PACKET]
    assert negotiation.state == OPENED


@pytest.mark.parametrize("code", [3, 4])
def test_a_refusal_brings_a_new_request_with_a_new_identifier(code: int) -> None:
    negotiation, _ = opening()
    outputs = negotiation.receive(code, 1, b"\x01\x03b", now=0.0)
    assert outputs == [packet.build(1, 2, b"\x01\x03" + (b"b" if code == 3 else b"a"))]


def test_naks_become_rejects_after_max_failure() -> None:
    negotiation, _ = opening(max_failure=3)
    codes = []
    for identifier in range(5):
        (answer,) = negotiation.receive(1, identifier, DISLIKED, now=0.0)
        assert isinstance(answer, bytes)
        codes.append(answer[0])
    assert codes == [3, 3, 3, 4, 4]
    negotiation.receive(1, 9, GOOD, now=0.0)  # an Ack begins the count again
    (answer,) = negotiation.receive(1, 10, DISLIKED, now=0.0)
    assert isinstance(answer, bytes)
    assert answer[0] == 3


def test_a_peer_that_refuses_for_ever_is_stuck_with() -> None:
    negotiation, _ = opening()
    for identifier in range(1, 21):
        (answer,) = negotiation.receive(3, identifier, b"\x01\x03a", now=0.0)
        assert isinstance(answer, bytes)
    assert negotiation.receive(3, 21, b"\x01\x03a", now=0.0) == [Layer.STUCK]


def test_a_policy_that_cannot_go_on_is_stuck() -> None:
    negotiation, policy = opening()
    policy.goes_on = False
    assert negotiation.receive(4, 1, b"\x01\x03a", now=0.0) == [Layer.STUCK]


def test_a_request_in_opened_begins_again() -> None:
    negotiation, policy = opened()
    outputs = negotiation.receive(1, 10, GOOD, now=5.0)
    assert outputs == [Layer.DOWN, packet.build(1, 2, b"\x01\x03a"), packet.build(2, 10, GOOD)]
    assert (negotiation.state, negotiation.deadline, policy.restarts) == (ACK_SENT, 6.0, 2)


@pytest.mark.parametrize("code", [1, 3, 4])
def test_broken_options_are_dropped(code: int) -> None:
    negotiation, _ = opening()
    assert negotiation.receive(code, 1, b"\x01\x00", now=0.0) == [DropReason.BAD_OPTION]
    assert negotiation.state == REQ_SENT


def test_nothing_is_taken_before_the_lower_layer_is_up() -> None:
    negotiation = Negotiation(RestartConfig(), Policy())
    assert negotiation.receive(1, 1, GOOD, now=0.0) == [DropReason.NOT_OPEN]
    assert negotiation.lower_down(now=0.0) == []


def test_closing_sends_max_terminate_requests_with_the_reason() -> None:
    negotiation, _ = opened()
    assert negotiation.close(b"bye", now=0.0) == [Layer.DOWN, packet.build(5, 2, b"bye")]
    assert negotiation.state == CLOSING
    assert negotiation.receive(1, 3, GOOD, now=0.5) == []
    assert negotiation.deadline == 1.0
    assert negotiation.handle_timeout(now=1.0) == [packet.build(5, 2, b"bye")]
    assert negotiation.deadline == 3.0
    assert negotiation.handle_timeout(now=3.0) == [Layer.FINISHED]
    assert negotiation.state == CLOSED
    assert negotiation.receive(1, 4, GOOD, now=4.0) == [packet.build(6, 4)]


def test_a_long_reason_is_cut() -> None:
    negotiation, _ = opened()
    _, request = negotiation.close(b"x" * 2000, now=0.0)
    assert isinstance(request, bytes)
    assert len(request) == 128


def test_a_terminate_ack_ends_it() -> None:
    negotiation, _ = opened()
    negotiation.close(b"bye", now=0.0)
    assert negotiation.receive(6, 2, b"", now=0.1) == [Layer.FINISHED]


def test_a_terminate_request_is_acknowledged_and_waited_out() -> None:
    negotiation, _ = opened()
    assert negotiation.receive(5, 77, b"bye", now=0.0) == [Layer.DOWN, packet.build(6, 77)]
    assert negotiation.state == STOPPING
    assert negotiation.handle_timeout(now=1.0) == [Layer.FINISHED]
    (request, ack) = negotiation.receive(1, 78, GOOD, now=9.0)  # from Stopped it may begin again
    assert isinstance(request, bytes)
    assert request[0] == 1
    assert ack == packet.build(2, 78, GOOD)


def test_an_unknown_code_is_rejected_each_time_with_a_new_identifier() -> None:
    negotiation, _ = opened()
    for identifier in (1, 2):
        assert negotiation.receive(14, 5, b"abc", now=0.0) == [packet.build(7, identifier, packet.build(14, 5, b"abc"))]
    (answer,) = negotiation.receive(14, 5, bytes(1400), now=0.0)
    assert isinstance(answer, bytes)
    assert len(answer) == 128  # within the smallest MRU


def test_a_code_reject_is_fatal_or_not() -> None:
    negotiation, _ = opened()
    assert negotiation.receive(7, 1, packet.build(14, 1), now=0.0) == []
    assert negotiation.receive(7, 1, b"", now=0.0) == [DropReason.BAD_PACKET]
    assert negotiation.state == OPENED
    layer, request = negotiation.receive(7, 1, packet.build(1, 1), now=0.0)
    assert layer is Layer.DOWN
    assert isinstance(request, bytes)
    assert request[0] == 5
    early, _ = opening()
    assert early.receive(7, 1, packet.build(1, 1), now=0.0) == [Layer.FINISHED]


def test_the_lower_layer_goes_and_comes() -> None:
    negotiation, _ = opened()
    assert negotiation.lower_down(now=0.0) == [Layer.DOWN]
    assert negotiation.state == STARTING
    assert negotiation.deadline is None
    (request,) = negotiation.open(now=1.0)
    assert isinstance(request, bytes)
    assert request[:2] == bytes((1, 2))
    assert negotiation.open(now=1.0) == []


def test_echoes_are_answered_only_when_open() -> None:
    assert opened()[0].answers_echo
    assert not opening()[0].answers_echo


def test_saved_and_restored_it_is_the_same() -> None:
    negotiation, policy = opening()
    negotiation.receive(1, 1, DISLIKED, now=0.0)
    twin = Negotiation.restore(negotiation.save(), RestartConfig(), policy)
    assert twin.save() == negotiation.save()
    assert twin.receive(2, 1, b"\x01\x03a", now=0.0) == negotiation.receive(2, 1, b"\x01\x03a", now=0.0) == []
    assert twin.save() == negotiation.save()
