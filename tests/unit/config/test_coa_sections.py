"""`[radius.coa]` as the file has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.listen import Listen
from bras.config.load import check
from bras.secret import Secret

HEAD = """
[lns]
listen = ["192.0.2.1"]
[[lac]]
name = "any"
[[radius.server]]
address = "192.0.2.5"
secret = "s"
"""


def coa_of(text: str, place: Path) -> CoaConfig | list[str] | None:
    path = place / "bras.toml"
    path.write_text(HEAD + text)
    checked = check(path)
    return [one.key for one in checked.problems] if checked.config is None else checked.config.radius.coa


def test_it_is_not_there_unless_it_is_given(tmp_path: Path) -> None:
    assert coa_of("", tmp_path) is None


def test_all_that_can_be_left_out_is(tmp_path: Path) -> None:
    text = """
[radius.coa]
listen = ["192.0.2.1", "[2001:db8::1]:1700"]
[[radius.coa.client]]
address = ["198.51.100.7", "2001:db8:1::/64"]
secret = "one"
"""
    assert coa_of(text, tmp_path) == CoaConfig(
        listen=(Listen("192.0.2.1", 3799), Listen("2001:db8::1", 1700)),
        client=(CoaClientConfig(("198.51.100.7/32", "2001:db8:1::/64"), (Secret(b"one"),), "198.51.100.7/32"),),
    )


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("[radius.coa]\n", ["radius.coa.listen"]),
        ('[radius.coa]\nlisten = ["nowhere"]\n', ["radius.coa.listen[0]"]),
        ('[radius.coa]\nlisten = ["192.0.2.1"]\nseveral = "some"\n', ["radius.coa.several"]),
        ('[radius.coa]\nlisten = ["192.0.2.1"]\nwindow_s = 0\n', ["radius.coa.window_s"]),
        (
            '[radius.coa]\nlisten = ["192.0.2.1"]\n[[radius.coa.client]]\nname = "a"\n',
            ["radius.coa.client[0].secret", "radius.coa.client[0].address"],
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_key(text: str, keys: list[str], tmp_path: Path) -> None:
    assert coa_of(text, tmp_path) == keys
