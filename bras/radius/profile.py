"""The Profile: what one subscriber gets, each value from the strongest layer that names it.

The one precedence, strongest first::

    RADIUS attribute > [[profile]] named by RADIUS > local user > [[profile]] of the local user
    > [[lac]] > [defaults] > [ppp] (name servers only) > built-in

Everything but the RADIUS attributes is configuration, so its merge is kept per (group,
profile, user) and a session costs one pass over the RADIUS layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from bras.config.grant import BUILT_IN, Grant, plain
from bras.config.model import Config, UserConfig

BURST_SHARE = 32
"""A quarter second of a rate in bit/s, in octets: rate / 8 / 4."""
MIN_BURST_OCTETS = 16000
WHOLE = 32
"""Length of the prefix that is one IPv4 address."""
MAX_SHARED = 4096
"""Profiles kept because many subscribers have the same."""
MAX_MERGES_KEPT = 20000
"""Merges of configuration layers kept; each local user that logs in has one."""


Value = int | float | str | tuple[str, ...] | tuple[tuple[int, int], ...]
"""What a field of a Profile can be."""


class Profile(NamedTuple):
    """What a subscriber gets; the fields are those of ``Grant``, every one decided."""

    address: int | None
    """``None``: one from the pool."""
    pool: str | None
    """``None``: no pool is named anywhere."""
    vrf: int
    session_timeout_s: float
    """0: never."""
    idle_timeout_s: float
    """0: never."""
    interim_interval_s: float
    """0: no Interim-Updates."""
    dns: tuple[str, ...]
    nbns: tuple[str, ...]
    rate_up_bps: int
    """0: unlimited."""
    rate_down_bps: int
    """0: unlimited."""
    burst_up_octets: int
    burst_down_octets: int
    accept_client_address: bool
    source_check: bool
    mark: int
    """``skb->mark`` of its packets; 0: none."""
    priority: int
    """``skb->priority`` of its packets; 0: none."""
    prefix_length: int
    routes: tuple[tuple[int, int], ...]
    """(network, prefix length) pairs."""
    framed_mtu: int
    """0: what the link carries."""
    idle_direction: str
    """`both`, `up`, `down`."""
    at_session_timeout: str
    """`end`, `reauthenticate`."""
    port_limit: int
    """0: no limit."""
    quota_octets: int
    quota_up_octets: int
    quota_down_octets: int
    """0: no limit."""
    ipv6_prefixes: tuple[str, ...]
    ipv6_pool: str | None
    ipv6_addresses: tuple[str, ...]
    ipv6_address_pool: str | None
    delegated_ipv6_prefixes: tuple[str, ...]
    delegated_ipv6_pool: str | None
    interface_id: str | None
    ipv6_routes: tuple[str, ...]
    ipv6_dns: tuple[str, ...]
    at_quota: str
    """`disconnect`, `throttle`."""
    quota_rate_up_bps: int
    quota_rate_down_bps: int
    """From when a quota is exhausted; 0: as before."""
    session_ends_at: float
    """Seconds since 1970 (UTC); 0: never."""
    sources: tuple[str, ...]
    """For each field before this one, in order, the layer that decided it."""
    named: str
    """The `[[profile]]` that RADIUS named, or several with a space between; "": none."""

    @property
    def limited(self) -> bool:
        """Return whether there is a quota."""
        return bool(self.quota_octets or self.quota_up_octets or self.quota_down_octets)

    def used(self, up_octets: int, down_octets: int) -> list[tuple[str, int, int]]:
        """Return (which way, quota, octets used of it) of each quota that there is."""
        quotas = (
            ("both ways", self.quota_octets, up_octets + down_octets),
            ("up", self.quota_up_octets, up_octets),
            ("down", self.quota_down_octets, down_octets),
        )
        return [one for one in quotas if one[1]]

    def spent(self, up_octets: int, down_octets: int) -> str:
        """Return which quota is exhausted, in words; nothing while none is."""
        for way, quota, used in self.used(up_octets, down_octets):
            if used >= quota:
                return f"quota of {quota} octets {way} is exhausted"
        return ""

    def slowed(self) -> tuple[int, int, int, int]:
        """Return rates and bursts, up before down, of whose quota is exhausted."""
        up, down = self.quota_rate_up_bps, self.quota_rate_down_bps
        return (
            up or self.rate_up_bps,
            down or self.rate_down_bps,
            burst_of(up) if up else self.burst_up_octets,
            burst_of(down) if down else self.burst_down_octets,
        )

    def networks(self, address: int) -> tuple[tuple[int, int], ...]:
        """Return the IPv4 networks that are routed to the subscriber who has ``address``, besides that."""
        if not self.routes and self.prefix_length == WHOLE:  # nearly always
            return ()
        found = dict.fromkeys(self.routes)
        length = self.prefix_length
        if length < WHOLE and self.address == address:
            found[address >> WHOLE - length << WHOLE - length, length] = None
        found.pop((address, WHOLE), None)
        return tuple(found)

    def sourced(self) -> list[tuple[str, Value, str]]:
        """Return (name, value, source) of each field that has a value, for ``show session``."""
        return [
            (name, value, source)
            for name, value, source in zip(FIELDS, self, self.sources, strict=False)
            if value is not None
        ]

    def granted(self) -> Grant:
        """Return what RADIUS granted: the values that have this source."""
        values = {name: value for name, value, source in self.sourced() if source == RADIUS_SOURCE}
        return Grant(**values)  # type: ignore[arg-type]  # the fields of a Profile are those of a Grant

    def save(self) -> list[object]:
        """Return plain data."""
        return [_saved(value) for value in self]

    @classmethod
    def restore(cls, saved: list[object]) -> Profile:
        """Return the Profile of which ``saved`` is the plain data; it lacks fields that came after it was saved.

        Raises TypeError or ValueError when it makes no sense.
        """
        *values, sources, named = _ends_with_a_name(saved)
        if not isinstance(sources, tuple) or not isinstance(named, str):
            raise TypeError("a profile ends with its sources and the name that RADIUS gave")
        later = FIELDS[len(values) :]
        values += [getattr(BUILT_IN, name) for name in later]
        return cls._make((*values, sources + (BUILT_IN_SOURCE,) * len(later), named))


def _saved(value: object) -> object:
    return [_saved(item) for item in value] if isinstance(value, tuple) else value


def _ends_with_a_name(saved: list[object]) -> list[object]:
    """Return the values of a saved Profile; until there was a name, its sources were the last of them."""
    values = [plain(value) for value in saved]
    return values if isinstance(values[-1], str) else [*values, ""]


FIELDS = Profile._fields[:-2]
BURST_UP, BURST_DOWN = FIELDS.index("burst_up_octets"), FIELDS.index("burst_down_octets")
RATE_UP, RATE_DOWN = FIELDS.index("rate_up_bps"), FIELDS.index("rate_down_bps")
SESSION_TIMEOUT = FIELDS.index("session_timeout_s")
INTERIM = FIELDS.index("interim_interval_s")
BUILT_IN_SOURCE, RADIUS_SOURCE = "built-in", "radius"
RAISED = ", raised to interim_min_s"
"""Behind the source of an interim interval that was too short."""
_values_of = attrgetter(*FIELDS)


def of_radius(source: str) -> bool:
    """Return whether RADIUS has said a value."""
    return source in (RADIUS_SOURCE, RADIUS_SOURCE + RAISED)


Layer = tuple[str, Grant]
"""The name of a source, and what it grants."""


_origins: dict[tuple[str, ...], tuple[str, ...]] = {}
"""Each combination of sources once: they are few, the Profiles are many."""
_placed: dict[tuple[str, ...], tuple[str, ...]] = {}
"""The same combination with an address from RADIUS."""


def compute(layers: Sequence[Layer]) -> Profile:
    """Resolve ``layers``, strongest first; the built-in one stands below them all."""
    return _finish(*_merge((*layers, (BUILT_IN_SOURCE, BUILT_IN))))


def _merge(layers: Sequence[Layer]) -> tuple[list[object], list[str]]:
    """Return for each field its value and source, before what follows from other fields."""
    values: list[object] = [None] * len(FIELDS)
    sources = [BUILT_IN_SOURCE] * len(FIELDS)
    for source, grant in reversed(layers):
        _lay(source, grant, values, sources)
    return values, sources


def _lay(source: str, grant: Grant, values: list[object], sources: list[str]) -> None:
    """Put a stronger layer over what is there."""
    for at, value in enumerate(_values_of(grant)):
        if value is not None:
            values[at] = value
            sources[at] = source


def _finish(values: list[object], sources: list[str], named: str = "") -> Profile:
    """Work out the bursts that are left to us, and freeze."""
    for burst, rate in ((BURST_UP, RATE_UP), (BURST_DOWN, RATE_DOWN)):
        if not values[burst]:
            bits = values[rate]
            values[burst] = burst_of(bits) if isinstance(bits, int) else MIN_BURST_OCTETS
    origin = tuple(sources)
    return Profile._make((*values, _origins.setdefault(origin, origin), named))


def burst_of(rate_bps: int) -> int:
    """Return the burst that belongs to a rate for which nobody has said one."""
    return max(rate_bps // BURST_SHARE, MIN_BURST_OCTETS)


def _at(profile: Profile, address: int) -> Profile:
    """Return the same with an address that RADIUS has granted to this one subscriber."""
    sources = _placed.get(profile.sources)
    if sources is None:
        origin = (RADIUS_SOURCE, *profile.sources[1:])
        sources = _placed[profile.sources] = _origins.setdefault(origin, origin)
    return Profile._make((address, *profile[1:-2], sources, profile.named))


class Resolver:
    """The layers of a configuration, ready to be merged with what RADIUS grants."""

    __slots__ = (
        "_decided",
        "_groups",
        "_merges",
        "_names",
        "_profiles",
        "_shared",
        "_shortest_s",
        "_under",
        "raised",
        "told",
    )

    def __init__(self, config: Config) -> None:
        """Take the layers out of the configuration."""
        self._groups = {lac.name: lac.grant for lac in config.lac}
        self._profiles = {profile.name: profile.grant for profile in config.profile}
        self._names = {name: name for name in ("", *self._profiles)}
        """Each name as one object for all Profiles that have it."""
        ppp = Grant(dns=config.ppp.dns or None, nbns=config.ppp.nbns or None)
        self._under: tuple[Layer, ...] = (("defaults", config.defaults), ("ppp", ppp), (BUILT_IN_SOURCE, BUILT_IN))
        self._shortest_s = config.radius.interim_min_s
        self.raised: dict[str, float] = {}
        """Sources whose interim interval was too short, and what it was: those that nobody has been told of."""
        self.told: set[str] = set()
        """Those of whom somebody has."""
        self._merges: dict[tuple[str, str, str], tuple[list[object], list[str]]] = {}
        self._decided: dict[tuple[str, str, str], Profile] = {}
        self._shared: dict[tuple[tuple[str, str, str], Grant], Profile] = {}

    def resolve(
        self,
        group: str,
        user: UserConfig | None,
        granted: Grant | None,
        named: str | None,
        address: int | None = None,
    ) -> Profile | None:
        """Return the Profile of a subscriber of ``group``.

        ``granted`` is what RADIUS said, ``named`` the ``[[profile]]`` that it named (or
        several, the strongest first, with a space between), ``address`` the subscriber's own;
        ``user`` is the local user who was authenticated; ``None`` where that had no part.
        The result is ``None`` when there is no profile of a name that RADIUS said.
        """
        profile = self._resolve(group, user, granted, named)
        return profile if address is None or profile is None else _at(profile, address)

    def knows(self, name: str) -> bool:
        """Return whether there is a `[[profile]]` of this name."""
        return name in self._profiles

    def _resolve(self, group: str, user: UserConfig | None, granted: Grant | None, named: str | None) -> Profile | None:
        if named is not None and named not in self._names and not self._take_name(named):
            return None
        key = (group, "" if user is None else user.name, named or "")
        if granted is None:
            profile = self._decided.get(key)
            if profile is None:
                values, sources = self._merged(key, user)
                values, sources = self._raise(values[:], sources[:])
                profile = self._decided[key] = _finish(values, sources, self._names.get(key[2], key[2]))
            return profile
        if granted.address is not None:
            return self._with(granted, key, user)
        # Without an address of its own a subscriber has what many others have: one Profile for them all.
        shared = self._shared.get((key, granted))
        if shared is None:
            if len(self._shared) >= MAX_SHARED:
                self._shared.clear()
            shared = self._shared[key, granted] = self._with(granted, key, user)
        return shared

    def _take_name(self, named: str) -> bool:
        """Keep a list of names, if each of them is a profile's; false if not."""
        if not all(name in self._profiles for name in named.split(" ")):
            return False
        if len(self._names) < MAX_MERGES_KEPT:
            self._names[named] = named
        return True

    def _with(self, granted: Grant, key: tuple[str, str, str], user: UserConfig | None) -> Profile:
        """Lay what RADIUS granted over the configured layers."""
        values, sources = self._merged(key, user)
        values, sources = values[:], sources[:]
        _lay(RADIUS_SOURCE, granted, values, sources)
        self._raise(values, sources)
        return _finish(values, sources, self._names.get(key[2], key[2]))

    def _raise(self, values: list[object], sources: list[str]) -> tuple[list[object], list[str]]:
        """Have no Interim-Updates at a shorter interval than they may have; ``sources`` tells of it."""
        interval_s, source = values[INTERIM], sources[INTERIM]
        if isinstance(interval_s, float) and 0.0 < interval_s < self._shortest_s:
            values[INTERIM] = self._shortest_s
            sources[INTERIM] = source + RAISED
            if source not in self.told:
                self.told.add(source)
                self.raised[source] = interval_s
        return values, sources

    def _merged(self, key: tuple[str, str, str], user: UserConfig | None) -> tuple[list[object], list[str]]:
        """Return the merge of the configured layers, worked out once."""
        merge = self._merges.get(key)
        if merge is None:
            if len(self._merges) >= MAX_MERGES_KEPT:
                self._merges.clear()
                self._decided.clear()
            merge = self._merges[key] = _merge(self._layers(key[0], user, key[2]))
        return merge

    def _layers(self, group: str, user: UserConfig | None, named: str) -> list[Layer]:
        """Return the configured layers that apply, strongest first."""
        layers = self._named(named)
        if user is not None:
            layers += [("user", user.grant), *self._named(user.profile)]
        if group in self._groups:
            layers.append(("lac", self._groups[group]))
        return [*layers, *self._under]

    def _named(self, profiles: str | None) -> list[Layer]:
        """Return the layers of one ``[[profile]]`` or several, as far as there are such."""
        names = profiles.split(" ") if profiles else []
        return [(f"profile {name}", self._profiles[name]) for name in names if name in self._profiles]
