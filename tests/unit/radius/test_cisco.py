import pytest

from bras.radius.further import understand
from tests.unit.radius.test_further import values

RATE = "rate-limit {} {} 1500000 3000000 conform-action transmit exceed-action drop"


def pair(text: str) -> tuple[str, bytes]:
    return "Cisco-AVPair", text.encode()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ip:addr-pool=north", {"pool": "north"}),
        ("ip:addr-pool*north", {"pool": "north"}),
        ("ip:dns-servers=192.0.2.1 192.0.2.2", {"dns": ("192.0.2.1", "192.0.2.2")}),
        ("ip:dns-servers=192.0.2.1", {"dns": ("192.0.2.1",)}),
        ("ip:wins-servers=192.0.2.3,192.0.2.4", {"nbns": ("192.0.2.3", "192.0.2.4")}),
        ("ip:route=192.0.2.0 255.255.255.0", {"routes": ((0xC0000200, 24),)}),
        ("ip:route#1=192.0.2.0 255.255.255.248 0.0.0.0", {"routes": ((0xC0000200, 29),)}),
        ("subscriber:idle-timeout-direction=inbound", {"idle_direction": "up"}),
        ("sub:idle-timeout-direction=outbound", {"idle_direction": "down"}),
        ("lcp:interface-config#1=" + RATE.format("input", 80), {"rate_up_bps": 80, "burst_up_octets": 1500000}),
        ("lcp:interface-config=" + RATE.format("output", 64), {"rate_down_bps": 64, "burst_down_octets": 1500000}),
        ("lcp:interface-config=ip unnumbered Loopback0\\nip mtu 1400", {"framed_mtu": 1400}),
        ("lcp:interface-config=mtu 1400\npeer default ip address pool north", {"framed_mtu": 1400, "pool": "north"}),
        ("lcp:interface-config=ppp timeout idle 600 inbound", {"idle_timeout_s": 600.0, "idle_direction": "up"}),
        ("lcp:interface-config=ppp timeout idle 600", {"idle_timeout_s": 600.0, "idle_direction": "both"}),
        ("shell:priv-lvl=15", {}),
        ("client-mac-address=0000.5e00.5301", {}),
        ("h323_credit.time=7", {}),
        ("vpdn:l2tp:x=7", {}),
        ("ipv6:prefix#1=2001:db8::/64", {}),
        ("IP:Addr-Pool = north", {"pool": "north"}),
        ("lcp:interface-config=ip tcp adjust-mss 1400\\ndescription user 7\\nip mtu 1400", {"framed_mtu": 1400}),
    ],
)  # fmt: skip
def test_pairs(text, found):
    assert values(pair(text)) == found


def test_both_ways_in_two_pairs_and_in_one():
    up, down = RATE.format("input", 1000000), RATE.format("output", 9000000)
    expected = {
        "rate_up_bps": 1000000,
        "burst_up_octets": 1500000,
        "rate_down_bps": 9000000,
        "burst_down_octets": 1500000,
    }
    assert values(pair("lcp:interface-config#1=" + up), pair("lcp:interface-config#2=" + down)) == expected
    assert values(pair(f"lcp:interface-config={down}\\n{up}")) == expected


@pytest.mark.parametrize(
    "text",
    [
        "no pair",
        "ip:vrf-id=red",
        "ip:inacl#1=permit ip any any",
        "ip:outacl=101",
        "ip:dns-servers=",
        "ip:dns-servers=192.0.2.1 x",
        "ip:route=x",
        "ip:sub-qos-policy-in=two words",
        "subscriber:idle-timeout-direction=sideways",
        "lcp:interface-config=ip vrf forwarding red",
        "lcp:interface-config=ip access-group 101 in",
        "lcp:interface-config=rate-limit input access-group 101 8000 1500 3000",
        "lcp:interface-config=mtu",
        "lcp:interface-config=ip mtu big",
        "lcp:interface-config=ppp timeout idle 600 sideways",
    ],
)
def test_pairs_that_authorise_what_we_lack_or_make_no_sense(text):
    assert understand((pair(text),)).lacking == ("Cisco-AVPair",)


def test_policies_are_profiles_the_way_from_the_subscriber_and_the_way_to_it():
    found = understand((pair("ip:sub-qos-policy-in=slow-in"), pair("ip:sub-qos-policy-out=fast-out")))
    assert found.profiles == ("slow-in", "fast-out")
    assert understand((pair("lcp:interface-config=service-policy input gold"),)).profiles == ("gold",)
    names = ("Cisco-Policy-Up", "Cisco-Policy-Down", "Cisco-Sub-QoS-Pol-In", "Cisco-Sub-QoS-Pol-Out")
    for name in names:
        assert understand(((name, b"gold"),)).profiles == ("gold",)


@pytest.mark.parametrize("name", ["Cisco-Account-Info", "Cisco-Service-Info"])
def test_rates_of_isg(name):
    found = values((name, b"QU;512000;96000;192000;D;2048000;384000;768000"))
    assert (found["rate_up_bps"], found["rate_down_bps"]) == (512000, 2048000)
    assert (found["burst_up_octets"], found["burst_down_octets"]) == (96000, 384000)
    assert values((name, b"NInternet")) == {}


@pytest.mark.parametrize("name", ["Cisco-In-ACL", "Cisco-Out-ACL"])
def test_access_lists_are_lacking(name):
    assert understand(((name, b"101"),)).lacking == (name,)
