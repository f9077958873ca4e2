"""What two configurations differ in, key by key, and what of it a running daemon puts into force.

Every section has its rule in ``RULES``, and so has each key that is not as the rest of its
section; what has none waits for a restart, so that nothing is put into force by halves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final, NamedTuple

from bras.config.grant import Grant
from bras.config.model import Config
from bras.config.section import Section
from bras.config.sections import SECTIONS


class Rule(NamedTuple):
    """What becomes of a changed key when the configuration is read again."""

    live: bool
    """Whether it is put into force at once; else it waits for a restart."""
    meaning: str
    """For whom, and for whom not; as MANUAL.md says it."""


RULES: Final[Mapping[str, Rule]] = {
    "lns": Rule(True, "`hostname` for new tunnels, requests and records; limits and timers for everybody"),
    "lns.listen": Rule(False, "tunnels are on these sockets"),
    "lns.max_sessions": Rule(False, "the data plane has as many places"),
    "lns.worker": Rule(False, "it is in the ids of all tunnels"),
    "lns.node": Rule(False, "it is in the ids of all sessions"),
    "lns.receive_buffer_octets": Rule(False, "the sockets have it from their beginning"),
    "lac": Rule(
        True,
        "secrets for new tunnels, policy and methods for new sessions; limits, Hellos and retransmission for the"
        " tunnels that there are, too. Sessions of a group that is gone go on; its tunnels take no new call",
    ),
    "auth": Rule(True, "who comes from now on"),
    "radius": Rule(
        True,
        "from the next transmission on, of requests and records that wait as well; what has been told of a session"
        " stays",
    ),
    "radius.coa": Rule(True, "the next request; one that waits goes on"),
    "realm": Rule(True, "who comes from now on"),
    "ppp": Rule(True, "links that begin from now on"),
    "pool": Rule(
        True,
        "new addresses at once; who has an address that is in no pool any more keeps it to its end, and nobody gets it"
        " after that",
    ),
    "profile": Rule(True, "who is authenticated, or changed by CoA, from now on"),
    "user": Rule(True, "who is authenticated from now on"),
    "defaults": Rule(True, "who is authenticated, or changed by CoA, from now on"),
    "dataplane": Rule(False, "devices and programs are made with it"),
    "metrics": Rule(False, "the exporter listens there"),
    "admin": Rule(False, "the socket is there"),
    "log": Rule(True, "`level`, for the next line"),
    "log.format": Rule(False, "a log has one format"),
    "story": Rule(False, "stories are told from the beginning"),
    "state": Rule(False, "the journal is there"),
}
"""By section, and by key where that differs from its section."""

UNKNOWN: Final = Rule(False, "")


def rule(key: str) -> Rule:
    """Return what holds for a key such as ``lac.secrets``: its own rule, or that of the section round it."""
    while key:
        found = RULES.get(key)
        if found is not None:
            return found
        key = key.rpartition(".")[0]
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys that differ, as people write them: ``lac[north].secrets``; never a value."""

    live: tuple[str, ...] = ()
    """Those that are put into force at once."""
    restart: tuple[str, ...] = ()
    """Those that wait for a restart."""

    @property
    def none(self) -> bool:
        """Return whether nothing differs."""
        return not self.live and not self.restart


def compare(before: Config, after: Config) -> Changes:
    """Return what differs between two configurations, in the order of the file's sections."""
    live: list[str] = []
    restart: list[str] = []
    for key, told in _differences(before, after, "", ""):
        (live if rule(key).live else restart).append(told)
    return Changes(tuple(live), tuple(restart))


def in_force(before: Config, after: Config) -> Config:
    """Return ``after`` with what waits for a restart as it was ``before``."""
    names = [part.name for part in fields(Config)]
    kept = {name: getattr(before, name) for name in names if not rule(name).live}
    merged = replace(after, **kept)
    for key, one in RULES.items():
        if "." in key and not one.live:
            merged = _put_back(before, merged, key.split("."))
    return merged


def _put_back(before: Any, after: Any, path: Sequence[str]) -> Any:
    """Return ``after`` with the value at ``path`` as it was ``before``, where both have what is round it."""
    if not is_dataclass(before) or not is_dataclass(after) or isinstance(after, type):
        return after
    name, *rest = path
    value = getattr(before, name)
    return replace(after, **{name: _put_back(value, getattr(after, name), rest) if rest else value})


def _models(sections: Sequence[Section]) -> Iterator[type]:
    for section in sections:
        yield section.model
        yield from _models(section.inner)


_SECTIONS: Final = frozenset((*_models(SECTIONS), Grant, Config))
"""What is compared key by key; anything else is a value."""


def _differences(one: Any, other: Any, key: str, told: str) -> Iterator[tuple[str, str]]:
    """Yield (key, key with the name of its section) of each difference."""
    if one == other:
        return
    if type(one) in _SECTIONS and type(one) is type(other):
        for part in fields(one):
            name = "" if part.name == "grant" else part.name  # its keys stand in the section round it
            values = getattr(one, part.name), getattr(other, part.name)
            yield from _differences(*values, _joined(key, name), _joined(told, name))
    elif _is_repeated(one) and _is_repeated(other):
        yield from _of_repeated(one, other, key, told)
    else:
        yield key, told


def _joined(before: str, name: str) -> str:
    return f"{before}.{name}" if before and name else before or name


def _is_repeated(value: Any) -> bool:
    """Return whether it is a list of sections; one without any may be that, too."""
    return isinstance(value, tuple) and all(type(item) in _SECTIONS for item in value)


def _of_repeated(one: tuple[Any, ...], other: tuple[Any, ...], key: str, told: str) -> Iterator[tuple[str, str]]:
    """Compare sections of one name by theirs, wherever they stand; the order is a difference of its own."""
    before, after = _by_name(one), _by_name(other)
    for name, section in before.items():
        if name not in after:
            yield key, f"{told}[{name}]"
        else:
            yield from _differences(section, after[name], key, f"{told}[{name}]")
    yield from ((key, f"{told}[{name}]") for name in after if name not in before)
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield key, f"{told} (order)"


def _by_name(sections: tuple[Any, ...]) -> dict[str, Any]:
    """Return sections by name; of several with one name, as servers of two groups can have, the later have a number."""
    found: dict[str, Any] = {}
    seen: dict[str, int] = {}
    for section in sections:
        name = str(getattr(section, "name", "") or getattr(section, "address", ""))
        seen[name] = count = seen.get(name, 0) + 1
        found[f"{name} {count}" if count > 1 else name] = section
    return found
