"""What RADIUS knows a call by; the effect of each key on RADIUS is in test_keys_calls.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bras.config.caller import PLACEHOLDERS, PORT_TYPES
from bras.config.model import LacConfig
from bras.l2tp.constants import LineAvp
from bras.l2tp.line import gather
from bras.l2tp.messages import CallRequest
from bras.lns.caller import VALUES, Format, Names
from bras.radius.events import Kind
from bras.subscriber.subscriber import Subscriber
from tests.support.rim import Rim
from tests.unit.subscriber.pair import LINE


def subscriber(request: CallRequest) -> tuple[Rim, Subscriber]:
    rim = Rim()
    rim.lac().dial("user1", "pass", request=request)
    rim.run(3.0)
    (one,) = rim.lns.core.registry.by_number.values()
    return rim, one


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_placeholder_stands_for_something_and_a_lac_that_tells_nothing_is_its_address(name: str) -> None:
    _, one = subscriber(CallRequest())
    told = Names(LacConfig("any", caller_id=f"{{{name}}}"), "lns1").calling(one)
    assert told
    if name in ("number", "called", "sub_address", "channel", "private_group", "circuit_id", "remote_id"):
        assert told == "198.18.0.2"


@pytest.mark.parametrize("number", ["0" * 300, "ä" * 200, "a\x00b", "\u202e123", "\ufffd"])
def test_numbers_of_any_kind_are_carried(number: str) -> None:
    rim, _ = subscriber(CallRequest(number, number, number, private_group=number))
    attributes = rim.requests(Kind.AUTH)[0].attributes
    for kind in (30, 31, 81):
        carried = attributes[kind].decode()  # cut between characters, if at all
        assert number.startswith(carried)
        assert len(attributes[kind]) > min(251, len(number.encode()) - 1)


def test_octets_that_are_no_text_do_no_harm() -> None:
    rim, one = subscriber(CallRequest("x"))
    line = one.line
    assert line.calling_number == "x"
    body = bytes.fromhex("8008 0000 0000 000a 8008 0000 000e 0077 800a 0000 000f 00000001") + bytes.fromhex(
        "8009 0000 0016 ff00fe 8008 0000 0015 c328"
    )
    lac = rim.lac(address="198.18.0.9", hostname="lac9")
    rim.run(1.0)
    lac.tell(body)
    rim.run(1.0)
    lac.tell(bytes.fromhex("8008 0000 0000 000c 800a 0000 0018 00000001 800a 0000 0013 00000001"))
    rim.run(1.0)
    calls = [call for tunnel in rim.lns.core.endpoint._tunnels.values() for call in tunnel.calls.table.values()]
    assert "\ufffd\x00\ufffd" in [call.request.calling_number for call in calls]


def test_every_placeholder_has_a_value() -> None:
    assert VALUES.keys() | {"lns"} == set(PLACEHOLDERS)


def test_a_format_as_others_write_it() -> None:
    """Nokia's NAS-Port-Id of an LNS has the addresses and ids of both ends."""
    _, one = subscriber(CallRequest())
    text = "LNS {lns}#lip-{local}#rip-{address}#ltid-{tunnel}#rtid-{peer_tunnel}"
    text += "#lsid-{session}#rsid-{peer_session}#{serial}"
    leg = one.leg
    assert Format(text, "rtr-2").of(one) == (
        f"LNS rtr-2#lip-198.18.0.1#rip-198.18.0.2#ltid-{leg.key >> 16}#rtid-{leg.peer_tunnel_id}"
        f"#lsid-{leg.key & 0xFFFF}#rsid-{leg.peer_session_id}#{one.line.serial_number}"
    )
    assert Format("{lns}", "rtr-2").of(one) == "rtr-2"
    assert Format("a{{{lns}}}b", "rtr-2").of(one) == "a{rtr-2}b"


def line_type(number: int) -> bytes:
    return gather({LineAvp.ACCESS_LINE_TYPE: number.to_bytes(4, "big")})


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({}, "virtual"),
        ({"bearer_type": 0}, "virtual"),
        ({"bearer_type": 1}, "isdn"),
        ({"bearer_type": 2}, "async"),
        ({"bearer_type": 3}, "async"),
        ({"access_line": gather({LineAvp.AGENT_CIRCUIT_ID: b"x"})}, "xdsl"),
        ({"access_line": line_type(1), "bearer_type": 1}, "xdsl"),
        ({"access_line": line_type(5)}, "xdsl"),
        ({"access_line": line_type(6)}, "sdsl"),
    ],
)
def test_the_kind_of_port_by_what_is_told_of_the_line(said: dict[str, Any], kind: str) -> None:
    names = Names(LacConfig("any", nas_port_type="line"), "lns1")
    assert names.port_type(replace(LINE, **said)) == PORT_TYPES[kind]


def test_the_kind_of_port_by_configuration() -> None:
    line = replace(LINE, access_line=line_type(6), bearer_type=1)
    for word, number in PORT_TYPES.items():
        assert Names(LacConfig("any", nas_port_type=word), "lns1").port_type(line) == number


def test_our_name_is_the_one_that_the_lacs_of_the_group_see() -> None:
    assert Names(LacConfig("any"), "lns1").host == "lns1"
    assert Names(LacConfig("any", local_hostname="other"), "lns1").host == "other"
