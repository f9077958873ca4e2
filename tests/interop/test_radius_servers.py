"""Real FreeRADIUS servers that go away and come back, and the groups that a subscriber's realm leads to."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.guest import until
from tests.support.lac import Client, Session, Xl2tpd

FIRST, SECOND = "198.18.1.2", "198.18.1.3"
Start = Callable[..., Bench]


class Fleet:
    """FreeRADIUS servers that are started and stopped as a test wants; each life has books of its own."""

    def __init__(self, lab: Lab, place: Path) -> None:
        self._lab, self._place = lab, place
        self._lives = itertools.count(1)

    @contextlib.contextmanager
    def serving(self, address: str, **options: Any) -> Iterator[FreeRadius]:
        directory = self._place / f"freeradius{next(self._lives)}"
        with FreeRadius(self._lab.namespace, directory, address=address, **options) as server:
            yield server


@pytest.fixture
def fleet(lab: Lab, place: Path) -> Fleet:
    return Fleet(lab, place)


def server(address: str, **keys: Any) -> dict[str, Any]:
    return {"name": address, "address": address, "secret": "radsecret", "timeout_s": 0.5, "max_tries": 2, **keys}


def dial(lab: Lab, client: Client) -> tuple[Xl2tpd, Session]:
    lac = Xl2tpd(lab.guest, [client])
    lac.dial("198.18.0.1", "tunsecret")
    return lac, lac.wait_up()[0]


def states(bench: Bench) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["server"], row["kind"]): row for row in bench.lns.show("radius")["servers"]}


def wait_so(bench: Bench, kind: str, so: Callable[[dict[str, Any]], object]) -> None:
    """Wait until what is shown of the first server is so."""
    for _ in until(30.0):
        if so(row := states(bench)[FIRST, kind]):
            return
    raise AssertionError(f"it did not happen: {row}")


def wait_state(bench: Bench, address: str, state: str) -> None:
    for _ in until(30.0):
        if {row["state"] for (name, _), row in states(bench).items() if name == address} == {state}:
            return
    raise AssertionError(f"{address} is not {state}: {states(bench)}")


def test_status_server_finds_out_that_a_server_is_back(lab: Lab, fleet: Fleet, start: Start) -> None:
    probed = {"fail_count": 1, "dead_time_s": 3600, "probe_interval_s": 1, "probe_answers": 3}
    with fleet.serving(SECOND) as second:
        bench = start(radius={"server": [server(FIRST, **probed), server(SECOND)]})
        lac, session = dial(lab, Client("user1"))
        second.wait_records("Start")
        lac.hang_up(session)
        second.wait_records("Stop")
        wait_state(bench, FIRST, "dead")
        with fleet.serving(FIRST) as first:
            wait_state(bench, FIRST, "up")
            for kind in ("auth", "acct"):
                row = states(bench)[FIRST, kind]
                assert row["probes_answered"] >= 3
                assert row["probes"] >= row["probes_answered"]
                assert row["dropped"] == 0
            dial(lab, Client("user2"))
            (record,) = first.wait_records("Start")
            assert record["User-Name"] == "user2"
            assert bench.lns.stop() == 0


def test_the_server_is_killed_and_restarted_at_every_step_of_a_session(lab: Lab, fleet: Fleet, start: Start) -> None:
    """Before the request, after the Start, before an Interim-Update and the Stop: nothing is lost, or told twice."""
    group = {"name": "any", "address": ["198.18.0.0/24"], "secret": "tunsecret", "pool": "default"}
    first = server(FIRST, max_tries=8, timeout_cap_s=1, fail_count=100)
    radius = {"server": [first], "interim_jitter": 0, "interim_min_s": 3}
    bench = start(radius=radius, lac=[{**group, "interim_interval_s": 3}])
    lac = Xl2tpd(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret")
    wait_so(bench, "auth", lambda row: row["resent"])
    with fleet.serving(FIRST) as asked:
        (session,) = lac.wait_up()
        asked.wait_records("Start")
        wait_so(bench, "acct", lambda row: not row["in_flight"])  # what is written is told to us a little later
    wait_so(bench, "acct", lambda row: row["in_flight"])
    with fleet.serving(FIRST) as told:
        told.wait_records("Interim-Update")
        wait_so(bench, "acct", lambda row: not row["in_flight"])
    before = states(bench)[FIRST, "acct"]["requests"]
    lac.hang_up(session)
    wait_so(bench, "acct", lambda row: row["requests"] > before)
    with fleet.serving(FIRST) as last:
        (stop,) = last.wait_records("Stop")
        assert int(stop["Acct-Session-Time"]) >= 3
        assert bench.lns.stop() == 0
        books = [*asked.records(), *told.records(), *last.records()]
        mine = [record for record in books if record.get("User-Name") == "user1"]
        assert [record["Acct-Status-Type"] for record in mine].count("Start") == 1
        assert [record["Acct-Status-Type"] for record in mine].count("Stop") == 1
        assert len({record["Acct-Session-Id"] for record in mine}) == 1
        assert {record["Acct-Status-Type"] for record in books} == {
            "Accounting-On", "Start", "Interim-Update", "Stop", "Accounting-Off",
        }  # fmt: skip


def test_a_realm_leads_to_its_servers_under_the_name_that_they_know(lab: Lab, fleet: Fleet, start: Start) -> None:
    realm = {"name": "isp.example", "radius": "isp", "radius_accounting": "books", "strip": True}
    servers = [server(FIRST, group="isp"), server(SECOND, group="books", auth_port=0)]
    group = {"name": "any", "address": ["198.18.0.0/24"], "secret": "tunsecret", "pool": "default", "radius": "isp"}
    with fleet.serving(FIRST) as isp, fleet.serving(SECOND) as books:
        bench = start(realm=[realm], radius={"server": servers}, lac=[group])
        lac, session = dial(lab, Client("user7@ISP.example", method="chap"))
        (shown,) = bench.lns.sessions()
        assert shown["user"] == "user7@ISP.example"
        lac.hang_up(session)
        (stop,) = books.wait_records("Stop")
        assert stop["User-Name"] == "user7"
        assert [request["User-Name"] for request in isp.requests()] == ["user7"]
        assert {record["Acct-Status-Type"] for record in isp.records()} <= {"Accounting-On"}
        assert bench.lns.stop() == 0
