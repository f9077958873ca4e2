"""What the translators of the rim share: the machines, the registry, and the effects of this turn."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bras.accounting.ledger import Ledger
from bras.addressing.pools import Pools
from bras.config.model import Config
from bras.forwarding.entry import Counters
from bras.ids import CallKey, Entropy
from bras.l2tp import events as l2tp
from bras.l2tp.endpoint import Endpoint
from bras.lns.changes import Changes
from bras.lns.desk import Desk
from bras.lns.effects import Effect, Report
from bras.lns.gauges import Gauges
from bras.lns.policy import Policy
from bras.lns.registry import Registry
from bras.lns.tunnel_account import TunnelBooks
from bras.plain import Saved, restore_fields
from bras.ppp.events import Credentials
from bras.radius import events as radius
from bras.radius.accounting import AccountingRecords
from bras.radius.attributes import IdentityEncoder
from bras.radius.authorization import Authorization
from bras.radius.exchange import Exchanges
from bras.subscriber import events as subscriber
from bras.subscriber.subscriber import Subscriber


@dataclass(slots=True)
class Verdict:
    """Somebody vouched for a subscriber: what RADIUS or the local user list says of it."""

    source: str
    """Name of the RADIUS server, or `local`."""
    authorization: Authorization | None
    """What RADIUS authorises; ``None`` for a local user."""
    success: bytes
    """What an MS-CHAPv2 client must be told: "S=…"."""

    @classmethod
    def restore(cls, saved: Saved) -> Verdict:
        """Return what ``saved`` are the fields of."""
        return restore_fields(cls, saved, authorization=Authorization.restore)


@dataclass(slots=True)
class Backlog:
    """Events of the inner machines that this turn has still to act on, and those who wait for others."""

    down: deque[l2tp.CallDown] = field(default_factory=deque)
    """Calls that ended: their subscribers are to end with them."""
    subscriber: deque[tuple[Subscriber, list[subscriber.Event]]] = field(default_factory=deque)
    """Events of subscribers that were touched on behalf of another input."""
    l2tp: deque[list[l2tp.Event]] = field(default_factory=deque)
    """Events of the L2TP machine that a subscriber's wish caused."""
    radius: deque[list[radius.Event]] = field(default_factory=deque)
    """Events of the RADIUS client that a subscriber's wish caused."""
    waiting: dict[int, list[tuple[int, Verdict]]] = field(default_factory=dict)
    """Subscribers (number, verdict) that wait for the session with this number to be settled."""
    offered: dict[int, Credentials] = field(default_factory=dict)
    """Credentials kept for the local users, should RADIUS not answer."""
    tunnels: deque[int] = field(default_factory=deque)
    """Tunnels whose deadline has come."""
    due: deque[int] = field(default_factory=deque)
    """Subscribers (numbers) whose deadline has come."""
    counted: deque[tuple[int, Counters]] = field(default_factory=deque)
    """Subscribers (numbers) whose counters were read."""
    moved: deque[CallKey] = field(default_factory=deque)
    """Calls of tunnels whose LAC is at another port: their Entries are still to be told, some hundred a turn."""
    at_work: int = 0
    """Number of the subscriber that is served now, where the input does not name it: who bears a defect."""
    tunnel_at_work: int = 0
    """The same of a tunnel."""


@dataclass(slots=True)
class Books:
    """What accounting records are made with."""

    identities: IdentityEncoder
    encoder: AccountingRecords
    wall_offset_s: float = 0.0
    """Wall clock minus ``now``."""
    open_keys: set[int] | None = None
    """While a reboot is settled: of which accounts there is a Stop to be made; then ``None``."""


@dataclass(slots=True)
class Core:
    """The machines and tables of one worker."""

    config: Config
    endpoint: Endpoint
    exchanges: Exchanges
    pools: Pools
    policy: Policy
    books: Books
    ledger: Ledger
    """What is owed to the accounting servers."""
    registry: Registry
    entropy: Entropy
    coa: Desk | None = None
    """Where CoA- and Disconnect-Requests are dealt with, if the configuration wants them."""
    tunnel_books: TunnelBooks = field(default_factory=TunnelBooks)
    """For the records of tunnels and links, if the configuration wants them."""
    closing: bool = False
    """The LNS shuts down: no new call is let in."""
    changes: Changes | None = None
    """To be told of what changes, where a journal is kept."""
    effects: list[Effect] = field(default_factory=list)
    """What this turn wants of the world, in order."""
    to_read: list[tuple[int, int]] = field(default_factory=list)
    """(slot, generation) of those whose counters are wanted: they are read in one go at the end of the turn."""
    backlog: Backlog = field(default_factory=Backlog)
    gauges: Gauges = field(default_factory=Gauges)
    """How fast sessions are, while somebody looks."""
    probed: dict[int, float] = field(default_factory=dict)
    """Sessions (numbers) that are asked for an echo each second, and until when; see ``bras.lns.probe``."""
    tells: bool = False
    """Whether somebody wants to be told what happens to each session; see ``bras.lns.notes``."""

    def tell_raised(self) -> None:
        """Report interim intervals that were found too short, if there are any."""
        if self.policy.resolver.raised:
            self.effects += map(Report, self.policy.raised())

    def __post_init__(self) -> None:
        """Hear of ports that are free again in the same queue as of what else the L2TP machine tells."""
        self.tells = self.config.story.enabled
        self.backlog.l2tp = self.endpoint.reception.freed
        self.registry.index_attributes(self.coa is not None)
        self.tunnel_books.is_open |= self.config.radius.tunnel_accounting != "off"
