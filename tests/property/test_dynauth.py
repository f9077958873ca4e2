"""Whatever is changed in a request that was right, it is not believed; whatever comes, nothing breaks."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.listen import Listen
from bras.errors import DropReason
from bras.radius.change import ChangeReader, Fault
from bras.radius.coa import CoaServer
from bras.radius.coa_events import CoaAsked, CoaDropped, Origin
from bras.radius.codec import SharedSecret
from bras.radius.dynauth import COA_REQUEST, DISCONNECT_REQUEST, Rules, Verified, sort, verify
from bras.secret import Secret
from tests.support.dynauth import dynamic_request
from tests.support.radius import SECRET, attribute, codec

NOW = 1_760_000_000.0
KEY = (SharedSecret(SECRET),)
RULES = (Rules(True, False, 300.0), Rules(False, False, 300.0))
READER = ChangeReader(codec())
CONFIG = CoaConfig((Listen("192.0.2.1", 3799),), (CoaClientConfig(("0.0.0.0/0",), (Secret(SECRET),), "aaa"),))
ORIGIN = Origin(0, "192.0.2.1", "198.51.100.7", 40000)

values = st.binary(max_size=40)
codes = st.integers(1, 255).filter(lambda code: code not in (55, 80))
bodies = st.lists(st.tuples(codes, values), max_size=12).map(lambda many: b"".join(attribute(*one) for one in many))
requests = st.builds(
    lambda code, body, identifier, signed: dynamic_request(code, body, identifier=identifier, signed=signed),
    st.sampled_from([COA_REQUEST, DISCONNECT_REQUEST]),
    bodies,
    st.integers(0, 255),
    st.booleans(),
)


@given(requests, st.integers(0, 1 << 31), st.integers(1, 255))
def test_a_request_that_was_touched_is_dropped(data: bytes, at: int, change: int) -> None:
    touched = bytearray(data)
    touched[at % len(data)] ^= change
    for rules in RULES:
        assert isinstance(verify(bytes(touched), KEY, rules, wall_s=NOW), DropReason)


@given(requests, st.integers(0, 1 << 31))
def test_a_request_that_was_cut_is_dropped(data: bytes, at: int) -> None:
    for rules in RULES:
        assert isinstance(verify(data[: at % len(data)], KEY, rules, wall_s=NOW), DropReason)


@given(requests, st.integers(0, 0xFFFF))
def test_a_length_that_is_not_true_is_noticed(data: bytes, length: int) -> None:
    forged = data[:2] + length.to_bytes(2, "big") + data[4:]
    if length != len(data):
        for rules in RULES:
            assert isinstance(verify(forged, KEY, rules, wall_s=NOW), DropReason)


@given(st.binary(max_size=200))
def test_octets_of_any_kind_are_dropped(data: bytes) -> None:
    server = CoaServer(CONFIG)
    (event,) = server.receive(ORIGIN, data, wall_s=NOW, now=0.0)
    assert isinstance(event, CoaDropped)


@given(st.sampled_from([COA_REQUEST, DISCONNECT_REQUEST]), bodies)
def test_what_is_signed_is_understood_or_refused_in_words(code: int, body: bytes) -> None:
    data = dynamic_request(code, body)
    verified = verify(data, KEY, RULES[0], wall_s=NOW)
    assert isinstance(verified, Verified)
    request = sort(verified, "aaa")
    given_again = [(one, value) for one, value in verified.attributes if one not in (33, 80)]
    assert sorted((*request.nas, *request.session, *request.changes)) == sorted(given_again)
    found = READER.read(request.changes)
    assert not isinstance(found, Fault) or found.text


@given(requests, st.randoms(use_true_random=False))
def test_a_request_is_told_once_whatever_comes_between(data: bytes, dice: random.Random) -> None:
    server = CoaServer(CONFIG)
    signed = isinstance(verify(data, KEY, RULES[0], wall_s=NOW), Verified)
    copies = [data, data[:-1], data + b"x", bytes(reversed(data)), data]
    dice.shuffle(copies)
    told = [event for copy in copies for event in server.receive(ORIGIN, copy, wall_s=NOW, now=0.0)]
    assert len([event for event in told if isinstance(event, CoaAsked)]) == signed
