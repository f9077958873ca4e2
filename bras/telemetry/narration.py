"""Events of a story in words, one sentence each; no secret is among what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bras.errors import WireError
from bras.ppp import option
from bras.ppp.constants import (
    ACCM,
    ACFC,
    AUTHENTICATION_PROTOCOL,
    CONFIGURE_NAK,
    MAGIC_NUMBER,
    METHODS,
    MRU,
    PFC,
)
from bras.telemetry.story import Event, Story
from bras.telemetry.text import dotted_quad

Values = Mapping[str, Any]
METHOD_NAMES: Final = {"pap": "PAP", "chap": "CHAP", "mschapv1": "MS-CHAPv1", "mschapv2": "MS-CHAPv2", "": "nothing"}
_CODES: Final = {2: "Access-Accept", 3: "Access-Reject", 11: "Access-Challenge"}
_OUTCOMES: Final = {
    "accepted": "accepted",
    "rejected": "refused",
    "unanswered": "nobody answered",
    "no_address": "accepted, but there is no address",
    "denied_single_session": "refused: the user is connected already",
    "denied_address_conflict": "refused: its address is another session's",
    "unknown_pool": "accepted, but its pool does not exist",
    "unknown_profile": "accepted, but its profile does not exist",
    "unsupported": "accepted with something that cannot be done",
    "denied_port_limit": "refused: as many sessions of the user are connected as it may have",
    "denied_route_conflict": "refused: a network behind it is another session's",
}


def sentence(story: Story, event: Event) -> str:
    """Return an event in words."""
    return _SENTENCES[event.word](story, event.values)


def _begun(story: Story, values: Values) -> str:
    line = story.line
    told = [f"call {values['call']} in tunnel {values['tunnel']} of {line.peer_name} ({line.peer_address})"]
    told.append(f"LAC group {line.group}")
    if line.calling_number:
        told.append(f"calling number {line.calling_number}")
    if line.called_number:
        told.append(f"called number {line.called_number}")
    if line.tx_speed_bps:
        told.append(f"connect speed {rate(line.tx_speed_bps)} down, {rate(line.rx_speed_bps or line.tx_speed_bps)} up")
    return ", ".join(told)


def _found(story: Story, values: Values) -> str:
    line = story.line
    return (
        f"found again after a restart, {values['state']}: from {line.peer_name} ({line.peer_address});"
        " what was before is not known any more"
    )


def _proxy(_story: Story, values: Values) -> str:
    why = "" if values["reason"] == "none" else f" ({values['reason']})"
    return f"the LAC had negotiated PPP already: {values['result']}{why}"


def _lcp_refused(_story: Story, values: Values) -> str:
    naked = values["code"] == CONFIGURE_NAK
    options = _options(values["options"])
    if values["by_client"]:
        return f"LCP: the client {'wants instead of ours' if naked else 'rejects of ours'}: {options}"
    return f"LCP: of what the client asked we {'would rather have' if naked else 'reject'}: {options}"


def _options(octets: bytes) -> str:
    try:
        found = option.parse(octets)
    except WireError:
        found = []
    return ", ".join(_option(kind, value) for kind, value in found) or "options that make no sense"


def _option(kind: int, value: bytes) -> str:
    match kind:
        case _ if kind == MRU:
            return f"MRU {int.from_bytes(value, 'big')}"
        case _ if kind == AUTHENTICATION_PROTOCOL:
            method = METHODS.get(value)
            return f"authentication by {METHOD_NAMES[method] if method else value.hex()}"
        case _ if kind == MAGIC_NUMBER:
            return "magic number"
        case _ if kind == PFC:
            return "compressed protocol field"
        case _ if kind == ACFC:
            return "no address and control field"
        case _ if kind == ACCM:
            return f"ACCM {value.hex()}"
    return f"option {kind}"


def _lcp_open(_story: Story, values: Values) -> str:
    extras = [("acfc", "no address and control field"), ("pfc", "compressed protocol field")]
    told = [f"MRU {values['mru']} here, {values['client_mru']} at the client"]
    told += [words for name, words in extras if values[name]]
    told += ["no magic number"] if not values["magic"] else []
    proof = f"to prove itself by {METHOD_NAMES[values['method']]}" if values["method"] else "without authentication"
    return f"LCP agreed: {', '.join(told)}; the client is {proof}"


def _credentials(story: Story, values: Values) -> str:
    asked = values["asked"]
    who = "the local users are asked" if asked == "local" else f"RADIUS{f' group {asked}' if asked else ''} is asked"
    again = " again" if values["again"] else ""
    return f"the client proves itself{again} as {values['user']!r} by {METHOD_NAMES[values['method']]}; {who}"


def _verdict(_story: Story, values: Values) -> str:
    outcome, by, text = values["outcome"], values["by"], values["text"]
    words = f"authentication: {_OUTCOMES[outcome]}"
    if outcome not in ("accepted", "rejected"):  # the text is ours
        return f"{words}{f': {text}' if text else ''}{f' (asked was {by})' if by else ''}"
    return f"{words}{f' by {by}' if by else ''}{f', who says {text!r}' if text else ''}"


def _address(_story: Story, values: Values) -> str:
    source = values["source"]
    return f"address {dotted_quad(values['address'])}, {'from ' if source.startswith('pool ') else 'told by '}{source}"


def _waits(_story: Story, values: Values) -> str:
    return f"waits until session {values['for_session']} of {values['for_user']!r} is gone, which is in its way"


def _ended(_story: Story, values: Values) -> str:
    text = f": {values['text']}" if values["text"] else ""
    carried = ""
    if values["duration_s"]:
        carried = (
            f", after {duration(values['duration_s'])} with {values['up_octets']} octets up and"
            f" {values['down_octets']} down"
        )
    if values["echo_loss_percent"] is not None:
        carried += (
            f"; its last echoes took {values['echo_mean_ms']:g} ms, at most {values['echo_max_ms']:g} ms,"
            f" {values['echo_loss_percent']:g}% were lost"
        )
    return (
        f"ended in state {values['phase']} ({values['reason']}{text}){carried}; accounting calls it {values['cause']}"
    )


def rate(bps: int) -> str:
    """Return a rate in a fitting unit."""
    for unit, size in (("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 1000)):
        if bps >= size:
            return f"{bps / size:g} {unit}"
    return f"{bps} bit/s" if bps else "any rate"


def duration(seconds: float) -> str:
    """Return a duration, as in "2d 3h", "4m 5s" or "6.5s"."""
    if seconds < 60.0:
        return f"{seconds:g}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes}m" if hours < 24 else f"{hours // 24}d {hours % 24}h"


_SENTENCES: Final[dict[str, Callable[[Story, Values], str]]] = {
    "begun": _begun,
    "found": _found,
    "proxy": _proxy,
    "lcp_refused": _lcp_refused,
    "lcp_open": _lcp_open,
    "lcp_again": lambda _, __: "the client negotiates LCP anew: nothing is forwarded until it has proven itself again",
    "credentials": _credentials,
    "radius_resent": lambda _, values: f"no answer yet: {values['server']} is asked again",
    "radius_answered": lambda _, values: (
        f"{values['server']} answers after {values['after_ms']:g} ms:"
        f" {_CODES.get(values['code'], 'code ' + str(values['code']))}"
    ),
    "radius_silent": lambda _, values: f"servers that do not answer: {values['servers']}",
    "verdict": _verdict,
    "waits": _waits,
    "address": _address,
    "up": lambda _, values: f"up: packets are forwarded, {values['setup_ms']:g} ms after the call",
    "throttled": lambda _, values: (
        f"slowed down to {rate(values['up_bps'])} up, {rate(values['down_bps'])} down: {values['text']}"
    ),
    "unthrottled": lambda _, values: (
        f"no longer slowed down: {rate(values['up_bps'])} up, {rate(values['down_bps'])} down"
    ),
    "changed": lambda _, values: f"changed by {values['by'] or 'RADIUS'}: {values['what']}",
    "coa": lambda _, values: (
        f"{values['client']} asks to {values['asked']} it{': ' + values['outcome'] if values['outcome'] else ''}"
    ),
    "moved": lambda _, values: f"its LAC is at port {values['port']} now",
    "speeds": lambda _, values: f"the LAC tells new speeds: {rate(values['tx_bps'])} down, {rate(values['rx_bps'])} up",
    "start_told": lambda _, values: (
        f"accounting: {values['server']} has the Start, {values['after_ms']:g} ms after it was made"
    ),
    "prove_again": lambda _, __: "its time is over: the client is to prove itself again",
    "omitted": lambda _, values: f"({values['events']} events are left out here)",
    "ended": _ended,
}
