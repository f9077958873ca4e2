"""From a journal to an LNS that goes on where its predecessor was cut off.

Two cases.  While the machine has not been rebooted, the instants in the journal are those
of our own clock: tunnels, calls and sessions go on; calls that were still being set up are
begun again by LCP.  A session whose call could not be kept goes on as well, to its end: its
Entry may have outlived the process, and is removed before its Stop is made.  What else the
data plane has left belongs to nobody (``Registry.entries``).  After a reboot nobody is there
any more: every Accounting-Start gets its Stop (NAS-Reboot, RFC 2866 section 5.10) as of the
last sign of life, then the LNS announces itself by Accounting-On.  In both cases the
accounting records that are owed are told first; see ``bras.lns.arrears``.

The books are done in one turn, as soon as the wall clock is known; sessions and calls go
on some hundred a turn, so that LACs are answered meanwhile.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from bras.accounting.ledger import Ledger
from bras.addressing.pools import Pools
from bras.config.model import Config, Listen
from bras.forwarding.entry import Counters
from bras.ids import CallKey, Entropy, new_tunnel_id
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import FIRST_OWN, CallUp
from bras.l2tp.journal import established, saved_lockouts, saved_tunnels, without
from bras.l2tp.reception import Role
from bras.l2tp.records import SavedTunnel
from bras.lns import from_l2tp, from_subscriber, operate, tunnel_account
from bras.lns.arrears import Arrears, Spooled, first_epoch
from bras.lns.commit import READABLE, VERSION, Commit
from bras.lns.core import Books, Core
from bras.lns.desk import Desk
from bras.lns.operate import Operations
from bras.lns.policy import Policy
from bras.lns.registry import Registry
from bras.lns.state import StateError, reserved_addresses
from bras.plain import Saved, decode
from bras.radius.accounting import AccountingRecords
from bras.radius.attributes import IdentityEncoder
from bras.radius.codec import Codec
from bras.radius.exchange import Exchanges
from bras.subscriber import journal
from bras.subscriber.subscriber import Subscriber

A_TURN = 200
"""Sessions and calls that go on in one turn."""

_SENSELESS = (
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError, msgspec.MsgspecError, struct.error,
)  # fmt: skip
"""What comes of records that are not what this program writes: a value of another kind, or none."""

Read = Callable[[Iterable[tuple[int, int]]], Iterable[tuple[int, int, Counters]]]
"""``DataPlane.read``: the counters of those (slot, generation) that there are."""


@dataclass(slots=True)
class Past:
    """What the ``lns`` and ``alive`` records of a journal say."""

    boot: str = ""
    next_number: int = 1
    epoch: int = 0
    announced: bool = False
    wall_offset_s: float = 0.0
    alive_at: float = 0.0
    version: int = VERSION

    @classmethod
    def of(cls, records: Mapping[str, bytes]) -> Past:
        """Read them; raises StateError when another version wrote them."""
        if "lns" not in records:
            return cls()
        version, *fields = decode(records["lns"])
        if version not in READABLE:
            raise StateError(f"the journal is of version {version}, this program writes version {VERSION}")
        boot, next_number, epoch, announced, wall_offset_s = fields
        alive_at = decode(records["alive"]) if "alive" in records else 0.0
        return cls(boot, next_number, epoch if version == VERSION else 0, announced, wall_offset_s, alive_at, version)


@dataclass(slots=True)
class Resumption:
    """What there is still to be done of a journal."""

    past: Past
    reboot: bool
    """The instants in the journal are those of another clock."""
    arrears: Arrears
    due_at: float | None = None
    """The next turn; ``None`` until the wall clock is known."""
    orphans: int = 0
    """How many of those that go on have no call, and are to end."""
    sessions: deque[tuple[int, Counters | None]] = field(default_factory=deque)
    """Numbers of those that go on, and what their Entries had carried when the process began."""
    calls: deque[CallKey] = field(default_factory=deque)
    """Calls that were being set up."""

    def figures(self) -> dict[str, int | bool]:
        """Return how much there is, for people."""
        return {
            "sessions": len(self.sessions) - self.orphans,
            "calls_begun_again": len(self.calls),
            "sessions_lost": len(self.arrears.lost) + self.orphans,
            "records": self.arrears.records,
            "reboot": self.reboot and bool(self.past.boot),
        }

    def keep_books(self, core: Core, operations: Operations, now: float) -> None:
        """The wall clock is known: settle what earlier lives owe, and announce a new one."""
        self.arrears.settle(core, now)
        operate.clock_read(operations, core, now)
        self.due_at = now

    def go_on(self, core: Core, now: float) -> bool:
        """Let some sessions and calls go on; true while there are more."""
        for _ in range(min(A_TURN, len(self.sessions))):
            number, counters = self.sessions.popleft()
            subscriber = core.registry.by_number.get(number)
            if subscriber is not None:
                from_subscriber.take(core, subscriber, subscriber.resume(counters, now=now), now)
        for _ in range(min(A_TURN, len(self.calls))):
            key = self.calls.popleft()
            info = core.endpoint.call(key)
            if info is not None and key not in core.registry.by_call:
                from_l2tp.call_up(core, CallUp(key, info), now)
        return bool(self.sessions or self.calls)


def resume(
    records: Mapping[str, bytes],
    config: Config,
    codec: Codec,
    entropy: Entropy,
    *,
    epoch: int,
    boot: str,
    read: Read,
    ports: Container[int] = (),
    spool: Spooled | None = None,
) -> tuple[Core, Operations, Commit, Resumption]:
    """Return the machines of a journal (the last state of each key); raises StateError.

    ``epoch`` is for the Acct-Session-Ids of new sessions; ``boot`` names this run of the
    machine's clock; ``read`` tells which Entries have outlived the process; ``ports`` are
    those of ``own_ports`` that are bound again, by ``OwnPort.listener``; ``spool`` is the one
    that the effects Spool and FetchRecords are for, if any.
    """
    try:
        return _resume(records, config, codec, entropy, epoch, boot, read, ports, spool)
    except _SENSELESS as wrong:
        raise StateError(f"the journal makes no sense: {type(wrong).__name__} {wrong}") from wrong


class OwnPort(NamedTuple):
    """A port that belongs to a tunnel."""

    listener: int
    local: str
    port: int


def own_ports(records: Mapping[str, bytes], boot: str) -> list[OwnPort]:
    """Return the ports that the tunnels of a journal need; none after a reboot.  Raises StateError."""
    try:
        if Past.of(records).boot != boot:
            return []
        paths = [tunnel["path"] for tunnel in saved_tunnels(records)]
        return [OwnPort(int(path[0]), str(path[1]), int(path[2])) for path in paths if int(path[0]) >= FIRST_OWN]
    except _SENSELESS as wrong:
        raise StateError(f"the journal makes no sense: {type(wrong).__name__} {wrong}") from wrong


def slots_in_use(records: Mapping[str, bytes], boot: str) -> int:
    """Return how many slots the sessions of a journal need, up to the highest; none after a reboot.

    Raises StateError.
    """
    try:
        if Past.of(records).boot != boot:
            return 0
        lasting = (state for key, state in records.items() if key.startswith("subscriber:"))
        return max((journal.slot(state) + 1 for state in lasting), default=0)
    except _SENSELESS as wrong:
        raise StateError(f"the journal makes no sense: {type(wrong).__name__} {wrong}") from wrong


def _resume(
    records: Mapping[str, bytes],
    config: Config,
    codec: Codec,
    entropy: Entropy,
    epoch: int,
    boot: str,
    read: Read,
    ports: Container[int],
    spool: Spooled | None,
) -> tuple[Core, Operations, Commit, Resumption]:
    past = Past.of(records)
    reboot = past.boot != boot
    tunnels = [] if reboot else _reachable(saved_tunnels(records), config.lns.listen, ports)
    epoch, lockouts = first_epoch(epoch, past.epoch, spool), [] if reboot else saved_lockouts(records)
    core = _core(config, codec, entropy, epoch, tunnels, lockouts)
    core.registry.next_number = past.next_number
    commit = Commit(boot)
    arrears = Arrears.of(core, spool, boot, reboot=reboot, knows_spool=past.version == VERSION)
    arrears.alive_at, arrears.wall_offset_s = past.alive_at, past.wall_offset_s
    resumption = Resumption(past, reboot, arrears)
    for key, state in records.items():
        kind, _, name = key.partition(":")
        if kind == "path":
            core.policy.path_mtu[name] = decode(state)
        elif kind == "record":
            arrears.take_note(core, name, state, past.boot)
        elif kind in tunnel_account.KINDS:
            core.tunnel_books.recall(kind, int(name), state)
        elif kind == "session":
            session, lasting = records[f"session:{name}"], records[f"subscriber:{name}"]
            subscriber = journal.restore(int(name), lasting, session, core.policy.settings_of, entropy)
            _enter(core, resumption, subscriber)
            commit.adopt(subscriber, session)
    commit.changes.records += without(records, core.endpoint) + arrears.renamed
    commit.changes.subscribers.update((subscriber.number, None) for subscriber in arrears.lost)
    _find_entries(core, resumption, read)
    resumption.calls.extend(key for key in established(core.endpoint) if key not in core.registry.by_call)
    commit.follow(core)
    return core, Operations(announced=past.announced and not reboot), commit, resumption


def _core(
    config: Config, codec: Codec, entropy: Entropy, epoch: int, tunnels: list[SavedTunnel], lockouts: list[Saved]
) -> Core:
    taken = [tunnel["tunnel_id"] for tunnel in tunnels]
    endpoint = Endpoint.restore(
        {
            "role": Role.LNS.value,
            "refusing_id": new_tunnel_id(config.lns.worker, taken, entropy) or 0,
            "closing": False,
            "serial": 0,
            "rotation": [],
            "door": None,
            "lockouts": lockouts,
            "tunnels": tunnels,
        },
        lns=config.lns,
        groups=config.lac,
        entropy=entropy,
    )
    endpoint.recall_secrets()
    registry = Registry()
    for facts in endpoint.tunnels():
        registry.lacs.adopt(facts)
    return Core(
        config=config,
        endpoint=endpoint,
        exchanges=Exchanges(config.radius, codec, entropy),
        pools=Pools(config.pool, reserved_addresses(config)),
        policy=Policy(config, epoch),
        books=Books(IdentityEncoder(codec, config.radius), AccountingRecords(codec, config.radius.ipv6_counters)),
        ledger=Ledger(config.radius.spool),
        registry=registry,
        entropy=entropy,
        coa=Desk.of(config.radius, codec),
    )


def _reachable(tunnels: list[SavedTunnel], listen: tuple[Listen, ...], ports: Container[int]) -> list[SavedTunnel]:
    """Return the tunnels whose address we still listen on, be it by another socket, and whose own port is there."""
    kept = []
    for tunnel in tunnels:
        own, local, port, *_ = tunnel["path"]
        if int(own) >= FIRST_OWN:
            kept += [tunnel] if int(own) in ports else []
            continue
        family = "::" if ":" in str(local) else "0.0.0.0"
        for index, one in enumerate(listen):
            if one.port == port and one.address in (local, family):
                tunnel["path"][0] = index
                kept.append(tunnel)
                break
    return kept


def _enter(core: Core, resumption: Resumption, subscriber: Subscriber) -> None:
    """Give a subscriber its place again, be it to end because it has no call any more."""
    standing, profile = subscriber.standing, subscriber.profile
    if resumption.reboot:
        resumption.arrears.lost.append(subscriber)
        return
    info = core.endpoint.call(subscriber.leg.key) if standing.call_up else None
    if info is not None:
        subscriber.move(info.path.listener, info.path.remote_port)
    elif standing.call_up:
        subscriber.orphan("call_lost")
        resumption.orphans += 1
    core.registry.adopt(subscriber)
    if profile is None or standing.settled:
        return
    core.registry.name(subscriber, subscriber.who.user)
    core.registry.watch(subscriber, profile, 0.0)
    if subscriber.address:
        core.pools.claim(profile.vrf, subscriber.address, subscriber.number, now=0.0, user=subscriber.who.user)
        core.pools.networks.claim(profile.vrf, profile.networks(subscriber.address), subscriber.number)


def _find_entries(core: Core, resumption: Resumption, read: Read) -> None:
    by_number = core.registry.by_number
    asked = ((subscriber.forwarding.slot, number) for number, subscriber in by_number.items())
    found = {number: counters for _, number, counters in read(asked)}
    resumption.sessions.extend((number, found.get(number)) for number in by_number)
