"""What the configuration says about a subscriber: settings of its group, profiles, local users."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, UserConfig
from bras.ids import session_origin
from bras.lns.caller import Names
from bras.lns.realms import Asking, Realms
from bras.ppp.settings import LinkConfig
from bras.radius.authorization import Authorization
from bras.radius.profile import Profile, Resolver
from bras.subscriber.settings import Settings
from bras.wire import ipv4_of

IPV4_OVERHEAD = 20 + 8 + 8 + 4
"""Octets round a PPP payload: IPv4, UDP, L2TP data header with length, FF 03 and protocol."""
IPV6_OVERHEAD = IPV4_OVERHEAD + 20
NUMBERS_OCTETS = 4
"""Ns and Nr in the data header, where data are numbered."""
SMALLEST_MRU = 128
LARGEST_MRU = 1500


@dataclass(frozen=True, slots=True)
class InterimRaised:
    """Fact: a source of policy gives an interim interval that is too short."""

    source: str
    interval_s: float
    counts_as_s: float


class Policy:
    """Look-ups in the configuration, each worked out once."""

    __slots__ = (
        "_groups",
        "_names",
        "_settings",
        "_users",
        "config",
        "epoch",
        "former",
        "origin",
        "path_mtu",
        "realms",
        "resolver",
    )

    def __init__(self, config: Config, epoch: int, former: Iterable[LacConfig] = ()) -> None:
        """Index the configuration; ``former``: groups that are configured no more, whose sessions live on."""
        self.config = config
        self.epoch = epoch
        self.origin = session_origin(config.lns.node or 0, config.lns.worker, epoch)
        """What the Acct-Session-Ids of this start begin with."""
        self.former = tuple(former)
        groups = (*config.lac, *self.former)
        self.realms = Realms(config.realm)
        self.resolver = Resolver(replace(config, lac=groups))
        self._groups: dict[str, LacConfig] = {group.name: group for group in groups}
        self._users: dict[str, UserConfig] = {user.name: user for user in config.user}
        self._settings: dict[tuple[str, int], Settings] = {}
        self._names: dict[str, Names] = {}
        self.path_mtu: dict[str, int] = {}
        """Octets that the path to a LAC carries, by its address, where it was measured."""

    def follow(self, config: Config, in_use: Container[str]) -> Policy:
        """Return the policy of another configuration; groups ``in_use`` that it has no more stay as they were."""
        names = {group.name for group in config.lac}
        gone = (group for name, group in self._groups.items() if name not in names and name in in_use)
        policy = Policy(config, self.epoch, (replace(group, secrets=()) for group in gone))
        policy.path_mtu = self.path_mtu
        for key, settings in self._settings.items():
            if key[0] in policy._groups:  # what has not changed stays the same object for old and new
                made = policy._make_settings(*key)
                policy._settings[key] = settings if settings == made else made
        return policy

    def group(self, name: str) -> LacConfig:
        """Return a LAC group; of one that an earlier process had its sessions live on with defaults."""
        return self._groups.get(name) or LacConfig(name)

    def names(self, group: str) -> Names:
        """Return what calls of the group are known by."""
        names = self._names.get(group)
        if names is None:
            names = self._names[group] = Names(self.group(group), self.config.lns.hostname)
        return names

    def asking(self, group: str, name: bytes) -> Asking:
        """Return how RADIUS is asked about a user of a LAC group, by the name that the client gave."""
        return self.realms.asking(self.group(group), name)

    def user(self, name: str) -> UserConfig | None:
        """Return a local user."""
        return self._users.get(name)

    def measures(self, group: str) -> bool:
        """Return whether what the path to a LAC of the group carries is to be found out."""
        return self.config.ppp.mru == "auto" and self.group(group).mtu is None

    def mru(self, group: str, remote: str, *, numbered: bool = False) -> int:
        """Return the MRU to negotiate over the path to a LAC of the group; ``numbered``: data have Ns and Nr."""
        configured = self.config.ppp.mru
        if isinstance(configured, int):
            return configured
        overhead = IPV6_OVERHEAD if ":" in remote else IPV4_OVERHEAD
        overhead += NUMBERS_OCTETS if numbered else 0
        room = (self.group(group).mtu or self.path_mtu.get(remote, LARGEST_MRU)) - overhead
        return max(SMALLEST_MRU, min(LARGEST_MRU, room))

    def settings(self, group: str, remote: str, *, numbered: bool = False) -> Settings:
        """Return what a new subscriber of the group, behind that LAC address, shares with its like."""
        return self.settings_of(group, self.mru(group, remote, numbered=numbered))

    def settings_of(self, group: str, mru: int) -> Settings:
        """Return what the subscribers of the group share that have this MRU."""
        settings = self._settings.get((group, mru))
        if settings is None:
            settings = self._settings[group, mru] = self._make_settings(group, mru)
        return settings

    def _make_settings(self, group: str, mru: int) -> Settings:
        config = self.config
        local_address = ipv4_of(config.dataplane.local_address)
        assert local_address is not None  # the loader has checked it
        link = LinkConfig.from_config(config.ppp, config.auth, self.group(group), mru, config.lns.hostname)
        waits = (link.restart.restart_timer_s, link.restart.restart_cap_s, link.auth_timeout_s, link.echo_interval_s)
        return Settings(
            group=group,
            link=link,
            shortest_wait_s=min(1.0, *(wait for wait in waits if wait)),
            local_address=local_address,
            setup_timeout_s=config.lns.setup_timeout_s,
            interim_jitter=config.radius.interim_jitter,
            clamp_mss=config.dataplane.clamp_mss,
            origin=self.origin,
            counter_interval_s=config.dataplane.counter_interval_s,
        )

    def raised(self) -> list[InterimRaised]:
        """Return whose interim intervals are too short, each source once."""
        shortest_s, raised = self.config.radius.interim_min_s, self.resolver.raised
        found = [InterimRaised(source, interval_s, shortest_s) for source, interval_s in raised.items()]
        raised.clear()
        return found

    def named(self, said: Authorization) -> str | None:
        """Return the names of profiles in what RADIUS says; without those that may be lacking and are."""
        if not said.optional or said.profile is None:
            return said.profile
        names = said.profile.split(" ")
        return " ".join(one for one in names if one not in said.optional or self.resolver.knows(one)) or None

    def profile(
        self, group: str, user: UserConfig | None, grant: Grant | None, named: str | None, address: int | None = None
    ) -> Profile | None:
        """Compute a Profile by the one precedence; ``None`` when RADIUS names an unknown ``[[profile]]``."""
        return self.resolver.resolve(group, user, grant, named, address)
