"""README shows the figures that the benchmarks wrote, and no others."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_figures_is_that_of_the_kept_results() -> None:
    spec = importlib.util.spec_from_file_location("report", ROOT / "tests/benchmark/report.py")
    assert spec is not None
    assert spec.loader is not None
    report = importlib.util.module_from_spec(spec)
    sys.modules["report"] = report
    spec.loader.exec_module(report)
    readme = (ROOT / "README.md").read_text()
    assert report.rewritten(readme) == readme, "run: python tests/benchmark/report.py"
