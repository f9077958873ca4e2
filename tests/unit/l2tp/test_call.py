"""Data messages of a call: headers and sequence numbers (RFC 2661 sections 3.1, 5.4)."""

from __future__ import annotations

import pytest

from bras.l2tp.call import Call, Numbering
from bras.l2tp.messages import CallRequest
from bras.l2tp.states import CallState

FRAME = b"\xff\x03\xc0\x21"


def established(*, lac: bool = False, sequencing: bool = False) -> Call:
    call = Call(lac, 5, 1, CallRequest(sequencing_required=sequencing))
    call.peer_session_id = 9
    call.state = CallState.ESTABLISHED
    call.prepare_for_data(7)
    return call


def test_a_plain_header_has_six_octets() -> None:
    assert established().data(FRAME) == bytes.fromhex("0002 0007 0009") + FRAME


def test_numbers_are_there_always_when_the_lac_requires_them() -> None:
    call = established(sequencing=True)
    assert call.data(FRAME) == bytes.fromhex("0802 0007 0009 0000 0000") + FRAME
    assert call.data(FRAME) == bytes.fromhex("0802 0007 0009 0001 0000") + FRAME
    call.arrives(-1)
    assert call.data(FRAME)[:2] == b"\x08\x02"


def test_an_lns_does_not_begin_to_number_because_a_lac_does() -> None:
    call = established()
    assert call.arrives(0)
    assert call.data(FRAME)[:2] == b"\x00\x02"


def test_a_lac_numbers_its_frames_when_and_only_when_the_lns_does() -> None:
    call = established(lac=True)
    assert call.data(FRAME)[:2] == b"\x00\x02"
    call.arrives(0)
    assert call.data(FRAME)[6:8] == b"\0\0"
    assert call.data(FRAME)[6:8] == b"\0\1"
    call.arrives(-1)
    assert call.data(FRAME)[:2] == b"\x00\x02"
    call.arrives(1)
    assert call.data(FRAME)[6:8] == b"\0\2"  # picks up where it left off


def test_late_and_doubled_frames_are_refused() -> None:
    numbering = Numbering()
    assert [numbering.in_order(ns) for ns in (0, 1, 1, 3, 2, 4)] == [True, True, False, True, False, True]


def test_numbers_wrap_around() -> None:
    numbering = Numbering(0xFFFF, 0xFFFF)
    assert (numbering.take(), numbering.take()) == (0xFFFF, 0)
    assert [numbering.in_order(ns) for ns in (0xFFFF, 0, 0xFFFF, 1)] == [True, True, False, True]


@pytest.mark.parametrize("jump", [200, 40_000, 65_000])
def test_a_jump_is_not_late_for_a_fast_path_takes_most_frames(jump: int) -> None:
    numbering = Numbering()
    assert numbering.in_order(5)
    assert numbering.in_order(jump)
    assert numbering.in_order(jump + 1)


@pytest.mark.parametrize("lac", [False, True])
def test_a_restored_call_goes_on_as_the_saved_one(lac: bool) -> None:
    call = established(lac=lac, sequencing=not lac)
    call.arrives(3)
    call.data(FRAME)
    other = Call.restore(call.save(), 7)
    assert other.save() == call.save()
    assert other.data(FRAME) == call.data(FRAME)
    assert other.arrives(3) is call.arrives(3) is False
