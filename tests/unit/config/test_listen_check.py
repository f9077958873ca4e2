"""Addresses to listen on that meet."""

from __future__ import annotations

import pytest

from bras.config.findings import Findings
from bras.config.listen import Listen
from bras.config.listen_check import check_listen

ANY, ONE, ANY6 = Listen("0.0.0.0", 1701), Listen("192.0.2.1", 1701), Listen("::", 1701)


@pytest.mark.parametrize(
    ("listens", "wrong"),
    [
        ((ANY, ONE), ["there[1]"]),
        ((ONE, ANY), ["there[0]"]),
        ((ANY, Listen("192.0.2.1", 1702)), []),
        ((ANY6, ONE), []),
        ((ANY6, Listen("2001:db8::1", 1701)), ["there[1]"]),
        ((ANY, ANY6), []),
    ],
)
def test_one_address_beside_all_of_its_family(listens: tuple[Listen, ...], wrong: list[str]) -> None:
    findings = Findings("file")
    check_listen(listens, "there", findings)
    assert [problem.key for problem in findings.problems] == wrong
