"""The eBPF data plane on Debian 12's kernel (Linux 6.1), in a machine of its own (``tests/support/machine.py``).

The machine runs once what ``part.py`` says: load and fixtures of the programs, and real packets, those of VLANs and
VRFs too.  Here each test stands by its name, and fails for what has failed in there.
"""

from __future__ import annotations

import ast
import faulthandler
import shlex
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.guest.part import FIXTURES, MARKS
from tests.support.machine import Machine, MachineFailed

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "tests" / "dataplane"
INI = Path(__file__).with_name("machine.ini")
WITHIN_S = 1500.0
"""Five minutes are usual; the machine is slow, and may share its two cores with other tests."""

pytestmark = [pytest.mark.root, pytest.mark.timeout(WITHIN_S + 100)]


def marks(node: ast.AST) -> set[str]:
    """Return the words of an expression, such as ``pytest.mark.both`` or ``[both, root]``."""
    words = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    return words | {name.attr for name in ast.walk(node) if isinstance(name, ast.Attribute)}


def named(path: Path) -> Iterator[str]:
    """Iterate over the tests of a file that are to run in the machine."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    of_all = {mark for node in body if isinstance(node, ast.Assign) and _is_for_all(node) for mark in marks(node)}
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found = of_all.union(*(marks(decorator) for decorator in node.decorator_list))
            if path.name.startswith(FIXTURES) or found & set(MARKS):
                yield node.name


def _is_for_all(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)


TESTS = [(path.stem, name) for path in sorted(SUITE.glob("test_*.py")) for name in named(path)]


@dataclass(frozen=True, slots=True)
class Case:
    """One test in the machine; ``failure`` is empty where it has passed."""

    identity: str
    failure: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the machine has to say."""

    cases: dict[tuple[str, str], list[Case]]
    output: str


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Report:
    """Boot the machine, run the tests in it, and return their results."""
    for program in ("qemu-system-x86_64", "ip", "ethtool", "nft", "tc", "tcpdump"):
        tool(program)
    faulthandler.cancel_dump_traceback_later()  # that is for tests of usual length; this one has its own limit
    directory = tmp_path_factory.mktemp("machine")
    words = shlex.join(
        [
            *("env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", f"PYTHONPATH={ROOT}"),
            *(sys.executable, "-m", "pytest", "-c", str(INI), "--rootdir", str(ROOT), "--confcutdir", str(SUITE)),
            *("-p", "tests.guest.part", "-q", "--durations=15", "--basetemp=/tmp/pytest"),
            "--junitxml=/mnt/shared/report.xml",
            *(str(SUITE / f"{module}.py") for module in sorted({module for module, _ in TESTS})),
        ]
    )
    try:
        Machine(directory).run(f"cd {shlex.quote(str(ROOT))} && {words}\n", within_s=WITHIN_S)
    except MachineFailed as failed:
        pytest.fail(str(failed), pytrace=False)
    output = (directory / "output").read_text(errors="replace")
    print(output)
    if not (directory / "report.xml").exists():
        pytest.fail(f"the tests in the machine came to no end; see {directory}\n{output[-3000:]}", pytrace=False)
    return Report(_cases(directory / "report.xml"), output)


def _cases(path: Path) -> dict[tuple[str, str], list[Case]]:
    cases: dict[tuple[str, str], list[Case]] = {}
    for case in ET.parse(path).iter("testcase"):
        module, identity = case.get("classname", "").rpartition(".")[2], case.get("name", "")
        failure = "\n".join(f"{part.tag}: {part.get('message')}\n{part.text}" for part in case if part.tag in _BAD)
        cases.setdefault((module, identity.partition("[")[0]), []).append(Case(identity, failure))
    return cases


_BAD = {"failure", "error", "skipped"}


@pytest.mark.parametrize(("module", "name"), TESTS)
def test_on_linux_6_1(report: Report, module: str, name: str) -> None:
    cases = report.cases.get((module, name))
    assert cases, f"it did not run:\n{report.output[-3000:]}"
    failed = [case for case in cases if case.failure]
    assert not failed, "\n\n".join(f"{case.identity}\n{case.failure}" for case in failed)
