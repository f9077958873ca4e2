"""Each key of `[radius.spool]` has its effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.accounting.events import Forgotten, SpoolAlert
from bras.l2tp.events import CallRefused, Refusal
from bras.subscriber.events import SubscriberEnded, SubscriberUp
from tests.support.lacs import SimulatedLac
from tests.support.spooling import Spooling, settings
from tests.support.world import SimulatedRadius, World


class Deaf(SimulatedRadius):
    """Lets everybody in, and hears no accounting while ``deaf``."""

    deaf = True
    heard: list[float]
    world: World

    def _answer(self, code: int, identifier: int, authenticator: bytes, octets: bytes, *, sign: bool) -> bytes:
        return super()._answer(code, identifier, authenticator, octets, sign=sign)

    def receive(self, data: bytes, kind: object = None) -> bytes | None:
        if data[0] == 4 and self.deaf:
            return None
        return super().receive(data)


def dialled(world: World, count: int, first: int = 0) -> SimulatedLac:
    lac = SimulatedLac(world)
    lac.open()
    world.run(1.0)
    for number in range(first, first + count):
        lac.dial(f"user{number}", "pass", method="chap")
    world.run(5.0)
    return lac


def of(world: World, kind: type) -> list[object]:
    return [fact for fact in world.facts if isinstance(fact, kind)]


@pytest.mark.parametrize(("pace", "least", "most"), [(10.0, 40, 140), (500.0, 290, 10_000)])
def test_drain_per_s(pace: float, least: int, most: int) -> None:
    """What has piled up is told at this pace when the server is back, beyond what it finds out by."""
    radius = Deaf()
    world = World(settings(drain_per_s=pace), radius=radius)
    dialled(world, 10)
    world.run(60.0)
    lac = dialled(world, 300, 10)
    assert len(of(world, SubscriberUp)) == 310, "accounting keeps nobody out"
    world.run(30.0)
    radius.deaf = False
    world.run(400.0, until=lambda: bool(radius.accounting))
    before = len(radius.accounting)
    world.run(4.0)
    assert least <= len(radius.accounting) - before <= most
    world.run(60.0)
    assert world.lns.core.ledger.total == 0
    assert lac.clients


@pytest.mark.parametrize("most", [3, 1000])
def test_max_records_and_at_bound_refuse_calls(most: int) -> None:
    radius = Deaf()
    world = World(settings(max_records=most), radius=radius)
    lac = dialled(world, 2)
    dialled(world, 3, 2)
    dialled(world, 1, 9)
    refused = [fact for fact in world.facts if isinstance(fact, CallRefused)]
    if most == 1000:
        assert not refused
        return
    assert {fact.cause.refusal for fact in refused} == {Refusal.ACCOUNTING}
    assert {fact.cause.result for fact in refused} == {4}, "try another one, for the time being"
    radius.deaf = False
    world.run(400.0, until=lambda: world.lns.core.ledger.total == 0)
    before = len(of(world, SubscriberUp))
    dialled(world, 1, 20)
    assert len(of(world, SubscriberUp)) == before + 1
    assert lac.clients


def test_at_bound_forget_oldest() -> None:
    radius = Deaf()
    world = World(settings(max_records=3, at_bound="forget-oldest"), radius=radius)
    dialled(world, 6)
    assert not of(world, CallRefused)
    forgotten = [fact for fact in world.facts if isinstance(fact, Forgotten)]
    assert len(forgotten) == 4, "Accounting-On and six Starts"
    assert all(len(fact.session) == 20 for fact in forgotten)
    assert world.lns.core.ledger.total == 3


@pytest.mark.parametrize(("warn", "told"), [(3, 1), (100, 0), (0, 0)])
def test_warn_records(warn: int, told: int) -> None:
    world = World(settings(warn_records=warn, warn_age_s=0.0), radius=Deaf())
    dialled(world, 4)
    world.run(20.0)
    alerts = [fact for fact in world.facts if isinstance(fact, SpoolAlert)]
    assert [(alert.kind, alert.begun) for alert in alerts] == [("records", True)] * told


@pytest.mark.parametrize(("age_s", "told"), [(60.0, 1), (900.0, 0), (0.0, 0)])
def test_warn_age_s(age_s: float, told: int) -> None:
    world = World(settings(warn_age_s=age_s), radius=Deaf())
    dialled(world, 1)
    world.run(120.0)
    alerts = [fact for fact in world.facts if isinstance(fact, SpoolAlert)]
    assert [(alert.kind, alert.begun) for alert in alerts] == [("age", True)] * told


@pytest.mark.parametrize("refuses", [False, True])
def test_refuse_calls_at_risk(tmp_path: Path, refuses: bool) -> None:
    world = Spooling(tmp_path, settings(refuse_calls_at_risk=refuses))
    dialled(world, 1)
    world.disk_refuses = True
    lac = dialled(world, 1, 1)  # this one finds out
    dialled(world, 1, 2)
    assert len(of(world, SubscriberUp)) == (2 if refuses else 3)
    world.disk_refuses = False
    world.run(5.0)
    before = len(of(world, SubscriberUp))
    dialled(world, 1, 3)
    assert len(of(world, SubscriberUp)) == before + 1
    assert lac.clients


@pytest.mark.parametrize(
    ("policy", "silence_s", "ended"), [("continue", 60.0, 0), ("disconnect", 60.0, 2), ("disconnect", 3600.0, 0)]
)
def test_on_silence_and_silence_s(policy: str, silence_s: float, ended: int) -> None:
    radius = Deaf()
    radius.deaf = False
    made = settings(interim_interval_s=60.0, on_silence=policy, silence_s=silence_s)
    world = World(made, radius=radius)
    dialled(world, 2)
    radius.deaf = True
    world.run(400.0)
    ends = [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]
    assert [fact.reason for fact in ends] == ["accounting_unanswered"] * ended
    radius.deaf = False
    world.run(400.0)
    stops = [record for record in radius.accounting if record[40][-1] == 2]
    assert len(stops) == ended
    assert all(record[49][-1] == 9 for record in stops), "NAS-Error"
