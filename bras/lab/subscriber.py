"""One emulated subscriber: its Link and Network in the client role, and its traffic."""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from bras.errors import WireError
from bras.ids import CallKey, Entropy
from bras.l2tp.proxy import Proxied
from bras.lab.plan import LacPlan, numbered
from bras.lab.predial import Predial
from bras.lab.traffic import Ping, Stream
from bras.ppp import events as ppp
from bras.ppp import frame as framing
from bras.ppp.constants import IPV4
from bras.ppp.link import Link
from bras.ppp.network import Network
from bras.ppp.settings import ClientIdentity, LinkConfig, NetworkConfig
from bras.secret import Secret

NETWORK = NetworkConfig(client=True, wants_dns=True)


class Stage(Enum):
    """Where a subscriber stands."""

    CALLING = "calling"
    LINK = "link"
    UP = "up"
    ENDING = "ending"
    ENDED = "ended"


class LabSubscriber:
    """A PPP client behind the LAC; each method returns the frames to send."""

    __slots__ = ("called_at", "key", "link", "network", "number", "ping", "plan", "stage", "stream", "up_at", "why")

    def __init__(self, number: int, plan: LacPlan, entropy: Entropy, *, now: float) -> None:
        """Prepare subscriber ``number`` (from 1); its call is being placed."""
        method = plan.methods[(number - 1) % len(plan.methods)]
        password = Secret(numbered(plan.password, number).encode())
        identity = ClientIdentity(numbered(plan.user, number).encode(), password)
        config = LinkConfig(plan.mru, (method,), b"", client=identity, echo_interval_s=0.0)
        self.number = number
        self.plan = plan
        self.key = CallKey(0)
        self.link = Link(config, entropy)
        self.network = Network(NETWORK, 0)
        self.stage = Stage.CALLING
        self.called_at = now
        self.up_at: float | None = None
        self.why = ""
        """Why it ended or failed, in words; empty when it hung up as planned."""
        self.ping: Ping | None = None
        self.stream: Stream | None = None

    def dial(self, entropy: Entropy, *, now: float) -> Proxied | None:
        """Talk PPP to the LAC itself, if it does; return what it will tell the LNS."""
        if not self.plan.proxy:
            return None
        return Predial(self.link, self.link.config.methods[0], self.plan.mru, entropy).run(now=now)

    @property
    def deadline(self) -> float | None:
        """Return when ``handle_timeout`` is to be called."""
        if self.stage is Stage.ENDED:
            return None
        deadlines = [self.link.deadline, self.network.deadline]
        if self.stage is Stage.UP:
            deadlines += [part.deadline for part in (self.ping, self.stream) if part is not None]
        elif self.stage is not Stage.ENDING:
            deadlines.append(self.called_at + self.plan.setup_timeout_s)
        return min((at for at in deadlines if at is not None), default=None)

    @property
    def settled(self) -> bool:
        """Return whether it needs no more waiting: ended, or up with its echoes done."""
        if self.stage is Stage.UP:
            return self.ping is None or self.ping.done or not self.ping.plan.count
        return self.stage is Stage.ENDED

    def connected(self, *, now: float) -> list[bytes]:
        """The call is up."""
        self.stage = Stage.LINK
        return self._link(self.link.open(now=now), now)  # nothing, if it is open with the LAC

    def receive(self, frame: bytes, *, now: float) -> list[bytes]:
        """Take a PPP frame."""
        try:
            protocol, offset = framing.parse(frame)
        except WireError:
            return []
        if protocol != IPV4:
            return self._link(self.link.receive(frame, now=now), now)
        packet = frame[offset:]
        if len(packet) < 20:
            return []
        answered = self.ping is not None and self.ping.receive(packet, now)
        if self.stream is not None and not answered:
            self.stream.receive(packet)
        return []

    def handle_timeout(self, *, now: float) -> list[bytes]:
        """Do what is due."""
        frames: list[bytes] = []
        if self.link.deadline is not None and self.link.deadline <= now:
            frames += self._link(self.link.handle_timeout(now=now), now)
        if self.network.deadline is not None and self.network.deadline <= now:
            frames += self._network(self.network.handle_timeout(now=now), now)
        if self.stage is Stage.UP:
            for part in (self.ping, self.stream):
                if part is not None and part.deadline is not None and part.deadline <= now:
                    frames += [self.link.frame(IPV4, packet) for packet in part.packets(now)]
        elif self.stage in (Stage.CALLING, Stage.LINK) and now >= self.called_at + self.plan.setup_timeout_s:
            frames += self._give_up(now)
        return frames

    def _give_up(self, now: float) -> list[bytes]:
        where = "the call was not answered" if self.stage is Stage.CALLING else f"stuck in {self.link.state.value}"
        self.why = f"not up after {self.plan.setup_timeout_s:g} s: {where}"
        if self.stage is Stage.CALLING:
            self.stage = Stage.ENDED
            return []
        return self.hang_up(now=now)

    def hang_up(self, *, now: float) -> list[bytes]:
        """Say good-bye: LCP Terminate-Request; the stage is ENDED once it is answered or given up."""
        if self.stage in (Stage.ENDING, Stage.ENDED):
            return []
        if self.ping is not None:
            self.ping.stop()
        if self.stage is Stage.CALLING:
            self.ended("hung up before the call was answered")
            return []
        self.stage = Stage.ENDING
        return self._link(self.link.close(b"bye", now=now), now)

    def ended(self, why: str) -> None:
        """The call is gone; unless we hung up, ``why`` is the reason."""
        if self.stage not in (Stage.ENDING, Stage.ENDED):
            self.why = self.why or why
        self.stage = Stage.ENDED

    def _link(self, events: list[ppp.LinkEvent], now: float) -> list[bytes]:
        frames: list[bytes] = []
        for event in events:
            match event:
                case ppp.SendFrame():
                    frames.append(event.frame)
                case ppp.LinkUp():
                    frames += self._network(self.network.open(now=now), now)
                case ppp.LinkRestarted():
                    frames += self._network(self.network.lower_down(now=now), now)
                case ppp.NetworkPacketReceived():
                    frames += self._network(self.network.receive(event.protocol, event.packet, now=now), now)
                case ppp.ProtocolRejected():
                    frames += self._network(self.network.reject(event.protocol, now=now), now)
                case ppp.LinkDown():
                    self.ended(f"{event.end.value} {event.text}".strip())
                case ppp.EchoMeasured() | ppp.Dropped() | ppp.ClientIdentified() | ppp.DeadlineMoved():
                    pass
                case ppp.LcpOpened() | ppp.LcpRefused():
                    pass
                case ppp.CredentialsOffered() | ppp.HandoverJudged():
                    pass  # a client is offered no credentials, and handed no link over
                case _:
                    assert_never(event)
        return frames

    def _network(self, events: list[ppp.NetworkEvent], now: float) -> list[bytes]:
        frames: list[bytes] = []
        for event in events:
            match event:
                case ppp.SendPacket():
                    frames.append(self.link.frame(event.protocol, event.packet))
                case ppp.NetworkUp():
                    self._up(now)
                case ppp.NetworkDown():
                    if event.final and self.stage is not Stage.ENDING:
                        self.why = self.why or f"IPCP: {event.text}"
                        frames += self.hang_up(now=now)
                case ppp.AddressWanted() | ppp.Dropped() | ppp.DeadlineMoved():
                    pass  # a client is asked for no address
                case _:
                    assert_never(event)
        return frames

    def _up(self, now: float) -> None:
        self.stage = Stage.UP
        if self.up_at is not None:
            return
        self.up_at = now
        address = self.network.address
        if self.plan.ping is not None:
            # Not at the same instant for all, and not before the LNS has programmed the data plane.
            begin_at = now + 0.2 + (self.number % 16) / 40
            self.ping = Ping(self.plan.ping, self.number & 0xFFFF, address, begin_at)
        if self.plan.stream is not None:
            self.stream = Stream(self.plan.stream, address, now + 0.2)
