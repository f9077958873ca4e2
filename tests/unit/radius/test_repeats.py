"""What was asked before, and what it was answered."""

from __future__ import annotations

from bras.plain import decode, encode
from bras.radius.repeats import ANSWER_S, Repeats


def key(number: int, client: str = "aaa") -> tuple[str, bytes]:
    return client, number.to_bytes(20, "big")


def test_a_request_is_known_with_its_answer_as_long_as_it_was_said() -> None:
    repeats = Repeats()
    assert repeats.find(key(1), now=0.0) is None
    repeats.add(key(1), 7, until_at=10.0, now=0.0)
    assert repeats.find(key(1), now=1.0) == (7, b"")
    repeats.answered(key(1), b"answer", now=-ANSWER_S)
    assert repeats.find(key(1), now=9.9) == (7, b"answer")
    assert repeats.find(key(1, "bbb"), now=9.9) is None, "another client's is another one"
    assert repeats.find(key(1), now=10.0) is None


def test_who_waited_longer_than_that_for_an_answer_can_ask_for_it_again() -> None:
    """A data plane may take its time, and the window be a second."""
    repeats = Repeats()
    repeats.add(key(1), 7, until_at=1.0, now=0.0)
    repeats.add(key(2), 8, until_at=100.0, now=20.0)
    assert repeats.find(key(1), now=25.0) == (7, b"")
    repeats.answered(key(1), b"answer", now=25.0)
    assert repeats.find(key(1), now=25.0 + ANSWER_S - 0.1) == (7, b"answer")
    assert repeats.find(key(1), now=25.0 + ANSWER_S) is None


def test_what_is_over_gives_way_and_so_does_the_oldest_of_too_many() -> None:
    repeats = Repeats(most=4)
    for number in range(4):
        repeats.add(key(number), number, until_at=100.0, now=0.0)
        repeats.answered(key(number), b"yes", now=0.0)
    repeats.add(key(4), 4, until_at=100.0, now=0.0)
    assert [number for number in range(5) if repeats.find(key(number), now=1.0)] == [1, 2, 3, 4]
    for number in range(5, 9):
        repeats.add(key(number), number, until_at=200.0, now=100.0)
    assert len(repeats) == 4
    repeats.answered(key(0), b"nobody asked", now=100.0)
    assert repeats.find(key(0), now=100.0) is None


def test_another_one_takes_the_place_of_what_is_over() -> None:
    repeats = Repeats()
    repeats.add(key(1), 1, until_at=10.0, now=0.0)
    repeats.answered(key(1), b"old", now=-ANSWER_S)
    repeats.add(key(1), 2, until_at=30.0, now=20.0)
    assert repeats.find(key(1), now=21.0) == (2, b"")


def test_it_goes_on_from_plain_data() -> None:
    repeats, again = Repeats(), Repeats()
    repeats.add(key(1), 1, until_at=10.0, now=0.0)
    repeats.answered(key(1), b"answer", now=0.0)
    again.restore(decode(encode(repeats.save())))
    assert again.find(key(1), now=1.0) == (1, b"answer")
