"""Where facts arrive: each is counted, told of in its session's story, and written if there is a line for it."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from bras.config.model import Config
from bras.config.story import StoryConfig
from bras.lns.effects import Fact
from bras.telemetry.counts import Counts
from bras.telemetry.lines import Lines
from bras.telemetry.logs import debug_logger
from bras.telemetry.stories import Stories
from bras.telemetry.story_file import StoryFile
from bras.telemetry.watch import Chosen, Watch


class Observer:
    """Takes every ``Report`` of the machine; costs about a microsecond for a fact without a line."""

    __slots__ = ("_clock", "_count", "_debug", "_file", "_lines", "_tell", "_watch", "_write", "counts", "stories")

    def __init__(
        self,
        counts: Counts,
        lines: Lines,
        *,
        debug: bool = False,
        stories: Stories | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Feed ``counts``, ``stories`` and ``lines``; ``debug`` as in ``Lines.handlers``."""
        self.counts = counts
        self.stories = stories
        self._clock = clock
        self._debug = debug
        self._watch: Watch | None = None
        """Of those whose debug lines are written, while there are any."""
        self._file: StoryFile | None = None
        self._count = counts.handlers()
        self._tell = {} if stories is None else stories.handlers()
        self._lines = lines
        self._write = lines.handlers(debug=debug)

    def follow(self, config: Config) -> None:
        """Go on under another configuration."""
        names = (server.name or server.address for server in config.radius.server)
        self._lines.servers = {name: index for index, name in enumerate(names)}
        self._debug = config.log.level == "debug"
        self._write = self._lines.handlers(debug=self._debug)

    def keep_stories(self, config: StoryConfig) -> None:
        """Write stories that are complete into the file of the configuration, if any; OSError tells why not."""
        if self.stories is not None and config.file is not None:
            self._file = StoryFile(config.file, config.file_octets)
            self.stories.told = self._file.put

    def close(self) -> None:
        """Write what waits for the file of stories."""
        if self._file is not None and self.stories is not None:
            self.stories.told = None
            self._file.close()
            self._file = None

    def observe(self, fact: Fact) -> None:
        """Count the fact, tell of it and write its line."""
        kind = type(fact)
        count = self._count.get(kind)
        if count is not None:
            count(fact)
        tell = self._tell.get(kind)
        if tell is not None:
            tell(fact)
        write = self._write.get(kind)
        if write is not None:
            write(fact)
        if self._watch is not None:
            self._observe_closely(self._watch, fact)

    def _observe_closely(self, watch: Watch, fact: Fact) -> None:
        """Write debug lines of those who are chosen; with level ``debug`` all of them are there already."""
        if not self._debug and not watch.observe(fact):
            self._watch = None

    @property
    def watched(self) -> dict[Chosen, float]:
        """Return whose debug lines are written, and for how many seconds yet."""
        left = {} if self._watch is None else self._watch.left
        if not left:
            self._watch = None
        return left

    def watch(self, chosen: Chosen, for_s: float) -> None:
        """Write debug lines of somebody for a while."""
        if self._watch is None:
            self._watch = Watch(debug_logger(), self.stories, self._clock, list(self._lines.servers))
        self._watch.choose(chosen, for_s)

    def unwatch(self) -> None:
        """Write debug lines of nobody."""
        self._watch = None


def make_observer(config: Config, wall_clock: Callable[[], float]) -> Observer:
    """Return an observer for this configuration that writes to the process's logger."""
    servers = [server.name or server.address for server in config.radius.server]
    counts = Counts((lac.name for lac in config.lac), servers, _coa_clients(config))
    stories = Stories(config.story, wall_clock) if config.story.enabled else None
    lines = Lines(structlog.get_logger().bind(), servers=servers)
    return Observer(counts, lines, debug=config.log.level == "debug", stories=stories)


def _coa_clients(config: Config) -> list[str]:
    coa = config.radius.coa
    return [] if coa is None else [client.name for client in coa.client]
