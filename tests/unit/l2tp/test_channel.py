"""Reliable delivery (RFC 2661 section 5.8, Appendix A)."""

from __future__ import annotations

import pytest

from bras.l2tp.channel import Channel, ChannelState
from bras.l2tp.sender import Patience
from tests.support.l2tp import header

PATIENCE = Patience(1.0, 8.0, 5)
BODY = b"8 octets"


def channel(receive_window: int = 4, peer_window: int = 4) -> Channel:
    made = Channel(PATIENCE, receive_window, peer_window)
    made.peer_tunnel_id = 7
    return made


def message(number: int) -> bytes:
    return b"message %d" % number


def ns_of(datagrams: list[bytes]) -> list[int]:
    return [header(datagram)[2] for datagram in datagrams]


def open_window(one: Channel, size: int) -> None:
    """Send and acknowledge until the congestion window is ``size``."""
    while one.window < size:
        one.send(0, BODY)
        last = header(one.flush(now=0.0)[-1])[2]
        one.receive(0, (last + 1) & 0xFFFF, None, now=0.0)


def test_ns_counts_messages_and_a_zlb_takes_no_number() -> None:
    one = channel()
    one.send(3, BODY)
    assert header(one.flush(now=0.0)[0]) == (7, 3, 0, 0)
    one.receive(0, 1, message(0), now=0.0)
    assert header(one.flush(now=0.0)[0]) == (7, 0, 1, 1)
    one.receive(1, 1, message(1), now=0.0)
    assert header(one.flush(now=0.0)[0]) == (7, 0, 1, 2)
    one.send(3, BODY)
    assert header(one.flush(now=0.0)[0]) == (7, 3, 1, 2)


def test_a_message_carries_the_acknowledgement() -> None:
    one = channel()
    one.receive(0, 0, message(0), now=0.0)
    one.send(0, BODY)
    datagrams = one.flush(now=0.0)
    assert len(datagrams) == 1
    assert header(datagrams[0])[3] == 1
    assert one.flush(now=0.0) == []


def test_a_zlb_is_not_answered() -> None:
    one = channel()
    assert one.receive(0, 0, None, now=0.0) == []
    assert one.flush(now=0.0) == []


def test_a_duplicate_is_not_delivered_but_answered_again() -> None:
    one = channel()
    assert one.receive(0, 0, message(0), now=0.0) == [message(0)]
    one.flush(now=0.0)
    for _ in range(2):
        assert one.receive(0, 0, message(0), now=0.0) == []
        assert header(one.flush(now=0.0)[0]) == (7, 0, 0, 1)


def test_what_comes_early_waits_and_is_delivered_in_order() -> None:
    one = channel()
    assert one.receive(2, 0, message(2), now=0.0) == []
    assert one.receive(1, 0, message(1), now=0.0) == []
    assert header(one.flush(now=0.0)[0])[3] == 0
    assert one.receive(0, 0, message(0), now=0.0) == [message(0), message(1), message(2)]
    assert header(one.flush(now=0.0)[0])[3] == 3


def test_outside_of_the_receive_window_is_refused_but_acknowledged() -> None:
    one = channel(receive_window=4)
    assert one.receive(4, 0, message(4), now=0.0) is None
    assert header(one.flush(now=0.0)[0])[3] == 0
    assert one.receive(3, 0, message(3), now=0.0) == []


def test_numbers_wrap_around() -> None:
    one = Channel(PATIENCE, 4, 4, expected=0xFFFE)
    assert one.receive(0, 0, message(2), now=0.0) == []
    assert one.receive(0xFFFE, 0, message(0), now=0.0) == [message(0)]
    assert one.receive(0xFFFF, 0, message(1), now=0.0) == [message(1), message(2)]
    assert one.receive(0xFFFF, 0, message(1), now=0.0) == []
    assert header(one.flush(now=0.0)[0])[3] == 1


@pytest.mark.parametrize(("ns", "duplicate"), [(15, True), (0, True), (32784, True), (65535, True), (32783, False)])
def test_less_than_or_equal_as_section_5_8_counts(ns: int, duplicate: bool) -> None:
    one = Channel(PATIENCE, 32768, 4, expected=16)  # the last received number was 15
    one.receive(ns, 0, b"early", now=0.0)
    assert one.save()["early"] == ([] if duplicate else [(ns, b"early")])


def test_ns_wraps_around_while_sending() -> None:
    one = channel()
    for number in range(65540):
        one.send(0, BODY)
        assert ns_of(one.flush(now=0.0)) == [number & 0xFFFF]
        one.receive(0, (number + 1) & 0xFFFF, None, now=0.0)
    assert one.quiet


def test_the_peers_window_is_obeyed() -> None:
    one = channel(peer_window=4)
    for _ in range(40):
        one.send(0, BODY)
    first = 0
    while not one.quiet:
        datagrams = one.flush(now=0.0)
        assert len(datagrams) <= 4
        assert one.in_flight <= 4
        first += len(datagrams)
        one.receive(0, first, None, now=0.0)
    assert first == 40
    assert one.window == 4


def test_intervals_double_up_to_the_cap_and_then_the_peer_is_lost() -> None:
    one = channel()
    one.send(0, BODY)
    assert len(one.flush(now=0.0)) == 1
    sent_at = []
    while one.state is not ChannelState.LOST:
        now = one.deadline
        assert now is not None
        one.handle_timeout(now=now)
        if one.flush(now=now):
            sent_at.append(now)
    assert sent_at == [1.0, 3.0, 7.0, 15.0, 23.0]
    assert now == 31.0 == PATIENCE.cycle_s
    assert one.retransmitted == 5
    assert one.deadline is None
    assert one.quiet


def test_a_retransmission_has_the_same_ns_and_a_new_nr() -> None:
    one = channel()
    one.send(0, BODY)
    first = one.flush(now=0.0)[0]
    one.receive(0, 0, message(0), now=0.5)
    one.flush(now=0.5)
    one.handle_timeout(now=1.0)
    again = one.flush(now=1.0)[0]
    assert header(first) == (7, 0, 0, 0)
    assert header(again) == (7, 0, 0, 1)
    assert again[12:] == first[12:]


def test_an_acknowledgement_ends_the_back_off() -> None:
    one = channel()
    one.send(0, BODY)
    one.flush(now=0.0)
    one.handle_timeout(now=1.0)
    one.flush(now=1.0)
    one.receive(0, 1, None, now=2.0)
    assert one.deadline is None
    one.send(0, BODY)
    one.flush(now=2.0)
    assert one.deadline == 3.0


def test_a_peer_that_throws_early_messages_away_gets_all_of_them_again() -> None:
    one = channel(peer_window=8)
    open_window(one, 4)
    start = one.save()["sender"]["first"]
    for _ in range(4):
        one.send(0, BODY)
    assert len(one.flush(now=10.0)) == 4  # the first is lost, the others are thrown away
    one.handle_timeout(now=11.0)
    expected = start
    for _ in range(10):
        for ns in ns_of(one.flush(now=11.0)):
            if ns == expected:
                expected += 1
        one.receive(0, expected, None, now=11.0)
        if one.quiet:
            break
    assert one.quiet
    assert one.retransmitted == 4


def test_a_peer_that_keeps_early_messages_acknowledges_all_at_once() -> None:
    one = channel(peer_window=8)
    open_window(one, 4)
    start = one.save()["sender"]["first"]
    for _ in range(4):
        one.send(0, BODY)
    one.flush(now=10.0)
    one.handle_timeout(now=11.0)
    assert ns_of(one.flush(now=11.0)) == [start]
    one.receive(0, start + 4, None, now=11.1)
    assert one.quiet
    assert one.deadline is None
    assert one.retransmitted == 1


@pytest.mark.parametrize("nr", [2, 100, 0xFFFF, 0x8000])
def test_an_nr_of_what_was_never_sent_says_nothing(nr: int) -> None:
    one = channel()
    one.send(0, BODY)
    one.flush(now=0.0)
    one.receive(0, nr, None, now=0.0)
    assert not one.quiet
    assert one.in_flight == 1


def test_the_last_message_takes_the_place_of_what_was_not_sent_and_does_not_wait() -> None:
    one = channel()
    for _ in range(100):
        one.send(0, BODY)
    one.flush(now=0.0)
    one.finish(b"goodbye")
    datagrams = one.flush(now=0.0)
    assert [datagram[12:] for datagram in datagrams] == [b"goodbye"]
    assert ns_of(datagrams) == [1]
    one.send(0, BODY)
    assert one.flush(now=0.0) == []


def test_after_the_peers_goodbye_only_acknowledgements_leave() -> None:
    one = channel()
    one.send(0, BODY)
    one.flush(now=0.0)
    one.receive(0, 0, message(0), now=0.0)
    one.abandon()
    one.send(0, BODY)
    assert one.quiet
    assert one.deadline is None
    assert header(one.flush(now=0.0)[0]) == (7, 0, 1, 1)
    one.receive(0, 0, message(0), now=5.0)
    assert header(one.flush(now=5.0)[0]) == (7, 0, 1, 1)


def test_a_restored_channel_goes_on_as_the_saved_one() -> None:
    one = channel()
    one.send(3, BODY)
    one.send(4, BODY)
    one.flush(now=0.0)
    one.receive(1, 0, message(1), now=0.0)
    one.handle_timeout(now=1.0)
    other = Channel.restore(one.save(), PATIENCE, 4)
    assert other.save() == one.save()
    for each in (one, other):
        assert each.receive(0, 1, message(0), now=1.5) == [message(0), message(1)]
    assert one.flush(now=1.5) == other.flush(now=1.5)
    assert one.save() == other.save()
