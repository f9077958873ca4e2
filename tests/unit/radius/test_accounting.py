from pyrad.packet import AcctPacket

from bras.radius.accounting import (
    ACCOUNTING_OFF,
    ACCOUNTING_ON,
    INTERIM_UPDATE,
    MOST_REASON,
    MOST_TEXT,
    ROOM,
    START,
    STOP,
    AccountingRecords,
    Authentic,
    Usage,
)
from bras.radius.attributes import IdentityEncoder
from bras.radius.codec import SharedSecret, accounting_request
from tests.support.radius import SECRET, attribute, attributes_of, codec, config, own_dictionary

RECORDS = AccountingRecords(codec())
IDENTITY = attribute(1, b"user") + attribute(44, b"00000001")
USAGE = Usage(3661.9, (5 << 32) + 7, 11, (6 << 32) + 8, 12)


def parts(blob):
    return attributes_of(bytes(20) + blob)


def as_pyrad_reads(attributes):
    return AcctPacket(
        packet=accounting_request(1, attributes, SharedSecret(SECRET)), secret=SECRET, dict=own_dictionary()
    )


def test_a_start_says_who_and_where_but_nothing_carried():
    session = RECORDS.session(IDENTITY, 0x0A000007, (b"c1", b"0xc2"), Authentic.RADIUS)
    start = RECORDS.record(START, session, None, event_at=1_700_000_000.9)
    assert parts(start) == [
        (40, bytes.fromhex("00000001")),
        (55, (1_700_000_000).to_bytes(4, "big")),
        (1, b"user"),
        (44, b"00000001"),
        (45, bytes.fromhex("00000001")),
        (8, bytes.fromhex("0a000007")),
        (25, b"c1"),
        (25, b"0xc2"),
    ]


def test_no_more_ipv6_prefixes_than_a_record_has_room_for():
    many = tuple(f"2001:db8:{number:x}::/48" for number in range(400))
    identity = RECORDS.with_prefixes(IDENTITY, many, many)
    codes = [code for code, _ in parts(identity)]
    assert codes.count(97) > 300
    session = RECORDS.session(identity, 0x0A000007, (b"class",), Authentic.RADIUS)
    assert len(RECORDS.record(STOP, session, USAGE, 1, event_at=0)) <= ROOM
    few = RECORDS.with_prefixes(IDENTITY, many[:1], many[1:3])
    assert [code for code, _ in parts(few)] == [1, 44, 97, 123, 123]


def test_counters_are_64_bits_and_input_is_from_the_subscriber():
    session = RECORDS.session(IDENTITY, 0, (), Authentic.LOCAL)
    packet = as_pyrad_reads(RECORDS.record(STOP, session, USAGE, 1, event_at=0))
    assert packet["Acct-Status-Type"] == ["Stop"]
    assert packet["Acct-Authentic"] == ["Local"]
    assert packet["Acct-Session-Time"] == [3661]
    assert (packet["Acct-Input-Octets"], packet["Acct-Input-Gigawords"]) == ([7], [5])
    assert (packet["Acct-Output-Octets"], packet["Acct-Output-Gigawords"]) == ([8], [6])
    assert (packet["Acct-Input-Packets"], packet["Acct-Output-Packets"]) == ([11], [12])
    assert packet["Acct-Terminate-Cause"] == ["User-Request"]
    assert 8 not in packet


def test_an_interim_update_has_counters_and_no_cause():
    packet = as_pyrad_reads(RECORDS.record(INTERIM_UPDATE, IDENTITY, USAGE, event_at=0))
    assert packet["Acct-Status-Type"] == ["Interim-Update"]
    assert "Acct-Input-Octets" in packet
    assert "Acct-Terminate-Cause" not in packet


def test_status_is_always_first_since_the_exchange_looks_there():
    for status in (START, STOP, INTERIM_UPDATE):
        assert RECORDS.record(status, IDENTITY, USAGE, 1, event_at=0)[:6] == attribute(40, status)


def test_on_and_off_name_the_nas_and_have_a_session_id():
    nas = IdentityEncoder(codec(), config(nas_identifier="lns1", nas_ip_address="192.0.2.9")).nas()
    on = as_pyrad_reads(RECORDS.server_record(ACCOUNTING_ON, nas, "boot1", event_at=0))
    assert (on["Acct-Status-Type"], on["NAS-Identifier"], on["Acct-Session-Id"]) == (
        ["Accounting-On"],
        ["lns1"],
        ["boot1"],
    )
    assert on["NAS-IP-Address"] == ["192.0.2.9"]
    off = as_pyrad_reads(RECORDS.server_record(ACCOUNTING_OFF, nas, "boot1", 7, event_at=0))
    assert (off["Acct-Status-Type"], off["Acct-Terminate-Cause"]) == (["Accounting-Off"], ["Admin-Reboot"])


def test_a_record_is_never_longer_than_a_packet_whatever_class_the_server_gave():
    classes = tuple(bytes((n,)) * 253 for n in range(16))
    session = RECORDS.session(IDENTITY, 1, classes, Authentic.RADIUS)
    stop = RECORDS.record(STOP, session, USAGE, 1, event_at=0)
    assert len(stop) <= ROOM
    kept = [value for code, value in parts(stop) if code == 25]
    assert kept == list(classes[: len(kept)])
    assert len(kept) >= 15


def test_what_does_not_fit_32_bits_wraps():
    usage = Usage(1e12, 1 << 70, 1 << 40, (1 << 64) - 1, (1 << 32) + 3)
    packet = as_pyrad_reads(RECORDS.record(STOP, IDENTITY, usage, 1, event_at=1e12))
    assert packet["Acct-Output-Octets"] == [0xFFFFFFFF]
    assert packet["Acct-Output-Gigawords"] == [0xFFFFFFFF]
    assert packet["Acct-Output-Packets"] == [3]


def test_the_exact_reason_and_what_was_said_beside_it():
    stop = as_pyrad_reads(RECORDS.record(STOP, IDENTITY, USAGE, 2, "lac_closed_tunnel", "Straße 7\0\n", event_at=0))
    assert stop["Bras-Terminate-Reason"] == ["lac_closed_tunnel"]
    assert stop["Bras-Terminate-Text"] == ["Straße 7"]
    bare = as_pyrad_reads(RECORDS.record(STOP, IDENTITY, USAGE, 2, "echo_timeout", "", event_at=0))
    assert "Bras-Terminate-Text" not in bare


def test_a_long_text_is_cut_between_characters():
    stop = as_pyrad_reads(RECORDS.record(STOP, IDENTITY, USAGE, 2, "lac_error", "x" + "ä" * 500, event_at=0))
    assert stop["Bras-Terminate-Text"] == ["x" + "ä" * ((MOST_TEXT - 1) // 2)]


def test_text_that_is_no_unicode_is_told_as_far_as_it_is():
    stop = as_pyrad_reads(RECORDS.record(STOP, IDENTITY, USAGE, 2, "lac_error", "a\udcffb\x1b", event_at=0))
    assert stop["Bras-Terminate-Text"] == ["a b"]


def test_a_text_is_left_out_of_a_record_that_has_no_room_for_it():
    classes = tuple(bytes((n,)) * 253 for n in range(16))
    session = RECORDS.session(IDENTITY, 1, classes, Authentic.RADIUS)
    usage = USAGE._replace(up_octets6=1)
    stop = RECORDS.record(STOP, session, usage, 1, "r" * MOST_REASON, "t" * MOST_TEXT, event_at=0)
    assert len(stop) <= ROOM
    codes = [code for code, _ in parts(stop)]
    assert codes.count(26) == 5, "four counters and the reason"


def test_what_an_earlier_version_has_made_too_long_keeps_what_every_server_needs():
    session = IDENTITY + attribute(25, b"c" * 253) * 15 + attribute(25, b"d" * 131)
    for filler in range(35):
        stop = RECORDS.record(
            STOP, session + attribute(25, b"e" * filler), USAGE._replace(up_octets6=1), 1, "x" * 48, "y", event_at=0
        )
        assert len(stop) <= ROOM
        assert 49 in [code for code, _ in parts(stop)]
