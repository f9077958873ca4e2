"""Who is asked what, and which answer counts; the whole is in tests/scenario/test_follow_port.py."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from bras.l2tp import messages
from bras.l2tp.channel import Channel
from bras.l2tp.events import Path, SendDatagram
from bras.l2tp.probe import INTERVAL_S, Probe
from bras.l2tp.sender import Patience

ELSEWHERE = Path(0, "198.18.0.1", 1701, "198.18.0.2", 40000)


def channel(first: int, before: int) -> tuple[Channel, Probe]:
    """Return a channel with ``before`` messages and a Hello that nobody has acknowledged."""
    one = Channel(Patience(1.0, 8.0, 5), 4, 4)
    one.peer_tunnel_id = 9
    one.sender.first = first
    for _ in range(before):
        one.send(7, messages.hello())
    one.send(0, messages.hello())
    one.flush(now=0.0)
    return one, Probe(ELSEWHERE, first + before & 0xFFFF, 0.0)


@pytest.mark.parametrize("first", [0, 0xFFFE])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_all_up_to_the_hello_is_sent_and_only_its_acknowledgement_counts(first: int, before: int) -> None:
    one, probe = channel(first, before)
    right = (probe.ns + 1) & 0xFFFF
    assert not probe.proven(ELSEWHERE, right, one.sender), "it was not asked"
    events = probe.ask(one)
    numbers = []
    for event in events:
        assert isinstance(event, SendDatagram)
        assert event.path == ELSEWHERE
        flags, length, tunnel_id, _, ns, nr = struct.unpack_from("!HHHHHH", event.data)
        assert (flags, length, tunnel_id, nr) == (0xC802, len(event.data), 9, 0)
        numbers.append(ns)
    assert numbers == [(first + index) & 0xFFFF for index in range(before + 1)]
    assert [nr for nr in range(1 << 16) if probe.proven(ELSEWHERE, nr, one.sender)] == [right]
    assert not probe.proven(replace(ELSEWHERE, remote_port=40001), right, one.sender)
    assert probe.waits(one.sender)
    one.receive(0, right, None, now=0.5)
    assert not probe.waits(one.sender)
    assert not probe.ask(one)
    assert not any(probe.proven(ELSEWHERE, nr, one.sender) for nr in range(1 << 16)), "the old port has answered"


def test_no_more_is_sent_than_the_peer_takes() -> None:
    one, probe = channel(0, 4)
    assert not probe.ask(one)
    assert not probe.asked
    one.receive(0, 1, None, now=0.5)
    assert len(probe.ask(one)) == 4


def test_what_was_sent_elsewhere_is_sent_again_the_old_way() -> None:
    one, probe = channel(0, 1)
    probe.ask(one)
    one.handle_timeout(now=1.0)
    (oldest,) = one.flush(now=1.0)
    assert oldest[8:10] == b"\0\0"
    assert Channel.restore(one.save(), Patience(1.0, 8.0, 5), 4).save() == one.save()


def test_it_rests_between_two() -> None:
    _, probe = channel(0, 0)
    assert probe.rests(INTERVAL_S - 0.1)
    assert not probe.rests(INTERVAL_S)


@pytest.mark.parametrize("asked", [True, False])
def test_save_and_restore(asked: bool) -> None:
    one, probe = channel(0, 0)
    if asked:
        probe.ask(one)
    again = Probe.restore(probe.save())
    assert again.save() == probe.save()
    assert again.proven(ELSEWHERE, 1, one.sender) is asked
