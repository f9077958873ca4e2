from __future__ import annotations

import pytest
from pyrad.packet import AcctPacket

from bras.radius.accounting import INTERIM_UPDATE, START, STOP, AccountingRecords, Usage
from bras.radius.codec import SharedSecret, accounting_request
from bras.radius.ipv6_counters import MOST_OCTETS, encoder_of
from tests.support.radius import SECRET, attribute, codec, own_dictionary

IDENTITY = attribute(1, b"user") + attribute(44, b"00000001")
BOTH = Usage(10.0, (7 << 32) + 900, 90, 800, 80, (6 << 32) + 300, 30, 200, 20)
OURS = {
    "Bras-Input-Octets-IPv6": (6 << 32) + 300,
    "Bras-Input-Packets-IPv6": 30,
    "Bras-Output-Octets-IPv6": 200,
    "Bras-Output-Packets-IPv6": 20,
}
JUNIPERS = {
    "ERX-IPv6-Acct-Input-Octets": 300,
    "ERX-IPv6-Acct-Input-Gigawords": 6,
    "ERX-IPv6-Acct-Input-Packets": 30,
    "ERX-IPv6-Acct-Output-Octets": 200,
    "ERX-IPv6-Acct-Output-Gigawords": 0,
    "ERX-IPv6-Acct-Output-Packets": 20,
}


def read(attributes: bytes) -> AcctPacket:
    octets = accounting_request(1, attributes, SharedSecret(SECRET))
    return AcctPacket(packet=octets, secret=SECRET, dict=own_dictionary())


def of_ipv6(attributes: bytes) -> dict[str, int]:
    packet = read(attributes)
    return {name: packet[name][0] for name in packet.keys() if "IPv6" in name}  # noqa: SIM118 - it is no dict


@pytest.mark.parametrize(("kind", "expected"), [("bras", OURS), ("erx", JUNIPERS), ("off", {})])
@pytest.mark.parametrize("status", [INTERIM_UPDATE, STOP])
def test_ipv6_beside_the_sum_of_both(kind: str, expected: dict[str, int], status: int) -> None:
    record = AccountingRecords(codec(), kind).record(status, IDENTITY, BOTH, 1, event_at=0)
    assert of_ipv6(record) == expected
    assert read(record)["Acct-Input-Octets"] == [900]
    assert read(record)["Acct-Input-Gigawords"] == [7]


@pytest.mark.parametrize("kind", ["bras", "erx", "off"])
def test_no_ipv6_no_counters_of_it(kind: str) -> None:
    records = AccountingRecords(codec(), kind)
    assert (
        of_ipv6(records.record(STOP, IDENTITY, BOTH._replace(**dict.fromkeys(BOTH._fields[5:], 0)), event_at=0)) == {}
    )
    assert of_ipv6(records.record(START, IDENTITY, None, event_at=0)) == {}


@pytest.mark.parametrize("field", Usage._fields[5:])
def test_one_counter_is_enough(field: str) -> None:
    usage = Usage(1.0, 0, 0, 0, 0)._replace(**{field: 5})
    found = of_ipv6(AccountingRecords(codec()).record(STOP, IDENTITY, usage, event_at=0))
    assert sorted(found.values()) == [0, 0, 0, 5]


@pytest.mark.parametrize("kind", ["bras", "erx"])
def test_what_does_not_fit_wraps_and_none_is_larger_than_what_there_is_room_for(kind: str) -> None:
    octets = encoder_of(kind, codec())((1 << 64) + 5, 1 << 70, (1 << 64) - 1, 7)
    assert len(octets) <= MOST_OCTETS
    assert sorted(of_ipv6(octets).values())[-1] == ((1 << 64) - 1 if kind == "bras" else (1 << 32) - 1)
