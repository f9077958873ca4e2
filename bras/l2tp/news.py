"""What is told of calls while they live, and what is answered: WEN, SLI, CSUN, CSURQ (RFC 2661 section 6.13, RFC 5515).

Who does not know CSUN and CSURQ ignores them, so a bad one ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bras.errors import DropReason
from bras.ids import CallKey, call_key
from bras.l2tp import messages
from bras.l2tp.call import Call
from bras.l2tp.channel import Channel
from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.events import AccmReceived, Dropped, ErrorsReported, Event, Path, SpeedChanged
from bras.l2tp.messages import Message
from bras.l2tp.report import Speed
from bras.l2tp.states import CallState

_CSUN: Final = int(MessageType.CSUN)
_CSURQ: Final = int(MessageType.CSURQ)
REPORTS: Final = (int(MessageType.WEN), int(MessageType.SLI))
"""Messages about the call that their header names."""
SPEEDS: Final = (_CSUN, _CSURQ)
"""Messages about any calls of the tunnel, whichever the header names."""


def take_report(call: Call, message: Message, key: CallKey) -> list[Event]:
    """Keep what a WEN or SLI says: nothing else changes."""
    report = call.report()
    report.take(message.octets)
    if message.type == MessageType.WEN:
        return [ErrorsReported(key, report.errors)] if report.errors is not None else []
    return [AccmReceived(key, report.accm)] if report.accm is not None else []


def take_speeds(message: Message, table: Mapping[int, Call], tunnel_id: int, path: Path) -> list[Event]:
    """Take the speeds of a CSUN: of established calls, and where they are not the old ones."""
    if message.problem() is not None:
        return [Dropped(DropReason.BAD_AVP, path)]
    speeds = Speed.parse(message.octets[AvpType.CONNECT_SPEED_UPDATE])
    found = _established(speeds, table)
    events: list[Event] = [] if len(found) == len(speeds) else [Dropped(DropReason.UNKNOWN_CALL, path)]
    for call, speed in found:
        if call.tell_speeds(speed.tx_bps, speed.rx_bps):
            events.append(SpeedChanged(call_key(tunnel_id, call.session_id), speed.tx_bps, speed.rx_bps))
    return events


def answer_speeds(message: Message, table: Mapping[int, Call], channel: Channel, path: Path) -> list[Event]:
    """Answer a CSURQ by a CSUN, in the LAC role."""
    if message.problem() is not None:
        return [Dropped(DropReason.BAD_AVP, path)]
    wanted = Speed.parse(message.octets[AvpType.CONNECT_SPEED_UPDATE])
    found = _established(wanted, table)
    if found:
        channel.send(0, messages.csun(Speed(call.peer_session_id, *call.request[5:7]) for call, _ in found))
    return [] if len(found) == len(wanted) else [Dropped(DropReason.UNKNOWN_CALL, path)]


def ask_speeds(call: Call, channel: Channel) -> None:
    """Ask by a CSURQ for speeds that were not known when the call came up, of a LAC that tells new ones."""
    if call.request.speed_updates and not call.request.tx_connect_speed_bps:
        channel.send(0, messages.csurq((call.peer_session_id,)))


def _established(speeds: Iterable[Speed], table: Mapping[int, Call]) -> list[tuple[Call, Speed]]:
    found = ((table.get(speed.session_id), speed) for speed in speeds)
    return [(call, speed) for call, speed in found if call is not None and call.state is CallState.ESTABLISHED]
