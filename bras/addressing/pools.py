"""All IPv4 addresses that subscribers hold, in pools and outside, by VRF.

Rules:

- No address has two holders in one VRF, whether it came from a pool or from RADIUS.
- Only its holder can give an address back.
- A user gets the address that it had last, if nobody has it now.
- An address that came back is kept from other users for the pool's ``hold_down_s`` while
  another one is free in the pool or in those that its ``next`` names.  When none is, the one
  that has been held down longest is given: an operator who sized a pool for its subscribers
  wants them on line, and a stray packet of the previous holder is the lesser evil.
- Reserved addresses (our own end of the links) are nobody's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from bras.addressing.networks import Network, Networks
from bras.addressing.pool import Pool, Saved
from bras.config.model import PoolConfig
from bras.errors import BrasError
from bras.wire import ipv4_text

RESERVED = -1
"""The holder of a reserved address: no subscriber's key is negative."""

_VERSION = 1


class UnknownPool(BrasError):
    """RADIUS or a profile named a pool that the configuration does not have."""


class Lease(NamedTuple):
    """An address that was given from a pool."""

    vrf: int
    address: int
    pool: str
    """Name of the pool that it came from: the one asked for, or one that its ``next`` names."""


class Pools:
    """Who holds which address, and which address is given next."""

    __slots__ = ("_chains", "_outside", "_pools", "_reserved", "_spans", "_starts", "networks")

    def __init__(self, pools: tuple[PoolConfig, ...], reserved: Iterable[int] = ()) -> None:
        """Make the pools, all addresses free; ``reserved`` are never given, in no VRF."""
        self._reserved = frozenset(reserved)
        self._pools = {config.name: Pool(config, self._reserved) for config in pools}
        self._chains = {name: self._chain(name) for name in self._pools}
        spans = sorted(
            (config.vrf << 32 | first, config.vrf << 32 | last, config.name)
            for config in pools
            for first, last in config.ranges
        )
        self._starts = [first for first, _, _ in spans]
        self._spans = [(last, self._pools[name]) for _, last, name in spans]
        self._outside: dict[int, int] = {}
        self.networks = Networks()
        """Those behind subscribers."""

    def _chain(self, name: str | None) -> tuple[Pool, ...]:
        """Return the pool and those that follow it by ``next``, each once."""
        chain: list[Pool] = []
        while name is not None and name in self._pools and self._pools[name] not in chain:
            chain.append(self._pools[name])
            name = self._pools[name].config.next
        return tuple(chain)

    def _pool_of(self, vrf: int, address: int) -> Pool | None:
        """Return the pool that gives the address; ``None`` when none does."""
        key = vrf << 32 | address
        at = bisect_right(self._starts, key) - 1
        if at < 0 or address in self._reserved:
            return None
        last, pool = self._spans[at]
        return pool if key <= last else None

    def __contains__(self, name: str) -> bool:
        """Return whether there is a pool of this name."""
        return name in self._pools

    def take(self, pool: str, key: int, user: str, *, now: float) -> Lease | None:
        """Give ``key`` an address of the pool or of those that follow it; ``None`` when none is left.

        In this order: what ``user`` had last; a free one; the one longest in hold-down.  A
        name that no pool has raises ``UnknownPool``.
        """
        chain = self._chain_of(pool)
        for one in chain:
            address = one.take_back(key, user)
            if address:
                return Lease(one.config.vrf, address, one.config.name)
        for one in chain:
            address = one.take_free(key, user, now=now)
            if address:
                return self._given(one, address, chain)
        for one in chain:
            address = one.take_held(key, user)
            if address:
                return self._given(one, address, chain)
        for one in chain:
            one.exhausted += 1
        return None

    def take_wanted(self, pool: str, wanted: int, key: int, user: str, *, now: float) -> bool:
        """Give ``key`` this very address (what its client asks for), if it is free there; else nothing changes."""
        chain = self._chain_of(pool)
        one = self._pool_of(chain[0].config.vrf, wanted)
        return one in chain and one.take_wanted(wanted, key, user, now=now)

    def _chain_of(self, pool: str) -> tuple[Pool, ...]:
        chain = self._chains.get(pool)
        if chain is None:
            raise UnknownPool(pool)
        return chain

    def _given(self, pool: Pool, address: int, chain: tuple[Pool, ...]) -> Lease:
        """Count the pools that were asked before this one in vain."""
        for one in chain[: chain.index(pool)]:
            one.exhausted += 1
        return Lease(pool.config.vrf, address, pool.config.name)

    def claim(self, vrf: int, address: int, key: int, *, now: float, user: str = "") -> int | None:
        """Give ``key`` this very address, in a pool or not (Framed-IP-Address).

        Return ``None`` when it is done (or was so before), else the key of the holder, which
        is ``RESERVED`` for an address that is nobody's.  A hold-down does not stand in the
        way: who claims knows better.  ``user`` is remembered as by ``take``.
        """
        if address in self._reserved:
            return RESERVED
        holder = self.holder(vrf, address)
        if holder is not None:
            return None if holder == key else holder
        pool = self._pool_of(vrf, address)
        if pool is None:
            self._outside[vrf << 32 | address] = key
        else:
            pool.put_to_use(address, key, user)
        return None

    def rival(self, vrf: int, networks: tuple[Network, ...], address: int, key: int) -> int | None:
        """Return who stands in the way of ``key``, who has or gets ``address``, having these networks.

        That is who has one of them, or an address that is one of them, or a network that is
        this address.
        """
        holder = self.networks.holder(vrf, address, 32)
        if holder is not None and holder != key:
            return holder
        for network, length in networks:
            holder = self.holder(vrf, network) if length == 32 else None
            if holder is not None and holder != key:
                return holder
        return self.networks.rival(vrf, networks, key)

    def release(self, vrf: int, address: int, key: int, *, now: float) -> bool:
        """Take an address back; false, and nothing happens, when ``key`` is not its holder."""
        pool = self._pool_of(vrf, address)
        if pool is not None:
            return pool.put_back(address, key, now=now)
        if self._outside.get(vrf << 32 | address) != key:
            return False
        del self._outside[vrf << 32 | address]
        return True

    def holder(self, vrf: int, address: int) -> int | None:
        """Return the key of who holds the address: ``None`` nobody, ``RESERVED`` nobody ever."""
        pool = self._pool_of(vrf, address)
        if pool is not None:
            return pool.holder(address)
        holder = self._outside.get(vrf << 32 | address)
        return RESERVED if holder is None and address in self._reserved else holder

    def rows(self, *, now: float) -> list[dict[str, str | int | list[str] | None]]:
        """Return the rows of ``ShowPools``, in the order of the configuration."""
        return [_row(pool, now) for pool in self._pools.values()]

    def save(self) -> Saved:
        """Return the state as plain data."""
        return {
            "version": _VERSION,
            "pools": {name: pool.save() for name, pool in self._pools.items()},
            "outside": [[key >> 32, key & 0xFFFFFFFF, holder] for key, holder in self._outside.items()],
            "networks": self.networks.save(),
        }

    @classmethod
    def restore(cls, pools: tuple[PoolConfig, ...], reserved: Iterable[int], saved: Saved) -> Pools:
        """Make the pools as they were saved, under this configuration, which may have changed.

        Who held an address holds it still, be it now in another pool, in none, or reserved.
        """
        restored = cls(pools, reserved)
        restored._take_back(saved["pools"])
        restored.networks = Networks.restore(saved.get("networks", ()))
        for vrf, address, key in saved["outside"]:
            restored._adopt(vrf, address, key, "")
        return restored

    def follow(self, pools: tuple[PoolConfig, ...], reserved: Iterable[int]) -> Pools:
        """Return the pools of another configuration with who has which address; see ``restore``.

        Pools that only grew cost nothing.  These here must not be used any more.
        """
        made = Pools(pools, reserved)
        others = {}
        for name, pool in self._pools.items():
            heir = made._pools.get(name)
            if heir is None or not heir.inherit(pool):
                others[name] = pool.save()
        made._take_back(others)
        made.networks = self.networks
        for place, key in self._outside.items():
            made._adopt(place >> 32, place & 0xFFFFFFFF, key, "")
        return made

    def _take_back(self, saved: dict[str, Saved]) -> None:
        """Take what pools of these names were saved with."""
        idle: list[tuple[float, int, int, str]] = []
        for name, state in saved.items():
            vrf = state["vrf"]
            for address, key, user in state["used"]:
                self._adopt(vrf, address, key, user)
            idle.extend((at, vrf, address, user) for address, at, user in state["idle"])
            if name in self._pools:
                self._pools[name].restore_cursor(state)
                self._pools[name].exhausted = state["exhausted"]
        idle.sort(key=_instant)  # stable: within a pool the order stays as it was
        for at, vrf, address, user in idle:
            pool = self._pool_of(vrf, address)
            if pool is not None:
                pool.put_idle(address, user, now=at)

    def _adopt(self, vrf: int, address: int, key: int, user: str) -> None:
        """Note a holder of a saved state."""
        pool = self._pool_of(vrf, address)
        if pool is None:
            self._outside[vrf << 32 | address] = key
        else:
            pool.put_to_use(address, key, user)


def _instant(row: tuple[float, int, int, str]) -> float:
    """Return when an idle address came back."""
    return row[0]


def _row(pool: Pool, now: float) -> dict[str, str | int | list[str] | None]:
    """Return a pool's row of ``ShowPools``."""
    held = pool.held(now=now)
    return {
        "pool": pool.config.name,
        "ranges": [f"{ipv4_text(first)}-{ipv4_text(last)}" for first, last in pool.config.ranges],
        "next": pool.config.next,
        "size": pool.size,
        "used": pool.used,
        "held": held,
        "free": pool.size - pool.used - held,
        "exhausted": pool.exhausted,
    }
