"""The table of MANUAL.md that says what RADIUS may grant, held against what is understood."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from bras.config.understood import CAN_LACK, FURTHER, ORDINARY
from bras.lns.live import FIXED
from bras.radius.answer import ANSWER_ATTRIBUTES
from bras.radius.further import understand
from bras.subscriber.events import AuthOutcome

ROOT = Path(__file__).resolve().parents[2]
TITLE = "## What RADIUS may grant"
LIVE = {"Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval", "Class", "State", "Bras-Profile"}
"""Those of the short way that a CoA changes."""
TEXTS = {
    "Framed-Route": b"192.0.2.0/24", "Framed-IPv6-Route": b"2001:db8::/48", "Mikrotik-Rate-Limit": b"1M/2M",
    "Cisco-AVPair": b"ip:route=192.0.2.0 255.255.255.0", "Cisco-Account-Info": b"QU;1;D;2",
    "Cisco-Service-Info": b"QU;1;D;2",
    "WISPr-Session-Terminate-Time": b"2026-12-31T23:59:59+01:00",
    "Alc-Subscriber-QoS-Override": b"e:q:1:pir=1", "ERX-Virtual-Router-Name": b"default",
}  # fmt: skip
VALUES = {
    "integer": b"\0\0\0\1", "integer64": bytes(7) + b"\1", "ipaddr": b"\xc0\0\2\1", "string": b"gold",
    "ifid": bytes(7) + b"\1",
    "ipv6addr": b"\x20\1\x0d\xb8" + bytes(11) + b"\1", "ipv6prefix": bytes.fromhex("003020010db80001"),
}  # fmt: skip
NUMBERS = {"Framed-MTU": 1400, "Framed-IP-Netmask": 0xFFFFFF00}
"""A value of each that makes sense, by name or by type."""


class Row:
    """What the table says of an attribute."""

    def __init__(self, cells: list[str]) -> None:
        _, self.becomes, self.coa, self.refused, self.shown = cells


@cache
def table() -> dict[str, Row]:
    section = (ROOT / "MANUAL.md").read_text(encoding="utf-8").partition(TITLE + "\n")[2].partition("\n## ")[0]
    rows = [re.split(r"\s*(?<!\\)\|\s*", line)[1:-1] for line in section.splitlines() if line.startswith("| `")]
    found: dict[str, Row] = {}
    for cells in rows:
        for name in re.findall(r"`([^`]+)`", cells[0]):
            assert name not in found, f"{name} has two rows"
            found[name] = Row(cells)
    return found


def sample(name: str) -> bytes:
    if name in NUMBERS:
        return NUMBERS[name].to_bytes(4, "big")
    return TEXTS.get(name, VALUES[FURTHER[name]])


def test_every_attribute_that_is_understood_has_its_row_and_no_other() -> None:
    assert set(table()) == {*ORDINARY, *FURTHER, *ANSWER_ATTRIBUTES}


@pytest.mark.parametrize("name", sorted(FURTHER))
def test_what_is_always_refused_and_what_can_be_changed(name: str) -> None:
    row, found = table()[name], understand(((name, sample(name)),))
    assert row.refused.startswith("always") == bool(found.lacking), "a value that makes sense"
    fields = {field for field, _ in (*found.own, *found.others)}
    changes = bool(found.profiles or fields - set(FIXED))
    assert row.coa == ("yes" if changes else "no")


@pytest.mark.parametrize("name", sorted(ORDINARY))
def test_what_of_the_short_way_can_be_changed(name: str) -> None:
    assert table()[name].coa == ("yes" if name in LIVE else "no")
    assert bool(table()[name].refused) == (name in CAN_LACK or name in ("Bras-Profile", "State"))


def test_the_keys_that_it_names_are_keys() -> None:
    manual = (ROOT / "MANUAL.md").read_text(encoding="utf-8")
    for row in table().values():
        for key in re.findall(r"`([a-z][a-z_0-9]+)`", row.becomes):
            if key not in ("pir", "rate", "mbs"):
                assert f"| `{key}` |" in manual, key


@pytest.mark.parametrize("outcome", AuthOutcome)
def test_the_manual_names_what_can_become_of_an_authentication(outcome: AuthOutcome) -> None:
    assert f"`{outcome.value}`" in (ROOT / "MANUAL.md").read_text(encoding="utf-8").partition("Values of labels:")[2]
