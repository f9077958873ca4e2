import pytest

from bras.radius.further import understand
from tests.unit.radius.test_further import u32, u64, values

ASYMMETRIC = {"rate_up_bps": 5_000_000, "rate_down_bps": 50_000_000}


@pytest.mark.parametrize(
    "attributes",
    [
        {"Bras-Rate-Up": u64(5_000_000), "Bras-Rate-Down": u64(50_000_000)},
        {"Mikrotik-Rate-Limit": b"5M/50M"},
        {"WISPr-Bandwidth-Max-Up": u32(5_000_000), "WISPr-Bandwidth-Max-Down": u32(50_000_000)},
        {"ChilliSpot-Bandwidth-Max-Up": u32(5_000), "ChilliSpot-Bandwidth-Max-Down": u32(50_000)},
        {"Ascend-Data-Rate": u32(5_000_000), "Ascend-Xmit-Rate": u32(50_000_000)},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_asymmetric_rates(attributes):
    assert values(*attributes.items()) == ASYMMETRIC
    assert values(*reversed(attributes.items())) == ASYMMETRIC


def test_our_own():
    found = values(
        ("Bras-Rate-Up", u64(10**12)),
        ("Bras-Burst-Up", u32(70_000)),
        ("Bras-Burst-Down", u32(80_000)),
        ("Bras-Quota-Total", u64(1 << 40)),
        ("Bras-Quota-Up", u64(1 << 41)),
        ("Bras-Quota-Down", u64(1 << 42)),
        ("Bras-Idle-Direction", u32(2)),
        ("Bras-Source-Check", u32(0)),
        ("Bras-Mark", u32(7)),
        ("Bras-Priority", u32(0x10010)),
    )
    assert found == {
        "rate_up_bps": 10**12,
        "burst_up_octets": 70_000,
        "burst_down_octets": 80_000,
        "quota_octets": 1 << 40,
        "quota_up_octets": 1 << 41,
        "quota_down_octets": 1 << 42,
        "idle_direction": "down",
        "source_check": False,
        "mark": 7,
        "priority": 0x10010,
    }


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("Bras-Rate-Up", u64(10**12 + 1)),
        ("Bras-Rate-Down", u32(1)),
        ("Bras-Quota-Total", u32(1)),
        ("Bras-Idle-Direction", u32(3)),
        ("Bras-Source-Check", u32(2)),
        ("Mikrotik-Rate-Limit", b"fast"),
        ("Alc-Subscriber-QoS-Override", b"e:q:1"),
        ("ERX-Virtual-Router-Name", b"red"),
        ("ERX-Service-Activate", b"gold(1)"),
        ("WISPr-Bandwidth-Max-Up", u64(1)),
    ],
)
def test_what_is_lacking_or_makes_no_sense(name, octets):
    found = understand(((name, octets),))
    assert found == found._replace(own=(), others=(), lacking=(name,))


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Mikrotik-Recv-Limit", "quota_up_octets"),
        ("Mikrotik-Xmit-Limit", "quota_down_octets"),
        ("Mikrotik-Total-Limit", "quota_octets"),
        ("ChilliSpot-Max-Input-{}", "quota_up_octets"),
        ("ChilliSpot-Max-Output-{}", "quota_down_octets"),
        ("ChilliSpot-Max-Total-{}", "quota_octets"),
    ],
)
def test_quotas_with_and_without_gigawords(name, field):
    """What a hotspot receives is the subscriber's upload."""
    low = name.format("Octets")
    high = name.format("Gigawords") if "{" in name else f"{name}-Gigawords"
    assert values((low, u32(7))) == {field: 7}
    assert values((high, u32(2))) == {field: 2 << 32}
    assert values((low, u32(7)), (high, u32(2))) == values((high, u32(2)), (low, u32(7))) == {field: (2 << 32) + 7}


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ("ERX-Primary-Dns", "ERX-Secondary-Dns", "dns"),
        ("ERX-Primary-Wins", "ERX-Secondary-Wins", "nbns"),
        ("Alc-Primary-Dns", "Alc-Secondary-Dns", "dns"),
        ("Alc-Primary-Nbns", "Alc-Secondary-Nbns", "nbns"),
        ("Ascend-Client-Primary-DNS", "Ascend-Client-Secondary-DNS", "dns"),
    ],
)
def test_name_servers(first, second, field):
    one, other = (first, u32(0xC0000201)), (second, u32(0xC0000202))
    assert values(one, other) == values(other, one) == {field: ("192.0.2.1", "192.0.2.2")}
    assert values(other) == {field: ("192.0.2.2",)}
    assert values((first, u32(0))) == {}


@pytest.mark.parametrize(
    "name", ["ERX-Ingress-Policy-Name", "ERX-Egress-Policy-Name", "ERX-Qos-Profile-Name", "Alc-SLA-Prof-Str"]
)
def test_names_of_policies_are_profiles(name):
    assert understand(((name, b"gold"),)).profiles == ("gold",)


def test_what_else_juniper_says():
    assert values(("ERX-Address-Pool-Name", b"north"), ("ERX-Sa-Validate", u32(0))) == {
        "pool": "north",
        "source_check": False,
    }
    assert values(("ERX-Virtual-Router-Name", b"default")) == {}


def test_nokias_overrides_an_aggregate_before_a_queue():
    override = "Alc-Subscriber-QoS-Override"
    queue, whole, up = (override, b"e:q:1:pir=1000"), (override, b"e:r:rate=50000"), (override, b"i:p:1:pir=5000")
    for order in ((queue, whole, up), (up, whole, queue)):
        assert values(*order) == ASYMMETRIC


@pytest.mark.parametrize(
    ("name", "octets", "field"),
    [
        ("ERX-Ipv6-Primary-Dns", bytes(15) + b"\7", "ipv6_dns"),
        ("Alc-Ipv6-Secondary-Dns", bytes(15) + b"\7", "ipv6_dns"),
        ("Alc-Delegated-IPv6-Pool", b"p", "delegated_ipv6_pool"),
        ("Mikrotik-Delegated-IPv6-Pool", b"p", "delegated_ipv6_pool"),
    ],
)
def test_ipv6_is_kept_and_lacking(name, octets, field):
    found = understand(((name, octets),))
    assert (found.others[0][0], found.lacking) == (field, (name,))
