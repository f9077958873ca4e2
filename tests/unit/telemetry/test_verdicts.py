from __future__ import annotations

from bras.subscriber.ends import ENDS
from bras.telemetry.verdicts import UNKNOWN, VERDICTS


def test_every_end_has_its_words() -> None:
    assert set(VERDICTS) == set(ENDS)
    assert all(verdict.why for verdict in (*VERDICTS.values(), UNKNOWN))


def test_no_two_ends_read_alike() -> None:
    whys = [verdict.why for verdict in VERDICTS.values()]
    assert len(set(whys)) == len(whys)
