"""What is remembered for the records of tunnels and links; ``bras.lns.tunnel_books`` makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bras.forwarding.entry import Counters
from bras.ids import CallKey
from bras.plain import Saved, decode, encode, restore_fields, save_fields

REJECTS_PER_S: Final = 10.0
"""Tunnel-Reject and Tunnel-Link-Reject at most, on average: anybody can have himself refused."""
MOST_REJECTS_AT_ONCE: Final = 20
NO_TUNNEL: Final = 0


@dataclass(slots=True)
class Account:
    """A tunnel that had its Tunnel-Start."""

    number: int
    tunnel_id: int
    session_id: str
    """Its own Acct-Session-Id."""
    group: str | None
    """Group of RADIUS servers that has its books."""
    identity: bytes
    """The attributes that all its records share, encoded."""
    up_at: float
    carried: Counters = field(default_factory=Counters)
    """By those of its sessions that have ended."""
    lost: int | None = None
    """Packets lost on its links; ``None`` while none is known to have numbered packets."""
    end: tuple[str, str, float] | None = None
    """Word of the table of ends, text, and when it ended: the Tunnel-Stop waits for its sessions."""

    @classmethod
    def restore(cls, saved: Saved) -> Account:
        """Return what ``saved`` are the fields of."""
        return restore_fields(cls, saved, carried=Counters.restore, end=tuple)


@dataclass(frozen=True, slots=True)
class Member:
    """A session that runs through a tunnel with an account, or whose link had its Tunnel-Link-Start."""

    tunnel: int
    """Number of the account; ``NO_TUNNEL``: there is none."""
    link_id: str
    """Acct-Session-Id of the link; empty: it had no start."""


@dataclass(slots=True)
class TunnelBooks:
    """All of them; empty where no such records are wanted."""

    accounts: dict[int, Account] = field(default_factory=dict)
    """By number."""
    current: dict[int, int] = field(default_factory=dict)
    """Number of the account of a tunnel that has not ended, by its id."""
    members: dict[int, Member] = field(default_factory=dict)
    """By number of the subscriber."""
    left: dict[int, int] = field(default_factory=dict)
    """How many of the members run through a tunnel, by number of its account."""
    lost: dict[CallKey, int] = field(default_factory=dict)
    """Packets that did not come, of calls with numbered ones."""
    rejects_at: float = 0.0
    """Until then the allowance for rejections is used up."""
    is_open: bool = False
    """Whether there is anything here, or may be."""

    def allow_reject(self, now: float) -> bool:
        """Take one from the allowance for rejections."""
        used_until = max(self.rejects_at, now)
        if used_until - now > (MOST_REJECTS_AT_ONCE - 1) / REJECTS_PER_S:
            return False
        self.rejects_at = used_until + 1.0 / REJECTS_PER_S
        return True

    def enter(self, account: Account) -> None:
        """Remember a tunnel."""
        self.accounts[account.number] = account
        self.left.setdefault(account.number, 0)
        if account.end is None:
            self.current[account.tunnel_id] = account.number

    def leave(self, account: Account) -> None:
        """Forget it."""
        del self.accounts[account.number], self.left[account.number]
        if self.current.get(account.tunnel_id) == account.number:
            del self.current[account.tunnel_id]

    def join(self, number: int, member: Member) -> None:
        """Remember a session."""
        self.members[number] = member
        if member.tunnel:
            self.left[member.tunnel] = self.left.get(member.tunnel, 0) + 1

    def part(self, number: int) -> Member | None:
        """Forget a session; ``None``: there was none."""
        member = self.members.pop(number, None)
        if member is not None and member.tunnel in self.left:
            self.left[member.tunnel] -= 1
        return member

    def save(self) -> Saved:
        """Return plain data."""
        return {
            "accounts": [save_fields(account) for account in self.accounts.values()],
            "members": [[number, one.tunnel, one.link_id] for number, one in self.members.items()],
            "lost": [[key, packets] for key, packets in self.lost.items()],
            "rejects_at": self.rejects_at,
            "is_open": self.is_open,
        }

    @classmethod
    def restore(cls, saved: Saved) -> TunnelBooks:
        """Return what ``save`` was called on."""
        books = cls(rejects_at=saved["rejects_at"], is_open=saved["is_open"])
        for account in saved["accounts"]:
            books.enter(Account.restore(account))
        for number, tunnel, link_id in saved["members"]:
            books.join(number, Member(tunnel, link_id))
        books.lost.update((CallKey(key), packets) for key, packets in saved["lost"])
        return books

    def recall(self, kind: str, number: int, state: bytes) -> None:
        """Take a record of the journal; accounts and members come in any order."""
        self.is_open = True
        if kind == TUNNEL:
            self.enter(Account.restore(decode(state)))
        else:
            self.join(number, Member(*decode(state)))


TUNNEL: Final = "tunnel-account"
MEMBER: Final = "link"
KINDS: Final = (TUNNEL, MEMBER)
"""What keys of the journal begin with."""


def account_record(account: Account) -> tuple[str, bytes]:
    """Return the journal's record of an account."""
    return f"{TUNNEL}:{account.number}", encode(save_fields(account))


def member_record(number: int, member: Member) -> tuple[str, bytes]:
    """Return the journal's record of a member."""
    return f"{MEMBER}:{number}", encode((member.tunnel, member.link_id))
