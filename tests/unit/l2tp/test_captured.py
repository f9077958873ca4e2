"""What real clients sent is understood: xl2tpd's control messages, pppd's frames."""

from __future__ import annotations

import random

import pytest

from bras.l2tp import messages
from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.header import parse_control, parse_data
from tests.vectors import xl2tpd_captured as captured


@pytest.mark.parametrize(
    ("datagram", "kind", "tunnel_id", "session_id", "ns", "nr"),
    [
        (captured.XL2TPD_SCCRQ, MessageType.SCCRQ, 0, 0, 0, 0),
        (captured.XL2TPD_SCCCN, MessageType.SCCCN, 0x04C5, 0, 1, 1),
        (captured.XL2TPD_ICRQ, MessageType.ICRQ, 0x04C5, 0, 2, 1),
        (captured.XL2TPD_ICCN, MessageType.ICCN, 0x04C5, 0x18FA, 3, 2),
        (captured.XL2TPD_CDN, MessageType.CDN, 0x04C5, 0x18FA, 4, 2),
    ],
)
def test_control(datagram: bytes, kind: MessageType, tunnel_id: int, session_id: int, ns: int, nr: int) -> None:
    assert parse_control(datagram) == (len(datagram), tunnel_id, session_id, ns, nr)
    message = messages.parse(datagram)
    assert message.type == kind
    assert message.problem() is None


def test_what_its_sccrq_says() -> None:
    message = messages.parse(captured.XL2TPD_SCCRQ)
    assert message.text(AvpType.HOST_NAME) == "(none)"
    assert message.text(AvpType.VENDOR_NAME) == "xelerance.com"
    assert message.numbers[AvpType.ASSIGNED_TUNNEL_ID] == 0x98F8
    assert message.numbers[AvpType.RECEIVE_WINDOW_SIZE] == 4
    assert message.octets[AvpType.CHALLENGE].hex() == "f3ad505f836590658252507926920ea8"


FRAMES = [value for name, value in vars(captured).items() if name.startswith("PPPD_")]


@pytest.mark.parametrize("datagram", FRAMES, ids=lambda datagram: datagram[8:14].hex())
def test_data_carries_the_frame_whole(datagram: bytes) -> None:
    tunnel_id, session_id, _ns, offset, end = parse_data(datagram)
    assert (tunnel_id, session_id) == (0x04C5, 0x18FA)
    assert datagram[offset:end].startswith(b"\xff\x03")


def test_any_flipped_bit_is_an_answer_or_a_drop() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    dice = random.Random(seed)
    for datagram in (captured.XL2TPD_SCCRQ, captured.XL2TPD_ICRQ, captured.XL2TPD_ICCN, captured.XL2TPD_CDN):
        for _ in range(300):
            octets = bytearray(datagram)
            octets[dice.randrange(12, len(octets))] ^= 1 << dice.randrange(8)
            messages.parse(bytes(octets)).problem()
