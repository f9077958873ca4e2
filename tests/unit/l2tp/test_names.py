"""Names and sections as RFC 2661 prints them."""

from __future__ import annotations

import pytest

from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.messages import SPECIFICATIONS
from bras.l2tp.names import message_name, message_section, name_of, section_of, vendor_of


@pytest.mark.parametrize(
    ("attribute", "name", "section"),
    [
        (0, "Message Type", "4.4.1"),
        (1, "Result Code", "4.4.2"),
        (7, "Host Name", "4.4.3"),
        (9, "Assigned Tunnel ID", "4.4.3"),
        (13, "Challenge Response", "4.4.3"),
        (14, "Assigned Session ID", "4.4.4"),
        (12, "Q.931 Cause Code", "4.4.4"),
        (26, "Initial Received LCP CONFREQ", "4.4.5"),
        (35, "ACCM", "4.4.6"),
        (36, "Random Vector", "4.4.1"),
        (38, "Rx Connect Speed", "4.4.4"),
    ],
)
def test_an_attribute(attribute: int, name: str, section: str) -> None:
    assert (name_of(attribute), section_of(attribute)) == (name, f"RFC 2661 section {section}")


def test_every_attribute_has_its_own_name_and_a_section() -> None:
    names = [name_of(kind) for kind in AvpType]
    assert len(set(names)) == len(names)
    assert all(section_of(kind) for kind in AvpType if kind >> 16 == 0 and kind < 40)


def test_a_stranger_is_named_by_vendor_and_number() -> None:
    assert name_of(9 << 16 | 7) == "AVP 7 of vendor 9 (Cisco)"
    assert name_of(20) == "AVP 20 of vendor 0"
    assert name_of(64000 << 16 | 65535) == "AVP 65535 of vendor 64000"
    assert section_of(9 << 16 | 7) == ""
    assert vendor_of(14988 << 16) == "vendor 14988 (MikroTik)"


@pytest.mark.parametrize(("kind", "name", "section"), [(1, "SCCRQ", "6.1"), (4, "StopCCN", "6.4"), (16, "SLI", "6.14")])
def test_a_message(kind: int, name: str, section: str) -> None:
    assert (message_name(kind), message_section(kind)) == (name, f"RFC 2661 section {section}")


def test_every_message_that_has_a_specification_has_a_section() -> None:
    assert len({message_section(kind) for kind in SPECIFICATIONS if kind <= MessageType.SLI}) == 14
