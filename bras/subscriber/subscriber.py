"""The subscriber: one machine from the first LCP packet to the last accounting record.

Theory of operation.  The owner feeds frames, verdicts, outcomes of the data plane and
time; the machine returns events.  Its phases follow RFC 1661 section 3.2 and go on where
that ends::

    LINK -> AUTHENTICATING -> ADDRESSING -> NETWORK -> PROGRAMMING -> UP
                                                            any of them -> ENDING -> Gone

LCP may be renegotiated at any time: the phase goes back to LINK, the Entry is removed
(nobody unauthenticated is forwarded), the address, the accounting session and the
instants stay.
"""

from __future__ import annotations

from typing import Final

from bras.errors import DropReason
from bras.forwarding.entry import Counters, Leg, Outcome, RemoveEntry
from bras.ids import Entropy, no_entropy, origin_of
from bras.plain import Saved, restore_fields, save_fields
from bras.ppp import events as ppp
from bras.ppp.constants import IPV4
from bras.ppp.handover import Handover, open_link
from bras.ppp.link import Link
from bras.ppp.network import Network
from bras.ppp.quality import Quality
from bras.ppp.settings import NetworkConfig
from bras.radius.profile import Profile
from bras.subscriber.ends import END_OF_LINK
from bras.subscriber.events import AccmAgreed, EntryChanged, Event, PacketReceived, Phase, ProxyJudged
from bras.subscriber.parts import EntryState, Forwarding, Instants, Line, Standing, Who
from bras.subscriber.session import Session
from bras.subscriber.settings import Settings

_MOST_SOFTWARE: Final = 64
"""Characters kept of what the client says of its software."""


class Subscriber(Session):
    """One subscriber: Link, Network and the session that they carry."""

    __slots__ = ("link", "network")

    def __init__(
        self, number: int, slot: int, line: Line, leg: Leg, settings: Settings, entropy: Entropy, *, now: float
    ) -> None:
        """Stand ready on an established call; ``number`` is never used twice, ``slot`` is ours until Gone."""
        super().__init__(number, slot, line, leg, settings, entropy, now=now)
        self.link = Link(settings.link, entropy)
        self.network: Network | None = None

    # -- state

    def save(self) -> Saved:
        """Return the state as plain data."""
        return {
            "number": self.number,
            "session_id": self.session_id,
            "line": save_fields(self.line),
            "leg": save_fields(self.leg),
            "mru": self.settings.link.mru,
            "link": self.link.save(),
            "network": self.network.save() if self.network is not None else None,
            "profile": self.profile.save() if self.profile is not None else None,
            "address": self.address,
            "who": save_fields(self.who),
            "forwarding": save_fields(self.forwarding),
            "instants": save_fields(self.instants),
            "standing": save_fields(self.standing),
        }

    @classmethod
    def restore(cls, saved: Saved, settings: Settings, entropy: Entropy) -> Subscriber:
        """Return the subscriber that ``save`` was called on; ``settings`` are its group's."""
        line, leg = restore_fields(Line, saved["line"]), restore_fields(Leg, saved["leg"])
        forwarding = Forwarding.restore(saved["forwarding"])
        subscriber = cls(saved["number"], forwarding.slot, line, leg, settings, no_entropy, now=0.0)
        subscriber.entropy = entropy
        subscriber.link = Link.restore(saved["link"], settings.link, entropy)
        if saved["profile"] is not None:
            profile = subscriber.profile = Profile.restore(saved["profile"])
            if saved["network"] is not None:
                subscriber.network = Network.restore(saved["network"], subscriber._network_config(profile))
        subscriber.origin = origin_of(saved["session_id"])
        subscriber.address = saved["address"]
        subscriber.who = Who.restore(saved["who"])
        subscriber.forwarding = forwarding
        subscriber.instants = restore_fields(Instants, saved["instants"])
        subscriber.standing = Standing.restore(saved["standing"])
        return subscriber

    def resume(self, present: Counters | None, *, now: float) -> list[Event]:
        """Go on in a new process; ``present``: the counters of the Entry, ``None`` if there is none."""
        forwarding, standing = self.forwarding, self.standing
        # Thousands go on at once, and are not all to be asked for a sign of life at once ever after.
        share = int.from_bytes(self.entropy(2), "big") / 65536.0
        self.link.keepalive.heard_at = now - share * self.settings.link.echo_interval_s
        self.link.proof.pardon(now=now)
        if standing.phase is Phase.UP:
            self.instants.renewing = False  # its time is still over: it is challenged anew
        if standing.started:
            self.arm_anew(now)
        before = forwarding.state
        forwarding.found(present)
        if before is EntryState.REMOVING:  # perhaps it was done: then it is answered once more
            events: list[Event] = [EntryChanged(RemoveEntry(forwarding.slot, self.number))]
        elif before is EntryState.ADDING and present is not None:
            events = self.programmed(Outcome(forwarding.slot, self.number, ok=True), now=now)
        else:
            events = []
        again = forwarding.tell_again()
        if again is not None:
            events.append(EntryChanged(again))
        if standing.end is not None:
            standing.link_up = False  # there is no telling how far the good-byes got; the call's end will do
        elif standing.phase is not Phase.UP and standing.phase is not Phase.PROGRAMMING:
            return events + self._begin_again(now)
        return events or self._sync_entry(now)

    def _begin_again(self, now: float) -> list[Event]:
        """Negotiate from LCP on, as if the client had asked for it."""
        self.link, self.network = Link(self.settings.link, self.entropy), None
        self.standing.phase, self.standing.link_up = Phase.LINK, True
        self.instants.setup_by_at = now + self.settings.setup_timeout_s
        return self.open(now=now)

    # -- what the owner reads

    @property
    def quality(self) -> Quality | None:
        """Return how the line answered of late."""
        return self.link.keepalive.quality

    @property
    def heard(self) -> bool:
        """Return whether the client ever said anything."""
        return self.link.keepalive.heard_at > 0.0

    @property
    def deadline(self) -> float | None:
        """Return the instant at which ``handle_timeout`` should be called."""
        at = self.link.deadline
        if self.network is not None:
            other = self.network.deadline
            if other is not None and (at is None or other < at):
                at = other
        phase = self.standing.phase
        if phase is Phase.UP:
            own = self._own_deadline()
        elif phase is Phase.ENDING:
            return at
        else:
            own = self.instants.setup_by_at
        return own if at is None or (own is not None and own < at) else at

    # -- the link

    def open(self, handover: Handover | None = None, *, now: float) -> list[Event]:
        """Begin: the first Configure-Request, or where the access concentrator has got to."""
        if handover is None:
            return self._take(self.link.open(now=now), now)
        return self._take(open_link(self.link, handover, now=now), now)

    def probe(self, until: float, *, now: float) -> bool:
        """Ask the client for an echo each second until then; false when it cannot be asked."""
        link = self.link
        if self.standing.phase is not Phase.UP or link.keepalive.refused:
            return False
        link.keepalive.probe_until, link.echo_at = until, now
        return True

    def receive(self, frame: bytes, *, now: float) -> list[Event]:
        """Take a PPP frame from the client."""
        return self._take(self.link.receive(frame, now=now), now)

    def handle_timeout(self, *, now: float) -> list[Event]:
        """Do what is due."""
        events: list[Event] = []
        if self.link.deadline is not None and self.link.deadline <= now:
            events += self._take(self.link.handle_timeout(now=now), now)
        network = self.network
        if network is not None and network.deadline is not None and network.deadline <= now:
            if network.unanswered:
                events += self._take(self.link.repeat_answer(), now)
            events += self._take_network(network.handle_timeout(now=now), now)
        own = self._own_deadline()
        if own is not None and own <= now:
            events += self._own_timeout(now)
        return events

    def _take(self, events: list[ppp.LinkEvent], now: float) -> list[Event]:
        """Act on what the link tells, and pass on what is for the owner."""
        out: list[Event] = []
        for event in events:
            if type(event) is ppp.SendFrame:
                out.append(event)
            elif isinstance(event, ppp.NetworkPacketReceived):
                if event.protocol == IPV4:
                    out.append(self._packet_received(event.packet))
                elif self.network is not None:
                    out += self._take_network(self.network.receive(event.protocol, event.packet, now=now), now)
            elif isinstance(event, ppp.CredentialsOffered):
                if not event.again:
                    self.standing.phase = Phase.AUTHENTICATING
                out.append(event)
            elif isinstance(event, ppp.LinkUp):
                out += self._link_up(event, now)
            elif isinstance(event, ppp.LinkRestarted):
                out.append(event)
                out += self._link_restarted(now)
            elif isinstance(event, ppp.LinkDown):
                out += self._link_down(event, now)
            else:
                out += self._noted(event, now)
        return out

    def _identified(self, text: str) -> None:
        """Remember the client's software; Windows tells it and then its own name.

        Only at first: what outlives the process is written when there is an Entry.
        """
        standing = self.standing
        if text and not standing.started and self.forwarding.state is EntryState.NONE:
            names = [name for name in standing.software.split(", ") if name and name != text]
            standing.software = ", ".join((*names, text))[:_MOST_SOFTWARE]

    def _noted(
        self,
        event: ppp.DeadlineMoved
        | ppp.SendFrame
        | ppp.EchoMeasured
        | ppp.Dropped
        | ppp.ProtocolRejected
        | ppp.ClientIdentified
        | ppp.LcpOpened
        | ppp.LcpRefused
        | ppp.HandoverJudged,
        now: float,
    ) -> list[Event]:
        """Act on what a link seldom tells: remember what is to be shown, and return the fact."""
        if isinstance(event, ppp.ProtocolRejected):
            network = self.network
            return [] if network is None else self._take_network(network.reject(event.protocol, now=now), now)
        if isinstance(event, ppp.ClientIdentified):
            self._identified(event.text)
            return []
        if isinstance(event, ppp.EchoMeasured):
            self.standing.round_trip_s = event.round_trip_s
        if not isinstance(event, ppp.HandoverJudged):
            return [event]
        self.standing.proxy = (event.result.value, event.reason.value)
        line = self.line
        return [ProxyJudged(self.session_id, line.group, line.peer_name, event.result, event.reason)]

    def _packet_received(self, packet: bytes) -> Event:
        """Have an IPv4 packet forwarded that the data plane left to us: it came numbered."""
        forwarding = self.forwarding
        if forwarding.state in (EntryState.ACTIVE, EntryState.CHANGING):
            return PacketReceived(forwarding.slot, self.number, packet)
        return ppp.Dropped(DropReason.NOT_OPEN)

    def _link_up(self, event: ppp.LinkUp, now: float) -> list[Event]:
        """LCP is open and both sides are content: IPCP begins."""
        self.standing.link_facts = self.settings.same((event.mru, event.acfc, event.pfc))
        if self.standing.end is not None or self.network is None:
            return []
        self.standing.phase = Phase.NETWORK
        events = self._take_network(self.network.open(now=now), now)
        return [AccmAgreed(event.accm), *events] if self.line.asynchronous else events

    def _link_restarted(self, now: float) -> list[Event]:
        """LCP is negotiated again: nothing is forwarded until the client has proved itself again."""
        events: list[Event] = []
        if self.network is not None:
            events += self._take_network(self.network.lower_down(now=now), now)
        if self.standing.end is None:
            if self.standing.phase in (Phase.UP, Phase.PROGRAMMING):  # before that, it has the time that it had
                self.instants.setup_by_at = now + self.settings.setup_timeout_s
            self.standing.phase = Phase.LINK
            self.forwarding.wanted = None
            events += self._sync_entry(now)
        return events

    def _link_down(self, event: ppp.LinkDown, now: float) -> list[Event]:
        """PPP is over, by whoever's will."""
        self.standing.link_up = False
        return self.end(END_OF_LINK[event.end], event.text, now=now)

    # -- authentication and address

    def admit(self, profile: Profile, address: int, message: bytes, success: bytes, *, now: float) -> list[Event]:
        """Let the client in: ``address`` is its own from now on; ``success`` is MS-CHAPv2's "S=…"."""
        if self.standing.started:
            self.instants.news |= self.address != address or self._told_otherwise(profile)
        self.admitted(profile, now=now)
        events = self._reweigh() if self.standing.started else []
        self.address = address
        config = self._network_config(profile)
        if self.network is None or self.network.config is not config:
            self.network = Network(config, address)
        return events + self._take(self.link.accept(message, success, now=now), now)

    @property
    def challenged_again(self) -> bool:
        """Return whether a client that is up has to prove itself once more, and nothing is decided yet."""
        return self.link.proof.again

    def pardon(self, *, now: float) -> None:
        """Nobody could judge what the client answered to another challenge: all stays as it is."""
        self.link.proof.pardon(now=now)
        self.renew_later(now=now)

    def confirm(self, message: bytes, success: bytes, *, now: float) -> list[Event]:
        """Tell the client that it has proven itself again; all else stays as it is."""
        return self._take(self.link.accept(message, success, now=now), now)

    def prove_again(self, *, now: float) -> list[Event]:
        """Have the client prove itself again: by another challenge, or, where there is none, from LCP on."""
        proof = self.link.proof
        if not proof.challenges:
            self.forwarding.wanted = None
            return self._sync_entry(now) + self._begin_again(now)
        octets = b"" if proof.again else proof.handle_timeout(now=now)
        return [ppp.SendFrame(self.link.frame(proof.protocol, octets))] if octets else []

    def renew(self, profile: Profile, message: bytes, success: bytes, *, now: float) -> list[Event]:
        """Tell the client, challenged again, that it may stay: with what is granted to it from now on."""
        self.renewed(now=now)
        return self.change(profile, now=now) + self.confirm(message, success, now=now)

    def _network_config(self, profile: Profile) -> NetworkConfig:
        return self.settings.network(profile.dns, profile.nbns, profile.accept_client_address)

    def refuse(self, message: bytes, ms_chap_error: bytes, reason: str, text: str, *, now: float) -> list[Event]:
        """Turn the client away: it is told why before the link is closed."""
        self._note_end(reason, text)
        answer = self.link.refuse(message, ms_chap_error, now=now)
        if not answer:  # it has begun LCP anew meanwhile: nothing waits for this verdict
            answer = self.link.close(message, now=now)
        return self._remove_entry() + self._take(answer, now)

    def assign(self, address: int, *, now: float) -> list[Event]:
        """Answer AddressWanted: the client gets ``address`` (its wish, or the one it had)."""
        if self.network is None:
            return []
        self.instants.news |= self.standing.started and self.address != address
        self.address = address
        return self._take_network(self.network.assign(address, now=now), now)

    # -- the network layer

    def _take_network(self, events: list[ppp.NetworkEvent], now: float) -> list[Event]:
        """Act on what IPCP tells; frame what it sends."""
        out: list[Event] = []
        for event in events:
            if isinstance(event, ppp.SendPacket):
                out.append(ppp.SendFrame(self.link.frame(event.protocol, event.packet)))
            elif isinstance(event, ppp.NetworkUp):
                self.standing.phase = Phase.PROGRAMMING
                self.forwarding.wanted = self._route(event.peer)
                out += self._sync_entry(now)
            elif isinstance(event, ppp.NetworkDown):
                out += self._network_down(event, now)
            else:
                out.append(event)
        return out

    def _network_down(self, event: ppp.NetworkDown, now: float) -> list[Event]:
        """IPCP left Opened: nothing is forwarded; for good means that the session ends."""
        if self.standing.end is not None:
            return []
        if event.final:
            return self.end("ipcp_failed", event.text, now=now)
        self.forwarding.wanted = None
        if self.standing.phase in (Phase.UP, Phase.PROGRAMMING):
            self.standing.phase = Phase.NETWORK
            self.instants.setup_by_at = now + self.settings.setup_timeout_s
        return self._sync_entry(now)

    # -- the end

    def end(self, reason: str, text: str, *, now: float) -> list[Event]:
        """End the session, for one of the reasons of ``ENDS``; harmless when it is ending already."""
        self._note_end(reason, text)
        events = self._remove_entry()
        if self.standing.link_up and self.standing.call_up:
            events += self._take(self.link.close(text.encode(), now=now), now)
        return events + self._settle(now)
