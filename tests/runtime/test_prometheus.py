"""A real Prometheus scrapes a daemon through a day: each query of each dashboard has data, each rule is evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support.certificates import Authority
from tests.support.day import WORLD, day
from tests.support.grafana import Json, dashboards, filled, label_values, queries, variables
from tests.support.prometheus import Prometheus

pytestmark = pytest.mark.root
DASHBOARDS = dashboards()
NOTHING_TO_SHOW = {
    ("bras-lacs.json", "What LACs report A"): "the lab's LAC tells of no line errors, ACCM or speeds",
}
"""Queries that have no data in that day, and why."""
CHOICES = ("user", "session")
"""Variables of which Grafana fills in one value; of the others all."""


@pytest.fixture(scope="module")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, tool: Callable[[str], str]
) -> Iterator[Prometheus]:
    """Return a Prometheus that has seen all that a daemon counts, while sessions are still up."""
    directory = tmp_path_factory.mktemp("day")
    with day(directory, authority) as today, Prometheus(today.lns, directory / "p", tool("prometheus")) as prometheus:
        prometheus.wait("bras_config_last_reload_success_timestamp_seconds > 0 and on (instance) up == 1")
        today.daemon.stop()
        today.daemon.start()
        with today.staying("--sessions", "3", "--ping", WORLD, "--ping-count", "0", "--ping-interval", "0.2"):
            today.happen()
            today.daemon.wait_logged("session_throttled")
            prometheus.wait("sum(bras_session_setup_seconds_count) >= 12")
            prometheus.wait("bras_echo_round_trip_seconds_count > 3")
            prometheus.wait('bras_radius_server_up{server="liar"} == 0')
            prometheus.wait("bras_coa_latency_seconds_count == 1")
            today.ask_for_changes(2)
            prometheus.wait("bras_coa_latency_seconds_count == 2")
            yield prometheus


def _values(dashboard: Json, prometheus: Prometheus) -> dict[str, str]:
    """Return what Grafana fills in for the variables, the regular expression of all values for most."""
    values = {"__rate_interval": "2m", "__range": "5m", "datasource": "x"}
    for name, variable in variables(dashboard).items():
        if variable["type"] == "query":
            selector, label = label_values(variable)
            found = [value for value in prometheus.label_values(filled(selector, values), label) if value]
            assert found, f"{name}: {variable['query']} has no values"
            values[name] = found[0] if name in CHOICES else f"({'|'.join(map(_escaped, found))})"
    return values


def _escaped(value: str) -> str:
    """Return a value as Grafana writes it into a matcher: a regular expression inside a quoted string."""
    return re.escape(value).replace("\\", "\\\\")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_each_query_has_data(prometheus: Prometheus, name: str) -> None:
    values = _values(DASHBOARDS[name], prometheus)
    empty = {}
    for where, expression in queries(DASHBOARDS[name]):
        asked = filled(expression, values)
        if all(sample["value"][1] == "NaN" for sample in prometheus.query(asked)):
            empty[name, where] = asked
    assert set(empty) == {one for one in NOTHING_TO_SHOW if one[0] == name}, empty


def test_each_rule_is_evaluated(prometheus: Prometheus) -> None:
    groups = prometheus.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 30
    assert {
        (rule["name"], rule["health"], rule.get("lastError", "")) for rule in rules if rule["health"] != "ok"
    } == set()
    recorded = {rule["name"] for rule in rules if rule["type"] == "recording"}
    assert {name for name in recorded if not prometheus.query(name)} == set()


def test_alerts_are_of_what_is_wrong(prometheus: Prometheus) -> None:
    alerts = prometheus.ask("alerts")["alerts"]
    active = {(alert["labels"]["alertname"], alert["labels"].get("server")) for alert in alerts}
    assert ("BrasRadiusServerDead", "liar") in active
    assert not active & {("BrasDown", None), ("BrasRadiusServerDead", "good"), ("BrasJournalFails", None)}


def test_all_targets_are_scraped(prometheus: Prometheus) -> None:
    targets = prometheus.ask("targets")["activeTargets"]
    assert targets
    assert {(target["labels"]["job"], target["lastError"]) for target in targets if target["health"] != "up"} == set()
