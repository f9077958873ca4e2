"""Users of the lab's RADIUS server, from TOML, users files and the command line."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import bras
from bras.config import dictionary
from bras.lab.namespaces import LabError
from bras.lab.users import LabUser, LabUsers, load_users, parse_user


@cache
def words() -> Any:
    return dictionary.load(dictionary.find(str(Path(bras.__file__).parent)))


def read(tmp_path: Path, text: str, name: str = "users") -> list[LabUser]:
    path = tmp_path / name
    path.write_text(text)
    return load_users(path, words())


def test_toml(tmp_path: Path) -> None:
    users = read(
        tmp_path,
        '[[user]]\nname = "user*"\npassword = "pass"\nreply = { Framed-Pool = "gold", Session-Timeout = 60 }\n'
        '[[user]]\nname = "static"\npassword = "word"\nreply = { Framed-IP-Address = "10.64.0.7" }\n',
        "users.toml",
    )
    assert [(user.name, user.password) for user in users] == [("user*", b"pass"), ("static", b"word")]
    assert dict(users[0].reply) == {88: (b"gold",), 27: (b"\0\0\0\x3c",)}
    assert dict(users[1].reply) == {8: (b"\x0a\x40\x00\x07",)}


def test_users_file(tmp_path: Path) -> None:
    users = read(
        tmp_path,
        '# nobody\nuser1\tCleartext-Password := "pa ss"\n\tFramed-IP-Address = 10.64.0.7,\n'
        '\tReply-Message = "hi, you"\n'
        '\nDEFAULT Cleartext-Password := "x"\n        Service-Type = Framed-User\n',
    )
    assert [(user.name, user.password) for user in users] == [("user1", b"pa ss"), ("*", b"x")]
    assert dict(users[0].reply) == {8: (b"\x0a\x40\x00\x07",), 18: (b"hi, you",)}
    assert dict(users[1].reply) == {6: (b"\0\0\0\2",)}


@pytest.mark.parametrize(
    ("text", "name", "complaint"),
    [
        ("user1 Auth-Type := Accept\n", "users", "Cleartext-Password"),
        ('user1 Cleartext-Password := "x"\n  No-Such = 1\n', "users", "No-Such"),
        ('user1 Cleartext-Password := "x"\n  Session-Timeout = soon\n', "users", "Session-Timeout"),
        ('user1 Cleartext-Password := "x"\n  Session-Timeout 5\n', "users", "not understood"),
        ('user1 Cleartext-Password := "x"\n  Tunnel-Password = "y"\n', "users", "encrypted"),
        ("[[user]]\nname = 5\n", "users.toml", "name and password"),
        ("[[user\n", "users.toml", "users.toml"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, name: str, complaint: str) -> None:
    with pytest.raises(LabError) as wrong:
        read(tmp_path, text, name)
    assert complaint in str(wrong.value)
    assert name in str(wrong.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError):
        load_users(tmp_path / "none", words())


def test_an_exact_name_comes_before_patterns_and_patterns_in_order() -> None:
    users = LabUsers([LabUser("*", b"1"), LabUser("user*", b"2"), LabUser("user7", b"3"), LabUser("user7", b"4")])
    assert len(users) == 3
    found = [users.find(name) for name in ("user7", "user8", "else")]
    assert [user and user.password for user in found] == [b"3", b"1", b"1"]
    assert LabUsers([]).find("x") is None


def test_a_user_of_the_command_line() -> None:
    assert parse_user("user*:pa:ss") == LabUser("user*", b"pa:ss")
    assert "pa" not in repr(parse_user("me:pa"))
    with pytest.raises(LabError):
        parse_user("user")
