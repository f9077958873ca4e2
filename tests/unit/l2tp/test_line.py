"""What is told of access lines (RFC 5515): octets that others send, what is kept, what is shown."""

from __future__ import annotations

import pytest

from bras.l2tp import line
from bras.l2tp.constants import LineAvp
from bras.l2tp.events import CallUp
from bras.l2tp.hidden import reveal
from bras.l2tp.messages import CallRequest, iccn, icrq
from bras.secret import Secret
from tests.support.l2tp import HandLac, control, lns_endpoint, read
from tests.vectors.l2tp_extensions import ACCESS_LINE, CIRCUIT_ID, ENABLE, REMOTE_ID
from tests.vectors.l2tp_hidden import hidden_avp, hide

PLAIN = CallRequest("030", "0198", tx_connect_speed_bps=1000)
RATES = {
    "actual_data_rate_upstream_bps": 1_024_000,
    "actual_data_rate_downstream_bps": 16_384_000,
    "attainable_data_rate_upstream_bps": 1_200_000,
    "actual_interleaving_delay_downstream_ms": 16,
}
FACTS = {
    "agent_circuit_id": CIRCUIT_ID.decode(),
    "agent_remote_id": REMOTE_ID.decode(),
    **RATES,
    "access_loop_encapsulation": "AAL5, Ethernet over AAL5 LLC without FCS",
    "access_line_type": "ADSL2+",
    "iwf_session": True,
}


def told(in_icrq: bytes = b"", in_iccn: bytes = b"") -> CallUp:
    lac = HandLac(lns_endpoint())
    lac.establish()
    assert lac.say(icrq(1, 1, PLAIN) + in_icrq) == []
    (up,) = lac.say(iccn(PLAIN) + in_iccn, lac.last().numbers[14])
    assert isinstance(up, CallUp)
    assert lac.endpoint.call(up.key) == up.info
    return up


@pytest.mark.parametrize("where", [(ACCESS_LINE, b""), (b"", ACCESS_LINE), (ACCESS_LINE, ACCESS_LINE)])
def test_the_line_reaches_the_call(where: tuple[bytes, bytes]) -> None:
    assert line.facts(told(*where).info.access_line) == FACTS


def test_the_line_is_kept_as_radius_wants_it() -> None:
    kept = told(ACCESS_LINE).info.access_line
    assert kept.startswith(b"\x01\x12" + CIRCUIT_ID + b"\x02\x0c" + REMOTE_ID + bytes.fromhex("8106 000fa000"))
    assert kept.endswith(bytes.fromhex("9005 000006 9106 00000003 fe02"))


def test_a_call_without_a_line_keeps_nothing() -> None:
    info = told().info
    assert info.access_line == b""
    assert info.speed_updates is False


def test_who_will_tell_new_speeds_says_so() -> None:
    info = told(ENABLE).info
    assert info.speed_updates is True
    assert info.access_line == b""


def test_the_same_attributes_of_another_vendor_are_nothing() -> None:
    assert told(ACCESS_LINE.replace(b"\x0d\xe9", b"\x00\x09")).info.access_line == b""


@pytest.mark.parametrize("attribute", LineAvp)
def test_a_value_of_a_wrong_length_is_as_if_it_were_not_there(attribute: LineAvp) -> None:
    value = b"x" * (248 if attribute in (LineAvp.AGENT_CIRCUIT_ID, LineAvp.AGENT_REMOTE_ID) else 5)
    flags = (6 + len(value)).to_bytes(2, "big")
    up = told(flags + int(attribute).to_bytes(4, "big") + value + ACCESS_LINE[:22])
    assert line.facts(up.info.access_line) == {"agent_circuit_id": CIRCUIT_ID.decode()}


def test_a_line_may_be_hidden() -> None:
    vector = bytes(range(16))
    name = int(LineAvp.AGENT_CIRCUIT_ID)
    cipher = hide(name, CIRCUIT_ID, b"tunsecret", vector)
    body = bytes.fromhex("8016 0000 0024") + vector + hidden_avp(name, cipher, mandatory=False)
    message = read(control(1, 0, 0, icrq(1, 1, PLAIN) + body))
    reveal(message, (Secret(b"tunsecret"),))
    assert message.octets[name] == CIRCUIT_ID


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("000fa000", "000fa000"),
        ("00000000000fa000", "000fa000"),
        ("00000002540be400", "ffffffff"),
        ("0000000fa000", ""),
    ],
)
def test_rates_have_64_bits_in_l2tp_or_32_and_32_in_radius(value: str, kept: str) -> None:
    octets = {LineAvp.ACTUAL_DATA_RATE_UPSTREAM: bytes.fromhex(value)}
    assert line.gather(octets) == (bytes.fromhex("8106") + bytes.fromhex(kept) if kept else b"")


@pytest.mark.parametrize(("value", "there"), [(b"", True), (b"\0\0\0\1", True), (b"\1", True), (b"\0\0\0\0", False)])
def test_iwf_is_a_number_in_l2tp_and_a_presence_in_radius(value: bytes, there: bool) -> None:
    assert line.gather({LineAvp.IWF_SESSION: value}) == (b"\xfe\x02" if there else b"")


def test_what_is_no_utf8_stays_visible() -> None:
    kept = line.gather({LineAvp.AGENT_CIRCUIT_ID: b"a\xff\x00"})
    assert line.facts(kept) == {"agent_circuit_id": "a\\xff\x00"}
    assert line.text(kept, LineAvp.AGENT_CIRCUIT_ID) == "a\\xff\x00"
    assert line.text(kept, LineAvp.AGENT_REMOTE_ID) == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("010200", "Ethernet, single-tagged Ethernet"),
        ("010100", "Ethernet, untagged Ethernet"),
        ("000002", "AAL5, PPPoA null"),
        ("ff6309", "255, 99, 9"),
    ],
)
def test_encapsulations_in_words(value: str, words: str) -> None:
    kept = line.gather({LineAvp.ACCESS_LOOP_ENCAPSULATION: bytes.fromhex(value)})
    assert line.facts(kept) == {"access_loop_encapsulation": words}


def test_an_unknown_kind_of_dsl_is_its_number() -> None:
    assert line.facts(line.gather({LineAvp.ACCESS_LINE_TYPE: b"\0\0\0\x2a"})) == {"access_line_type": "42"}


def test_the_lac_role_tells_a_line_as_others_do() -> None:
    kept = told(ACCESS_LINE).info.access_line
    body = icrq(1, 1, CallRequest(access_line=kept, speed_updates=True))
    assert body.endswith(ACCESS_LINE + ENABLE)
