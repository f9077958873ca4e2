"""What the core alone costs a set-up: `python tests/benchmark/core.py`.

A world in virtual time brings sessions up once and records every input; the recording is
then replayed into fresh machines, and only `Lns.handle` is on the clock.  The effects must
be those of the first run, which makes this a test of determinism too.  ``--count`` counts
bytecodes instead of microseconds, in all and by function: the same each time, whatever else
the machine does, so two commits can be compared to the last instruction.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import random
import sys
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bras.config.model import AuthConfig, Config  # noqa: E402  # the path above comes first
from bras.lns.effects import Effect  # noqa: E402  # as above
from bras.lns.inputs import Input  # noqa: E402  # as above
from bras.lns.lns import Lns  # noqa: E402  # as above
from tests.support.lacs import SimulatedLac  # noqa: E402  # as above
from tests.support.world import World, codec, config, entropy_of  # noqa: E402  # as above


class Recorder:
    """Stands in for a World's Lns and writes down what it is given."""

    def __init__(self, seed: int, configuration: object) -> None:
        self.seed = seed
        self.inputs: list[tuple[Input, float]] = []
        self.effects: list[list[Effect]] = []
        self.lns = fresh(seed, configuration)

    def handle(self, given: Input, now: float) -> list[Effect]:
        effects = self.lns.handle(given, now)
        self.inputs.append((given, now))
        self.effects.append(effects)
        return effects

    def __getattr__(self, name: str) -> object:
        return getattr(self.lns, name)


def fresh(seed: int, configuration: object) -> Lns:
    return Lns(configuration, codec(), entropy_of(random.Random(seed)), epoch=1)  # type: ignore[arg-type]  # a Config


def record(
    sessions: int, tunnels: int, method: str, configuration: Config | None = None, user: str = "user{}"
) -> tuple[Recorder, object]:
    configuration = configuration or config(auth=AuthConfig(methods=(method,)))
    world = World(configuration)
    recorder = Recorder(7, configuration)
    world.lns = recorder  # type: ignore[assignment]  # speaks like one
    lacs = [SimulatedLac(world, address=f"198.18.{n >> 8}.{n & 255}") for n in range(2, 2 + tunnels)]
    for lac in lacs:
        lac.open()
    clients = [lacs[n % tunnels].dial(user.format(n), "pass", method=method) for n in range(sessions)]
    world.run(60.0, until=lambda: all(client.address for client in clients))
    world.run(0.5)
    assert all(client.address for client in clients)
    return recorder, configuration


def replay(recorder: Recorder, configuration: object, *, check: bool) -> float:
    lns = fresh(recorder.seed, configuration)
    gc.collect()
    gc.freeze()
    handle = lns.handle
    if check:
        for (given, now), expected in zip(recorder.inputs, recorder.effects, strict=True):
            assert handle(given, now) == expected, "the same inputs gave other effects"
        return 0.0
    begun = time.process_time()
    for given, now in recorder.inputs:
        handle(given, now)
    return time.process_time() - begun


def count(recorder: Recorder, configuration: object, sessions: int) -> None:
    """Print how many bytecodes a set-up runs, and where."""
    counts: Counter[CodeType] = Counter()

    def called(frame: FrameType, event: str, argument: object) -> object:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return traced

    def traced(frame: FrameType, event: str, argument: object) -> object:
        if event == "opcode":
            counts[frame.f_code] += 1
        return traced

    sys.settrace(called)  # type: ignore[arg-type]  # objects stand for functions that return themselves
    replay(recorder, configuration, check=False)
    sys.settrace(None)
    print(f"{counts.total() / sessions:9.1f} bytecodes a set-up")
    for code, number in counts.most_common(45):
        print(f"{number / sessions:9.1f} {Path(code.co_filename).name}:{code.co_qualname}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--tunnels", type=int, default=20)
    parser.add_argument("--method", default="chap")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--count", action="store_true", help="bytecodes by function, instead of a measurement")
    parser.add_argument("--output", default=str(ROOT / "build/benchmark/core.json"))
    arguments = parser.parse_args()
    recorder, configuration = record(arguments.sessions, arguments.tunnels, arguments.method)
    replay(recorder, configuration, check=True)
    gc.set_threshold(50_000, 20, 100)
    if arguments.count:
        count(recorder, configuration, arguments.sessions)
        return 0
    if arguments.profile:
        profile = cProfile.Profile()
        profile.runcall(replay, recorder, configuration, check=False)
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return 0
    runs = sorted(
        replay(recorder, configuration, check=False) / arguments.sessions * 1e6 for _ in range(arguments.runs)
    )
    result = {
        "method": arguments.method,
        "sessions": arguments.sessions,
        "inputs_a_setup": len(recorder.inputs) / arguments.sessions,
        "core_us_a_setup": {"min": runs[0], "median": runs[len(runs) // 2], "max": runs[-1]},
    }
    Path(arguments.output).parent.mkdir(parents=True, exist_ok=True)
    Path(arguments.output).write_text(json.dumps(result, indent=1))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
