"""What stories cost: memory a session and microseconds a set-up, `python -m tests.benchmark.story`.

The same set-ups are replayed with stories and without; what the machine reports goes to the observer each time.
Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import tracemalloc
from pathlib import Path

import structlog

from bras.config.model import AuthConfig, Config
from bras.config.story import StoryConfig
from bras.lns.effects import Report
from bras.telemetry.counts import Counts
from bras.telemetry.lines import Lines
from bras.telemetry.observer import Observer
from bras.telemetry.stories import Stories
from tests.benchmark.core import ROOT, Recorder, fresh, record
from tests.support.world import config


def replay(recorder: Recorder, configuration: Config, *, measure: bool) -> tuple[float, int, Observer]:
    """Return seconds of CPU, octets that are there afterwards and were not before, and the observer."""
    stories = Stories(configuration.story, time.time) if configuration.story.enabled else None  # noqa: TID251  # no part of the daemon
    observer = Observer(Counts(["any"], ["radius1"]), Lines(structlog.get_logger()), stories=stories)
    lns = fresh(recorder.seed, configuration)
    gc.collect()
    if measure:
        tracemalloc.start()
    begun = time.process_time()
    for given, now in recorder.inputs:
        for effect in lns.handle(given, now):
            if type(effect) is Report:
                observer.observe(effect.fact)
    spent = time.process_time() - begun
    octets = 0
    if measure:
        del given, effect
        gc.collect()
        octets = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert len(lns.core.registry.by_number) == len(lns.core.registry.by_call)
    return spent, octets, observer


def main() -> None:
    """Measure, print, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--method", default="chap")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", default=str(ROOT / "build/benchmark/story.json"))
    options = parser.parse_args()
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
    figures: dict[str, float] = {"sessions": options.sessions}
    for name, enabled in (("without", False), ("with", True)):
        configuration = config(auth=AuthConfig(methods=(options.method,)), story=StoryConfig(enabled=enabled))
        recorder, _ = record(options.sessions, 20, options.method, configuration)
        best = min(replay(recorder, configuration, measure=False)[0] for _ in range(options.runs))
        _, octets, observer = replay(recorder, configuration, measure=True)
        figures[f"us_a_setup_{name}"] = round(best / options.sessions * 1e6, 1)
        figures[f"octets_a_session_{name}"] = octets // options.sessions
        if observer.stories is not None:
            assert len(observer.stories.live) == options.sessions
            events = [story.octets for story in observer.stories.live.values()]
            figures["octets_of_events"] = round(sum(events) / len(events))
    print(json.dumps(figures, indent=2))
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    Path(options.output).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
