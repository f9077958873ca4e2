"""The rules of ``deploy/rules``: each alert fires when it should, not when it should not, and leads to its runbook."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.support.alerts import CASES, Case, Series

RULES = sorted((ROOT / "deploy" / "rules").glob("*.yml"))
MANUAL = (ROOT / "MANUAL.md").read_text(encoding="utf-8")


def _alerts() -> dict[str, str]:
    """Return the text of each alert by its name."""
    text = "".join(path.read_text(encoding="utf-8") for path in RULES)
    found = re.findall(r"^      - alert: (\w+)\n((?:        .*\n)+)", text, flags=re.MULTILINE)
    return dict(found)


ALERTS = _alerts()


def _runbook() -> dict[str, str]:
    """Return the chapters of the runbook by their heading."""
    section = re.split(r"^## ", MANUAL.split("\n## Runbook\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    chapters = re.split(r"^### ", section, flags=re.MULTILINE)[1:]
    return {chapter.split("\n", 1)[0]: chapter.split("\n", 1)[1].strip() for chapter in chapters}


def test_promtool_takes_the_rules(tool: Callable[[str], str]) -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "rules", *map(str, RULES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tried() -> None:
    assert {case.alert for case in CASES} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_speaks_in_words_and_leads_to_its_runbook(name: str) -> None:
    text = ALERTS[name]
    annotations = dict(re.findall(r"^          (\w+): (.+)$", text, flags=re.MULTILINE))
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert annotations["runbook_url"] == f"MANUAL.md#{name.lower()}"
    assert re.search(r"severity: (critical|warning|info)\}", text)
    assert len(_runbook()[name]) > 100, "what it means, what to look at, what to do"
    (case, *_) = (case for case in CASES if case.alert == name)
    told = set(re.findall(r"\$labels\.(\w+)", text))
    assert told <= {"instance", *case.labels}, "a label that the alert does not have"


def test_the_runbook_is_of_alerts_that_there_are() -> None:
    assert list(_runbook()) == list(ALERTS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_it_fires_and_keeps_quiet(case: Case, tmp_path: Path, tool: Callable[[str], str]) -> None:
    severity = re.search(r"severity: (\w+)\}", ALERTS[case.alert])
    assert severity is not None
    labels = {
        "alertname": case.alert,
        "alertstate": "firing",
        "instance": "lns1",
        "severity": severity[1],
        **case.labels,
    }
    told = "ALERTS{" + ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}"
    firing = f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}'
    tests = [
        _trial(case, case.fires, firing, [{"labels": told, "value": 1}]),
        _trial(case, case.calm, f"max_over_time({firing}[{case.at}])", []),
    ]
    path = tmp_path / "trial.json"
    path.write_text(json.dumps({"rule_files": list(map(str, RULES)), "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([tool("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _trial(case: Case, series: Series, expression: str, expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": expression, "eval_time": case.at, "exp_samples": expected}],
    }
