"""RFC 2661 Appendix B, message by message: who sends what, with which Ns and Nr."""

from __future__ import annotations

from bras.config.model import LacConfig
from bras.l2tp.events import CallUp, Event, TunnelUp
from bras.l2tp.messages import CallRequest
from tests.support.l2tp import AT_LAC, AT_LNS, header, kind, lac_endpoint, lns_endpoint, sent

GROUP = LacConfig("any", hello_interval_s=0.0)


def line(data: bytes) -> str:
    _, _, ns, nr = header(data)
    return f"{kind(data)} Nr: {nr}, Ns: {ns}"


class Conversation:
    """Both ends, with every datagram written down; the test decides what arrives."""

    def __init__(self) -> None:
        self.lns = lns_endpoint(GROUP)
        self.lac = lac_endpoint()
        self.script: list[str] = []
        self.events: list[Event] = []
        self.now = 0.0

    def from_lac(self, events: list[Event]) -> list[bytes]:
        return self._write(events, "LAC ->")

    def from_lns(self, events: list[Event]) -> list[bytes]:
        return self._write(events, "LNS ->")

    def _write(self, events: list[Event], who: str) -> list[bytes]:
        datagrams = sent(events)
        self.script += [f"{who} {line(data)}" for data in datagrams]
        self.events += [event for event in events if isinstance(event, TunnelUp | CallUp)]
        return datagrams

    def to_lns(self, data: bytes) -> list[bytes]:
        return self.from_lns(self.lns.receive(AT_LNS, data, now=self.now))

    def to_lac(self, data: bytes) -> list[bytes]:
        return self.from_lac(self.lac.receive(AT_LAC, data, now=self.now))


def lock_step() -> tuple[Conversation, int]:
    talk = Conversation()
    tunnel_id, events = talk.lac.open_tunnel(AT_LAC, GROUP, now=0.0)
    (sccrq,) = talk.from_lac(events)
    (sccrp,) = talk.to_lns(sccrq)
    (scccn,) = talk.to_lac(sccrp)
    (zlb,) = talk.to_lns(scccn)
    assert talk.to_lac(zlb) == []
    return talk, tunnel_id


def test_b_1_lock_step_tunnel_establishment() -> None:
    talk, _ = lock_step()
    assert talk.script == [
        "LAC -> SCCRQ Nr: 0, Ns: 0",
        "LNS -> SCCRP Nr: 1, Ns: 0",
        "LAC -> SCCCN Nr: 1, Ns: 1",
        "LNS -> ZLB Nr: 2, Ns: 1",
    ]
    assert len(talk.events) == 2


def test_b_2_lost_packet_with_retransmission() -> None:
    talk, tunnel_id = lock_step()
    talk.script.clear()
    _, events = talk.lac.open_call(tunnel_id, CallRequest(), now=10.0)
    (icrq,) = talk.from_lac(events)
    talk.now = 10.001
    talk.to_lns(icrq)  # the ICRP is lost
    assert talk.lac.handle_timeout(now=10.999) == []
    assert talk.lac.deadline == 11.0
    (again,) = talk.from_lac(talk.lac.handle_timeout(now=11.0))
    assert again == icrq
    talk.now = 11.0005
    (zlb,) = talk.to_lns(again)
    assert talk.to_lac(zlb) == []
    assert talk.lns.handle_timeout(now=11.0005) == []
    assert talk.lns.deadline == 11.001
    (icrp,) = talk.from_lns(talk.lns.handle_timeout(now=11.001))
    talk.now = 11.002
    (iccn,) = talk.to_lac(icrp)
    (zlb,) = talk.to_lns(iccn)
    assert talk.to_lac(zlb) == []
    assert talk.script == [
        "LAC -> ICRQ Nr: 1, Ns: 2",
        "LNS -> ICRP Nr: 3, Ns: 1",
        "LAC -> ICRQ Nr: 1, Ns: 2",
        "LNS -> ZLB Nr: 3, Ns: 2",
        "LNS -> ICRP Nr: 3, Ns: 1",
        "LAC -> ICCN Nr: 2, Ns: 3",
        "LNS -> ZLB Nr: 4, Ns: 2",
    ]
    assert len(talk.events) == 4
