"""structlog as the whole daemon uses it: one JSON object a line on stderr, or a console for people.

Every text is cleaned here, in one place, so that no name or message from the network can
forge a line or drive a terminal.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any, BinaryIO, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor, WrappedLogger

from bras.config.daemon import LogConfig
from bras.telemetry import journald
from bras.telemetry.pipe import LogPipe
from bras.telemetry.text import CLIP, clean, clean_deep

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_METHODS = (
    "debug",
    "info",
    "warning",
    "error",
    "critical",
    "exception",
    "log",
    "is_enabled_for",
    "get_effective_level",
)
_Event = MutableMapping[str, Any]


class _Logger(structlog.make_filtering_bound_logger(LEVELS["debug"])):  # type: ignore[misc]  # it is made at run time
    """The class of all our loggers: they are kept once made, so another level gives them other methods."""


def start_logging(config: LogConfig, descriptor: int = 2, journal: str = journald.SOCKET) -> LogPipe:
    """Set structlog up for the whole process, to ``descriptor``; close the pipe that is returned at the end.

    ``journal``: the socket of systemd's journal, for where what is written goes there, or is to.

    From here on ``structlog.get_logger()`` is the logger of every module.
    """
    form = config.format
    if form == "auto" and journald.is_journal(descriptor, os.environ):
        form = "journal"
    pipe = journald.JournalPipe(descriptor, path=journal) if form == "journal" else LogPipe(descriptor)
    terminal = os.isatty(descriptor)
    console = form == "console" or (form == "auto" and terminal)
    set_level(config.level)
    structlog.configure(
        processors=(
            _for_journal()
            if form == "journal"
            else processors(console=console, colours=terminal and "NO_COLOR" not in os.environ)
        ),
        wrapper_class=_Logger,
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, pipe)),
        cache_logger_on_first_use=True,
    )
    return pipe


def set_level(level: str) -> None:
    """Write from now on what is of this level or above, by every logger that there is."""
    of_level = structlog.make_filtering_bound_logger(LEVELS[level])
    for name in _METHODS:
        setattr(_Logger, name, getattr(of_level, name))


def debug_logger() -> FilteringBoundLogger:
    """Return a logger that writes what the process's does, and debug lines whatever its level is."""
    made = structlog.get_config()["logger_factory"]()
    wrapper = structlog.make_filtering_bound_logger(LEVELS["debug"])
    return cast(FilteringBoundLogger, structlog.wrap_logger(made, wrapper_class=wrapper))


def make_logger(pipe: LogPipe, *, level: str = "info", console: bool = False) -> FilteringBoundLogger:
    """Return a logger of its own into ``pipe``, apart from the process's set-up."""
    return cast(
        FilteringBoundLogger,
        structlog.wrap_logger(
            structlog.BytesLogger(cast(BinaryIO, pipe)),
            processors=processors(console=console, colours=False),
            wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
            cache_logger_on_first_use=True,
        ),
    )


def processors(*, console: bool, colours: bool) -> list[Processor]:
    """Return the chain from an event to octets."""
    head: list[Processor] = [
        structlog.processors.add_log_level,
        _clean_values,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not console:
        return [*head, structlog.processors.format_exc_info, _render_json]
    # The plain traceback: a pretty one prints local variables, and secrets with them.
    renderer = structlog.dev.ConsoleRenderer(
        colors=colours, exception_formatter=structlog.dev.plain_traceback, pad_event_to=24
    )
    return [*head, renderer, _encode]


def _for_journal() -> list[Processor]:
    """Return the chain from an event to a datagram; the journal has clocks of its own."""
    return [structlog.processors.add_log_level, _clean_values, structlog.processors.format_exc_info, _render_journal]


def _render_journal(_logger: WrappedLogger, _method: str, event: _Event) -> bytes:
    return journald.encode(event)[:-1]  # the logger ends what it writes with a line feed


def _clean_values(_logger: WrappedLogger, _method: str, event: _Event) -> _Event:
    for key, value in event.items():
        if isinstance(value, str) and (len(value) > CLIP or not value.isprintable()):
            event[key] = clean(value)
    return event


def _render_json(_logger: WrappedLogger, _method: str, event: _Event) -> bytes:
    ordered = {"timestamp": event.pop("timestamp"), "level": event.pop("level"), "event": event.pop("event"), **event}
    try:
        return orjson.dumps(ordered, default=repr)
    except TypeError:  # a lone surrogate inside a list, or a number beyond 64 bits
        return orjson.dumps({key: repr(clean_deep(value)) for key, value in ordered.items()})


def _encode(_logger: WrappedLogger, _method: str, line: Any) -> bytes:
    return str(line).encode("utf-8", "backslashreplace")
