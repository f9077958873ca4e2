from __future__ import annotations

import random
from collections.abc import Sequence

from bras.forwarding.entry import AddEntry, Operation, RemoveEntry, Route
from bras.l2tp.events import ClosePort, OpenPort, Path, SendDatagram
from bras.lns.effects import Answer, Effect, Forward, Program, ReadCounters
from bras.runtime.steps import Step, steps
from tests.unit.subscriber.pair import LEG

PATH = Path(0, "198.18.0.1", 1701, "198.18.0.2", 1701)
ADD = AddEntry(Route(1, 7, 0, (LEG,), (0x0A400001,), 1460))
REMOVE = RemoveEntry(2, 8)
WELCOME, GOODBYE = SendDatagram(PATH, b"welcome"), SendDatagram(PATH, b"good-bye")
READ = ReadCounters(((2, 8),))
PACKET = Forward(2, 8, b"E")


def plain(divided: list[Step]) -> list[tuple[list[Operation], list[Effect]]]:
    return [(list(operations), list(others)) for operations, others in divided]


def test_where_nothing_is_programmed_nothing_is_moved() -> None:
    effects = [WELCOME, PACKET, READ, GOODBYE]
    assert steps(effects) == [((), effects)]
    assert steps([]) == [((), [])]


def test_whoever_is_told_something_finds_it_done() -> None:
    """An Entry is there before its client is welcome, and gone before it is told good-bye."""
    effects = [WELCOME, Program(ADD), Program(REMOVE), GOODBYE, Answer(1, True, None)]
    assert plain(steps(effects)) == [([ADD, REMOVE], [WELCOME, GOODBYE, Answer(1, True, None)])]


def test_what_depends_on_the_data_plane_keeps_its_place() -> None:
    assert plain(steps([PACKET, Program(REMOVE), WELCOME])) == [([], [PACKET]), ([REMOVE], [WELCOME])]
    assert plain(steps([READ, Program(REMOVE)])) == [([], [READ]), ([REMOVE], [])]
    for port in (ClosePort(65536), OpenPort(PATH, b"sccrq")):
        assert plain(steps([Program(REMOVE), port, Program(ADD)])) == [([REMOVE], [port]), ([ADD], [])]


def test_any_order() -> None:
    """Operations keep their order, all else keeps its own, and neither passes what ends a step."""
    kinds: Sequence[Effect] = (WELCOME, GOODBYE, Program(ADD), Program(REMOVE), READ, PACKET, ClosePort(65536))
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    dice = random.Random(seed)
    for _ in range(500):
        effects = dice.choices(kinds, k=dice.randrange(12))
        divided = steps(effects)
        programmed = [effect.operation for effect in effects if isinstance(effect, Program)]
        assert [one for operations, _ in divided for one in operations] == programmed
        rest = [effect for effect in effects if not isinstance(effect, Program)]
        assert [one for _, others in divided for one in others] == rest
        assert _marks(effects) == _marks([one for step in divided for one in (*map(Program, step[0]), *step[1])])


def _marks(effects: Sequence[Effect]) -> list[int]:
    """Return how many operations stand before each effect that depends on them."""
    found, programmed = [], 0
    for effect in effects:
        programmed += isinstance(effect, Program)
        if not isinstance(effect, (Program, SendDatagram)):
            found.append(programmed)
    return found
