"""Which secret a LAC is likely to know."""

from __future__ import annotations

from bras.l2tp.rotation import _MOST, Rotation
from bras.secret import Secret


def test_nobody_is_remembered_who_knows_the_first() -> None:
    rotation = Rotation()
    assert rotation.guess("any", "192.0.2.1", 2) == 0
    rotation.knows("any", "192.0.2.1", 1)
    assert rotation.guess("any", "192.0.2.1", 2) == 1
    assert rotation.guess("any", "192.0.2.2", 2) == 0
    assert rotation.guess("other", "192.0.2.1", 2) == 0
    rotation.knows("any", "192.0.2.1", 0)
    assert rotation.guess("any", "192.0.2.1", 2) == 0
    assert rotation.save() == []


def test_a_secret_that_is_no_more_is_not_guessed() -> None:
    rotation = Rotation()
    rotation.knows("any", "192.0.2.1", 2)
    assert rotation.guess("any", "192.0.2.1", 3) == 2
    assert rotation.guess("any", "192.0.2.1", 2) == 0


def test_the_one_remembered_longest_ago_makes_room() -> None:
    rotation = Rotation()
    for number in range(_MOST):
        rotation.knows("any", str(number), 1)
    rotation.knows("any", "0", 1)
    rotation.knows("any", "one more", 1)
    assert len(rotation.save()) == _MOST
    assert [rotation.guess("any", who, 2) for who in ("0", "1", "2", "one more")] == [1, 0, 1, 1]


def test_it_goes_on_from_what_was_saved() -> None:
    rotation = Rotation()
    rotation.knows("any", "192.0.2.1", 1)
    assert Rotation.restore(rotation.save()).save() == rotation.save() == [["any", "192.0.2.1", 1]]


def test_who_knows_a_secret_that_stays_knows_it_by_its_new_number() -> None:
    one, two, three = Secret(b"one"), Secret(b"two"), Secret(b"three")
    rotation = Rotation()
    rotation.knows("any", "192.0.2.1", 1)
    rotation.knows("other", "192.0.2.2", 1)
    rotation.knows("gone", "192.0.2.3", 1)
    before = {"any": (one, two), "other": (one, two), "gone": (one, two)}
    rotation.follow(before, {"any": (three, one, two), "other": (two, three)})
    assert rotation.save() == [["any", "192.0.2.1", 2]], "the first is everybody's, and what is gone is nobody's"
