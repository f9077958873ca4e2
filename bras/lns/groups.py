"""What holds for a ``[[lac]]`` group, and where each value comes from, for ``show group``."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Final

from bras.config.grant import Grant
from bras.config.model import LacConfig
from bras.lns.commands import Plain
from bras.lns.core import Core
from bras.lns.tables import group_row
from bras.secret import Secret

Row = dict[str, Plain]
_SHOWN_ELSEWHERE: Final = ("name", "grant")


def detail(core: Core, name: str) -> Row | None:
    """Return all of a group; ``None`` when there is none of this name."""
    group = next((one for one in core.config.lac if one.name == name), None)
    if group is None:
        return None
    return group_row(core, group) | {"settings": _settings(core, group), "profile": _profile(core, group)}


def _settings(core: Core, group: LacConfig) -> Row:
    shown: Row = {}
    for field in fields(LacConfig):
        if field.name in _SHOWN_ELSEWHERE:
            continue
        value = getattr(group, field.name)
        given = field.default is MISSING or value != field.default
        source = "lac" if given else "built-in"
        if field.name == "methods" and not given:
            value, source = core.config.auth.methods, "auth"
        shown[field.name] = {"value": _plain(value), "source": source}
    return shown


def _profile(core: Core, group: LacConfig) -> Row:
    profile = core.policy.profile(group.name, None, Grant(), None)
    if profile is None:
        return {}
    return {name: {"value": _plain(value), "source": source} for name, value, source in profile.sourced()}


def _plain(value: object) -> Plain:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple):
        if value and all(isinstance(one, Secret) for one in value):
            return f"{len(value)} (not shown)"
        return [_plain(one) for one in value]
    return str(value)
