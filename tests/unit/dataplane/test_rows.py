"""What is prepared of an Entry."""

from __future__ import annotations

from bras.dataplane.rows import PPP_IPV6, Tally, call_octets, counters_of, dotted
from bras.forwarding.entry import Counters


def test_the_key_of_a_call_is_how_its_data_begins() -> None:
    assert call_octets(0x1234_0042) == bytes.fromhex("0002 1234 0042 ff03 0021")
    assert call_octets(0x1234_0042, PPP_IPV6) == bytes.fromhex("0002 1234 0042 ff03 0057")


def test_dotted() -> None:
    assert [dotted(address) for address in (0, 0x0A400002, 0xFFFFFFFF)] == ["0.0.0.0", "10.64.0.2", "255.255.255.255"]


def test_every_count_has_its_place() -> None:
    tally = Tally()
    assert counters_of(tally) == Counters()
    for number, name in enumerate(Tally.__slots__, 1):
        setattr(tally, name, number)
    counters = counters_of(tally)
    for name in Tally.__slots__:
        there = name + "4" if name.endswith(("octets", "packets")) else name
        assert getattr(counters, there) == getattr(tally, name)
