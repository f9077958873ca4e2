import hashlib
import hmac
from functools import partial

import pytest

from bras.errors import DropReason
from bras.radius.events import Accepted, AccountingAcknowledged, Kind
from bras.radius.packets import Packets
from bras.radius.request import Attempt, Request
from bras.radius.service import Service
from bras.radius.slots import MAX_IN_FLIGHT, PROBE_SOCKET
from tests.support.radius import SECRET, attribute, attributes_of, codec, reply_to, server

PACKETS = Packets(codec(), "lns1")


def make(kind, attributes=b"", **more):
    request = Request(7, kind, None, attributes, created_at=10.0)
    request.authenticator = bytes(range(16)) if kind is Kind.AUTH else b""
    request.attempt = Attempt(0)
    return request, Service(0, 0, kind, server(**more))


def test_an_access_request_hides_the_password_for_its_server():
    request, service = make(Kind.AUTH, attribute(1, b"user"))
    request.password = b"pass"
    PACKETS.pack_access(request, service)
    packet = request.attempt.packet
    assert [code for code, _ in attributes_of(packet)] == [80, 1, 2]
    assert b"pass" not in packet
    (sent,) = service.sent.values()
    assert service.sent == {request.attempt.slots[0]: (request.number, packet[4:20], service.secret)}
    accepted = PACKETS.understand(service, request, reply_to(packet, 2), sent)
    assert isinstance(accepted, Accepted)


def test_a_record_gets_a_new_identifier_only_when_its_delay_has_grown():
    request, service = make(Kind.ACCT, attribute(40, 1))
    PACKETS.pack_record(request, service, now=10.4)
    first = request.attempt.packet
    assert attributes_of(first)[-1] == (41, bytes(4))
    PACKETS.pack_record(request, service, now=10.9)
    assert request.attempt.packet is first
    PACKETS.pack_record(request, service, now=13.0)
    second = request.attempt.packet
    assert attributes_of(second)[-1] == (41, (3).to_bytes(4, "big"))
    assert second[1] != first[1]
    assert [sent[:2] for sent in service.sent.values()] == [
        (request.number, first[4:20]),
        (request.number, second[4:20]),
    ]


def test_without_a_free_slot_the_old_packet_has_to_do():
    request, service = make(Kind.ACCT, attribute(40, 1))
    PACKETS.pack_record(request, service, now=10.0)
    for _ in range(MAX_IN_FLIGHT - 1):
        service.slots.take()
    first = request.attempt.packet
    PACKETS.pack_record(request, service, now=20.0)
    assert request.attempt.packet is first


def test_a_clock_that_went_back_makes_no_negative_delay():
    request, service = make(Kind.ACCT, attribute(40, 1))
    PACKETS.pack_record(request, service, now=3.0)
    assert attributes_of(request.attempt.packet)[-1] == (41, bytes(4))


@pytest.mark.parametrize(
    ("code", "outcome"), [(5, AccountingAcknowledged(7, "one")), (2, DropReason.RADIUS_UNEXPECTED_CODE)]
)
def test_only_an_accounting_response_acknowledges(code, outcome):
    request, service = make(Kind.ACCT, attribute(40, 1))
    PACKETS.pack_record(request, service, now=10.0)
    packet = request.attempt.packet
    (sent,) = service.sent.values()
    assert PACKETS.understand(service, request, reply_to(packet, code), sent) == outcome
    forged = reply_to(packet, code, secret=b"x" + SECRET)
    assert PACKETS.understand(service, request, forged, sent) is DropReason.RADIUS_BAD_AUTHENTICATOR


@pytest.mark.parametrize("kind", [Kind.AUTH, Kind.ACCT])
def test_another_secret_makes_another_packet_under_another_identifier(kind):
    request, service = make(kind, attribute(40, 1))
    pack = PACKETS.pack_access if kind is Kind.AUTH else partial(PACKETS.pack_record, now=10.0)
    pack(request, service)
    first = request.attempt.packet
    service.apply(server(secret=b"new"))
    pack(request, service)
    second = request.attempt.packet
    assert second[1] != first[1]
    replies = (
        reply_to(first, 2 if kind is Kind.AUTH else 5),
        reply_to(second, 2 if kind is Kind.AUTH else 5, secret=b"new"),
    )
    for reply, sent in zip(replies, service.sent.values(), strict=True):
        assert not isinstance(PACKETS.understand(service, request, reply, sent), DropReason)


def test_without_a_free_slot_an_access_request_stays_as_it_was():
    request, service = make(Kind.AUTH, attribute(1, b"user"))
    PACKETS.pack_access(request, service)
    first = request.attempt.packet
    for _ in range(MAX_IN_FLIGHT - 1):
        service.slots.take()
    PACKETS.pack_access(request, service)
    assert request.attempt.packet is first


# -- what no request awaits


@pytest.mark.parametrize(("number", "reason"), [(14, DropReason.RADIUS_DUPLICATE), (-1, DropReason.RADIUS_LATE)])
def test_a_true_reply_to_what_has_ended_is_told_from_an_invented_one(number, reason):
    request, service = make(Kind.AUTH, attribute(1, b"user"))
    PACKETS.pack_access(request, service)
    packet, (slot,) = request.attempt.packet, request.attempt.slots
    _, authenticator, secret = service.sent.pop(slot)
    service.slots.give(slot, (number, authenticator, secret))
    assert PACKETS.judge(service, slot, reply_to(packet, 2)) is reason
    assert PACKETS.judge(service, slot, reply_to(packet, 2, secret=b"x")) is DropReason.RADIUS_BAD_AUTHENTICATOR
    unsigned = reply_to(packet, 2, signed=False)
    assert PACKETS.judge(service, slot, unsigned) is DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR
    assert PACKETS.judge(service, slot + 1, reply_to(packet, 2)) is DropReason.RADIUS_UNKNOWN_IDENTIFIER


# -- Status-Server


def probe(kind):
    _, service = make(kind)
    return service, PACKETS.pack_probe(service, bytes(range(16)))


def test_a_status_server_is_signed_and_says_who_asks():
    service, packet = probe(Kind.AUTH)
    assert packet[0] == 12
    assert [code for code, _ in attributes_of(packet)] == [80, 32]
    assert attributes_of(packet)[1][1] == b"lns1"
    blank = packet[:22] + bytes(16) + packet[38:]
    assert packet[22:38] == hmac.digest(SECRET, blank, "md5")
    assert PACKETS.pack_probe(service, bytes(16))[1] == packet[1] + 1


@pytest.mark.parametrize(("kind", "right"), [(Kind.AUTH, 2), (Kind.ACCT, 5)])
def test_its_answer_is_verified_like_any_other(kind, right):
    service, packet = probe(kind)
    slot = PROBE_SOCKET << 8 | packet[1]
    reply = reply_to(packet, right, signed=kind is Kind.AUTH)
    assert PACKETS.judge_probe(service, slot, reply) is None
    assert PACKETS.judge_probe(service, slot ^ 1, reply) is DropReason.RADIUS_UNKNOWN_IDENTIFIER
    forged = reply_to(packet, right, signed=True, secret=b"x")
    assert PACKETS.judge_probe(service, slot, forged) is DropReason.RADIUS_BAD_AUTHENTICATOR
    other = reply_to(packet, 7 - right, signed=True)
    assert PACKETS.judge_probe(service, slot, other) is DropReason.RADIUS_UNEXPECTED_CODE
    assert PACKETS.judge_probe(service, slot, reply_to(packet, right, signed=False)) is None, "as FreeRADIUS does it"
    wrong = bytearray(reply_to(packet, right, signed=True))
    wrong[30] ^= 1
    wrong[4:20] = hashlib.md5(wrong[:4] + packet[4:20] + wrong[20:] + SECRET).digest()
    bad = DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR
    assert PACKETS.judge_probe(service, slot, bytes(wrong)) is bad
    service.health.probe.authenticator = b""
    assert PACKETS.judge_probe(service, slot, reply) is DropReason.RADIUS_UNKNOWN_IDENTIFIER


def test_one_without_answer_breaks_the_row():
    service, _ = probe(Kind.AUTH)
    service.health.probe.answers = 2
    PACKETS.pack_probe(service, bytes(16))
    assert service.health.probe.answers == 0
    assert service.tally.probes == 2
