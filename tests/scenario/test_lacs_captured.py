"""Whole conversations of LACs by others, replayed: each datagram is taken as its sender meant it.

Our ids are other ones today, so the headers' ids are set to them; nothing else is touched.  Our
Challenge is the one that was answered then.
"""

from __future__ import annotations

import random
from typing import TypeVar

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.ids import CallKey
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import (
    By,
    CallDown,
    CallUp,
    Cause,
    Dropped,
    Event,
    FrameReceived,
    Path,
    TunnelDown,
    TunnelRefused,
    TunnelUp,
)
from bras.l2tp.header import CONTROL_BIT, parse_data
from bras.secret import Secret
from tests.vectors import lacs_captured as captured
from tests.vectors.lacs_captured import Capture

PATH = Path(0, "198.18.0.1", 1701, "198.18.0.2", 65432)
T = TypeVar("T")
HUNG_UP = Cause(By.LOCAL, 3, 0, "no common authentication")


class Replay:
    """An LNS that hears what was captured."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.events: list[Event] = []
        dice = random.Random(1)
        secrets = (Secret(b"tunsecret"),) if capture.challenge else ()
        self.endpoint = Endpoint(
            lns=LnsConfig(listen=()),
            groups=(LacConfig(name="any", secrets=secrets),),
            entropy=lambda count: capture.challenge if count == 16 else dice.randbytes(count),
        )
        self.calls: dict[int, CallKey] = {}
        """Ours of today by our session id of then."""
        for datagram in capture.datagrams:
            self.hear(datagram)

    def hear(self, datagram: bytes) -> None:
        flags = int.from_bytes(datagram[:2], "big")
        at = 4 if flags & (CONTROL_BIT | 0x4000) else 2
        tunnel_id, session_id = (int.from_bytes(datagram[at + n : at + n + 2], "big") for n in (0, 2))
        ours = self.endpoint.save()["tunnels"][0]["tunnel_id"] if tunnel_id else 0
        if session_id:
            session_id = self.session(session_id)
        ids = ours.to_bytes(2, "big") + session_id.to_bytes(2, "big")
        if flags & CONTROL_BIT and int.from_bytes(datagram[10:12], "big") > self.sent():
            for key in self.up():
                self.events += self.endpoint.close_call(key, HUNG_UP, now=0.0)
        self.events += self.endpoint.receive(PATH, datagram[:at] + ids + datagram[at + 4 :], now=0.0)

    def session(self, theirs: int) -> int:
        """Ids of then in the order of their ICRPs are ours of today in the same order."""
        if theirs not in self.calls:
            tunnel = self.endpoint.save()["tunnels"][0]
            waiting = [call["session_id"] for call in tunnel["calls"]["calls"]]
            self.calls[theirs] = CallKey(waiting[len(self.calls)])
        return self.calls[theirs]

    def sent(self) -> int:
        """Return the Ns of our next message."""
        tunnels = self.endpoint.save()["tunnels"]
        return (
            tunnels[0]["channel"]["sender"]["first"] + len(tunnels[0]["channel"]["sender"]["messages"])
            if tunnels
            else 0
        )

    def up(self) -> list[CallKey]:
        downs = {event.key for event in self.events if isinstance(event, CallDown)}
        return [event.key for event in self.events if isinstance(event, CallUp) and event.key not in downs]

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


CAPTURES = {
    "l2tpns": (captured.L2TPNS, "lts1", 1),
    "go-l2tp": (captured.GO_L2TP, "kl2tpd-host", 3),
    "accel-ppp": (captured.ACCEL_PPP, "accel.test", 1),
    "accel-ppp hiding": (captured.ACCEL_PPP_HIDING, "accel.test", 1),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_it_gets_in_and_says_goodbye(name: str) -> None:
    capture, hostname, calls = CAPTURES[name]
    replay = Replay(capture)
    (up,) = replay.of(TunnelUp)
    assert up.lac_hostname == hostname
    assert len(replay.of(CallUp)) == len(replay.of(CallDown)) == calls
    assert not replay.of(Dropped)
    assert len(replay.of(TunnelDown)) == (0 if name == "l2tpns" else 1), "l2tpns keeps its tunnel"


@pytest.mark.parametrize("name", CAPTURES)
def test_its_frames_arrive_whole(name: str) -> None:
    capture, _, _ = CAPTURES[name]
    data = [datagram for datagram in capture.datagrams if not datagram[0] & 0x80]
    frames = [datagram[offset:end] for datagram in data for *_, offset, end in [parse_data(datagram)]]
    arrived = [event.frame for event in Replay(capture).of(FrameReceived)]
    assert arrived == frames[: len(arrived)]
    assert len(frames) - len(arrived) <= 1, "one Terminate-Ack came after our CDN"
    assert all(frame.startswith(b"\xff\x03") for frame in frames)


def test_what_accel_ppp_hides_is_read() -> None:
    """Vendor Name, Framing Capabilities, both ids, Challenge and its Response, speeds: padded with up to 100 octets."""
    capture = captured.ACCEL_PPP_HIDING
    replay = Replay(Capture(capture.challenge, capture.datagrams[:4]))
    (tunnel,) = replay.endpoint.tunnels()
    assert (tunnel.vendor, tunnel.peer_tunnel_id) == ("accel-ppp", 0xA01C)
    (call,) = replay.of(CallUp)
    assert (call.info.peer_session_id, call.info.tx_connect_speed_bps) == (0x59B3, 1000)
    assert call.info.sequencing_required
    assert call.info.numbered
    whole = Replay(Capture(capture.challenge, tuple(one for one in capture.datagrams[:9])))
    (key,) = whole.up()
    facts = whole.endpoint.disorder(key)
    assert facts is not None
    assert (facts.required, facts.arriving, facts.disorder.save()) == (True, True, [0, 0, 0, 0, 0])


def test_with_another_secret_nothing_hidden_is_read() -> None:
    """Its Assigned Tunnel ID is hidden: there is nobody to answer, so only our own operator is told."""
    endpoint = Endpoint(
        lns=LnsConfig(listen=()),
        groups=(LacConfig(name="any", secrets=(Secret(b"another"),)),),
        entropy=random.Random(1).randbytes,
    )
    events = endpoint.receive(PATH, captured.ACCEL_PPP_HIDING.datagrams[0], now=0.0)
    dropped, refused = events
    assert isinstance(dropped, Dropped)
    assert isinstance(refused, TunnelRefused)
    assert "cannot be read: is the secret the same at both ends?" in refused.cause.text
    assert list(endpoint.tunnels()) == []
