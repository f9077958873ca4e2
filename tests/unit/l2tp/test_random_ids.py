"""Tunnel and session ids cannot be guessed from those that were given before: Pearson's chi-square is the judge."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.ids import Entropy
from bras.l2tp import messages
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.messages import CallRequest
from bras.runtime.entropy import EntropyPool
from tests.support.l2tp import HandLac, kind, read

BINS = 64
LIMIT = 137.0
"""Of chi-square with 63 degrees of freedom; a fair dice is above it once in five million runs."""


def seeded() -> Entropy:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    return random.Random(seed).randbytes


def chi_square(values: Iterable[int], top: int) -> float:
    """Return how far the values, below ``top``, are from falling into all bins alike."""
    counts = Counter(value * BINS // top for value in values)
    expected = sum(counts.values()) / BINS
    return sum((counts[one] - expected) ** 2 / expected for one in range(BINS))


def steps(values: list[int], top: int) -> list[int]:
    return [(after - before) % top for before, after in itertools.pairwise(values)]


@pytest.mark.parametrize("entropy", [seeded, EntropyPool])
def test_tunnel_ids(entropy: Callable[[], Entropy]) -> None:
    endpoint = Endpoint(lns=LnsConfig((), worker=3), groups=(LacConfig("g"),), entropy=entropy())
    given = []
    for number in range(4000):
        lac = HandLac(endpoint, tunnel_id=7)
        lac.now = number / 10
        lac.sccrq()
        given.append(lac.last().numbers[9])
        endpoint.vanish(given[-1], now=lac.now)
    assert {number >> 12 for number in given} == {3}
    low = [number & 0xFFF for number in given]
    assert chi_square(low, 4096) < LIMIT
    assert chi_square(steps(low, 4096), 4096) < LIMIT


@pytest.mark.parametrize("entropy", [seeded, EntropyPool])
def test_session_ids(entropy: Callable[[], Entropy]) -> None:
    endpoint = Endpoint(lns=LnsConfig(()), groups=(LacConfig("g"),), entropy=entropy())
    lac = HandLac(endpoint)
    lac.establish()
    for number in range(1, 4001):
        lac.say(messages.icrq(number, number, CallRequest()))
    given = [read(data).numbers[14] for data in lac.heard if kind(data) == "ICRP"]
    assert len(given) == len(set(given)) == 4000
    assert chi_square(given, 65536) < LIMIT
    assert chi_square(steps(given, 65536), 65536) < LIMIT


def test_the_judge_sees_what_is_not_random() -> None:
    assert chi_square(range(1, 1000), 4096) > LIMIT
    assert chi_square(steps(list(range(1000)), 4096), 4096) > LIMIT
