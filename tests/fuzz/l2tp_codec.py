"""Header, AVPs and hidden AVPs: any octets are a value, a violation or a WireError."""

from __future__ import annotations

from bras.errors import WireError
from bras.l2tp import avp, messages
from bras.l2tp.avp import RULES, Avps
from bras.l2tp.constants import AvpType
from bras.l2tp.header import parse_control, parse_data
from bras.l2tp.hidden import reveal
from bras.l2tp.line import facts, gather
from bras.l2tp.wording import worded
from bras.secret import Secret
from tests.fuzz.harness import Cursor, Harness
from tests.support.l2tp import control
from tests.vectors.l2tp_hidden import hidden_avp, hide

SECRETS = (Secret(b"wrong"), Secret(b"tunsecret"))
SPEED_UPDATE = int(AvpType.CONNECT_SPEED_UPDATE)
ATTRIBUTES = sorted(int(attribute) for attribute in RULES)


def _look(message: Avps) -> None:
    """See that whatever came out of the octets is within the rules."""
    for attribute, number in message.numbers.items():
        assert RULES[attribute].lowest <= number <= RULES[attribute].highest
    for attribute, value in message.octets.items():
        if attribute == SPEED_UPDATE:  # there may be several in a CSUN, which are kept one behind the other
            assert len(value) % RULES[attribute].minimum_octets == 0
            continue
        assert RULES[attribute].minimum_octets <= len(value) <= RULES[attribute].maximum_octets


def _control(data: bytes) -> None:
    try:
        length, tunnel_id, session_id, ns, nr = parse_control(data)
    except WireError as error:
        assert 0 <= error.offset <= len(data)
        return
    assert 12 <= length <= len(data)
    assert max(tunnel_id, session_id, ns, nr) <= 0xFFFF
    if length == 12:
        return
    message = messages.parse(data[:length])
    reveal(message, SECRETS)
    assert not message.hidden
    _look(message)
    problem = message.problem()
    if problem is not None:
        assert 0 < problem.result <= 0xFFFF
        assert problem.text.isprintable()
    elif message.type in messages.SPECIFICATIONS:
        forgiven = messages.FORGIVEN.get(message.type, ())
        must = set(messages.SPECIFICATIONS[message.type].must) - set(forgiven)
        assert all(attribute in message.numbers or attribute in message.octets for attribute in must)
    message.cause()
    line = gather(message.octets)
    assert all(isinstance(value, str | int | bool) for value in facts(line).values())
    assert len(worded(data[:length], SECRETS)) <= length // 6


def _data(data: bytes) -> None:
    try:
        tunnel_id, session_id, ns, offset, end = parse_data(data)
    except WireError as error:
        assert 0 <= error.offset <= len(data)
        return
    assert 6 <= offset <= end <= len(data)
    assert -1 <= ns <= 0xFFFF
    assert max(tunnel_id, session_id) <= 0xFFFF


def _built(cursor: Cursor) -> bytes:
    """Build a message of AVPs whose frames are right and whose values are anything."""
    body = avp.number16(0, cursor.u8() % 20)
    while cursor.more:
        how, attribute, value = cursor.u8(), cursor.of(ATTRIBUTES), cursor.string()
        if how & 3 == 3:
            body += avp.octets(36, b"random vector")
            body += hidden_avp(
                attribute & 0xFFFF, hide(attribute & 0xFFFF, value, b"tunsecret", b"random vector", b"\0" * (how >> 4))
            )
            continue
        size = 6 + len(value) + (1 if how & 0x40 else 0)
        flags = (how & 0x80) << 8 | (0x4000 if how & 3 == 2 else 0) | (0x2000 if how & 0x3C == 0x3C else 0) | size
        vendor = 9 << 16 if how & 0x20 else 0
        body += flags.to_bytes(2, "big") + (vendor | attribute).to_bytes(4, "big") + value
    return control(1, 0, 0, body[:4000])


def _run(data: bytes) -> None:
    form, rest = data[:1], data[1:]
    if form < b"\x60":
        _control(_built(Cursor(rest)))
    elif form < b"\xa0":
        _control(rest)
        _data(rest)
    else:
        _control(control(1, 0, 0, rest))
        avps = Avps()
        avps.read(rest, 0, len(rest))
        reveal(avps, SECRETS)
        _look(avps)


def harness(_name: str) -> Harness:
    return Harness(_run)
