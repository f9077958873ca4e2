from __future__ import annotations

from bras.telemetry.shelf import Shelf
from bras.telemetry.story import Story
from tests.unit.telemetry.test_story import LINE


def story(number: int, user: str) -> Story:
    one = Story(number, f"{number:020X}", LINE, float(number))
    one.user = user
    return one


def numbers(shelf: Shelf) -> list[int]:
    return [one.number for one in shelf]


def test_of_one_owner_the_last_ones_stay() -> None:
    shelf = Shelf(100, 2)
    for number, user in enumerate(("alice", "bob", "alice", "alice")):
        shelf.put(story(number, user))
    assert numbers(shelf) == [1, 2, 3]


def test_of_all_the_last_ones_stay() -> None:
    shelf = Shelf(3, 2)
    for number in range(10):
        shelf.put(story(number, f"user{number}"))
    assert numbers(shelf) == [7, 8, 9]
    assert len(shelf) == 3
    assert len(shelf._of_owner) == 3, "nothing is left of those that are gone"


def test_there_may_be_no_room_at_all() -> None:
    for shelf in (Shelf(0, 5), Shelf(5, 0)):
        shelf.put(story(1, "alice"))
        assert numbers(shelf) == []
        assert not shelf._of_owner
