"""The dashboards of ``grafana/``: what they ask exists, people can read them, Grafana knows all that stands in them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import pytest

from bras.forwarding.entry import Counters
from bras.telemetry.counts import Counts
from bras.telemetry.metrics import BrasCollector, DataplaneFigures
from bras.telemetry.session_series import SERIES
from tests.architecture.source import ROOT
from tests.support.grafana import FOLDER, Json, complaints, dashboards, filled, panels, queries, variables, written
from tests.unit.telemetry.facts import FACTS

DASHBOARDS = dashboards()
OURS = re.compile(r"\b(?:bras|process|python_gc)_\w+")
OF_PROMETHEUS = {"ALERTS", "up", "scrape_duration_seconds"}
each = pytest.mark.parametrize("name", DASHBOARDS)


def _metrics() -> dict[str, set[str]]:
    """Return the labels of each metric that MANUAL.md lists, which test_visible.py compares with the program."""
    manual = (ROOT / "MANUAL.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(bras_\w+)` \| (\w+)(?: \(info\))? \| (.*?) \| .* \|$", manual, flags=re.MULTILINE)
    of_sessions = {series.name for series in SERIES}
    found: dict[str, set[str]] = {}
    for name, kind, labels in rows:
        plain = re.sub(r"\(.*?\)", "", labels)
        names = {"instance", "job", *re.findall(r"`(\w+)`", plain), *(["session"] if name in of_sessions else [])}
        found[name] = names
        if kind == "histogram":
            found |= {name + "_bucket": names | {"le"}, name + "_count": names, name + "_sum": names}
    return found


METRICS = _metrics()


def _expressions() -> Iterator[tuple[str, str]]:
    for name, dashboard in DASHBOARDS.items():
        for where, expression in queries(dashboard):
            yield f"{name}: {where}", expression
        for variable in variables(dashboard).values():
            if variable["type"] == "query":
                yield f"{name}: variable {variable['name']}", variable["query"]
    for path in sorted((ROOT / "deploy" / "rules").glob("*.yml")):
        yield path.name, re.sub(r"\w+:bras_[\w:]+", "recorded", path.read_text(encoding="utf-8"))


def test_there_are_the_seven() -> None:
    about = ("addresses", "capacity", "dataplane", "lacs", "overview", "radius", "subscriber")
    assert list(DASHBOARDS) == [f"bras-{name}.json" for name in about]
    assert [dashboard["uid"] for dashboard in DASHBOARDS.values()] == [f"bras-{name}" for name in about]


@each
def test_people_can_read_and_edit_them(name: str) -> None:
    """``python -m tests.support.grafana`` puts them into the style."""
    assert (FOLDER / name).read_text(encoding="utf-8") == written(DASHBOARDS[name]) + "\n"


@each
def test_grafana_knows_all_that_stands_in_them(name: str) -> None:
    assert complaints(DASHBOARDS[name]) == []


def test_what_grafana_does_not_know_is_found() -> None:
    def spoilt(change: Json, *, panel: bool = True) -> list[str]:
        dashboard = copy.deepcopy(DASHBOARDS["bras-overview.json"])
        (dashboard["panels"][0] if panel else dashboard).update(change)
        return complaints(dashboard)

    assert spoilt({"titel": "x"}) == ["dashboard.panels[0].titel is unknown"]
    assert spoilt({"title": 7}) == ["dashboard.panels[0].title is 7, not <class 'str'>"]
    assert spoilt({"graphTooltip": 5}, panel=False) == ["dashboard.graph_tooltip is 5, none of DashboardCursorSync"]
    options = DASHBOARDS["bras-overview.json"]["panels"][0]["options"]
    assert "dashboard.panels[0].options.graph is unknown" in spoilt({"options": options | {"graph": "area"}})
    assert any("none of BigValueGraphMode" in found for found in spoilt({"options": options | {"graphMode": "x"}}))
    assert "dashboard.panels[0].targets[0].query is unknown" in spoilt({"targets": [{"query": "up", "refId": "A"}]})
    assert "dashboard.panels[0].gridPos.width is unknown" in spoilt({"gridPos": {"h": 1, "width": 4, "x": 0, "y": 0}})


@each
def test_they_are_of_no_one_machine(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert "id" not in dashboard
    assert "version" not in dashboard
    assert {str(panel["datasource"]) for panel in panels(dashboard)} == {
        "{'type': 'prometheus', 'uid': '${datasource}'}"
    }
    first, second, *_ = variables(dashboard).values()
    assert (first["type"], first["query"]) == ("datasource", "prometheus")
    assert (second["name"], second["query"]) == ("instance", "label_values(bras_build_info, instance)")


@each
def test_they_lead_to_each_other(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert "bras" in dashboard["tags"]
    assert [(link["type"], link["tags"]) for link in dashboard["links"]] == [("dashboards", ["bras"])]
    uids = {other["uid"] for other in DASHBOARDS.values()}
    assert set(re.findall(r"/d/([\w-]+)", (FOLDER / name).read_text())) <= uids


@each
def test_panels_have_numbers_of_their_own_and_room(name: str) -> None:
    dashboard = DASHBOARDS[name]
    ids = [panel["id"] for panel in panels(dashboard)]
    assert ids == list(range(1, len(ids) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels(dashboard):
        at = panel["gridPos"]
        area = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in area) < 24
        assert not area & taken, panel["title"]
        taken |= area


@each
def test_panels_say_what_they_show_and_in_which_unit(name: str) -> None:
    titles = [panel["title"] for panel in panels(DASHBOARDS[name])]
    assert len(set(titles)) == len(titles)
    for panel in panels(DASHBOARDS[name]):
        assert len(panel["description"]) > 30, panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["type"] in {"table", "state-timeline"} or defaults["unit"], panel["title"]
        assert [target["refId"] for target in panel["targets"]] == list("ABCDEFGH")[: len(panel["targets"])]


@each
def test_variables_that_are_used_are_there(name: str) -> None:
    dashboard = DASHBOARDS[name]
    there = dict.fromkeys(variables(dashboard), "x") | {"__rate_interval": "1m", "__range": "1h"}
    for _, expression in queries(dashboard):
        filled(expression, there)


def test_the_manual_has_the_labels_that_there_are() -> None:
    counts = Counts(["any"], ["r1"], ["policy"])
    handlers = counts.handlers()
    for fact in FACTS:
        handlers[type(fact)](fact)
    checked = set()
    for family in BrasCollector(counts, lambda: DataplaneFigures(Counters(), {}, {}), version="0").collect():
        for sample in family.samples:
            checked.add(sample.name)
            if sample.name in METRICS:  # not the moment of creation of OpenMetrics
                assert set(sample.labels) <= METRICS[sample.name], sample.name
                assert METRICS[sample.name] - {"instance", "job"} <= set(sample.labels), sample.name
    assert len(checked & set(METRICS)) > 40


def test_metrics_that_are_asked_for_exist() -> None:
    for where, expression in _expressions():
        for metric in OURS.findall(expression):
            assert metric in METRICS or metric.startswith(("process_", "python_gc_")), f"{where}: {metric}"


def test_each_metric_is_to_be_seen() -> None:
    seen = {metric for _, expression in _expressions() for metric in OURS.findall(expression)}
    seen |= {re.sub(r"_(bucket|count|sum)$", "", metric) for metric in seen}
    listed = {metric for metric in METRICS if not metric.endswith(("_bucket", "_count", "_sum"))}
    assert listed - seen == set(), "on no dashboard, and in no rule"


def test_labels_that_are_asked_for_exist() -> None:
    for where, expression in _expressions():
        for metric, matchers in re.findall(r"\b(bras_\w+)\{(.*?)\}", expression):
            asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
            assert asked <= METRICS[metric], f"{where}: {metric} has no {asked - METRICS[metric]}"


def test_labels_by_which_is_grouped_exist() -> None:
    """A label is somewhere among the metrics of the expression."""
    for where, expression in _expressions():
        for part in re.split(r"^ *(?:- alert|- record|expr):", expression, flags=re.MULTILINE):
            known = set().union(*(METRICS.get(metric, set()) for metric in OURS.findall(part)))
            if "recorded" in part or not known:
                continue
            for names in re.findall(r"\b(?:by|on|without|group_left|ignoring) ?\(([\w, ]*)\)", part):
                asked = {label for label in re.split(r", *", names) if label}
                assert asked <= known | {"generation"}, f"{where}: {asked - known}"


@each
def test_legends_name_labels_that_exist(name: str) -> None:
    for panel in panels(DASHBOARDS[name]):
        for target in panel["targets"]:
            known = set().union(*(METRICS.get(metric, set()) for metric in OURS.findall(target["expr"])))
            named = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
            assert named <= known | {"instance", "job", "generation"}, panel["title"]


def test_rates_of_sessions_are_taken_over_what_is_scraped_of_them() -> None:
    """Grafana takes ``$__rate_interval`` for four times the least step of a query, or of its data source."""
    shipped = (ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8")
    assert "metrics_path: /metrics/sessions\n  #   scrape_interval: 60s\n" in shipped
    for dashboard in DASHBOARDS.values():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                of_sessions = re.search(r"bras_session_(?!setup)", target["expr"])
                assert target.get("interval") == ("1m" if of_sessions else None), panel["title"]
