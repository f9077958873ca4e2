"""Echoes and streams of lab subscribers, as packets."""

from __future__ import annotations

import pytest

from bras.lab.traffic import (
    ECHO_REPLY,
    ICMP,
    REPLY_WAIT_S,
    UDP,
    Ping,
    PingPlan,
    Stream,
    StreamPlan,
    address_number,
    checksum,
    ipv4,
)

ME, TARGET = address_number("10.64.0.7"), address_number("198.18.1.2")


def ping(count: int = 3, interval_s: float = 1.0) -> Ping:
    return Ping(PingPlan(TARGET, count, interval_s), 7, ME, 100.0)


def reply_to(packet: bytes, *, identifier: bytes | None = None) -> bytes:
    echo = bytes((ECHO_REPLY,)) + packet[21:24] + (identifier or packet[24:26]) + packet[26:]
    return ipv4(TARGET, ME, ICMP, echo)


def test_the_checksum_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    assert checksum(b"\xff") == 0x00FF


def test_an_echo_is_a_whole_packet() -> None:
    (packet,) = ping().packets(100.0)
    assert len(packet) == int.from_bytes(packet[2:4], "big") == 84
    assert checksum(packet[:20]) == 0
    assert checksum(packet[20:]) == 0
    assert packet[12:20] == ME.to_bytes(4, "big") + TARGET.to_bytes(4, "big")


def test_echoes_answered() -> None:
    pinging = ping(count=2)
    assert pinging.deadline == 100.0
    (first,) = pinging.packets(100.0)
    assert pinging.packets(100.5) == []
    assert pinging.receive(reply_to(first), 100.25)
    assert not pinging.receive(reply_to(first), 100.3), "a second copy is no second answer"
    (second,) = pinging.packets(101.0)
    assert not pinging.done
    assert pinging.receive(reply_to(second), 101.5)
    assert pinging.done
    assert pinging.deadline is None
    assert (pinging.sent, pinging.received, pinging.lost, pinging.round_trips_s) == (2, 2, 0, [0.25, 0.5])


def test_an_echo_that_is_not_answered_is_lost() -> None:
    pinging = ping(count=1)
    pinging.packets(100.0)
    assert pinging.deadline == 100.0 + REPLY_WAIT_S
    assert pinging.packets(100.0 + REPLY_WAIT_S) == []
    assert (pinging.done, pinging.lost, pinging.received) == (True, 1, 0)


def test_what_is_no_answer_of_ours() -> None:
    pinging = ping()
    (packet,) = pinging.packets(100.0)
    assert not pinging.receive(reply_to(packet, identifier=b"\0\x08"), 100.1)
    assert not pinging.receive(packet, 100.1), "a request is no reply"
    assert not pinging.receive(ipv4(TARGET, ME, UDP, bytes(8)), 100.1)
    assert not pinging.receive(ipv4(TARGET, ME, ICMP, bytes(4)), 100.1)


def test_stopping_does_not_count_as_loss() -> None:
    pinging = ping(count=0)
    pinging.packets(100.0)
    assert not pinging.done
    pinging.stop()
    assert (pinging.sent, pinging.lost) == (0, 0)


def test_a_stream_keeps_its_rate() -> None:
    stream = Stream(StreamPlan(TARGET, 9, 80_000, 1000), ME, 100.0)
    sent = [packet for step in range(20) for packet in stream.packets(100.0 + step / 10)]
    assert len(sent) == stream.sent == 20
    assert {len(packet) for packet in sent} == {1000}
    assert stream.deadline == pytest.approx(102.0)


def test_a_stream_that_was_held_up_does_not_catch_up_for_ever() -> None:
    stream = Stream(StreamPlan(TARGET, 9, 80_000, 1000), ME, 100.0)
    assert len(stream.packets(200.0)) <= 32


def test_what_comes_back_from_the_port_is_counted() -> None:
    stream = Stream(StreamPlan(TARGET, 9, 80_000), ME, 100.0)
    back = ipv4(TARGET, ME, UDP, b"\0\x09\0\x09\0\x08\0\0")
    assert stream.receive(back)
    assert not stream.receive(ipv4(TARGET, ME, UDP, b"\0\x07\0\x09\0\x08\0\0"))
    assert stream.received == 1
