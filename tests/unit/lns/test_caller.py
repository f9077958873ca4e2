"""Calling-Station-Id of what a LAC told; the effect of each policy on RADIUS is in test_keys_calls.py."""

from __future__ import annotations

import pytest

from bras.config.caller import PLACEHOLDERS
from bras.l2tp.messages import CallRequest
from bras.lns.caller import calling_station
from bras.radius.events import Kind
from bras.subscriber.subscriber import Subscriber
from tests.support.rim import Rim


def subscriber(request: CallRequest) -> tuple[Rim, Subscriber]:
    rim = Rim()
    rim.lac().dial("user1", "pass", request=request)
    rim.run(3.0)
    (one,) = rim.lns.core.registry.by_number.values()
    return rim, one


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_placeholder_stands_for_something_and_a_lac_that_tells_nothing_is_its_address(name: str) -> None:
    _, one = subscriber(CallRequest())
    told = calling_station(one, f"{{{name}}}")
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
