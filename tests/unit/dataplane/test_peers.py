"""Numbers of those who send and are sent to."""

from __future__ import annotations

import pytest

from bras.dataplane import peers
from bras.dataplane.peers import NOBODY, Numbers
from bras.dataplane.records import PEER

ROOM = 8


def peer(number: int) -> bytes:
    return PEER.pack(bytes((198, 18, 0, number)), b"\x06\xa5\x06\xa5")


@pytest.fixture
def memory() -> memoryview:
    return memoryview(bytearray(ROOM * PEER.size))


def at(memory: memoryview, number: int) -> bytes:
    return bytes(memory[number * PEER.size : (number + 1) * PEER.size])


def test_each_has_one_and_what_it_stands_for_is_written(memory: memoryview) -> None:
    numbers = Numbers(memory, PEER.size, set)
    first, second = numbers.number(peer(1)), numbers.number(peer(2))
    assert (first, second, numbers.number(peer(1))) == (1, 2, 1)
    assert (at(memory, NOBODY), at(memory, 1), at(memory, 2)) == (bytes(PEER.size), peer(1), peer(2))


def test_the_next_process_knows_them(memory: memoryview) -> None:
    first = Numbers(memory, PEER.size, set)
    given = {number: first.number(peer(number)) for number in range(3)}
    again = Numbers(memory, PEER.size, set)
    assert {number: again.number(peer(number)) for number in range(3)} == given
    assert again.number(peer(3)) not in given.values()


def test_those_that_nobody_uses_are_given_again_when_all_were_given(
    memory: memoryview, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[bytes] = []
    monkeypatch.setattr(peers, "barrier", lambda: waited.append(bytes(memory)))
    used = {2, 5}
    numbers = Numbers(memory, PEER.size, lambda: used)
    before = [numbers.number(peer(number)) for number in range(ROOM - 1)]
    assert (sorted(before), waited) == (list(range(1, ROOM)), [])
    written = bytes(memory)
    assert numbers.number(peer(50)) == 1
    assert waited == [written], "no program reads what it stood for"
    more = {numbers.number(peer(number)) for number in range(51, 55)}
    assert more == set(range(1, ROOM)) - used - {1}
    assert [numbers.number(peer(1)), numbers.number(peer(4))] == [2, 5], "those that are used stay"


def test_when_all_are_in_use_it_is_not_looked_each_time(memory: memoryview, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[None] = []
    used = set(range(ROOM))

    def look() -> set[int]:
        looked.append(None)
        return used

    numbers = Numbers(memory, PEER.size, look)
    for number in range(ROOM - 1):
        numbers.number(peer(number))
    monkeypatch.setattr(peers, "_PATIENCE", 10)
    assert {numbers.number(peer(60 + number)) for number in range(11)} == {NOBODY}
    assert len(looked) == 1
    monkeypatch.setattr(peers, "barrier", lambda: None)
    used.discard(3)
    assert numbers.number(peer(60)) == 3
    assert len(looked) == 2
