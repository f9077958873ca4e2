"""From requests to packets, and from packets to what they mean for their request."""

from __future__ import annotations

from struct import Struct

from bras.errors import DropReason
from bras.radius.answer import AnswerReader
from bras.radius.codec import ACCOUNTING_RESPONSE, Codec, ReplyReader, access_request, accounting_request
from bras.radius.credentials import CredentialEncoder
from bras.radius.events import Accepted, AccountingAcknowledged, Kind, Rejected
from bras.radius.request import Request
from bras.radius.server import Service

_delay = Struct("!BBI").pack


class Packets:
    """The codec's parts that the exchange uses."""

    __slots__ = ("_acknowledgements", "_answers", "_delay_code", "credentials")

    def __init__(self, codec: Codec) -> None:
        """Work them out of the dictionary."""
        self.credentials = CredentialEncoder(codec)
        self._answers = AnswerReader(codec)
        self._acknowledgements = ReplyReader(codec, {})
        self._delay_code = codec.code("Acct-Delay-Time", "integer")[1]

    def pack_access(self, request: Request, service: Service) -> None:
        """Build an Access-Request for a server."""
        attempt, attributes, authenticator = request.attempt, request.attributes, request.authenticator
        if request.password is not None:
            attributes += self.credentials.password(request.password, authenticator, service.secret)
        slot = service.slots.take()
        attempt.slots.append(slot)
        service.sent[slot] = (request.key << 1, authenticator)
        attempt.packet = access_request(slot & 255, authenticator, attributes, service.secret)

    def pack_record(self, request: Request, service: Service, *, now: float) -> None:
        """Build an Accounting-Request, unless the one sent last still says the truth.

        Without a free slot for a new one the old one has to do.
        """
        attempt = request.attempt
        delay_s = max(0, int(now - request.created_at))
        if attempt.slots and attempt.delay_s == delay_s:
            return
        slot = service.slots.take()
        if slot < 0:
            return
        attempt.delay_s = delay_s
        attempt.slots.append(slot)
        attributes = request.attributes + _delay(self._delay_code, 6, delay_s)
        attempt.packet = accounting_request(slot & 255, attributes, service.secret)
        service.sent[slot] = (request.number, attempt.packet[4:20])

    def understand(
        self, service: Service, request: Request, data: bytes, authenticator: bytes
    ) -> Accepted | Rejected | AccountingAcknowledged | DropReason:
        """Verify a reply and say what it means for its request."""
        if service.kind is Kind.AUTH:
            return self._answers.read(
                data, authenticator, service.secret, service.signed, key=request.key, server=service.name
            )
        reply = self._acknowledgements.read(data, authenticator, service.secret, False)
        if isinstance(reply, DropReason):
            return reply
        if reply.code != ACCOUNTING_RESPONSE:
            return DropReason.RADIUS_UNEXPECTED_CODE
        return AccountingAcknowledged(request.key, service.name)
