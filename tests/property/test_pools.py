"""Pools against a model that keeps lists: every answer is the same, and nothing leaks."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bras.addressing.pools import RESERVED, Pools
from bras.config.model import PoolConfig

HOLD_DOWN_S = 10.0
RESERVED_ADDRESS = 3
CONFIG = (
    PoolConfig(name="a", ranges=((1, 3), (7, 8)), next="b", hold_down_s=HOLD_DOWN_S),
    PoolConfig(name="b", ranges=((20, 22),), hold_down_s=HOLD_DOWN_S),
)
ADDRESSES = {"a": [1, 2, 7, 8], "b": [20, 21, 22]}
CHAIN = {"a": ("a", "b"), "b": ("b",)}

pool_names = st.sampled_from(["a", "b"])
keys = st.integers(1, 9)
users = st.sampled_from(["", "anna", "bert", "carl"])
addresses = st.sampled_from([0, 1, 2, 3, 7, 8, 20, 21, 22, 50, 51])


class Model:
    """The rules, as slowly and plainly as they can be written."""

    def __init__(self) -> None:
        self.holder: dict[int, tuple[int, str]] = {}
        self.idle: list[tuple[int, float, str]] = []  # in order of return
        self.fresh = {name: list(own) for name, own in ADDRESSES.items()}

    def free(self, address: int, user: str, now: float) -> bool:
        for idle, at, last in self.idle:
            if idle == address:
                return at <= now - HOLD_DOWN_S or (user != "" and user == last)
        return address not in self.holder

    def expected(self, pool: str, user: str, now: float) -> int:
        chain = CHAIN[pool]
        for name in chain:
            mine = [address for address, _, last in self.idle if user and last == user and address in ADDRESSES[name]]
            if mine:
                return mine[-1]
        for name in chain:
            rested = [a for a, at, _ in self.idle if a in ADDRESSES[name] and at <= now - HOLD_DOWN_S]
            if self.fresh[name] or rested:
                return (self.fresh[name] or rested)[0]
        for name in chain:
            held = [a for a, _, _ in self.idle if a in ADDRESSES[name]]
            if held:
                return held[0]
        return 0

    def use(self, address: int, key: int, user: str) -> None:
        self.idle = [row for row in self.idle if row[0] != address]
        for own in self.fresh.values():
            if address in own:
                own.remove(address)
        self.holder[address] = (key, user)

    def give_back(self, address: int, now: float) -> None:
        _, user = self.holder.pop(address)
        for own in ADDRESSES.values():
            if address in own:
                # a user is remembered with the last address only, in each pool
                self.idle = [(a, at, "" if last == user and a in own else last) for a, at, last in self.idle]
                self.idle.append((address, now, user))


class PoolsMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.pools = Pools(CONFIG, (RESERVED_ADDRESS,))
        self.model = Model()

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, HOLD_DOWN_S]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(pool=pool_names, key=keys, user=users, wanted=addresses)
    def take_wanted(self, pool: str, key: int, user: str, wanted: int) -> None:
        within = any(wanted in ADDRESSES[name] for name in CHAIN[pool])
        granted = within and self.model.free(wanted, user, self.now)
        assert self.pools.take_wanted(pool, wanted, key, user, now=self.now) is granted
        if granted:
            self.model.use(wanted, key, user)

    @rule(pool=pool_names, key=keys, user=users)
    def take(self, pool: str, key: int, user: str) -> None:
        expected = self.model.expected(pool, user, self.now)
        lease = self.pools.take(pool, key, user, now=self.now)
        if lease is None:
            assert expected == 0
            return
        assert lease.address == expected
        assert lease.address in ADDRESSES[lease.pool]
        self.model.use(lease.address, key, user)

    @rule(address=addresses.filter(bool), key=keys, user=users)
    def claim(self, address: int, key: int, user: str) -> None:
        answer = self.pools.claim(0, address, key, now=self.now, user=user)
        if address == RESERVED_ADDRESS:
            assert answer == RESERVED
        elif address in self.model.holder:
            holder = self.model.holder[address][0]
            assert answer == (None if holder == key else holder)
        else:
            assert answer is None
            self.model.use(address, key, user)

    @rule(address=addresses.filter(bool), key=keys)
    def release(self, address: int, key: int) -> None:
        held = address in self.model.holder and self.model.holder[address][0] == key
        assert self.pools.release(0, address, key, now=self.now) == held
        if held:
            self.model.give_back(address, self.now)

    @rule(data=st.data())
    def release_one_that_is_held(self, data: st.DataObject) -> None:
        if self.model.holder:
            address = data.draw(st.sampled_from(sorted(self.model.holder)))
            self.release(address, self.model.holder[address][0])

    @rule()
    def restart(self) -> None:
        saved = self.pools.save()
        self.pools = Pools.restore(CONFIG, (RESERVED_ADDRESS,), saved)
        assert self.pools.save() == saved

    @invariant()
    def every_address_has_the_holder_of_the_model(self) -> None:
        for address in (1, 2, 7, 8, 20, 21, 22, 50, 51):
            use = self.model.holder.get(address)
            assert self.pools.holder(0, address) == (None if use is None else use[0])

    @invariant()
    def nothing_leaks(self) -> None:
        for row in self.pools.rows(now=self.now):
            own = ADDRESSES[str(row["pool"])]
            held = [a for a, at, _ in self.model.idle if a in own and at > self.now - HOLD_DOWN_S]
            assert row["size"] == len(own)
            assert row["used"] == len([a for a in own if a in self.model.holder])
            assert row["held"] == len(held)
            assert row["free"] == len(own) - row["used"] - len(held)


PoolsMachine.TestCase.settings = settings(stateful_step_count=40)
TestPools = PoolsMachine.TestCase
