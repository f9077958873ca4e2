"""How RADIUS is to know a call: the texts that the keys of its group make of what its LAC told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bras.config.caller import ADDRESS, BY_LINE, NUMBER, PORT_TYPES, parts_of
from bras.config.model import LacConfig
from bras.ids import session_of, tunnel_of
from bras.l2tp import line as access_line
from bras.l2tp.constants import LineAvp
from bras.subscriber.parts import Line
from bras.subscriber.subscriber import Subscriber

_Value = Callable[[Subscriber], str]

VALUES: Final[dict[str, _Value]] = {
    "number": lambda one: one.line.calling_number,
    "address": lambda one: one.line.peer_address,
    "called": lambda one: one.line.called_number,
    "sub_address": lambda one: one.line.sub_address,
    "hostname": lambda one: one.line.peer_name,
    "lac": lambda one: one.line.group,
    "tunnel": lambda one: str(tunnel_of(one.leg.key)),
    "session": lambda one: str(session_of(one.leg.key)),
    "serial": lambda one: str(one.line.serial_number),
    "channel": lambda one: "" if one.line.physical_channel is None else str(one.line.physical_channel),
    "private_group": lambda one: one.line.private_group,
    "circuit_id": lambda one: access_line.text(one.line.access_line, LineAvp.AGENT_CIRCUIT_ID),
    "remote_id": lambda one: access_line.text(one.line.access_line, LineAvp.AGENT_REMOTE_ID),
    "local": lambda one: one.leg.local,
    "peer_tunnel": lambda one: str(one.leg.peer_tunnel_id),
    "peer_session": lambda one: str(one.leg.peer_session_id),
}
"""What stands for each placeholder but ``lns``; nothing for what the LAC did not tell."""

_SDSL, _XDSL, _ASYNC, _ISDN, _VIRTUAL = (PORT_TYPES[word] for word in ("sdsl", "xdsl", "async", "isdn", "virtual"))
_LINE_TYPE: Final = LineAvp.ACCESS_LINE_TYPE & 0xFFFF
_LINE_OF_SDSL: Final = 6
_DIGITAL, _ANALOG = 1, 2
"""Bearer Type (RFC 2661 section 4.4.4)."""


class Format:
    """A text with placeholders, taken apart once."""

    __slots__ = ("_parts", "_tail")

    def __init__(self, text: str, lns: str) -> None:
        """Put our own name in its place; what else stands there differs from call to call."""
        parts: list[tuple[str, _Value]] = []
        before = ""
        for literal, name in parts_of(text):
            before += literal
            if name == "lns":
                before += lns
            elif name:
                parts.append((before, VALUES[name]))
                before = ""
        self._parts, self._tail = tuple(parts), before

    def of(self, subscriber: Subscriber) -> str:
        """Return the text for a call."""
        text = ""
        for before, value in self._parts:
            text += before + value(subscriber)
        return text + self._tail


class Names:
    """What a group's calls are known by."""

    __slots__ = ("_caller", "_port_type", "connection", "host", "port_id")

    def __init__(self, group: LacConfig, lns: str) -> None:
        """Take the group's texts apart; ``lns`` is the `hostname` of `[lns]`."""
        text = "{address}" if group.caller_id == ADDRESS else group.caller_id
        self._caller = None if text == NUMBER else Format(text, lns)
        self._port_type = -1 if group.nas_port_type == BY_LINE else PORT_TYPES[group.nas_port_type]
        self.port_id = Format(group.nas_port_id, lns)
        self.connection = Format(group.tunnel_connection, lns)
        self.host = group.local_hostname or lns
        """Our Host Name, as its LACs see it."""

    def calling(self, subscriber: Subscriber) -> str:
        """Return what `caller_id` makes of a call; where that is nothing, the LAC's address."""
        line = subscriber.line
        if self._caller is None:
            return line.calling_number or line.peer_address
        return self._caller.of(subscriber).strip() or line.peer_address

    def port_type(self, line: Line) -> int:
        """Return the NAS-Port-Type of a call."""
        return self._port_type if self._port_type >= 0 else _port_type_of(line)


def _port_type_of(line: Line) -> int:
    """Tell the kind of port by what the LAC told of the line: most of DSL is DSL "of unknown type"."""
    if line.access_line:
        kinds = {
            int.from_bytes(value, "big") for kind, value in access_line.items(line.access_line) if kind == _LINE_TYPE
        }
        return _SDSL if _LINE_OF_SDSL in kinds else _XDSL
    if line.bearer_type is None:
        return _VIRTUAL
    return _ASYNC if line.bearer_type & _ANALOG else _ISDN if line.bearer_type & _DIGITAL else _VIRTUAL
