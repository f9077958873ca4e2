"""Notes of what happens to a session: its story, for telemetry to keep, where somebody wants it.

The machine remembers nothing of it.  A note is a word of ``NOTES`` with its values, which never are secrets.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from bras.ids import CallKey
from bras.lns.core import Core
from bras.lns.effects import Report
from bras.lns.told import Noted, SessionBegun, Value
from bras.radius.profile import FIELDS, Profile
from bras.subscriber.subscriber import Subscriber

_said = attrgetter(*FIELDS)
_ADDRESS: Final = FIELDS.index("address")


def note(core: Core, number: int, word: str, *values: Value) -> None:
    """Tell that something happened to a session, if anybody wants to know."""
    if core.tells:
        core.effects.append(Report(Noted(number, word, values)))


def begun(core: Core, subscriber: Subscriber, key: CallKey) -> None:
    """Tell of a new session."""
    if core.tells:
        core.effects.append(Report(SessionBegun(subscriber.number, subscriber.session_id, key, subscriber.line)))


def offered(core: Core, subscriber: Subscriber, user: str, method: str, group: str | None, *, again: bool) -> None:
    """Tell who a client says that it is, and who is asked about it."""
    if core.tells:
        asked = "local" if core.config.auth.source == "local" else group or ""
        note(core, subscriber.number, "credentials", user, method, asked, again)


def given(core: Core, subscriber: Subscriber, profile: Profile, address: int) -> None:
    """Tell which address a session has, and whence."""
    if core.tells:
        source = profile.sources[_ADDRESS] if profile.address == address else f"pool {profile.pool}"
        note(core, subscriber.number, "address", address, source)


def changed(core: Core, subscriber: Subscriber, profile: Profile, by: str) -> None:
    """Tell what somebody has changed of what holds for a session."""
    before = subscriber.profile
    if not core.tells or before is None or before == profile:
        return
    pairs = zip(FIELDS, _said(before), _said(profile), strict=True)
    words = [f"{name}: {_word(old)} -> {_word(new)}" for name, old, new in pairs if old != new]
    note(core, subscriber.number, "changed", by, "; ".join(words))


def _word(value: object) -> str:
    return "none" if value in (None, "", ()) else str(value)
