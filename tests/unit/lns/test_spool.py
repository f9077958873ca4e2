"""``show spool`` and the census say what is owed, to whom, and how safe it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bras.config.model import AuthConfig, Config, LacConfig
from bras.config.radius import RadiusServerConfig
from bras.config.spool import SpoolConfig
from bras.lns.commands import ShowSpool, TakeCensus
from bras.radius.events import Kind
from bras.secret import Secret
from tests.support.lacs import SimulatedLac
from tests.support.spooling import Spooling
from tests.support.world import SimulatedRadius, World, config

IDLE = {"starts": 0, "interims": 0, "stops": 0, "announcements": 0, "told": 0, "silent_s": None, "waits_for": None}


class Deaf(SimulatedRadius):
    """Lets everybody in, and hears no accounting while ``deaf``."""

    deaf = False

    def receive(self, data: bytes, kind: Kind = Kind.AUTH) -> bytes | None:
        return None if data[0] == 4 and self.deaf else super().receive(data, kind)


def settings(interim_interval_s: float = 0.0, **spool: object) -> Config:
    radius = replace(config().radius, spool=SpoolConfig(**spool))  # type: ignore[arg-type]  # its keys
    (group,) = config().lac
    group = replace(group, grant=replace(group.grant, interim_interval_s=interim_interval_s))
    return config(radius=radius, lac=(group,), auth=AuthConfig(methods=("chap",)))


def dial(world: World, *users: str) -> SimulatedLac:
    lac = SimulatedLac(world)
    lac.open()
    world.run(1.0)
    for user in users:
        lac.dial(user, "pass", method="chap")
    world.run(5.0)
    return lac


def shown(world: World) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    answer = world.answers[world.ask(ShowSpool())]
    assert answer.ok
    body: Any = answer.body
    return body["spool"], body["groups"]


def counted(world: World) -> dict[str, Any]:
    body: Any = world.answers[world.ask(TakeCensus())].body
    return {key: body[key] for key in ("spool", "spool_file", "spool_groups", "spool_records")}


def test_in_memory_only() -> None:
    world = World(settings())
    dial(world, "a")
    whole, (row,) = shown(world)
    assert (whole["state"], whole["owed"], whole["since_s"], whole["octets"]) == ("none", 0, None, 0)
    assert "memory only" in whole["reason"]
    assert row.items() >= (IDLE | {"group": None, "owed": 0, "in_hand": 0, "acknowledged": 2, "oldest_s": None}).items()
    census = counted(world)
    assert census["spool"] == {"owed": 0, "at_risk": False, "at_bound": False}
    assert census["spool_file"] == []


def test_what_is_owed_while_nobody_answers(tmp_path: Path) -> None:
    radius = Deaf()
    world = Spooling(tmp_path, settings(60.0), radius=radius)
    lac = dial(world, "a", "b")
    radius.deaf = True
    lac.hang_up(next(iter(lac.clients.values())))
    lac.dial("c", "pass", method="chap")
    world.run(305.0)
    whole, (row,) = shown(world)
    assert (whole["state"], whole["reason"], whole["owed"]) == ("safe", "", row["owed"])
    assert (row["starts"], row["stops"], row["announcements"]) == (1, 1, 0)
    assert row["interims"] == 2, "the newest of each that lives"
    assert row["owed"] == 4
    assert 300.0 <= row["oldest_s"] <= 320.0
    assert row["oldest_s"] - 30.0 < row["silent_s"] <= row["oldest_s"]
    assert row["acknowledged"] == 3
    assert row["coalesced"] >= 3
    assert whole["stored"] >= 5
    assert whole["octets"] > 4096
    census = counted(world)
    assert {record["kind"]: record["count"] for record in census["spool_records"]} == {
        "start": 1, "interim": 2, "stop": 1, "announcement": 0,
    }  # fmt: skip
    (group,) = census["spool_groups"]
    assert group["group"] == ""
    assert group["coalesced"] >= 3
    assert 300.0 <= group["oldest_s"] <= 320.0
    (file,) = census["spool_file"]
    assert file["stored"] >= 5
    radius.deaf = False
    world.run(400.0, until=lambda: not world.lns.core.ledger.total)
    world.run(30.0)
    _, (row,) = shown(world)
    assert row.items() >= (IDLE | {"owed": 0}).items()


def test_a_disk_that_refuses_and_takes_again(tmp_path: Path) -> None:
    world = Spooling(tmp_path, settings(refuse_calls_at_risk=True))
    world.disk_refuses = True
    dial(world, "a")
    whole, _ = shown(world)
    assert (whole["state"], whole["refuses_calls"], whole["last_failure"]) == ("at risk", True, "disk full")
    assert "disk full" in whole["reason"]
    assert 3.0 < whole["since_s"] < 7.0
    assert whole["failures"] > 1
    assert counted(world)["spool"]["at_risk"] is True
    world.disk_refuses = False
    world.run(60.0)
    whole, _ = shown(world)
    assert (whole["state"], whole["since_s"], whole["refuses_calls"]) == ("safe", None, False)
    assert whole["last_failure"] == "disk full"
    assert 55.0 < whole["last_failure_s"] < 70.0
    (file,) = counted(world)["spool_file"]
    assert (file["failures"], counted(world)["spool"]["at_risk"]) == (whole["failures"], False)


def test_the_bound() -> None:
    radius = Deaf()
    radius.deaf = True
    world = World(settings(max_records=2), radius=radius)
    dial(world, "a", "b")
    whole, (row,) = shown(world)
    assert (whole["state"], whole["refuses_calls"]) == ("at bound", True)
    assert "new calls are refused" in whole["reason"]
    assert row["waits_for"] == "accounting_on", "the Starts wait until it is told"
    assert counted(world)["spool"]["at_bound"] is True


def test_what_was_given_up() -> None:
    radius = Deaf()
    radius.deaf = True
    world = World(settings(max_records=2, at_bound="forget-oldest"), radius=radius)
    dial(world, "a", "b", "c", "d")
    whole, (row,) = shown(world)
    assert "the oldest are given up" in whole["reason"]
    assert not whole["refuses_calls"]
    assert row["forgotten"] == 3
    (group,) = counted(world)["spool_groups"]
    assert group["forgotten"] == 3


def test_all_groups_that_take_accounting_are_there() -> None:
    base = config()
    (first,) = base.radius.server
    others = (
        replace(first, name="b", address="198.18.1.3", group="billing"),
        RadiusServerConfig(address="198.18.1.4", secret=Secret(b"x"), name="c", group="logins", acct_port=0),
    )
    lac = (LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=base.lac[0].grant),)
    world = World(config(radius=replace(base.radius, server=(first, *others)), lac=lac))
    _, rows = shown(world)
    assert [row["group"] for row in rows] == [None, "billing"]
    records = counted(world)["spool_records"]
    assert {(record["group"], record["kind"]) for record in records} >= {("billing", "stop"), ("", "announcement")}
