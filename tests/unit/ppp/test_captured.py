"""Frames that a real pppd sent, given to our link as they came."""

from __future__ import annotations

from bras.ppp import mschap, packet
from bras.ppp.events import SendFrame
from bras.ppp.link import Link, LinkConfig
from tests.vectors import xl2tpd_captured as captured

DATA_HEADER_OCTETS = 6


def _frame(datagram: bytes) -> bytes:
    return datagram[DATA_HEADER_OCTETS:]


def test_its_lcp_request_is_acknowledged_as_it_is() -> None:
    link = Link(LinkConfig(mru=1460, methods=("mschapv2",), hostname=b"lns1"), lambda count: bytes(range(count)))
    link.open(now=0.0)
    (event,) = link.receive(_frame(captured.PPPD_LCP_CONFIGURE_REQUEST), now=0.01)
    request = _frame(captured.PPPD_LCP_CONFIGURE_REQUEST)
    assert event == SendFrame(request[:4] + b"\x02" + request[5:])


def test_its_ms_chap_response_is_right_and_so_is_the_servers_answer() -> None:
    code, identifier, data = packet.parse(_frame(captured.PPPD_CHAP_RESPONSE), 4)
    assert (code, identifier, data[0], data[50:]) == (2, 0x35, 49, b"user1")
    answer = mschap.verify_v2(captured.CHALLENGE, data[1:50], b"user1", b"pass")
    assert answer == captured.AUTHENTICATOR_RESPONSE
    assert mschap.verify_v2(captured.CHALLENGE, data[1:50], b"user1", b"wrong") is None
