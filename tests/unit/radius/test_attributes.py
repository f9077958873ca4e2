import pytest

from bras.radius.attributes import (
    MAX_SHARED_OCTETS,
    OF_LINK,
    OF_TUNNEL,
    Blobs,
    Identity,
    IdentityEncoder,
    TunnelIdentity,
    only,
    value_of,
    without,
)
from tests.support.radius import attribute, attributes_of, codec, config

TUNNEL = TunnelIdentity("198.18.0.2", "198.18.0.1", "lac1", "lns1", "lac1-7")
IDENTITY = Identity(b"user@isp", "00000001", 0x70007, "l2tp 7.7", "0301234", "0191011", "100000/20000", "4711", TUNNEL)


def encode(identity=IDENTITY, **more) -> Blobs:
    return IdentityEncoder(codec(), config(**more)).encode(identity)


def parts(blob):
    return attributes_of(bytes(20) + blob)


def test_everything_that_an_access_request_says_of_a_session():
    assert parts(encode(nas_identifier="lns").access) == [
        (1, b"user@isp"),
        (32, b"lns"),
        (4, bytes.fromhex("c6120001")),
        (6, bytes.fromhex("00000002")),
        (7, bytes.fromhex("00000001")),
        (61, bytes.fromhex("00000005")),
        (64, bytes.fromhex("00000003")),
        (65, bytes.fromhex("00000001")),
        (66, b"198.18.0.2"),
        (67, b"198.18.0.1"),
        (90, b"lac1"),
        (91, b"lns1"),
        (5, bytes.fromhex("00070007")),
        (87, b"l2tp 7.7"),
        (44, b"00000001"),
        (31, b"0301234"),
        (30, b"0191011"),
        (77, b"100000/20000"),
        (12, bytes.fromhex("000005dc")),
    ]


LINE = bytes.fromhex("0108") + b"dslam1" + bytes.fromhex("8106 000fa000 fe02")


def test_an_access_line_goes_as_attributes_of_the_dsl_forum():
    """RFC 4679: vendor 3561; each in a Vendor-Specific of its own (RFC 2865 section 5.26)."""
    blobs = encode(IDENTITY._replace(access_line=LINE))
    vendor = bytes.fromhex("00000de9")
    assert parts(blobs.access)[-4:-1] == [
        (26, vendor + b"\x01\x08dslam1"),
        (26, vendor + bytes.fromhex("8106 000fa000")),
        (26, vendor + bytes.fromhex("fe02")),
    ]
    assert parts(blobs.accounting)[: len(parts(blobs.access)) - 1] == parts(blobs.access)[:-1]
    assert encode(IDENTITY._replace(access_line=LINE), access_line=False) == encode()


def test_a_private_group_goes_without_a_tag():
    assert parts(encode(IDENTITY._replace(private_group="red")).accounting)[-4] == (81, b"red")


def test_other_speeds_take_the_place_of_the_old_ones():
    encoder = IdentityEncoder(codec(), config())
    blob = encoder.encode(IDENTITY).accounting
    again = encoder.reconnect(blob, "5/6")
    assert [one for one in parts(again) if one[0] != 77] == [one for one in parts(blob) if one[0] != 77]
    assert dict(parts(again))[77] == b"5/6"
    assert 77 not in dict(parts(encoder.reconnect(again, "")))
    assert encoder.reconnect(b"", "5/6") == b""
    full = blob + attribute(25, b"x" * 253) * 15
    assert encoder.reconnect(full, "7" * 200) == full, "no packet has room for that"


def test_accounting_says_the_same_but_for_wishes_and_what_belongs_in_no_access_request():
    """RFC 2868 section 5 and RFC 2867 section 5: 82 and 68 are for accounting only; Framed-MTU is a wish."""
    blobs = encode(chargeable_user_identity=True)
    access, accounting = parts(blobs.access), parts(blobs.accounting)
    assert access[-2:] == [(12, bytes.fromhex("000005dc")), (89, b"\0")]
    assert accounting == [*access[:-2], (82, b"lac1-7"), (50, b"00000001"), (68, b"4711")]


def test_a_bundle_of_one_link_has_the_name_of_its_only_session():
    """RFC 2866 section 5.11: what links sessions together; unique, and the same whenever the session is spoken of."""
    found = dict(parts(encode().accounting))
    assert found[50] == found[44]


def test_kind_of_port_and_mtu_are_those_of_the_call():
    tunnel = TUNNEL._replace(port_type=16, mtu=1452)
    found = dict(parts(encode(IDENTITY._replace(tunnel=tunnel)).access))
    assert (found[61], found[12]) == ((16).to_bytes(4, "big"), (1452).to_bytes(4, "big"))


def test_a_chargeable_user_identity_is_in_all_records_once():
    encoder = IdentityEncoder(codec(), config(chargeable_user_identity=True))
    blobs = encoder.encode(IDENTITY)
    assert encoder.charge(blobs.accounting, b"") == blobs.accounting
    charged = encoder.charge(blobs.accounting, b"cui-1")
    assert parts(charged) == [*parts(blobs.accounting), (89, b"cui-1")]
    assert encoder.charge(charged, b"cui-1") == charged
    assert value_of(charged, 89) == b"cui-1"


def test_who_is_asked_again_is_named_by_the_identity_that_it_has():
    encoder = IdentityEncoder(codec(), config(chargeable_user_identity=True))
    access = encoder.encode(IDENTITY).access
    assert encoder.ask_again(access, b"") == access
    assert parts(encoder.ask_again(access, b"cui-1")) == [*parts(access)[:-1], (89, b"cui-1")]
    silent = IdentityEncoder(codec(), config())
    assert silent.ask_again(access, b"cui-1") == access


def test_the_time_of_an_access_request_where_it_is_wanted():
    access = encode().access
    assert IdentityEncoder(codec(), config()).stamp(access, 1e9) == access
    stamped = IdentityEncoder(codec(), config(access_timestamp=True)).stamp(access, 1_700_000_000.9)
    assert parts(stamped)[-1] == (55, (1_700_000_000).to_bytes(4, "big"))


def test_a_value_is_found_among_attributes():
    octets = attribute(1, b"a") + attribute(25, b"first") + attribute(25, b"second")
    assert value_of(octets, 25) == b"first"
    assert value_of(octets, 26) == value_of(b"", 1) == b""


def test_attributes_of_a_type_are_left_out():
    octets = attribute(1, b"a") + attribute(25, b"first") + attribute(8, 1) + attribute(25, b"second")
    assert without(octets, 25) == attribute(1, b"a") + attribute(8, 1)
    assert without(octets, 26) == octets
    assert without(b"", 1) == b""


def test_addresses_stand_for_numbers_that_are_not_told():
    found = dict(parts(encode(IDENTITY._replace(calling="", called="", connect_info="")).access))
    assert (found[31], found[30]) == (b"198.18.0.2", b"198.18.0.1")
    assert 77 not in found


def test_a_tunnel_over_ipv6():
    tunnel = TUNNEL._replace(client_endpoint="2001:db8::2", server_endpoint="2001:db8::1")
    found = dict(parts(encode(IDENTITY._replace(tunnel=tunnel)).access))
    assert found[65] == bytes.fromhex("00000002")
    assert found[95] == bytes.fromhex("20010db8000000000000000000000001")
    assert 4 not in found


@pytest.mark.parametrize("called", ["198.18.0.1", "2001:db8::1"])
@pytest.mark.parametrize(("ipv4", "ipv6"), [("192.0.2.9", None), (None, "2001:db8::9"), ("192.0.2.9", "2001:db8::9")])
def test_configured_nas_addresses_are_sent_whichever_way_the_lac_came(called, ipv4, ipv6):
    identity = IDENTITY._replace(tunnel=TUNNEL._replace(server_endpoint=called))
    found = dict(parts(encode(identity, nas_ip_address=ipv4, nas_ipv6_address=ipv6).access))
    assert found.get(4) == (bytes((192, 0, 2, 9)) if ipv4 else None)
    assert found.get(95) == (bytes.fromhex("20010db8000000000000000000000009") if ipv6 else None)


def test_tunnels_are_told_apart_and_kept():
    encoder = IdentityEncoder(codec(), config())
    other = IDENTITY._replace(tunnel=TUNNEL._replace(client_name="lac2"))
    first, second = encoder.encode(IDENTITY), encoder.encode(other)
    assert dict(parts(first.access))[90] == b"lac1"
    assert dict(parts(second.access))[90] == b"lac2"
    assert encoder.encode(IDENTITY) == first


def test_a_name_that_no_attribute_can_carry_is_left_out_and_never_cut():
    assert dict(parts(encode(IDENTITY._replace(user_name=b"x" * 253)).access))[1] == b"x" * 253
    for name in (b"", b"x" * 254):
        assert 1 not in dict(parts(encode(IDENTITY._replace(user_name=name)).access))


def test_the_servers_user_name_replaces_the_clients():
    encoder = IdentityEncoder(codec(), config())
    blob = encoder.encode(IDENTITY).accounting
    assert parts(encoder.rename(blob, b"real")) == [(1, b"real"), *parts(blob)[1:]]
    nameless = encoder.encode(IDENTITY._replace(user_name=b"")).accounting
    assert parts(encoder.rename(nameless, b"real")) == [(1, b"real"), *parts(nameless)]


ENCODER = IdentityEncoder(codec(), config(nas_identifier="lns"))
RECORD = encode(nas_identifier="lns").accounting


def test_networks_take_the_place_of_those_before():
    told = ENCODER.with_networks(RECORD, 29, ((0xC6336400, 24),))
    assert parts(told)[-2:] == [(9, b"\xff\xff\xff\xf8"), (22, b"198.51.100.0/24 0.0.0.0 1")]
    assert ENCODER.with_networks(told, 32, ()) == RECORD
    assert parts(ENCODER.with_networks(told, 8, ()))[-1] == (9, b"\xff\0\0\0")


def test_no_more_networks_than_a_record_has_room_for():
    told = ENCODER.with_networks(RECORD, 32, tuple((0x0A000000 + (n << 8), 24) for n in range(1000)))
    assert len(told) <= MAX_SHARED_OCTETS
    assert [code for code, _ in parts(told)].count(22) > 100


def test_a_tunnel_says_whose_it_is():
    told = dict(parts(ENCODER.tunnel(TUNNEL, "id1", "7/8")))
    assert set(told) == OF_TUNNEL - {95} | {1, 44, 50, 68}
    assert (told[1], told[44], told[50], told[68], told[82]) == (b"lac1", b"id1", b"id1", b"7/8", b"lac1-7")


def test_a_link_says_whose_it_is_and_nothing_of_what_is_granted():
    session = RECORD + attribute(25, b"class") + attribute(8, b"\x0a\0\0\1")
    told = dict(parts(ENCODER.link(session, "id2")))
    assert set(told) == (OF_LINK - {95, 81}) | {44, 50}
    assert (told[1], told[44], told[50]) == (b"user@isp", b"id2", b"00000001")


def test_only_some_of_them():
    assert only(RECORD, ()) == b""
    assert parts(only(RECORD, {1, 44})) == [(1, b"user@isp"), (44, b"00000001")]
