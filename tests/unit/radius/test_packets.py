import pytest

from bras.errors import DropReason
from bras.radius.events import Accepted, AccountingAcknowledged, Kind
from bras.radius.packets import Packets
from bras.radius.request import Attempt, Request
from bras.radius.server import MAX_IN_FLIGHT, Service
from tests.support.radius import SECRET, attribute, attributes_of, codec, reply_to, server

PACKETS = Packets(codec())


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
    assert service.sent == {request.attempt.slots[0]: (request.number, packet[4:20])}
    accepted = PACKETS.understand(service, request, reply_to(packet, 2), packet[4:20])
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
    assert set(service.sent.values()) == {(request.number, first[4:20]), (request.number, second[4:20])}


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
    assert PACKETS.understand(service, request, reply_to(packet, code), packet[4:20]) == outcome
    forged = reply_to(packet, code, secret=b"x" + SECRET)
    assert PACKETS.understand(service, request, forged, packet[4:20]) is DropReason.RADIUS_BAD_AUTHENTICATOR
