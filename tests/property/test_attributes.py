"""Whatever an attribute's value is: it is understood, or its name is told; nothing else happens."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, LnsConfig, ProfileConfig
from bras.config.understood import CAN_LACK, FURTHER
from bras.plain import decode, encode, save_fields
from bras.radius.authorization import Authorization, authorization_of
from bras.radius.codec import Reply
from bras.radius.further import understand
from bras.radius.profile import Profile, Resolver

GOOD: dict[str, list[bytes]] = {
    "Framed-Route": [b"192.0.2.0/24 0.0.0.0 1", b"192.0.2.0 255.255.255.0 192.0.2.1 tag 5", b"10.0.0.0"],
    "Framed-IPv6-Route": [b"2001:db8::/32 :: 1"],
    "Framed-IPv6-Prefix": [bytes.fromhex("004020010db800000001")],
    "Mikrotik-Rate-Limit": [b"5M/50M 8M/80M 4M/40M 8/8 5 1M/2M", b"1k"],
    "Cisco-AVPair": [
        b"lcp:interface-config#1=rate-limit input 8000000 1500000 3000000 conform-action transmit exceed-action drop",
        b"lcp:interface-config=ip mtu 1400\\nppp timeout idle 5 inbound\\nservice-policy output gold",
        b"ip:dns-servers=192.0.2.1 192.0.2.2",
        b"ip:route=192.0.2.0 255.255.255.0",
        b"subscriber:idle-timeout-direction=inbound",
    ],
    "Cisco-Account-Info": [b"QU;512000;96000;192000;D;2048000;384000;768000"],
    "Alc-Subscriber-QoS-Override": [b"e:q:1:pir=2000,cir=1000,mbs=9", b"e:r:rate=max"],
}
RESOLVER = Resolver(
    Config(
        lns=LnsConfig(()),
        lac=(LacConfig("any", grant=Grant(pool="default")),),
        profile=(ProfileConfig("gold", grant=Grant(rate_up_bps=1000)),),
    )
)


@st.composite
def attributes(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw any octets, numbers that are near something, or what would be right but for a few octets."""
    name = draw(st.sampled_from(sorted(FURTHER)))
    value = draw(
        st.one_of(
            st.binary(max_size=247),
            st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4, "big")),
            st.integers(0, 2**64 - 1).map(lambda number: number.to_bytes(8, "big")),
            st.text(alphabet="0123456789./:;, kMGrate-liminputou=\\n#", max_size=60).map(str.encode),
        )
    )
    if name in GOOD and draw(st.booleans()):
        octets = bytearray(draw(st.sampled_from(GOOD[name])))
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(octets) - 1)) if octets else 0
            what = draw(st.sampled_from(["cut", "insert", "change"]))
            octets[at : at + (what != "insert")] = b"" if what == "cut" else draw(st.binary(min_size=1, max_size=2))
        value = bytes(octets)
    return name, value


@given(st.lists(attributes(), max_size=8))
@example([("Cisco-AVPair", "lcp:interface-config=mtu ٣".encode())])
@example([("Mikrotik-Rate-Limit", "٣M".encode())])
@example([("Framed-Route", "192.0.2.0/٢٤".encode())])
@example([("Framed-Route", "192.0.2.0/24 ² ³".encode())])
@example([("Alc-Subscriber-QoS-Override", "e:q:1:pir=²".encode())])
@example([("Cisco-Account-Info", "QU;²".encode())])
def test_value_or_name(drawn: list[tuple[str, bytes]]) -> None:
    found = understand(tuple(drawn))
    assert set(found.lacking) <= {name for name, _ in drawn} <= CAN_LACK
    reply = Reply(2)
    reply.further = drawn
    authorization = authorization_of(reply)
    assert Authorization.restore(decode(encode(save_fields(authorization)))) == authorization
    profile = RESOLVER.resolve("any", None, authorization.grant, authorization.profile)
    if profile is None:
        assert authorization.profile
        return
    assert Profile.restore(decode(encode(profile.save()))) == profile
    for network, length in profile.networks(0x0A000001):
        assert 8 <= length <= 32
        assert network & ((1 << 32 - length) - 1) == 0
    assert 0 <= profile.rate_up_bps <= 10**12
    assert 0 <= profile.rate_down_bps <= 10**12
    assert 0 < profile.burst_up_octets <= max(1 << 31, profile.rate_up_bps)
    assert 0 < profile.burst_down_octets <= max(1 << 31, profile.rate_down_bps)


CISCO_RATES = ("Cisco-AVPair", "Cisco-Account-Info", "Cisco-Service-Info")
"""Several of one vendor that say the same: of these the first in the packet counts, as the manual says."""


@given(st.lists(attributes(), max_size=6, unique_by=lambda one: "" if one[0] in CISCO_RATES else one[0]))
def test_the_order_of_different_attributes_does_not_matter(drawn: list[tuple[str, bytes]]) -> None:
    """But for lists to which two of one vendor add, and the order in which names are told."""
    forwards, backwards = understand(tuple(drawn)), understand(tuple(reversed(drawn)))
    for one, other in zip(forwards, backwards, strict=True):
        assert {_sorted(value) for value in one} == {_sorted(value) for value in other}


def _sorted(value: object) -> object:
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], tuple):
        return value[0], tuple(sorted(map(str, value[1])))
    return value
