"""Fixtures of the data plane's unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.dataplane.planes import Bench, bench


@pytest.fixture(name="bench")
def _bench() -> Iterator[Bench]:
    with bench() as made:
        yield made
