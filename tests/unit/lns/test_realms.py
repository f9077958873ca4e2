from __future__ import annotations

import pytest

from bras.config.model import LacConfig
from bras.config.radius import RealmConfig
from bras.lns.realms import Asking, Realms

LAC = LacConfig("l", radius="west", radius_accounting="west-books")
REALMS = Realms(
    (
        RealmConfig("One.Example", radius="one", strip=True),
        RealmConfig("two.example", radius_accounting="two-books"),
        RealmConfig("bücher.example", radius="three", radius_accounting="three-books"),
        RealmConfig("plain.example"),
    )
)
OTHERS = Realms((RealmConfig("*", radius="others", strip=True), RealmConfig("two.example")))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("joe", ("joe", "west", "west-books")),
        ("joe@one.example", ("joe", "one", "one")),
        ("joe@ONE.EXAMPLE", ("joe", "one", "one")),
        ("joe@x@one.example", ("joe@x", "one", "one")),
        ("@one.example", ("@one.example", "one", "one")),
        ("joe@two.example", ("joe@two.example", "west", "two-books")),
        ("joe@BÜCHER.example", ("joe@BÜCHER.example", "three", "three-books")),
        ("joe@plain.example", ("joe@plain.example", "west", "west-books")),
        ("joe@elsewhere", ("joe@elsewhere", "west", "west-books")),
        ("joe@", ("joe@", "west", "west-books")),
        ("", ("", "west", "west-books")),
    ],
)
def test_the_realm_decides_before_the_lac(name: str, asked: tuple[str, str, str]) -> None:
    told, *groups = asked
    assert REALMS.asking(LAC, name.encode()) == Asking(told.encode(), *groups)


def test_without_another_one_the_group_for_both_is_radius() -> None:
    assert Realms(()).asking(LacConfig("l", radius="west"), b"joe") == Asking(b"joe", "west", "west")
    assert Realms(()).asking(LacConfig("l"), b"joe@x") == Asking(b"joe@x", None, None)


def test_an_asterisk_is_any_other_realm_and_no_realm_is_none() -> None:
    assert OTHERS.asking(LAC, b"joe@any.example") == Asking(b"joe", "others", "others")
    assert OTHERS.asking(LAC, b"joe@two.example") == Asking(b"joe@two.example", "west", "west-books")
    assert OTHERS.asking(LAC, b"joe") == Asking(b"joe", "west", "west-books")


@pytest.mark.parametrize(
    ("default", "name", "told", "group"),
    [
        ("one.example", b"joe", b"joe", "one"),
        ("Two.example", b"joe", b"joe@Two.example", "west"),
        ("two.example", b"joe@", b"joe@two.example", "west"),
        ("elsewhere", b"joe", b"joe@elsewhere", "west"),
        ("elsewhere", b"joe@one.example", b"joe", "one"),
    ],
)
def test_a_default_realm_is_that_of_names_without_one(default: str, name: bytes, told: bytes, group: str) -> None:
    asking = REALMS.asking(LacConfig("l", radius="west", default_realm=default), name)
    assert (asking.name, asking.radius) == (told, group)


def test_octets_that_are_no_text_are_a_realm_too() -> None:
    assert OTHERS.asking(LAC, b"joe@\xff\xfe") == Asking(b"joe", "others", "others")
    assert REALMS.asking(LAC, b"joe@\xff\xfe") == Asking(b"joe@\xff\xfe", "west", "west-books")
