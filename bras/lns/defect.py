"""A defect of ours costs the call or tunnel that met it, and nobody else.

``Lns.handle`` failed: whoever was served then is ended, by the shortest way; what was
decided before still holds, and the others that the input was for are served.
"""

from __future__ import annotations

from bras.forwarding.entry import RemoveEntry
from bras.ids import call_key
from bras.l2tp.events import By, Cause
from bras.lns import from_l2tp, operate
from bras.lns.core import Core
from bras.lns.effects import Answer, Program
from bras.lns.inputs import CommandReceived, CountersRead, DatagramReceived, Input, PortOpened, Programmed
from bras.lns.operate import Operations
from bras.subscriber.parts import EntryState
from bras.subscriber.subscriber import Subscriber

DEFECT = Cause(By.LOCAL, 2, 0, "internal error")
"""Result Code "General error", the same number in StopCCN and CDN (RFC 2661 section 4.4.2)."""


def give_up(core: Core, operations: Operations, given: Input, now: float) -> None:
    """End what was served when the handling of an input failed."""
    backlog = core.backlog
    number, tunnel_id = backlog.at_work, backlog.tunnel_at_work
    backlog.at_work = backlog.tunnel_at_work = 0
    if number:
        _end_subscriber(core, number, now)
    elif tunnel_id:
        _end_tunnel(core, tunnel_id, now)
    elif isinstance(given, DatagramReceived):
        _end_receiver(core, given.data, now)
    elif isinstance(given, PortOpened):
        if not given.error:
            from_l2tp.take(core, core.endpoint.reception.forget_port(given.listener, now=now), now)
    elif isinstance(given, Programmed):
        _end_subscriber(core, given.outcome.generation, now)
    elif isinstance(given, CommandReceived):
        core.effects.append(Answer(given.identifier, ok=False, body=operate.INTERNAL_ERROR))
    elif isinstance(given, CountersRead):
        operate.give_up(operations, core)


def _end_receiver(core: Core, data: bytes, now: float) -> None:
    """End the call that the data are for, or the tunnel that the control message is for."""
    at = 4 if data[0] & 0x40 else 2
    tunnel_id, session_id = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
    if data[0] & 0x80:
        _end_tunnel(core, tunnel_id, now)
    else:
        from_l2tp.take(core, core.endpoint.close_call(call_key(tunnel_id, session_id), DEFECT, now=now), now)


def _end_tunnel(core: Core, tunnel_id: int, now: float) -> None:
    """Say StopCCN; when not even its last words can be sent, forget it."""
    events = core.endpoint.close_tunnel(tunnel_id, DEFECT, now=now)
    from_l2tp.take(core, events or core.endpoint.vanish(tunnel_id, now=now), now)


def _end_subscriber(core: Core, number: int, now: float) -> None:
    subscriber = core.registry.by_number.get(number)
    if subscriber is None:
        return
    forwarding = subscriber.forwarding
    if forwarding.state not in (EntryState.NONE, EntryState.ACTIVE):  # the order may be lost with its events
        forwarding.state = EntryState.REMOVING
        core.effects.append(Program(RemoveEntry(forwarding.slot, number)))
    key = subscriber.leg.key
    if key in core.registry.by_call:
        from_l2tp.take(core, core.endpoint.close_call(key, DEFECT, now=now), now)
    else:
        _discard(core, subscriber, now)


def _discard(core: Core, subscriber: Subscriber, now: float) -> None:
    """Take out of the tables what cannot even end; without a Stop, for only it could make one."""
    profile = subscriber.profile
    forwarding = subscriber.forwarding
    if forwarding.present is not None:
        forwarding.state = EntryState.REMOVING  # its slot is nobody's until that is answered
        core.effects.append(Program(RemoveEntry(forwarding.slot, subscriber.number)))
    if subscriber.address and profile is not None:
        core.pools.release(profile.vrf, subscriber.address, subscriber.number, now=now)
    core.registry.remove(subscriber)
    core.gauges.forget(subscriber.number)
    if core.coa is not None:
        core.coa.ended(subscriber.number)
