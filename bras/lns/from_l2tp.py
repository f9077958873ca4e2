"""From L2TP inward: calls become subscribers, frames reach them, the rest are effects and facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bras.forwarding.entry import Leg
from bras.ids import CallKey, tunnel_of
from bras.l2tp import events as l2tp
from bras.l2tp import proxy
from bras.l2tp.constants import ErrorCode, StopResult
from bras.l2tp.events import By, CallInfo, Cause, FrameReceived, Path, SendDatagram
from bras.lns import from_subscriber, notes, reasons, tunnel_books
from bras.lns.core import Core
from bras.lns.effects import MeasurePath, Report
from bras.lns.identity import speeds_of
from bras.lns.inputs import PortOpened
from bras.ppp.handover import Handover
from bras.subscriber.parts import Line
from bras.subscriber.subscriber import Subscriber

A_TURN = 200
"""Subscribers that follow their LAC to another port in one turn."""
ASYNCHRONOUS = 2
"""Framing Type (RFC 2661 section 4.4.4)."""
CLOSING = Cause(By.LOCAL, 4, 0, "shutting down")
"""Result Code "appropriate facilities not available, temporarily" (RFC 2661 section 4.4.2)."""


def take(core: Core, events: list[l2tp.Event], now: float) -> None:
    """Act on what the L2TP machine tells."""
    effects = core.effects
    for event in events:
        if type(event) is FrameReceived:
            subscriber = core.registry.by_call.get(event.key)
            if subscriber is not None:
                from_subscriber.take(core, subscriber, subscriber.receive(event.frame, now=now), now)
        elif type(event) is SendDatagram:
            effects.append(event)
        elif isinstance(event, l2tp.CallUp):
            effects.append(Report(event))
            if core.closing:
                core.backlog.l2tp.append(core.endpoint.close_call(event.key, CLOSING, now=now))
            else:
                call_up(core, event, now)
        elif isinstance(event, l2tp.CallDown):
            effects.append(Report(event))
            core.backlog.down.append(event)
        elif isinstance(event, (l2tp.OpenPort, l2tp.ClosePort)):
            effects.append(event)
        elif not isinstance(event, (SendDatagram, FrameReceived)):
            _take_fact(core, event, now)
            effects.append(Report(event))


def _take_fact(core: Core, event: l2tp.Event, now: float) -> None:
    """Act on what is told of tunnels and calls while nobody is set up."""
    if isinstance(event, (l2tp.TunnelUp, l2tp.TunnelDown, l2tp.TunnelRefused, l2tp.CallRefused)):
        _remember(core, event, now)
    elif isinstance(event, l2tp.SpeedChanged):
        speeds_told(core, event)
    elif isinstance(event, l2tp.DataDisordered):
        tunnel_books.disordered(core, event)
    elif isinstance(event, l2tp.TunnelMoved):
        core.backlog.moved.extend(key for key in core.registry.by_call if tunnel_of(key) == event.tunnel_id)
        move_on(core, now)


def port_opened(core: Core, given: PortOpened, now: float) -> None:
    """Go on with the SCCRQ that wanted a port of its own, or refuse it."""
    path = given.path
    own: Path | Cause
    if given.error:
        words = f"no port for the tunnel: {given.error}"
        own = Cause(By.LOCAL, StopResult.GENERAL_ERROR, ErrorCode.INSUFFICIENT_RESOURCES, words)
    else:
        own = Path(given.listener, path.local, given.port, path.remote, path.remote_port)
    take(core, core.endpoint.reception.port_opened(path, given.data, own, now=now), now)


def number(core: Core, frames: Iterable[tuple[CallKey, bytes]]) -> None:
    """Send packets of subscribers whose data messages are numbered; of a call that has gone they are nobody's."""
    for key, frame in frames:
        core.backlog.at_work = _number_of(core, key)
        datagram = core.endpoint.send_packet(key, frame)
        if datagram is not None:
            core.effects.append(datagram)


def served(core: Core, events: list[l2tp.Event], now: float) -> None:
    """Act on what a tunnel told when its deadline had come; frames that waited are many calls', each by itself."""
    if any(type(event) is FrameReceived for event in events):
        core.backlog.l2tp.extend([event] for event in events)
    else:
        take(core, events, now)


def take_next(core: Core, now: float) -> None:
    """Act on the next of what the L2TP machine told meanwhile."""
    events = core.backlog.l2tp.popleft()
    if events and isinstance(events[0], FrameReceived):
        core.backlog.at_work = _number_of(core, events[0].key)
    take(core, events, now)


def _number_of(core: Core, key: CallKey) -> int:
    subscriber = core.registry.by_call.get(key)
    return 0 if subscriber is None else subscriber.number


def _remember(
    core: Core, event: l2tp.TunnelUp | l2tp.TunnelDown | l2tp.TunnelRefused | l2tp.CallRefused, now: float
) -> None:
    """Keep in mind what became of a LAC's wishes."""
    lacs = core.registry.lacs
    match event:
        case l2tp.TunnelUp():
            lacs.tunnel_up(event, now)
            tunnel_books.tunnel_up(core, event, now)
            if core.policy.measures(event.group):
                core.effects.append(MeasurePath(event.path))
        case l2tp.TunnelDown():
            lacs.tunnel_down(event, now)
            tunnel_books.tunnel_down(core, event, now)
        case l2tp.TunnelRefused():
            lacs.tunnel_refused(event, now)
            tunnel_books.tunnel_refused(core, event, now)
        case l2tp.CallRefused():
            lacs.call_refused(event, now)
            tunnel_books.call_refused(core, event, now)


def speeds_told(core: Core, event: l2tp.SpeedChanged) -> None:
    """The LAC told new speeds of a call: what RADIUS is told from now on has them."""
    subscriber = core.registry.by_call.get(event.key)
    if subscriber is None:
        return
    line = subscriber.line = replace(subscriber.line, tx_speed_bps=event.tx_bps, rx_speed_bps=event.rx_bps)
    notes.note(core, subscriber.number, "speeds", event.tx_bps, event.rx_bps)
    who, identities = subscriber.who, core.books.identities
    speeds = speeds_of(line)
    who.identity, who.record = identities.reconnect(who.identity, speeds), identities.reconnect(who.record, speeds)
    if core.changes is not None:
        core.changes.lines[subscriber.number] = core.changes.subscribers[subscriber.number] = None


def move_on(core: Core, now: float) -> None:
    """Let some of the subscribers whose LAC is at another port go on there; the others in the next turns."""
    moved, at_work = core.backlog.moved, core.backlog.at_work
    for _ in range(min(A_TURN, len(moved))):
        key = moved.popleft()
        subscriber, info = core.registry.by_call.get(key), core.endpoint.call(key)
        if subscriber is None or info is None:
            continue
        core.backlog.at_work = subscriber.number
        subscriber.move(info.path.listener, info.path.remote_port)
        notes.note(core, subscriber.number, "moved", info.path.remote_port)
        from_subscriber.take(core, subscriber, subscriber.resync(now=now), now)
    core.backlog.at_work = at_work


def call_up(core: Core, event: l2tp.CallUp, now: float) -> None:
    """A call is established: a subscriber begins with LCP."""
    info = event.info
    registry = core.registry
    subscriber = Subscriber(
        registry.new_number(),
        registry.new_slot(),
        Line(
            info.group,
            info.lac_hostname,
            info.path.remote,
            info.calling_number,
            info.called_number,
            info.serial_number,
            info.tx_connect_speed_bps,
            info.rx_connect_speed_bps,
            info.framing_type == ASYNCHRONOUS,
            info.sub_address,
            info.physical_channel,
            info.private_group,
            info.access_line,
            info.bearer_type,
        ),
        _leg(core, event),
        core.policy.settings(info.group, info.path.remote, numbered=info.numbered),
        core.entropy,
        now=now,
    )
    registry.add(event.key, subscriber)
    notes.begun(core, subscriber, event.key)
    told = info.proxied
    handover = None if told is None else _handover(told)
    from_subscriber.take(core, subscriber, subscriber.open(handover, now=now), now)


METHOD_OF = {proxy.CHAP: "chap", proxy.PAP: "pap", proxy.MSCHAPV1: "mschapv1"}
"""Proxy Authen Types whose proof can be judged; a textual exchange is none of PPP's methods."""


def _handover(told: proxy.Proxied) -> Handover:
    """Translate what the LAC has negotiated (RFC 2661 section 4.4.5)."""
    return Handover(
        told.authenticated,
        told.last_sent,
        told.last_received,
        METHOD_OF.get(told.type or 0, ""),
        told.name,
        told.challenge,
        told.identifier,
        told.response,
    )


def _leg(core: Core, event: l2tp.CallUp) -> Leg:
    info: CallInfo = event.info
    path = info.path
    return Leg(
        event.key,
        path.listener,
        path.local,
        path.local_port,
        path.remote,
        path.remote_port,
        info.peer_tunnel_id,
        info.peer_session_id,
        acfc=False,
        pfc=False,
        numbered=info.numbered,
        length_bit=info.length_bit,
        udp6_zero_checksum=core.policy.group(info.group).udp6_zero_checksum,
    )


def call_down(core: Core, event: l2tp.CallDown, now: float) -> None:
    """A call has ended: its subscriber ends with it."""
    subscriber = core.registry.call_ended(event.key)
    if subscriber is None:
        return
    core.backlog.at_work = subscriber.number
    if core.tunnel_books.lost and not subscriber.standing.started:
        tunnel_books.call_ended(core, event.key)
    events = subscriber.call_down(reasons.of_call(event.cause), reasons.text_of(event.cause), now=now)
    from_subscriber.take(core, subscriber, events, now)
