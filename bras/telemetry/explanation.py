"""A story told: a headline that says how the session is or why it ended, what to do, and each event in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bras.lns.commands import Plain
from bras.telemetry.narration import METHOD_NAMES, duration, sentence
from bras.telemetry.story import Event, Story
from bras.telemetry.text import clean, dotted_quad
from bras.telemetry.verdicts import UNKNOWN, VERDICTS

_WHERE: Final = {
    "link": "its link was being negotiated",
    "authenticating": "its credentials were judged",
    "addressing": "it waited for an address",
    "network": "its address was told by IPCP",
    "programming": "the data plane was told",
}


class Told(NamedTuple):
    """The headline of a story."""

    headline: str
    advice: str


def explain(story: Story, now: float, dead: Mapping[str, float]) -> dict[str, Plain]:
    """Return a story as ``bras explain`` shows it: see MANUAL.md.

    ``dead``: since when which RADIUS servers do not answer.
    """
    events = story.events
    told = _told(story, events, now, dead)
    line = story.line
    return {
        "session": story.session,
        "user": story.user,
        "claimed": story.claimed,
        "lac": line.group,
        "lac_hostname": line.peer_name,
        "lac_address": line.peer_address,
        "calling_number": line.calling_number,
        "called_number": line.called_number,
        "address": dotted_quad(story.address),
        "begun_at": story.begun_at,
        "live": not events or events[-1].word != "ended",
        "headline": clean(told.headline),
        "advice": clean(told.advice),
        "events": _in_words(story, events),
    }


def _in_words(story: Story, events: list[Event]) -> list[Plain]:
    """Return each event in words; what comes several times in a row is told once."""
    told: list[Plain] = []
    last: dict[str, Plain] = {}
    for event in events:
        text = clean(sentence(story, event))
        if last.get("text") == text:
            times = last["times"]
            assert isinstance(times, int)
            last["times"], last["until"] = times + 1, event.at
            continue
        last = {"at": event.at, "until": event.at, "times": 1, "event": event.word, "text": text, **_plain(event)}
        told.append(last)
    return told


def _plain(event: Event) -> dict[str, Plain]:
    """Return what an event is made of, for programs."""
    return {"values": {name: _value(value) for name, value in event.values.items()}}


def _value(value: Any) -> Plain:
    return value.hex() if isinstance(value, bytes) else value


def _told(story: Story, events: list[Event], now: float, dead: Mapping[str, float]) -> Told:
    last = events[-1] if events else None
    if last is not None and last.word == "ended":
        return _of_end(story, events, last)
    if story.up:
        return Told(_up(story, events, now), "")
    return _on_its_way(story, events, now, dead)


def _up(story: Story, events: list[Event], now: float) -> str:
    begun = next((event for event in events if event.word == "up"), None)
    since = f"for {duration(round(now - begun.at, 1))}" if begun is not None else "since before the last restart"
    slowed = next((event for event in reversed(events) if event.word in ("throttled", "unthrottled")), None)
    state = "up, slowed down by a quota" if slowed is not None and slowed.word == "throttled" else "up"
    if events and events[-1].word == "lcp_again":
        state = "negotiating anew, after it was up"
    return f"{state} {since}, with address {dotted_quad(story.address)}"


def _on_its_way(story: Story, events: list[Event], now: float, dead: Mapping[str, float]) -> Told:
    words = [event.word for event in events]
    since = duration(round(now - events[-1].at, 1)) if events else "?"
    if words and words[-1] in ("credentials", "radius_resent"):
        silent = ", ".join(f"{server} for {duration(round(now - at))}" for server, at in dead.items())
        advice = f"servers that do not answer: {silent}" if silent else ""
        return Told(f"not up yet: waits for RADIUS for {since}", advice)
    if words and words[-1] == "waits":
        return Told(f"not up yet: waits for {since} for another session to be gone", "")
    if "lcp_open" not in words:
        return Told(f"not up yet: LCP is not agreed on, {since} after the last event", "")
    return Told(f"not up yet, {since} after the last event", "")


# -- ends


def _of_end(story: Story, events: list[Event], end: Event) -> Told:
    values = end.values
    why, advice = VERDICTS.get(values["reason"], UNKNOWN)
    special = _SPECIAL.get(values["reason"])
    if special is not None:
        why, advice = special(events, values, why, advice)
    elif values["text"] not in ("", why):
        why = f"{why} ({values['text']})"
    if story.up:
        how = f"ended after {duration(values['duration_s'])}" if values["duration_s"] else "ended"
    else:
        how = f"failed while {_WHERE.get(values['phase'], 'it began')}"
    return Told(f"{how}: {why}", advice)


def _last(events: list[Event], word: str) -> Mapping[str, Any]:
    return next((event.values for event in reversed(events) if event.word == word), {})


def _rejected(events: list[Event], values: Mapping[str, Any], why: str, advice: str) -> Told:
    verdict = _last(events, "verdict")
    by = verdict.get("by") or "the server"
    said = f" and says {values['text']!r}" if values["text"] else ", without a word why"
    method = METHOD_NAMES.get(_last(events, "credentials").get("method", ""), "")
    if by == "local":
        return Told(f"{why}: the local users do not have it so", "compare with the [[user]] of the configuration")
    return Told(f"{why}: {by} rejects it{said}", f"{advice} (it was asked by {method})" if method else advice)


def _unanswered(events: list[Event], values: Mapping[str, Any], why: str, advice: str) -> Told:
    asked = {event.values["server"]: None for event in events if event.word == "radius_resent"}
    servers = _last(events, "radius_silent").get("servers") or ", ".join(asked)
    begun = next((event for event in reversed(events) if event.word == "credentials"), None)
    waited = f" within {duration(round(events[-1].at - begun.at, 1))}" if begun is not None else ""
    return Told(f"{why}{waited}{f': {servers}' if servers else ''}", advice)


def _lcp(events: list[Event], values: Mapping[str, Any], why: str, advice: str) -> Told:
    if not values["heard"]:
        return Told("LCP never answered: nothing came from the client", "is there a client on this line? " + advice)
    refused = [event.values for event in events if event.word == "lcp_refused"]
    if any(one["options"].startswith(b"\x01") for one in refused):
        return Told(f"{why}: the MRU is in question", "`mru` of [ppp] decides; the events below say who wants what")
    return Told(f"{why} ({values['text']})" if values["text"] not in ("", why) else why, advice)


def _setup(events: list[Event], values: Mapping[str, Any], why: str, advice: str) -> Told:
    where = _WHERE.get(values["phase"], "it began")
    if not values["heard"]:
        return Told("LCP never answered: nothing came from the client", "is there a client on this line?")
    return Told(f"{why}: time ran out while {where}", advice)


def _radius(events: list[Event], values: Mapping[str, Any], why: str, advice: str) -> Told:
    client = _last(events, "coa").get("client", "")
    said = f" and says {values['text']!r}" if values["text"] else ""
    return Told(f"{why}{f': {client} wants it so{said}' if client else said}", advice)


_SPECIAL: Final = {
    "authentication_rejected": _rejected,
    "authentication_unanswered": _unanswered,
    "lcp_failed": _lcp,
    "setup_timeout": _setup,
    "disconnected_by_radius": _radius,
}
"""Ends of which the events say more than the table."""
