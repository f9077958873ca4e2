from __future__ import annotations

import os
import pty
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import orjson
import pytest
import structlog

from bras.config.daemon import LogConfig
from bras.secret import Secret
from bras.telemetry.lines import Lines
from bras.telemetry.logs import LEVELS, make_logger, set_level, start_logging
from bras.telemetry.pipe import LogPipe
from tests.unit.telemetry.facts import FACTS

HOSTILE = 'evil\n{"event": "forged"}\x1b[2J\u202e\udcff'


@pytest.fixture
def written() -> Iterator[Callable[[Callable[[int], LogPipe]], bytes]]:
    """Give what was written to the pipe that a test's function opened on the descriptor."""
    read, write = os.pipe()

    def run(use: Callable[[int], LogPipe]) -> bytes:
        use(write).close()
        os.set_blocking(read, False)
        try:
            return os.read(read, 1 << 20)
        except BlockingIOError:
            return b""

    yield run
    os.close(read)
    os.close(write)
    structlog.reset_defaults()


def test_json_lines_have_time_level_event_first(written: Callable[..., bytes]) -> None:
    def use(descriptor: int) -> LogPipe:
        pipe = start_logging(LogConfig(), descriptor)
        structlog.get_logger().info("tunnel_up", tunnel=5, lac="any", none=None)
        return pipe

    octets = written(use)
    line = orjson.loads(octets)
    assert list(line) == ["timestamp", "level", "event", "tunnel", "lac", "none"]
    assert (line["level"], line["event"], line["tunnel"], line["none"]) == ("info", "tunnel_up", 5, None)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])).total_seconds()) < 60


@pytest.mark.parametrize("console", [False, True])
def test_a_hostile_text_is_one_printable_line(written: Callable[..., bytes], console: bool) -> None:
    def use(descriptor: int) -> LogPipe:
        pipe = LogPipe(descriptor)
        make_logger(pipe, console=console).warning("authentication_rejected", user=HOSTILE, text=HOSTILE)
        return pipe

    octets = written(use)
    assert octets.endswith(b"\n")
    assert octets[:-1].decode().isprintable()
    if not console:
        assert orjson.loads(octets)["user"] == 'evil\\n{"event": "forged"}\\x1b[2J\\u202e\\udcff'


def test_values_that_json_does_not_know_do_not_stop_a_line(written: Callable[..., bytes]) -> None:
    def use(descriptor: int) -> LogPipe:
        pipe = LogPipe(descriptor)
        log = make_logger(pipe)
        log.info("odd", octets=b"\x00", secret=Secret(b"tunsecret"), huge=1 << 70, inside=["\udcff\n"])
        return pipe

    octets = written(use)
    assert orjson.loads(octets)["secret"] == "Secret(***)"
    assert octets.count(b"\n") == 1
    assert b"tunsecret" not in octets


@pytest.mark.parametrize("console", [False, True])
def test_a_traceback_shows_no_local_variables(written: Callable[..., bytes], console: bool) -> None:
    def use(descriptor: int) -> LogPipe:
        pipe = LogPipe(descriptor)
        password = "".join(["hun", "ter", "2"])
        try:
            raise ValueError(len(password))
        except ValueError:
            make_logger(pipe, console=console).exception("defect")
        return pipe

    octets = written(use)
    assert b"ValueError" in octets
    assert b"hunter2" not in octets


def test_the_level_is_kept(written: Callable[..., bytes]) -> None:
    def use(descriptor: int) -> LogPipe:
        pipe = start_logging(LogConfig(level="warning"), descriptor)
        log = structlog.get_logger()
        log.info("quiet")
        log.warning("loud")
        return pipe

    octets = written(use)
    assert b"quiet" not in octets
    assert b"loud" in octets


def test_every_level_of_the_model_is_known() -> None:
    for level in LEVELS:
        assert f"`{level}`" in "`debug`, `info`, `warning` or `error`"


def test_a_terminal_gets_the_console_and_nothing_else_does() -> None:
    leader, follower = pty.openpty()
    try:
        for config, expect_json in ((LogConfig(), False), (LogConfig(format="json"), True)):
            pipe = start_logging(config, follower)
            structlog.get_logger().info("tunnel_up", tunnel=5)
            pipe.close()
            line = os.read(leader, 4096)
            assert line.lstrip().startswith(b"{") == expect_json
    finally:
        structlog.reset_defaults()
        os.close(leader)
        os.close(follower)


def test_a_console_in_a_pipe_has_no_colours(written: Callable[..., bytes]) -> None:
    def use(descriptor: int) -> LogPipe:
        pipe = start_logging(LogConfig(format="console"), descriptor)
        structlog.get_logger().info("tunnel_up", tunnel=5)
        return pipe

    octets = written(use)
    assert b"tunnel=5" in octets
    assert b"\x1b" not in octets


def test_every_fact_makes_lines_of_valid_json(written: Callable[..., bytes]) -> None:
    def use(descriptor: int) -> LogPipe:
        pipe = LogPipe(descriptor)
        handlers = Lines(make_logger(pipe, level="debug")).handlers(debug=True)
        for fact in FACTS:
            handlers[type(fact)](fact)
        return pipe

    lines = written(use).splitlines()
    assert len(lines) == len(FACTS) - 1, "an accepted authentication has none"
    for line in lines:
        assert orjson.loads(line)["event"] != "forged"


def test_another_level_is_that_of_the_next_line_also_for_loggers_that_there_are(written: Callable[..., bytes]) -> None:
    def use(descriptor: int) -> LogPipe:
        pipe = start_logging(LogConfig(level="warning"), descriptor)
        log = structlog.get_logger()
        bound = log.bind(lac="any")
        for level in ("warning", "debug", "error", "info"):
            set_level(level)
            for number, one in enumerate((log, bound)):
                one.debug(f"debug{number}{level}")
                one.info(f"info{number}{level}")
                one.error(f"error{number}{level}")
        return pipe

    events = [orjson.loads(line)["event"] for line in written(use).splitlines()]
    expected = {
        "warning": ["error"],
        "debug": ["debug", "info", "error"],
        "error": ["error"],
        "info": ["info", "error"],
    }
    assert events == [
        f"{word}{number}{level}" for level, words in expected.items() for number in (0, 1) for word in words
    ]
