"""Data messages of a call: headers and sequence numbers (RFC 2661 sections 3.1, 5.4)."""

from __future__ import annotations

import pytest

from bras.errors import DropReason
from bras.l2tp.call import Call
from bras.l2tp.data import PLAIN, DataOptions
from bras.l2tp.messages import CallRequest
from bras.l2tp.sequence import Order
from bras.l2tp.states import CallState

FRAME = b"\xff\x03\xc0\x21"


def established(*, lac: bool = False, sequencing: bool = False, options: DataOptions = PLAIN) -> Call:
    call = Call(lac, 5, 1, CallRequest(sequencing_required=sequencing))
    call.peer_session_id = 9
    call.state = CallState.ESTABLISHED
    call.prepare_for_data(7, options)
    return call


def arrives(call: Call, ns: int) -> Order:
    return call.arrives(ns, FRAME, hold=True, now=0.0)


def test_a_plain_header_has_six_octets_and_no_memory() -> None:
    call = established()
    assert call.data(FRAME) == call.packet(FRAME) == bytes.fromhex("0002 0007 0009") + FRAME
    assert call.data_channel is None


def test_numbers_are_there_always_when_the_lac_requires_them() -> None:
    call = established(sequencing=True)
    assert call.data(FRAME) == bytes.fromhex("0802 0007 0009 0000 0000") + FRAME
    assert call.data(FRAME) == bytes.fromhex("0802 0007 0009 0001 0000") + FRAME
    assert arrives(call, -1) == Order(dropped=DropReason.UNNUMBERED_DATA)
    assert call.data(FRAME)[:2] == b"\x08\x02"


def test_packets_and_control_frames_share_one_sequence() -> None:
    """Ns counts the data messages of the session, whatever is in them (RFC 2661 section 3.1)."""
    call = established(sequencing=True)
    assert [one(FRAME)[6:8] for one in (call.data, call.packet, call.packet, call.data)] == [
        b"\0\0",
        b"\0\1",
        b"\0\2",
        b"\0\3",
    ]


def test_an_lns_does_not_begin_to_number_because_a_lac_does() -> None:
    call = established()
    assert arrives(call, 0) == Order((FRAME,))
    assert call.data(FRAME) == call.packet(FRAME) == bytes.fromhex("0002 0007 0009") + FRAME
    assert arrives(call, 0).dropped is DropReason.DUPLICATE_DATA
    assert arrives(call, -1) == Order((FRAME,))


def test_a_lac_numbers_its_frames_when_and_only_when_the_lns_does() -> None:
    call = established(lac=True)
    assert call.data(FRAME)[:2] == b"\x00\x02"
    arrives(call, 0)
    assert call.data(FRAME)[6:8] == b"\0\0"
    assert call.data(FRAME)[6:8] == b"\0\1"
    arrives(call, -1)
    assert call.data(FRAME) == bytes.fromhex("0002 0007 0009") + FRAME
    arrives(call, 1)
    assert call.data(FRAME)[6:8] == b"\0\2"  # picks up where it left off


@pytest.mark.parametrize(
    ("options", "control", "packet"),
    [
        (DataOptions(number=True), "0802 0007 0009 0000 0000", "0802 0007 0009 0001 0000"),
        (DataOptions(length_bit=True), "4002 000c 0007 0009", "4002 000c 0007 0009"),
        (DataOptions(priority_bit=True), "0102 0007 0009", "0002 0007 0009"),
        (DataOptions(number=True, length_bit=True), "4802 0010 0007 0009 0000 0000", "4802 0010 0007 0009 0001 0000"),
        (
            DataOptions(number=True, length_bit=True, priority_bit=True),
            "4902 0010 0007 0009 0000 0000",
            "4802 0010 0007 0009 0001 0000",
        ),
    ],
)
def test_headers_as_the_group_wants_them(options: DataOptions, control: str, packet: str) -> None:
    call = established(options=options)
    assert call.data(FRAME) == bytes.fromhex(control) + FRAME
    assert call.packet(FRAME) == bytes.fromhex(packet) + FRAME


@pytest.mark.parametrize(
    ("options", "sequencing", "required"),
    [(PLAIN, False, False), (PLAIN, True, True), (DataOptions(number=True), False, False),
     (DataOptions(number=True, require=True), False, True)],
)  # fmt: skip
def test_data_without_a_number_where_numbers_are_required(
    options: DataOptions, sequencing: bool, required: bool
) -> None:
    call = established(sequencing=sequencing, options=options)
    assert (arrives(call, -1).dropped is DropReason.UNNUMBERED_DATA) is required
    assert call.data_facts().required is required
    assert call.data_facts().disorder.unnumbered == int(required)


@pytest.mark.parametrize("lac", [False, True])
def test_a_restored_call_goes_on_as_the_saved_one(lac: bool) -> None:
    call = established(lac=lac, sequencing=not lac, options=DataOptions(hold_s=1.0, length_bit=True))
    arrives(call, 0)
    arrives(call, 3)
    call.data(FRAME)
    other = Call.restore(call.save(), 7)
    assert other.save() == call.save()
    assert other.data(FRAME) == call.data(FRAME)
    assert arrives(other, 3) == arrives(call, 3) == Order(dropped=DropReason.DUPLICATE_DATA)
    assert arrives(other, 2) == arrives(call, 2) == Order()
    assert arrives(other, 1) == arrives(call, 1) == Order((FRAME,) * 3, 0, 2)
