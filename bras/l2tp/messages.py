"""Control messages: what each must and may contain, and how it is built (RFC 2661 sections 6.1 to 6.14, RFC 5515).

A received message is a ``Message``: numbers and octets by attribute type, already checked
against the rules of section 4.4.  An attribute that RFC 2661 knows but does not list for
the message is ignored, whatever its M bit: MPD sends such in SCCCN.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final, NamedTuple

from bras.errors import ProtocolViolation
from bras.l2tp import avp, line
from bras.l2tp.avp import Avps
from bras.l2tp.constants import (
    BOTH_FRAMINGS,
    PROTOCOL_VERSION,
    AvpType,
    ErrorCode,
    LineAvp,
    MessageType,
    StopResult,
)
from bras.l2tp.disconnect import Q931, Disconnect
from bras.l2tp.events import By, Cause
from bras.l2tp.header import CONTROL_OCTETS, FIRST_AVP
from bras.l2tp.names import MESSAGE_TYPE, message_name, message_section, name_of
from bras.l2tp.report import Accm, LineErrors, Speed

_FIRST_END: Final = CONTROL_OCTETS + FIRST_AVP.size
_SESSION_ID: Final = Struct("!H")
_MAX_TEXT_OCTETS = 200
_MOST32: Final = 0xFFFFFFFF


class Specification(NamedTuple):
    """What a message must and may contain besides its Message Type."""

    must: tuple[int, ...]
    may: tuple[int, ...] = ()


_CONTROL_MUST = (
    AvpType.PROTOCOL_VERSION,
    AvpType.HOST_NAME,
    AvpType.FRAMING_CAPABILITIES,
    AvpType.ASSIGNED_TUNNEL_ID,
)
_CONTROL_MAY = (
    AvpType.BEARER_CAPABILITIES,
    AvpType.RECEIVE_WINDOW_SIZE,
    AvpType.CHALLENGE,
    AvpType.FIRMWARE_REVISION,
    AvpType.VENDOR_NAME,
)

SPECIFICATIONS: Final[dict[int, Specification]] = {
    MessageType.SCCRQ: Specification(_CONTROL_MUST, (*_CONTROL_MAY, AvpType.TIE_BREAKER)),  # section 6.1
    MessageType.SCCRP: Specification(_CONTROL_MUST, (*_CONTROL_MAY, AvpType.CHALLENGE_RESPONSE)),  # section 6.2
    MessageType.SCCCN: Specification((), (AvpType.CHALLENGE_RESPONSE,)),  # section 6.3
    MessageType.STOPCCN: Specification((AvpType.ASSIGNED_TUNNEL_ID, AvpType.RESULT_CODE)),  # section 6.4
    MessageType.HELLO: Specification(()),  # section 6.5
    MessageType.ICRQ: Specification(  # section 6.6
        (AvpType.ASSIGNED_SESSION_ID, AvpType.CALL_SERIAL_NUMBER),
        (
            AvpType.BEARER_TYPE,
            AvpType.PHYSICAL_CHANNEL_ID,
            AvpType.CALLING_NUMBER,
            AvpType.CALLED_NUMBER,
            AvpType.SUB_ADDRESS,
            AvpType.CONNECT_SPEED_UPDATE_ENABLE,
            *LineAvp,
        ),
    ),
    MessageType.ICRP: Specification((AvpType.ASSIGNED_SESSION_ID,)),  # section 6.7
    MessageType.ICCN: Specification(  # section 6.8
        (AvpType.TX_CONNECT_SPEED, AvpType.FRAMING_TYPE),
        (
            AvpType.INITIAL_RECEIVED_LCP_CONFREQ,
            AvpType.LAST_SENT_LCP_CONFREQ,
            AvpType.LAST_RECEIVED_LCP_CONFREQ,
            AvpType.PROXY_AUTHEN_TYPE,
            AvpType.PROXY_AUTHEN_NAME,
            AvpType.PROXY_AUTHEN_CHALLENGE,
            AvpType.PROXY_AUTHEN_ID,
            AvpType.PROXY_AUTHEN_RESPONSE,
            AvpType.PRIVATE_GROUP_ID,
            AvpType.RX_CONNECT_SPEED,
            AvpType.SEQUENCING_REQUIRED,
            AvpType.TX_CONNECT_SPEED_BPS,
            AvpType.RX_CONNECT_SPEED_BPS,
        ),
    ),
    MessageType.OCRQ: Specification(  # section 6.9
        (
            AvpType.ASSIGNED_SESSION_ID,
            AvpType.CALL_SERIAL_NUMBER,
            AvpType.MINIMUM_BPS,
            AvpType.MAXIMUM_BPS,
            AvpType.BEARER_TYPE,
            AvpType.FRAMING_TYPE,
            AvpType.CALLED_NUMBER,
        ),
        (AvpType.SUB_ADDRESS,),
    ),
    MessageType.OCRP: Specification((AvpType.ASSIGNED_SESSION_ID,), (AvpType.PHYSICAL_CHANNEL_ID,)),  # section 6.10
    MessageType.OCCN: Specification(  # section 6.11
        (AvpType.TX_CONNECT_SPEED, AvpType.FRAMING_TYPE),
        (AvpType.RX_CONNECT_SPEED, AvpType.SEQUENCING_REQUIRED),
    ),
    MessageType.CDN: Specification(  # section 6.12
        (AvpType.RESULT_CODE, AvpType.ASSIGNED_SESSION_ID),
        (AvpType.Q931_CAUSE_CODE, AvpType.PPP_DISCONNECT_CAUSE),
    ),
    MessageType.WEN: Specification((AvpType.CALL_ERRORS,)),  # section 6.13
    MessageType.SLI: Specification((AvpType.ACCM,)),  # section 6.14
    MessageType.CSUN: Specification((AvpType.CONNECT_SPEED_UPDATE,)),
    MessageType.CSURQ: Specification((AvpType.CONNECT_SPEED_UPDATE,)),
}
FORGIVEN: Final[dict[int, tuple[int, ...]]] = {
    MessageType.SCCRQ: (AvpType.FRAMING_CAPABILITIES,),
    MessageType.SCCRP: (AvpType.FRAMING_CAPABILITIES,),
    MessageType.ICCN: (AvpType.TX_CONNECT_SPEED, AvpType.FRAMING_TYPE),
}
"""What must be there and is not asked for: nothing here depends on it.

Cisco routers have sent ICCNs with neither (xl2tpd 1.1.11 works round that); who speaks RFC
3931 may give the speed in 64 bits alone.
"""
_MUST: Final = {
    int(kind): tuple(int(one) for one in specification.must if one not in FORGIVEN.get(kind, ()))
    for kind, specification in SPECIFICATIONS.items()
}
CALL_MESSAGES: Final = frozenset(int(kind) for kind in SPECIFICATIONS if kind >= MessageType.OCRQ)
"""Messages about a call: what is wrong with them ends the call, not the tunnel (RFC 2661 section 4.1)."""


class Message(Avps):
    """A received control message."""

    __slots__ = ("session_id", "type")

    def __init__(self, kind: int, session_id: int) -> None:
        """Begin a message of this Message Type that came for this local Session ID."""
        super().__init__()
        self.type = kind
        self.session_id = session_id

    def text(self, attribute: int) -> str:
        """Return an attribute as text; empty when it is not there."""
        return self.octets.get(attribute, b"").decode("utf-8", "replace")

    def problem(self) -> ProtocolViolation | None:
        """Return what is wrong: the first fault, an unknown type, or an AVP that must be there."""
        if self.violation is not None:
            return self.violation
        for attribute in _MUST.get(self.type, ()):
            if attribute not in self.numbers and attribute not in self.octets:
                name, where = name_of(attribute), message_section(self.type)
                text = f"{message_name(self.type)} without {name}, {where}"
                return ProtocolViolation(
                    StopResult.GENERAL_ERROR, ErrorCode.OUT_OF_RANGE, text, avp=name, section=where
                )
        return None

    def cause(self) -> Cause:
        """Return why the peer ends a call or tunnel (CDN, StopCCN)."""
        value = self.octets.get(AvpType.RESULT_CODE, b"")
        result = int.from_bytes(value[:2], "big")
        error = int.from_bytes(value[2:4], "big") if len(value) >= 4 else 0
        disconnect, q931 = self.octets.get(AvpType.PPP_DISCONNECT_CAUSE), self.octets.get(AvpType.Q931_CAUSE_CODE)
        return Cause(
            By.PEER,
            result,
            error,
            value[4:].decode("utf-8", "replace"),
            disconnect=Disconnect.parse(disconnect) if disconnect is not None else None,
            q931=Q931.parse(q931) if q931 is not None else None,
        )


def parse(datagram: bytes) -> Message:
    """Parse a whole control message whose header ``parse_control`` has accepted; never raises."""
    flags, _, _, kind = FIRST_AVP.unpack_from(datagram, CONTROL_OCTETS)
    message = Message(kind, _SESSION_ID.unpack_from(datagram, 6)[0])
    message.read(datagram, _FIRST_END, len(datagram))
    if kind not in SPECIFICATIONS:
        # The M bit of the Message Type speaks of the message itself (RFC 2661 section 4.4.1):
        # one that is ignored is ignored whole, whatever its AVPs demand.
        message.violation = message.hidden = None
        text = f"unknown mandatory message type {kind}"
        message.fault(flags, ErrorCode.UNKNOWN_MANDATORY_AVP, text, section=MESSAGE_TYPE)
    return message


_MESSAGE_TYPE: Final = {int(kind): avp.number16(AvpType.MESSAGE_TYPE, kind) for kind in MessageType}
for _kind in (MessageType.CSUN, MessageType.CSURQ):  # who does not know them ignores them
    _MESSAGE_TYPE[_kind] = b"\0" + _MESSAGE_TYPE[_kind][1:]

_ICRP_BEGINNING: Final = _MESSAGE_TYPE[MessageType.ICRP] + avp.number16(AvpType.ASSIGNED_SESSION_ID, 1)[:-2]


def start(kind: int, hostname: str, vendor: str, tunnel_id: int, window: int) -> bytes:
    """Build what SCCRQ and SCCRP have in common (RFC 2661 sections 6.1 and 6.2)."""
    return b"".join(
        (
            _MESSAGE_TYPE[kind],
            avp.number16(AvpType.PROTOCOL_VERSION, PROTOCOL_VERSION),
            avp.octets(AvpType.HOST_NAME, hostname.encode()),
            avp.number32(AvpType.FRAMING_CAPABILITIES, BOTH_FRAMINGS),
            avp.number32(AvpType.BEARER_CAPABILITIES, 0),  # we place no outgoing calls
            avp.octets(AvpType.VENDOR_NAME, vendor.encode()),
            avp.number16(AvpType.ASSIGNED_TUNNEL_ID, tunnel_id),
            avp.number16(AvpType.RECEIVE_WINDOW_SIZE, window),
        )
    )


def scccn() -> bytes:
    """Build an SCCCN; a Challenge Response may follow (RFC 2661 section 6.3)."""
    return _MESSAGE_TYPE[MessageType.SCCCN]


def hello() -> bytes:
    """Build a Hello (RFC 2661 section 6.5)."""
    return _MESSAGE_TYPE[MessageType.HELLO]


def stopccn(tunnel_id: int, cause: Cause) -> bytes:
    """Build a StopCCN; ``tunnel_id`` is our own (RFC 2661 section 6.4)."""
    return (
        _MESSAGE_TYPE[MessageType.STOPCCN]
        + avp.number16(AvpType.ASSIGNED_TUNNEL_ID, tunnel_id)
        + avp.octets(AvpType.RESULT_CODE, _result(cause))
    )


def cdn(session_id: int, cause: Cause) -> bytes:
    """Build a CDN; ``session_id`` is our own (RFC 2661 section 6.12, RFC 3145)."""
    body = (
        _MESSAGE_TYPE[MessageType.CDN]
        + avp.octets(AvpType.RESULT_CODE, _result(cause))
        + avp.number16(AvpType.ASSIGNED_SESSION_ID, session_id)
    )
    if cause.disconnect is None:
        return body
    return body + avp.octets(AvpType.PPP_DISCONNECT_CAUSE, cause.disconnect.build())


def _result(cause: Cause) -> bytes:
    result = cause.result.to_bytes(2, "big")
    if not cause.error and not cause.text:
        return result
    text = cause.text.encode()[:_MAX_TEXT_OCTETS].decode("utf-8", "ignore").encode()
    return result + cause.error.to_bytes(2, "big") + text


def icrp(session_id: int) -> bytes:
    """Build an ICRP (RFC 2661 section 6.7)."""
    return _ICRP_BEGINNING + _SESSION_ID.pack(session_id)


class CallRequest(NamedTuple):
    """What the LAC role tells of a call in ICRQ and ICCN."""

    calling_number: str = ""
    called_number: str = ""
    sub_address: str = ""
    bearer_type: int | None = None
    physical_channel: int | None = None
    tx_connect_speed_bps: int = 0
    rx_connect_speed_bps: int = 0
    framing_type: int = 1
    """1 synchronous, 2 asynchronous (RFC 2661 section 4.4.4)."""
    private_group: str = ""
    sequencing_required: bool = False
    access_line: bytes = b""
    """What is told of the access line: see ``bras.l2tp.line``."""
    speed_updates: bool = False
    """Whether new speeds will be told by CSUN (RFC 5515)."""


def icrq(session_id: int, serial_number: int, request: CallRequest) -> bytes:
    """Build an ICRQ (RFC 2661 section 6.6)."""
    parts = [
        _MESSAGE_TYPE[MessageType.ICRQ],
        avp.number16(AvpType.ASSIGNED_SESSION_ID, session_id),
        avp.number32(AvpType.CALL_SERIAL_NUMBER, serial_number),
    ]
    if request.bearer_type is not None:
        parts.append(avp.number32(AvpType.BEARER_TYPE, request.bearer_type))
    if request.physical_channel is not None:
        parts.append(avp.number32(AvpType.PHYSICAL_CHANNEL_ID, request.physical_channel))
    for attribute, text in (
        (AvpType.CALLED_NUMBER, request.called_number),
        (AvpType.CALLING_NUMBER, request.calling_number),
        (AvpType.SUB_ADDRESS, request.sub_address),
    ):
        if text:
            parts.append(avp.octets(attribute, text.encode()))
    parts += [avp.octets(attribute, value) for attribute, value in line.avps(request.access_line)]
    if request.speed_updates:
        parts.append(avp.octets(AvpType.CONNECT_SPEED_UPDATE_ENABLE, b""))
    return b"".join(parts)


def iccn(request: CallRequest) -> bytes:
    """Build an ICCN (RFC 2661 section 6.8)."""
    tx_bps, rx_bps = request.tx_connect_speed_bps, request.rx_connect_speed_bps
    parts = [
        _MESSAGE_TYPE[MessageType.ICCN],
        avp.number32(AvpType.TX_CONNECT_SPEED, min(tx_bps, _MOST32)),
        avp.number32(AvpType.FRAMING_TYPE, request.framing_type),
    ]
    if rx_bps:
        parts.append(avp.number32(AvpType.RX_CONNECT_SPEED, min(rx_bps, _MOST32)))
    if max(tx_bps, rx_bps) > _MOST32:
        parts.append(avp.octets(AvpType.TX_CONNECT_SPEED_BPS, tx_bps.to_bytes(8, "big")))
        if rx_bps:
            parts.append(avp.octets(AvpType.RX_CONNECT_SPEED_BPS, rx_bps.to_bytes(8, "big")))
    if request.private_group:
        parts.append(avp.octets(AvpType.PRIVATE_GROUP_ID, request.private_group.encode()))
    if request.sequencing_required:
        parts.append(avp.octets(AvpType.SEQUENCING_REQUIRED, b""))
    return b"".join(parts)


def wen(errors: LineErrors) -> bytes:
    """Build a WEN (RFC 2661 section 6.13)."""
    return _MESSAGE_TYPE[MessageType.WEN] + avp.octets(AvpType.CALL_ERRORS, errors.build())


def sli(accm: Accm) -> bytes:
    """Build an SLI (RFC 2661 section 6.14)."""
    return _MESSAGE_TYPE[MessageType.SLI] + avp.octets(AvpType.ACCM, accm.build())


def csun(speeds: Iterable[Speed]) -> bytes:
    """Build a CSUN (RFC 5515)."""
    return _MESSAGE_TYPE[MessageType.CSUN] + _speeds(speeds)


def csurq(session_ids: Iterable[int]) -> bytes:
    """Build a CSURQ for the calls to which the peer has given these ids (RFC 5515)."""
    return _MESSAGE_TYPE[MessageType.CSURQ] + _speeds(Speed(session_id) for session_id in session_ids)


def _speeds(speeds: Iterable[Speed]) -> bytes:
    return b"".join(avp.octets(AvpType.CONNECT_SPEED_UPDATE, speed.build()) for speed in speeds)
