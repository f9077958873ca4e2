"""Which calls of a tunnel wait, and until when: the endpoint's own timer serves them."""

from __future__ import annotations

from bras.config.model import LacConfig, LnsConfig
from bras.errors import DropReason
from bras.ids import CallKey, call_key
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import By, CallDown, Cause, DataDisordered, Dropped, Event, FrameReceived
from bras.l2tp.order import _MOST_WAITING
from tests.support.l2tp import AT_LNS, HandLac, lns_endpoint

GROUP = LacConfig("any", dataseq="prefer", reorder_timeout_s=0.5, hello_interval_s=0.0)


class Site:
    """An LNS endpoint and a LAC by hand with some calls."""

    def __init__(self, calls: int = 1, group: LacConfig = GROUP) -> None:
        self.lac = HandLac(lns_endpoint(group, max_sessions=1000))
        self.lac.establish()
        self.keys: list[CallKey] = []
        for number in range(calls):
            session_id, _ = self.lac.call(0x100 + number)
            self.keys.append(call_key(self.lac.peer_tunnel_id, session_id))
        self.lac.wait_until(1.0)
        self.lac.zlb()

    @property
    def endpoint(self) -> Endpoint:
        return self.lac.endpoint

    def data(self, ns: int, call: int = 0) -> list[Event]:
        """Send a numbered frame that says which one it is."""
        head = b"\x08\x02" + self.keys[call].to_bytes(4, "big") + ns.to_bytes(2, "big") + b"\0\0"
        return self.endpoint.receive(AT_LNS, head + frame(ns), now=self.lac.now)


def frame(ns: int) -> bytes:
    return b"\xff\x03\x00\x21%d" % ns


def received(key: CallKey, *numbers: int) -> list[FrameReceived]:
    return [FrameReceived(key, frame(ns)) for ns in numbers]


def test_the_timer_of_the_endpoint_is_set_when_a_frame_begins_to_wait() -> None:
    site = Site()
    quiet = site.endpoint.deadline
    assert quiet is None or quiet > 2.0
    key = site.keys[0]
    assert site.data(0) == received(key, 0)
    assert site.endpoint.deadline == quiet, "what is in order needs no timer"
    assert site.data(2) == []
    assert site.endpoint.deadline == 1.5
    assert site.lac.wait_until(1.4) == []
    assert site.data(4) == []
    assert site.lac.wait_until(1.5) == [DataDisordered(key, "any", 1, 1), *received(key, 2)]
    assert site.endpoint.deadline == 1.9
    assert site.data(3) == [DataDisordered(key, "any", 0, 1), *received(key, 3, 4)]
    assert site.lac.wait_until(2.0) == []
    assert site.data(1) == [Dropped(DropReason.OUT_OF_ORDER_DATA, AT_LNS)]


def test_each_call_waits_for_itself() -> None:
    site = Site(3)
    assert site.data(1, 0) == site.data(1, 1) == []
    site.lac.wait_until(1.2)
    assert site.data(1, 2) == []
    assert site.data(0, 1)[1:] == received(site.keys[1], 0, 1)
    assert site.lac.wait_until(1.5)[1:] == received(site.keys[0], 1)
    assert site.lac.wait_until(1.7)[1:] == received(site.keys[2], 1)


def test_a_call_that_ends_takes_along_what_waited() -> None:
    site = Site(2)
    site.data(1, 0)
    site.data(1, 1)
    cause = Cause(By.LOCAL, 3)
    events = site.lac.hear(site.endpoint.close_call(site.keys[0], cause, now=1.0))
    assert events == [CallDown(site.keys[0], cause)]
    assert [type(event) for event in site.lac.wait_until(1.6)] == [DataDisordered, FrameReceived]
    site.data(3, 1)
    site.lac.hear(site.endpoint.close_tunnel(site.lac.peer_tunnel_id, cause, now=1.7))
    assert not [event for event in site.lac.wait_until(60.0) if isinstance(event, FrameReceived)]


def test_a_tunnel_cannot_fill_the_memory() -> None:
    site = Site(_MOST_WAITING + 1)
    for call in range(_MOST_WAITING):
        assert site.data(1, call) == []
    key = site.keys[-1]
    assert site.data(1, _MOST_WAITING) == [DataDisordered(key, "any", 1, 0), *received(key, 1)]
    assert site.data(3, 0) == [], "who waits already may go on"
    given_on = [event for event in site.lac.wait_until(2.0) if isinstance(event, FrameReceived)]
    assert len(given_on) == _MOST_WAITING + 1


def test_saved_in_the_midst_it_goes_on_waiting() -> None:
    site = Site()
    key = site.keys[0]
    site.data(2)
    saved = site.endpoint.save()
    site.lac.endpoint = Endpoint.restore(
        saved, lns=LnsConfig((), hostname="lns1"), groups=(LacConfig("any"),), entropy=bytes
    )
    assert site.endpoint.deadline == 1.5
    site.lac.now = 1.2
    assert site.data(1) == []
    assert site.lac.wait_until(1.5) == [DataDisordered(key, "any", 1, 2), *received(key, 1, 2)]
