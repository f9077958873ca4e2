"""Who calls, as RADIUS is to know it: Calling-Station-Id by the group's ``caller_id``."""

from __future__ import annotations

from bras.config.caller import ADDRESS, NUMBER, parts_of
from bras.ids import session_of, tunnel_of
from bras.l2tp import line as access_line
from bras.l2tp.constants import LineAvp
from bras.subscriber.subscriber import Subscriber


def calling_station(subscriber: Subscriber, policy: str) -> str:
    """Return what the group's ``caller_id`` makes of a call; where that is nothing, the LAC's address."""
    line = subscriber.line
    if policy == NUMBER:
        return line.calling_number or line.peer_address
    if policy == ADDRESS:
        return line.peer_address
    values = _values(subscriber)
    text = "".join(literal + values[name] for literal, name in parts_of(policy))
    return text.strip() or line.peer_address


def _values(subscriber: Subscriber) -> dict[str, str]:
    """Return what stands for each placeholder; nothing for what the LAC did not tell, and for none."""
    line, key = subscriber.line, subscriber.leg.key
    return {
        "": "",
        "number": line.calling_number,
        "address": line.peer_address,
        "called": line.called_number,
        "sub_address": line.sub_address,
        "hostname": line.peer_name,
        "lac": line.group,
        "tunnel": str(tunnel_of(key)),
        "session": str(session_of(key)),
        "serial": str(line.serial_number),
        "channel": "" if line.physical_channel is None else str(line.physical_channel),
        "private_group": line.private_group,
        "circuit_id": access_line.text(line.access_line, LineAvp.AGENT_CIRCUIT_ID),
        "remote_id": access_line.text(line.access_line, LineAvp.AGENT_REMOTE_ID),
    }
