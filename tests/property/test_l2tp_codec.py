"""The codec: what is built is read again; whatever else comes is a value or a WireError."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.errors import WireError
from bras.l2tp import avp, messages
from bras.l2tp.avp import RULES, Avps
from bras.l2tp.call import Call
from bras.l2tp.challenge import Authentication
from bras.l2tp.constants import AvpType, LineAvp, MessageType
from bras.l2tp.header import parse_control, parse_data
from bras.l2tp.hidden import Hiding, reveal
from bras.l2tp.line import gather
from bras.l2tp.messages import CallRequest
from bras.secret import Secret
from tests.support.l2tp import control
from tests.vectors.l2tp_hidden import hidden_avp, hide
from tests.vectors.l2tp_messages import XL2TPD_SCCRQ

texts = st.text(max_size=40)
words = st.integers(0, 0xFFFFFFFF)
ids = st.integers(1, 0xFFFF)
speeds = st.integers(0, (1 << 64) - 1)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Draw what is told of an access line."""
    told = {}
    for kind in draw(st.lists(st.sampled_from(LineAvp), unique=True)):
        rule = RULES[kind]
        told[kind] = draw(st.binary(min_size=rule.minimum_octets, max_size=rule.maximum_octets))
    return gather(told)


requests = st.builds(
    CallRequest,
    texts,
    texts,
    texts,
    st.none() | words,
    st.none() | words,
    speeds,
    speeds,
    words,
    texts,
    st.booleans(),
    lines(),
    st.booleans(),
)


@st.composite
def values(draw: st.DrawFn) -> dict[int, int | bytes]:
    chosen = draw(st.lists(st.sampled_from(sorted(set(RULES) - {0, 36})), unique=True))
    result: dict[int, int | bytes] = {}
    for attribute in chosen:
        rule = RULES[attribute]
        if rule.number:
            result[attribute] = draw(st.integers(rule.lowest, rule.highest))
        else:
            result[attribute] = draw(st.binary(min_size=rule.minimum_octets, max_size=min(rule.maximum_octets, 60)))
    return result


def build(attribute: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return avp.octets(attribute, value)
    return avp.octets(attribute, value.to_bytes(RULES[attribute].minimum_octets, "big"))


@given(values())
def test_what_is_built_is_read(given_values: dict[int, int | bytes]) -> None:
    data = b"".join(build(attribute, value) for attribute, value in given_values.items())
    avps = Avps()
    avps.read(data, 0, len(data))
    assert avps.violation is None
    assert {**avps.numbers, **avps.octets} == given_values


@given(values(), st.binary(min_size=1, max_size=30), st.binary(max_size=30), st.binary(max_size=40))
def test_what_is_hidden_is_revealed(
    given_values: dict[int, int | bytes], secret: bytes, random_vector: bytes, padding: bytes
) -> None:
    data = avp.octets(36, random_vector)
    for attribute, value in given_values.items():
        if RULES[attribute].hideable:
            data += hidden_avp(attribute, hide(attribute, build(attribute, value)[6:], secret, random_vector, padding))
    avps = Avps()
    avps.read(data, 0, len(data))
    reveal(avps, (Secret(secret),))
    found = {**avps.numbers, **avps.octets}
    del found[36]
    assert found == {attribute: value for attribute, value in given_values.items() if RULES[attribute].hideable}


@given(ids, words, requests)
def test_a_call_that_is_told_is_understood(session_id: int, serial_number: int, request: CallRequest) -> None:
    icrq = messages.parse(control(1, 0, 0, messages.icrq(session_id, serial_number, request)))
    iccn = messages.parse(control(1, 0, 0, messages.iccn(request)))
    assert icrq.problem() is None
    assert iccn.problem() is None
    assert (icrq.numbers[14], icrq.numbers[15]) == (session_id, serial_number)
    assert (icrq.text(22), icrq.text(21), icrq.text(23)) == request[:3]
    call = Call(False, 1, 0, CallRequest())
    call.asked(icrq)
    call.connected(iccn)
    heard = call.request
    assert heard._replace(rx_connect_speed_bps=0) == request._replace(
        tx_connect_speed_bps=heard.tx_connect_speed_bps, rx_connect_speed_bps=0
    )
    assert heard.tx_connect_speed_bps == spoken(request.tx_connect_speed_bps)
    assert heard.rx_connect_speed_bps == spoken(request.rx_connect_speed_bps or request.tx_connect_speed_bps)


def spoken(bps: int) -> int:
    """Return a speed, or what an AS5300 means by it."""
    digits = bps.to_bytes(8, "big").lstrip(b"\0")
    return int(digits) if digits in (b"1200", b"2400", b"4800", b"7200", b"9600") else bps


@given(st.binary(max_size=80), st.lists(st.binary(max_size=8), max_size=2))
def test_any_octets_are_avps_or_a_violation(data: bytes, secrets: list[bytes]) -> None:
    avps = Avps()
    avps.read(data, 0, len(data))
    reveal(avps, tuple(Secret(secret) for secret in secrets))
    for attribute, number in avps.numbers.items():
        assert RULES[attribute].lowest <= number <= RULES[attribute].highest
    for attribute, value in avps.octets.items():
        if attribute != AvpType.CONNECT_SPEED_UPDATE:  # one behind the other
            assert RULES[attribute].minimum_octets <= len(value) <= RULES[attribute].maximum_octets


@given(st.binary(max_size=80))
def test_any_octets_are_a_header_or_an_error(data: bytes) -> None:
    for first in (data, b"\xc8\x02" + data, b"\xc8\x02" + (len(data) + 4).to_bytes(2, "big") + data):
        try:
            length, *_ = parse_control(first)
        except WireError:
            continue
        assert 12 <= length <= len(first)
        if length > 12:
            messages.parse(first[:length]).problem()


@given(st.binary(max_size=40), st.sampled_from([0x0002, 0x4002, 0x0802, 0x4B02, 0x0202]))
def test_any_octets_are_a_data_message_or_an_error(data: bytes, flags: int) -> None:
    octets = flags.to_bytes(2, "big") + data
    try:
        _, _, ns, offset, end = parse_data(octets)
    except WireError:
        return
    assert 6 <= offset <= end <= len(octets)
    assert -1 <= ns <= 0xFFFF


@pytest.mark.parametrize("end", range(12, len(XL2TPD_SCCRQ)))
@given(noise=st.binary(max_size=20))
def test_a_message_cut_short_and_continued_by_noise(end: int, noise: bytes) -> None:
    body = XL2TPD_SCCRQ[12:end] + noise
    data = control(0, 0, 0, body)
    try:
        parse_control(data)
    except WireError:
        return
    if len(data) > 12:
        message = messages.parse(data)
        message.problem()
        message.cause()


@given(st.sampled_from(list(MessageType)), values())
def test_every_message_has_a_problem_or_all_that_it_must(
    kind: MessageType, given_values: dict[int, int | bytes]
) -> None:
    body = avp.number16(0, kind) + b"".join(build(attribute, value) for attribute, value in given_values.items())
    problem = messages.parse(control(1, 0, 0, body)).problem()
    must = set(messages.SPECIFICATIONS[kind].must) - set(messages.FORGIVEN.get(kind, ()))
    assert (problem is None) is all(attribute in given_values for attribute in must)


@given(values(), st.binary(min_size=1, max_size=40), st.sampled_from(list(MessageType)))
def test_what_is_hidden_is_found_again_and_nothing_that_may_be_hidden_is_not(
    given_values: dict[int, int | bytes], secret: bytes, kind: MessageType
) -> None:
    plain = avp.number16(0, kind) + b"".join(build(attribute, value) for attribute, value in given_values.items())
    dice = random.Random(len(plain))
    authentication = Authentication((Secret(b"wrong"), Secret(secret)), dice.randbytes)
    authentication.number = 1
    hidden = Hiding(authentication, dice.randbytes).hide(plain)
    for is_hidden, name, value in flat(hidden):
        may = name in RULES and RULES[name].hideable and len(value) <= avp.MAX_VALUE_OCTETS - 2
        assert is_hidden is may
    sent, received = Avps(), Avps()
    sent.read(plain, 0, len(plain))
    received.read(hidden, 0, len(hidden))
    reveal(received, (Secret(secret),))
    received.octets.pop(AvpType.RANDOM_VECTOR, None)
    assert (received.numbers, received.octets, received.violation) == (sent.numbers, sent.octets, None)


def flat(data: bytes) -> list[tuple[bool, int, bytes]]:
    """Take AVPs apart by hand: (H bit, vendor and attribute, value)."""
    found = []
    while data:
        length = int.from_bytes(data[:2], "big") & 0x3FF
        found.append((bool(data[0] & 0x40), int.from_bytes(data[2:6], "big"), data[6:length]))
        data = data[length:]
    return found


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=20), st.integers(0, 0xFFFF))
def test_hidden_noise_is_a_value_or_a_fault(noise: bytes, secret: bytes, attribute: int) -> None:
    data = avp.octets(AvpType.RANDOM_VECTOR, b"vector") + hidden_avp(attribute, noise)
    avps = Avps()
    avps.read(data, 0, len(data))
    reveal(avps, (Secret(secret), Secret(b"another")))
    assert avps.hidden is None
    assert avps.violation is not None or attribute in avps.numbers or attribute in avps.octets
