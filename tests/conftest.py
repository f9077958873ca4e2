"""What all tests share: seeds, order, who may run beside whom, and what a missing tool means.

Order is random: pytest-randomly prints its seed, and ``--randomly-seed=N`` repeats it.
Hypothesis prints a blob that repeats a failing example; ``HYPOTHESIS_PROFILE=deep`` looks further.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from tests.support.certificates import Authority

settings.register_profile(
    "fast", max_examples=60, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("brief", parent=settings.get_profile("fast"), max_examples=15)
settings.register_profile("deep", parent=settings.get_profile("fast"), max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# These begin first and last longest; guests and namespaces stay on one worker, so that two
# machines' worth of load never meet and time limits mean something.
_FIRST = ("tests/guest/", "tests/interop/", "tests/architecture/test_mypyc.py", "tests/fuzz/", "tests/dataplane/")
_TOGETHER = ("tests/interop/",)
_APART = ("tests/fuzz/test_fuzzing.py",)


class _Scheduler(LoadFileScheduling):
    """A file's tests stay on one worker; so do all tests of a folder of ``_TOGETHER``; none of ``_APART`` do."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_APART):
            return nodeid
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid.split("::", 1)[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Scheduler:
    """Take our scheduler with ``-n``."""
    return _Scheduler(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first; among themselves they stay in random order."""

    def rank(item: pytest.Item) -> int:
        return next((i for i, prefix in enumerate(_FIRST) if item.nodeid.startswith(prefix)), len(_FIRST))

    items.sort(key=rank)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Have the garbage collector leave out what stays to the end: thousands of tests, looked at again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail, in words, what needs root and has none: a judge that is left out judges nothing."""
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.fail("this test needs root: it makes namespaces and interfaces (sudo make test)", pytrace=False)


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Return the path of a program that a test needs; fail, in words, where it is missing."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            pytest.fail(f"{name} is missing: make test-deps", pytrace=False)
        return path

    return find


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return who has signed the certificates of both ends."""
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that nobody knows."""
    return Authority(tmp_path_factory.mktemp("stranger") / "ca", "Stranger CA")
