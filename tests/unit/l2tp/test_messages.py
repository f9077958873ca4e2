"""Control messages: what they must and may contain (RFC 2661 sections 6.1 to 6.14)."""

from __future__ import annotations

import pytest

from bras.l2tp import avp, messages
from bras.l2tp.constants import AvpType, ErrorCode, MessageType
from bras.l2tp.events import By, Cause
from bras.l2tp.messages import FORGIVEN, SPECIFICATIONS, CallRequest
from bras.l2tp.names import message_name, message_section, name_of
from tests.support.l2tp import control, filled, read
from tests.vectors.l2tp_messages import XL2TPD_ICCN, XL2TPD_ICRQ, XL2TPD_SCCRQ

FULL = CallRequest("030123", "0198", "sub", 2, 7, 10_000_000, 1_000_000, 1, "red", True)
CAUSE = Cause(By.LOCAL, 2, 6, "why")


@pytest.mark.parametrize("kind", list(MessageType))
def test_a_message_with_all_that_it_must_have_is_acceptable(kind: MessageType) -> None:
    message = read(control(1, 0, 0, filled(kind), session_id=9))
    assert message.type == kind
    assert message.session_id == 9
    assert message.problem() is None


@pytest.mark.parametrize(
    ("kind", "attribute"), [(kind, attribute) for kind in SPECIFICATIONS for attribute in SPECIFICATIONS[kind].must]
)
def test_a_message_without_what_it_must_have_is_not(kind: int, attribute: int) -> None:
    problem = read(control(1, 0, 0, filled(kind, without=attribute))).problem()
    if attribute in FORGIVEN.get(kind, ()):
        assert problem is None
        return
    assert problem is not None
    assert (problem.result, problem.error) == (2, ErrorCode.OUT_OF_RANGE)
    assert problem.text == f"{message_name(kind)} without {name_of(attribute)}, {message_section(kind)}"
    assert (problem.avp, problem.section) == (name_of(attribute), message_section(kind))


def test_an_attribute_of_another_message_is_ignored() -> None:
    # MPD sends such, with the M bit, in SCCCN; refusing it once locked it out of accel-ppp.
    assert read(control(1, 0, 0, filled(MessageType.SCCCN) + avp.octets(21, b"123"))).problem() is None


@pytest.mark.parametrize("kind", [0, 5, 13, 17, 0xFFFF])
def test_an_unknown_message_type_counts_if_its_m_bit_is_set(kind: int) -> None:
    problem = read(control(1, 0, 0, avp.number16(0, kind))).problem()
    assert problem is not None
    assert (problem.result, problem.error) == (2, ErrorCode.UNKNOWN_MANDATORY_AVP)
    optional = b"\x00" + avp.number16(0, kind)[1:]
    assert read(control(1, 0, 0, optional)).problem() is None
    demanding = optional + bytes.fromhex("8008 0000 00c8 0001")
    assert read(control(1, 0, 0, demanding)).problem() is None, "it is ignored whole"


def test_what_xl2tpd_sends_is_read() -> None:
    sccrq = read(XL2TPD_SCCRQ)
    assert sccrq.problem() is None
    assert sccrq.numbers == {2: 0x0100, 3: 3, 4: 0, 6: 0x0690, 9: 0x22F4, 10: 4}
    assert sccrq.text(AvpType.HOST_NAME) == "lac"
    assert sccrq.text(AvpType.VENDOR_NAME) == "xelerance.com"
    assert read(XL2TPD_ICRQ).problem() is None
    assert read(XL2TPD_ICRQ).numbers == {14: 0xB1C2, 15: 1, 18: 0}
    assert read(XL2TPD_ICCN).problem() is None
    assert read(XL2TPD_ICCN).numbers == {24: 100_000_000, 19: 1, 38: 100_000_000}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (messages.start(MessageType.SCCRQ, "h", "v", 5, 8), MessageType.SCCRQ),
        (messages.start(MessageType.SCCRP, "h", "v", 5, 8), MessageType.SCCRP),
        (messages.scccn(), MessageType.SCCCN),
        (messages.hello(), MessageType.HELLO),
        (messages.stopccn(5, CAUSE), MessageType.STOPCCN),
        (messages.cdn(5, CAUSE), MessageType.CDN),
        (messages.icrq(5, 77, FULL), MessageType.ICRQ),
        (messages.icrq(5, 77, CallRequest()), MessageType.ICRQ),
        (messages.icrp(5), MessageType.ICRP),
        (messages.iccn(FULL), MessageType.ICCN),
        (messages.iccn(CallRequest()), MessageType.ICCN),
    ],
)
def test_what_we_send_has_what_it_must_and_only_what_it_may(body: bytes, kind: MessageType) -> None:
    message = read(control(1, 0, 0, body))
    specification = SPECIFICATIONS[kind]
    assert message.type == kind
    assert message.problem() is None
    assert {*message.numbers, *message.octets} <= {*specification.must, *specification.may}


def test_a_call_arrives_as_it_was_told() -> None:
    icrq = read(control(1, 0, 0, messages.icrq(5, 77, FULL)))
    assert icrq.numbers == {14: 5, 15: 77, 18: 2, 25: 7}
    assert icrq.octets == {21: b"0198", 22: b"030123", 23: b"sub"}
    iccn = read(control(1, 0, 0, messages.iccn(FULL)))
    assert iccn.numbers == {24: 10_000_000, 38: 1_000_000, 19: 1}
    assert iccn.octets == {37: b"red", 39: b""}


def test_a_cause_arrives_as_it_was_told() -> None:
    cause = read(control(1, 0, 0, messages.cdn(5, CAUSE))).cause()
    assert cause == Cause(By.PEER, 2, 6, "why")
    assert read(control(1, 0, 0, messages.stopccn(5, Cause(By.LOCAL, 1)))).cause() == Cause(By.PEER, 1)
    assert read(control(1, 0, 0, avp.number16(0, 14))).cause() == Cause(By.PEER, 0)


def test_a_long_text_is_cut_between_characters() -> None:
    cause = read(control(1, 0, 0, messages.cdn(5, Cause(By.LOCAL, 2, 6, "x" + "ä" * 500)))).cause()
    assert cause.text == "x" + "ä" * 99
