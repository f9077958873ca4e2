"""What a group says of data messages, what a journal keeps of a call's, and those that others send."""

from __future__ import annotations

import pytest

from bras.config.model import LacConfig
from bras.errors import DropReason
from bras.ids import call_key
from bras.l2tp.data import PLAIN, DataChannel, DataOptions
from bras.l2tp.events import Event, FrameReceived
from bras.l2tp.sequence import RESERVED, Order
from tests.support.l2tp import AT_LNS, HandLac, lns_endpoint
from tests.vectors import l2tp_data as vectors

IDS = bytes.fromhex("0007 0009")


@pytest.mark.parametrize(
    ("dataseq", "number", "require", "deny"),
    [
        ("deny", False, False, True),
        ("allow", False, False, False),
        ("prefer", True, False, False),
        ("require", True, True, False),
    ],
)
def test_the_words_of_a_group(dataseq: str, number: bool, require: bool, deny: bool) -> None:
    options = DataOptions.of(LacConfig("any", dataseq=dataseq))
    assert options == DataOptions(number, require, deny)


def test_a_group_that_says_nothing_costs_nothing() -> None:
    assert DataOptions.of(LacConfig("any")) == PLAIN


def test_a_journal_keeps_what_must_not_be_done_twice() -> None:
    channel = DataChannel(DataOptions(number=True, hold_s=1.0), IDS)
    numbers = []
    for _ in range(3):
        channel.numbering.reserve()
        numbers.append(int.from_bytes(channel.pack(b"x", numbered=True, control=True)[6:8], "big"))
    assert numbers == [0, 1, 2]
    channel.receive(5, b"held", required=False, hold=True, now=0.0)
    after = DataChannel.restore(channel.lasting(), IDS)
    assert after.options == channel.options
    assert after.numbering.reserve(), "what is sent next must be in the journal first"
    assert int.from_bytes(after.pack(b"x", numbered=True, control=True)[6:8], "big") == RESERVED
    assert after.deadline is None
    assert after.receive(9, b"y", required=True, hold=True, now=0.0) == Order((b"y",))


def heard(datagrams: tuple[bytes, ...]) -> tuple[HandLac, list[Event]]:
    """Let an LNS hear data messages, under the ids of a call of today."""
    lac = HandLac(lns_endpoint())
    lac.establish()
    session_id, _ = lac.call(0x77)
    ours = lac.peer_tunnel_id.to_bytes(2, "big") + session_id.to_bytes(2, "big")
    events: list[Event] = []
    for data in datagrams:
        at = 4 if data[0] & 0x40 else 2
        events += lac.endpoint.receive(AT_LNS, data[:at] + ours + data[at + 4 :], now=1.0)
    return lac, events


@pytest.mark.parametrize("sender", ["KERNEL", "NG_L2TP"])
def test_those_that_others_send_arrive_whole_and_once(sender: str) -> None:
    datagrams: tuple[bytes, ...] = getattr(vectors, sender)
    lac, events = heard(datagrams)
    header = 12 if datagrams[0][0] & 0x40 else 10
    assert [event.frame for event in events if isinstance(event, FrameReceived)] == [
        data[header:] for data in datagrams
    ]
    assert len(events) == len(datagrams)
    _, again = heard(datagrams * 2)
    reasons = [getattr(event, "reason", None) for event in again]
    assert reasons == [None] * len(datagrams) + [DropReason.DUPLICATE_DATA] * len(datagrams)
    (tunnel,) = lac.endpoint.save()["tunnels"]
    facts = lac.endpoint.disorder(call_key(tunnel["tunnel_id"], tunnel["calls"]["calls"][0]["session_id"]))
    assert facts is not None
    assert (facts.arriving, facts.numbered, facts.disorder.save()) == (True, False, [0, 0, 0, 0, 0])
