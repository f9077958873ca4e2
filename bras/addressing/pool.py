"""One pool of IPv4 addresses: which of them is given next.

Every address of a pool is one of three:

- *fresh*: at or beyond the cursor and never given since the pool was made.  Fresh addresses
  cost no memory, so that 10.0.0.0/8 is made in no time and weighs nothing;
- *used*: a subscriber holds it;
- *idle*: it came back.  Idle addresses stand in the order of their return, each with the
  user that had it, who alone gets it during the hold-down.

Fresh addresses go first, so that an idle one stays where its user can find it again; once
``IDLE_ENOUGH`` are idle, the one that came back longest ago goes first, so that memory
follows the subscribers of the busiest hour and not the size of the pool.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from bras.config.model import PoolConfig

Saved = dict[str, Any]
"""Plain data: what ``save`` returns and ``restore`` takes."""

IDLE_ENOUGH = 16384
"""Idle addresses that a pool gathers before it gives them again while it has fresh ones."""


class Idle:
    """The addresses that came back, longest ago first, and whose they were."""

    __slots__ = ("_at", "_last", "_user")

    def __init__(self) -> None:
        """Begin empty."""
        self._at: OrderedDict[int, float] = OrderedDict()
        self._user: dict[int, str] = {}
        self._last: dict[str, int] = {}

    def put(self, address: int, user: str, *, now: float) -> None:
        """Take in an address that ``user`` (perhaps nobody: "") gave back."""
        self._at[address] = now
        if user:
            before = self._last.get(user)
            if before is not None:
                del self._user[before]
            self._last[user] = address
            self._user[address] = user

    def remove(self, address: int) -> bool:
        """Take an address out; false when it is not here."""
        if self._at.pop(address, None) is None:
            return False
        user = self._user.pop(address, None)
        if user is not None:
            del self._last[user]
        return True

    def of(self, user: str) -> int:
        """Return the address that the user gave back last, if nobody has it now; 0 when none."""
        return self._last.get(user, 0)

    def user_of(self, address: int) -> str:
        """Return whose the address was; "" when nobody will want it back."""
        return self._user.get(address, "")

    def returned_at(self, address: int) -> float | None:
        """Return when the address came back; ``None`` when it is not here."""
        return self._at.get(address)

    def oldest(self, returned_by: float) -> int:
        """Return the address that came back longest ago, not after ``returned_by``; 0 when none."""
        for address, at in self._at.items():
            return address if at <= returned_by else 0
        return 0

    def count_since(self, instant: float) -> int:
        """Count the addresses that came back after ``instant``."""
        count = 0
        for address in reversed(self._at):
            if self._at[address] <= instant:
                break
            count += 1
        return count

    def rows(self) -> list[list[int | float | str]]:
        """Return (address, instant of return, user) of each, longest ago first."""
        return [[address, at, self._user.get(address, "")] for address, at in self._at.items()]

    def __contains__(self, address: int) -> bool:
        """Return whether the address is idle."""
        return address in self._at

    def __len__(self) -> int:
        """Return how many are idle."""
        return len(self._at)


class Pool:
    """The addresses of one ``[[pool]]``; it knows nothing of the pools next to it."""

    __slots__ = ("_at_range", "_cursor", "_idle", "_ranges", "_reserved", "_used", "config", "exhausted", "size")

    def __init__(self, config: PoolConfig, reserved: frozenset[int]) -> None:
        """Make every address of the ranges fresh, except those that are reserved."""
        self.config = config
        self.exhausted = 0
        """Requests that this pool could not meet."""
        self._ranges = config.ranges
        self._reserved = frozenset(
            address for address in reserved if any(first <= address <= last for first, last in config.ranges)
        )
        self.size = sum(last - first + 1 for first, last in config.ranges) - len(self._reserved)
        self._used: dict[int, tuple[int, str]] = {}
        self._idle = Idle()
        self._at_range = 0
        self._cursor = config.ranges[0][0] if config.ranges else 0

    @property
    def used(self) -> int:
        """Return how many addresses subscribers hold."""
        return len(self._used)

    def held(self, *, now: float) -> int:
        """Count the addresses in hold-down."""
        return self._idle.count_since(now - self.config.hold_down_s)

    def holder(self, address: int) -> int | None:
        """Return the key of the subscriber that holds the address."""
        use = self._used.get(address)
        return None if use is None else use[0]

    def take_back(self, key: int, user: str) -> int:
        """Give the user the address that it had, if nobody has it now; else 0."""
        address = self._idle.of(user)
        if address:
            self.put_to_use(address, key, user)
        return address

    def take_wanted(self, address: int, key: int, user: str, *, now: float) -> bool:
        """Give this very address of the ranges, if it is free and not held down for another user."""
        if address in self._used:
            return False
        returned_at = self._idle.returned_at(address)
        if returned_at is not None and returned_at > now - self.config.hold_down_s:
            owner = self._idle.user_of(address)
            if not owner or owner != user:
                return False
        self.put_to_use(address, key, user)
        return True

    def take_free(self, key: int, user: str, *, now: float) -> int:
        """Give an address that is neither used nor in hold-down; 0 when there is none."""
        address = self._fresh() if len(self._idle) < IDLE_ENOUGH else 0
        address = address or self._idle.oldest(now - self.config.hold_down_s) or self._fresh()
        if address:
            self.put_to_use(address, key, user)
        return address

    def take_held(self, key: int, user: str) -> int:
        """Give the address that has been in hold-down longest; 0 when there is none."""
        address = self._idle.oldest(float("inf"))
        if address:
            self.put_to_use(address, key, user)
        return address

    def put_to_use(self, address: int, key: int, user: str) -> None:
        """Note that ``key`` holds an address of the ranges, whatever stood in its way."""
        self._idle.remove(address)
        self._used[address] = (key, user)

    def put_back(self, address: int, key: int, *, now: float) -> bool:
        """Take an address back from its holder; false when ``key`` is not its holder."""
        use = self._used.get(address)
        if use is None or use[0] != key:
            return False
        del self._used[address]
        self._idle.put(address, use[1], now=now)
        return True

    def put_idle(self, address: int, user: str, *, now: float) -> None:
        """Note that an address of the ranges came back at ``now`` (from a saved state)."""
        if address not in self._used:
            self._idle.put(address, user, now=now)

    def _fresh(self) -> int:
        """Return the next fresh address, and step over it; 0 when there is none left."""
        used, idle, reserved = self._used, self._idle, self._reserved
        while self._at_range < len(self._ranges):
            last = self._ranges[self._at_range][1]
            address = self._cursor
            while address <= last:
                if address not in used and address not in idle and address not in reserved:
                    self._cursor = address + 1
                    return address
                address += 1
            self._at_range += 1
            self._cursor = self._ranges[self._at_range][0] if self._at_range < len(self._ranges) else 0
        return 0

    def save(self) -> Saved:
        """Return the state as plain data."""
        return {
            "vrf": self.config.vrf,
            "ranges": [[first, last] for first, last in self._ranges],
            "reserved": sorted(self._reserved),
            "cursor": [self._at_range, self._cursor],
            "used": [[address, key, user] for address, (key, user) in self._used.items()],
            "idle": self._idle.rows(),
            "exhausted": self.exhausted,
        }

    def inherit(self, former: Pool) -> bool:
        """Go on with all that ``former`` has, if all addresses of its ranges are ours; false, and nothing is done.

        It costs the same for a few addresses and for many; ``former`` must not be used any more.
        """
        old, new = former._ranges, self._ranges
        within = all(any(ours[0] <= first and last <= ours[1] for ours in new) for first, last in old)
        if not within or former.config.vrf != self.config.vrf or not former._reserved >= self._reserved:
            return False
        self._used, self._idle, self.exhausted = former._used, former._idle, former.exhausted
        if new[: len(old)] == old and former._reserved == self._reserved:
            self._at_range = former._at_range
            self._cursor = former._cursor or (new[self._at_range][0] if self._at_range < len(new) else 0)
        return True

    def restore_cursor(self, saved: Saved) -> None:
        """Go on where the saved pool stood, if it had the same addresses; else from the start.

        From the start is always right: the cursor steps over what is used or idle.
        """
        state = self.save()
        if all(saved[part] == state[part] for part in ("vrf", "ranges", "reserved")):
            self._at_range, self._cursor = saved["cursor"]
