"""From requests to packets, and from packets to what they mean for their request."""

from __future__ import annotations

from hmac import compare_digest
from struct import Struct
from typing import Final

from bras.errors import DropReason
from bras.radius.answer import AnswerReader
from bras.radius.codec import (
    ACCESS_ACCEPT,
    ACCOUNTING_RESPONSE,
    HEADER_OCTETS,
    STATUS_SERVER,
    Codec,
    ReplyReader,
    access_request,
    accounting_request,
)
from bras.radius.credentials import CredentialEncoder
from bras.radius.events import Accepted, AccountingAcknowledged, Kind, Rejected
from bras.radius.request import Request
from bras.radius.service import Service
from bras.radius.slots import GIVEN_UP, PROBE_SOCKET, Sent

_delay = Struct("!BBI").pack
_BARE: Final = HEADER_OCTETS.to_bytes(2, "big")
"""Length of a packet without attributes."""


class Packets:
    """The codec's parts that the exchange uses."""

    __slots__ = ("_acknowledgements", "_delay_code", "_nas", "answers", "credentials")

    def __init__(self, codec: Codec, nas_identifier: str, ignored: frozenset[str] = frozenset()) -> None:
        """Work them out of the dictionary; ``ignored`` are the attributes that may authorise what we lack."""
        self.credentials = CredentialEncoder(codec)
        self.answers = AnswerReader(codec, ignored)
        self._acknowledgements = ReplyReader(codec, {})
        self._delay_code = codec.code("Acct-Delay-Time", "integer")[1]
        self._nas = codec.encoder("NAS-Identifier", "string")(nas_identifier)

    def pack_access(self, request: Request, service: Service) -> None:
        """Build an Access-Request for a server; without a free slot the old one, if any, has to do."""
        attempt, attributes, authenticator = request.attempt, request.attributes, request.authenticator
        secret = service.secret
        if request.password is not None:
            attributes += self.credentials.password(request.password, authenticator, secret)
        slot = service.slots.take()
        if slot < 0:
            return
        attempt.slots.append(slot)
        service.sent[slot] = (request.number, authenticator, secret)
        attempt.secret = secret
        attempt.packet = access_request(slot & 255, authenticator, attributes, secret)

    def pack_record(self, request: Request, service: Service, *, now: float) -> None:
        """Build an Accounting-Request, unless the one sent last still says the truth.

        Without a free slot for a new one the old one has to do.
        """
        attempt, secret = request.attempt, service.secret
        delay_s = max(0, int(now - request.created_at))
        if attempt.slots and attempt.delay_s == delay_s and attempt.secret is secret:
            return
        slot = service.slots.take()
        if slot < 0:
            return
        attempt.delay_s = delay_s
        attempt.slots.append(slot)
        attributes = request.attributes + _delay(self._delay_code, 6, delay_s)
        attempt.secret = secret
        attempt.packet = packet = accounting_request(slot & 255, attributes, secret)
        service.sent[slot] = (request.number, packet[4:20], secret)

    def understand(
        self, service: Service, request: Request, data: bytes, sent: Sent
    ) -> Accepted | Rejected | AccountingAcknowledged | DropReason:
        """Verify a reply to what was ``sent`` and say what it means for its request."""
        if service.kind is Kind.AUTH:
            return self.answers.read(
                data, sent[1], sent[2], service.signed, key=request.number >> 1, server=service.name
            )
        if len(data) == HEADER_OCTETS and data[0] == ACCOUNTING_RESPONSE and data[2:4] == _BARE:  # as nearly all are
            if compare_digest(sent[2].digest(data[:4] + sent[1]), data[4:]):
                return AccountingAcknowledged(request.number >> 1, service.name)
            return DropReason.RADIUS_BAD_AUTHENTICATOR
        reply = self._acknowledgements.read(data, sent[1], sent[2], False)
        if isinstance(reply, DropReason):
            return reply
        if reply.code != ACCOUNTING_RESPONSE:
            return DropReason.RADIUS_UNEXPECTED_CODE
        return AccountingAcknowledged(request.number >> 1, service.name)

    def judge(self, service: Service, slot: int, data: bytes) -> DropReason:
        """Say what a reply is that no request awaits: a true one that comes again or too late, or an invented one."""
        sent = service.slots.ended.get(slot)
        if sent is None:
            return DropReason.RADIUS_UNKNOWN_IDENTIFIER
        reply = self._acknowledgements.read(data, sent[1], sent[2], service.signed)
        if isinstance(reply, DropReason):
            return reply
        return DropReason.RADIUS_LATE if sent[0] == GIVEN_UP else DropReason.RADIUS_DUPLICATE

    def pack_probe(self, service: Service, authenticator: bytes) -> bytes:
        """Build the next Status-Server (RFC 5997 section 3)."""
        probe = service.health.probe
        if probe.authenticator:
            probe.answers = 0  # the one before was not answered
        service.tally.probes += 1
        probe.identifier = (probe.identifier + 1) & 255
        probe.authenticator = authenticator
        return access_request(probe.identifier, authenticator, self._nas, service.secret, STATUS_SERVER)

    def judge_probe(self, service: Service, slot: int, data: bytes) -> DropReason | None:
        """Say why a reply does not answer the Status-Server on its way; ``None`` when it does.

        Message-Authenticator is verified if it is there, but not asked for: FreeRADIUS does not
        sign these, and nobody is let in by them.
        """
        probe = service.health.probe
        if not probe.authenticator or slot != PROBE_SOCKET << 8 | probe.identifier:
            return DropReason.RADIUS_UNKNOWN_IDENTIFIER
        reply = self._acknowledgements.read(data, probe.authenticator, service.secret, False)
        if isinstance(reply, DropReason):
            return reply
        right = ACCESS_ACCEPT if service.kind is Kind.AUTH else ACCOUNTING_RESPONSE
        return None if reply.code == right else DropReason.RADIUS_UNEXPECTED_CODE
