from __future__ import annotations

import re
from operator import attrgetter

import pytest

from bras.telemetry.counts import Counts
from bras.telemetry.families import CENSUS, COUNTED, MEASURED, family, histogram_family
from bras.telemetry.tally import Histogram

NAMES = [row[0] for rows in (CENSUS, COUNTED, MEASURED) for row in rows]


def test_no_name_is_there_twice() -> None:
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_ours_and_says_its_unit(name: str) -> None:
    assert re.fullmatch(r"bras_[a-z][a-z0-9_]*", name)
    assert not re.search(r"_(ms|milliseconds|octets|kilobytes|minutes)(_|$)", name), "base units only"


@pytest.mark.parametrize("text", [row[1] for rows in (CENSUS, COUNTED, MEASURED) for row in rows])
def test_the_words_are_a_sentence(text: str) -> None:
    assert text[0].isupper()
    assert text.endswith(".")


@pytest.mark.parametrize("where", [row[3] for rows in (COUNTED, MEASURED) for row in rows])
def test_what_is_named_is_there(where: str) -> None:
    assert attrgetter(where)(Counts()) is not None


@pytest.mark.parametrize(("name", "kind"), [("bras_things_total", "counter"), ("bras_things", "gauge")])
def test_a_counter_has_the_name_of_one(name: str, kind: str) -> None:
    made = family(name, "Things.", ("lac",), [(("a",), 3)])
    assert made.type == kind
    assert [(one.labels, one.value) for one in made.samples] == [({"lac": "a"}, 3)]


def test_a_histogram_adds_up() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.5, 9.0):
        histogram.observe(value)
    for one in (histogram, {(): histogram}):
        samples = {(s.name, s.labels.get("le", "")): s.value for s in histogram_family("bras_x", "X.", (), one).samples}
        assert samples == {
            ("bras_x_bucket", "1.0"): 1,
            ("bras_x_bucket", "2.0"): 2,
            ("bras_x_bucket", "+Inf"): 3,
            ("bras_x_count", ""): 3,
            ("bras_x_sum", ""): 11.0,
        }
