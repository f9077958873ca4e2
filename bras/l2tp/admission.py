"""Who may open a tunnel: the ``[[lac]]`` groups, and how much of each limit is used.

A SCCRQ that is refused makes no tunnel: the StopCCN is sent once, from a tunnel id that no
tunnel ever has, and again whenever the SCCRQ comes again; so refusing costs no memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from ipaddress import ip_network
from typing import Final, TypeVar

from bras.config.model import LacConfig, LnsConfig
from bras.ids import Entropy, new_tunnel_id
from bras.l2tp import messages
from bras.l2tp.constants import PROTOCOL_VERSION, AvpType, ErrorCode, StopResult
from bras.l2tp.events import By, Cause, Event, Path, Refusal, SendDatagram, TunnelRefused
from bras.l2tp.header import CONTROL, CONTROL_FLAGS, CONTROL_OCTETS
from bras.l2tp.messages import Message
from bras.l2tp.sources import number_of
from bras.secret import Secret

NO_ROOM: Final = Cause(By.LOCAL, StopResult.GENERAL_ERROR, ErrorCode.INSUFFICIENT_RESOURCES, "tunnel limit reached")
_NO_ROOM_FOR_LAC: Final = Cause(
    By.LOCAL, StopResult.GENERAL_ERROR, ErrorCode.INSUFFICIENT_RESOURCES, "tunnel limit of this LAC reached"
)
NO_SECRET: Final = Cause(
    By.LOCAL, StopResult.NOT_AUTHORIZED, 0, "challenged without a secret", refusal=Refusal.NO_SECRET
)
_NO_GROUP: Final = Cause(By.LOCAL, StopResult.NOT_AUTHORIZED, 0, "not authorized", refusal=Refusal.NO_GROUP)
_CLOSING: Final = Cause(By.LOCAL, StopResult.GENERAL_ERROR, ErrorCode.TRY_ANOTHER, "shutting down")
HELD: Final = -(1 << 30)
"""In place of the calls that there is room for."""
_Key = TypeVar("_Key")


class _Group:
    """A group with its addresses as numbers: ours as (version, address), prefixes as (version, network, mask)."""

    __slots__ = ("config", "hostname", "local", "prefixes")

    def __init__(self, config: LacConfig) -> None:
        self.config = config
        self.hostname = re.compile(translate(config.hostname))
        self.local = frozenset(number_of(address) for address in config.local)
        networks = [ip_network(prefix, strict=False) for prefix in config.address]
        self.prefixes = [(n.version, int(n.network_address), int(n.netmask)) for n in networks]

    def has(self, local: tuple[int, int], remote: tuple[int, int]) -> bool:
        if self.local and local not in self.local:
            return False
        version, number = remote
        return any(kind == version and number & mask == network for kind, network, mask in self.prefixes)


class Groups:
    """The ``[[lac]]`` groups in the order of the file; the first that matches is taken."""

    __slots__ = ("_groups",)

    def __init__(self, groups: tuple[LacConfig, ...]) -> None:
        """Prepare the groups for matching."""
        self._groups = [_Group(group) for group in groups]

    def match(self, path: Path, hostname: str) -> LacConfig | None:
        """Return the first group that has our address, the LAC's address and its Host Name AVP."""
        version, number = number_of(path.remote)
        for group in self._groups:
            if group.local and number_of(path.local) not in group.local:
                continue
            for kind, network, mask in group.prefixes:
                if kind == version and number & mask == network and group.hostname.match(hostname):
                    return group.config
        return None

    def secrets_at(self, path: Path) -> tuple[Secret, ...]:
        """Return the secrets of all groups that have our address and the LAC's, whatever its Host Name."""
        local, remote = number_of(path.local), number_of(path.remote)
        groups = [group.config for group in self._groups if group.has(local, remote)]
        return tuple(secret for group in groups for secret in group.secrets)

    def secrets(self) -> dict[str, tuple[Secret, ...]]:
        """Return the secrets of each group, by its name."""
        return {group.config.name: group.config.secrets for group in self._groups}

    def named(self, name: str) -> LacConfig:
        """Return the group of this name; one that is configured no more lives on with defaults."""
        for group in self._groups:
            if group.config.name == name:
                return group.config
        return LacConfig(name)


class Census:
    """Tunnels that have not ended and their calls: in all, by group, and by LAC, which is a remote address."""

    __slots__ = (
        "_config",
        "_counted",
        "_gone",
        "_sessions_at",
        "_tunnels_at",
        "holds",
        "sessions",
        "sessions_of",
        "tunnels_of",
    )

    def __init__(self, config: LnsConfig, *, by_host: bool = False) -> None:
        """Begin with nothing; with ``by_host`` sessions are counted by LAC, too."""
        self._config = config
        self._counted: dict[int, int] = {}  # tunnel id -> calls counted
        self._gone: frozenset[str] = frozenset()  # names of groups that are configured no more
        self._tunnels_at: dict[tuple[str, str], int] = {}  # (group, remote address) -> tunnels
        self._sessions_at: dict[str, int] | None = {} if by_host else None
        self.holds = False
        """Every new call is refused: its accounting could not be kept."""
        self.sessions = 0
        self.tunnels_of: dict[str, int] = {}
        self.sessions_of: dict[str, int] = {}

    def follow(self, config: LnsConfig, groups: tuple[LacConfig, ...], tunnels: Iterable[tuple[int, str, str]]) -> None:
        """Go on under another configuration; ``tunnels`` are (id, group, remote address) of those that there are."""
        self._config = config
        standing = [(number, group, remote) for number, group, remote in tunnels if number in self._counted]
        self._gone = frozenset(group for _, group, _ in standing).difference(group.name for group in groups)
        if not any(group.one_session_per_host for group in groups):
            self._sessions_at = None
        elif self._sessions_at is None:
            self._sessions_at = {}
            for number, _, remote in standing:
                _add(self._sessions_at, remote, self._counted[number])

    @property
    def tunnels(self) -> int:
        """Return how many tunnels have not ended."""
        return len(self._counted)

    def count(self, tunnel_id: int, group: str, remote: str, calls: int) -> None:
        """Take note that a tunnel of the LAC at ``remote`` has so many calls now."""
        before = self._counted.get(tunnel_id)
        if before == calls:
            return
        if before is None:
            self.tunnels_of[group] = self.tunnels_of.get(group, 0) + 1
            _add(self._tunnels_at, (group, remote), 1)
            before = 0
        self._counted[tunnel_id] = calls
        self.sessions += calls - before
        self.sessions_of[group] = self.sessions_of.get(group, 0) + calls - before
        if self._sessions_at is not None:
            _add(self._sessions_at, remote, calls - before)

    def forget(self, tunnel_id: int, group: str, remote: str) -> None:
        """Take note that a tunnel has ended."""
        calls = self._counted.pop(tunnel_id, None)
        if calls is not None:
            self.tunnels_of[group] -= 1
            _add(self._tunnels_at, (group, remote), -1)
            self.sessions -= calls
            self.sessions_of[group] -= calls
            if self._sessions_at is not None:
                _add(self._sessions_at, remote, -calls)

    def full(self, group: LacConfig, remote: str, replaced: int) -> Cause | None:
        """Return why one more tunnel of that LAC is too many; ``replaced`` of its own will go for it."""
        if self.tunnels - replaced >= self._config.max_tunnels:
            return NO_ROOM
        if group.max_tunnels and self.tunnels_of.get(group.name, 0) - replaced >= group.max_tunnels:
            return NO_ROOM
        most = group.max_tunnels_per_lac
        if most and self._tunnels_at.get((group.name, remote), 0) - replaced >= most:
            return _NO_ROOM_FOR_LAC
        return None

    def room(self, group: LacConfig, path: Path) -> int:
        """Return how many more calls a tunnel of the group may have on this path; none if it is configured no more."""
        if self.holds:
            return HELD
        if group.name in self._gone:
            return 0
        room = self._config.max_sessions - self.sessions
        if group.max_sessions:
            room = min(room, group.max_sessions - self.sessions_of.get(group.name, 0))
        if group.one_session_per_host and self._sessions_at is not None:
            room = min(room, 1 - self._sessions_at.get(path.remote, 0))
        return room


def _add(counts: dict[_Key, int], key: _Key, change: int) -> None:
    """Change a count; what is none is not kept: anybody's address can be a key."""
    count = counts.get(key, 0) + change
    if count:
        counts[key] = count
    else:
        counts.pop(key, None)


class Admission:
    """Judges each SCCRQ."""

    __slots__ = ("census", "closing", "groups", "refusing_id")

    def __init__(self, config: LnsConfig, groups: tuple[LacConfig, ...], entropy: Entropy) -> None:
        """Begin open."""
        self.groups = Groups(groups)
        self.census = Census(config, by_host=any(group.one_session_per_host for group in groups))
        self.closing = False
        self.refusing_id = new_tunnel_id(config.worker, (), entropy) or 0
        """Tunnel id from which StopCCN is sent to those that get no tunnel."""

    def follow(self, config: LnsConfig, groups: tuple[LacConfig, ...], tunnels: Iterable[tuple[int, str, str]]) -> None:
        """Go on under another configuration; see ``Census.follow``."""
        self.groups = Groups(groups)
        self.census.follow(config, groups, tunnels)

    def judge(self, message: Message, group: LacConfig | None, remote: str, replaced: int) -> Cause | None:
        """Return why a SCCRQ from ``remote`` is not acceptable; ``replaced`` tunnels of that LAC would go for it."""
        problem = message.problem()
        if group is None:
            return _NO_GROUP
        if problem is not None:
            return Cause.of(problem)
        if self.closing:
            return _CLOSING
        if AvpType.CHALLENGE in message.octets and not group.secrets:
            return NO_SECRET
        return self.census.full(group, remote, replaced) or unsupported_version(message)

    def refusal_octets(self, cause: Cause) -> int:
        """Return the octets of a StopCCN with the whole text."""
        return CONTROL_OCTETS + len(messages.stopccn(self.refusing_id, cause))

    def refuse(self, path: Path, message: Message, ns: int, octets: int, group: str, cause: Cause) -> list[Event]:
        """Answer a SCCRQ by a StopCCN of so many octets at most, without keeping anything."""
        refused = TunnelRefused(group, message.text(AvpType.HOST_NAME), path, cause)
        body = self._stopccn(cause, octets - CONTROL_OCTETS)
        if body is None:
            return [refused]
        peer_tunnel_id = message.numbers[AvpType.ASSIGNED_TUNNEL_ID]
        length = CONTROL_OCTETS + len(body)
        head = CONTROL.pack(CONTROL_FLAGS, length, peer_tunnel_id, 0, 0, (ns + 1) & 0xFFFF)
        return [SendDatagram(path, head + body), refused]

    def _stopccn(self, cause: Cause, octets: int) -> bytes | None:
        """Build a StopCCN of so many octets at most: with all of its text, some, none; without its Error Code."""
        body = messages.stopccn(self.refusing_id, cause)
        if len(body) > octets:
            left = max(0, len(cause.text.encode()) - (len(body) - octets))
            text = cause.text.encode()[:left].decode("utf-8", "ignore")
            body = messages.stopccn(self.refusing_id, Cause(cause.by, cause.result, cause.error, text))
        if len(body) > octets:
            body = messages.stopccn(self.refusing_id, Cause(cause.by, cause.result))
        return body if len(body) <= octets else None


def unsupported_version(message: Message) -> Cause | None:
    """Judge the Protocol Version AVP: only version 1 exists, any revision will do (RFC 2661 section 4.4.3)."""
    version = message.numbers.get(AvpType.PROTOCOL_VERSION, 0)
    if version >> 8 == PROTOCOL_VERSION >> 8:
        return None
    return Cause(By.LOCAL, StopResult.VERSION_NOT_SUPPORTED, PROTOCOL_VERSION, f"version {version >> 8}")
