"""Each attribute that is understood, alone and beside others: names and octets in, values out."""

import pytest

from bras.config.understood import FURTHER
from bras.radius.draft import Understood
from bras.radius.further import READERS, understand


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def values(*attributes: tuple[str, bytes]) -> dict[str, object]:
    found = understand(attributes)
    assert not found.lacking, found.lacking
    return dict(found.own + found.others)


def test_there_is_a_reader_of_each():
    assert set(READERS) == set(FURTHER)


def test_nothing_says_nothing():
    assert understand(()) == Understood()
    assert understand((("Framed-Route", b""),)) == Understood(), "empty attributes do not count"


def test_of_several_that_come_once_the_first_counts():
    assert values(("Framed-MTU", u32(1400)), ("Framed-MTU", u32(1300))) == {"framed_mtu": 1400}


@pytest.mark.parametrize("name", sorted(FURTHER))
def test_octets_without_sense_are_told_by_name(name):
    """Some take any text; none takes what is none."""
    assert understand(((name, b"\xff\0\xfe"),)).lacking == (name,)


def test_names_in_their_order():
    found = understand((("Filter-Id", b"in"), ("Framed-Route", b"x"), ("Filter-Id", b"out"), ("Framed-Route", b"y")))
    assert found.lacking == ("Filter-Id", "Framed-Route")


def test_our_word_before_the_standard_before_cisco_before_mikrotik_before_wispr():
    speak = {
        "WISPr-Bandwidth-Max-Up": u32(5),
        "Ascend-Data-Rate": u32(6),
        "Mikrotik-Rate-Limit": b"4/44",
        "Alc-Subscriber-QoS-Override": b"i:q:1:pir=3",
        "Cisco-AVPair": b"lcp:interface-config=rate-limit input 2 2 2",
        "Bras-Rate-Up": u64(1),
    }
    order = []
    while speak:
        order.append(values(*speak.items())["rate_up_bps"])
        speak.popitem()
    assert order == [1, 2, 3000, 4, 5, 5], "Ascend's word is the last"
