"""The Unix socket over which ``bras show`` and scripts reach the daemon.

One JSON object a line each way: ``{"command": "show sessions", "arguments": {...}}`` is
answered by ``{"ok": bool, "body": ...}``; what may be asked is ``bras.lns.commands`` and
``OWN``, which the daemon answers itself.  A client may ask as often as it likes, one
question at a time.  The file's mode (0600) says who may.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import msgspec
import orjson

from bras.lns import listing
from bras.lns.commands import (
    Command,
    Disconnect,
    ForgetRates,
    Plain,
    Probe,
    ShowCoa,
    ShowGroup,
    ShowGroups,
    ShowLacs,
    ShowPools,
    ShowRadius,
    ShowSession,
    ShowSpool,
    ShowTunnel,
    ShowTunnels,
    TakeCensus,
)
from bras.query.lexer import QueryError
from bras.runtime import clock, debug
from bras.runtime import survey as surveys
from bras.runtime.debug import Debug
from bras.runtime.explain import Explain, Explainer
from bras.runtime.survey import Listing, Survey
from bras.telemetry.observer import Observer
from bras.telemetry.text import clean_deep

Ask = surveys.Ask
"""Puts a Command to the machine and waits for its Answer."""
ReadAgain = Callable[[bool], Awaitable[Plain]]
"""Reads the configuration again, as ``Reload`` says (``dry_run``); the body, or ``None`` when the daemon stops."""
T = TypeVar("T")

COMMANDS: dict[str, type[Command]] = {
    "show session": ShowSession,
    "show tunnels": ShowTunnels,
    "show tunnel": ShowTunnel,
    "show lacs": ShowLacs,
    "show groups": ShowGroups,
    "show group": ShowGroup,
    "show pools": ShowPools,
    "show radius": ShowRadius,
    "show coa": ShowCoa,
    "show spool": ShowSpool,
    "probe": Probe,
    "disconnect": Disconnect,
}
"""What can be asked for by name; TakeCensus and Shutdown are the daemon's own."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the configuration again and put it into force; ``dry_run``: only say what that would change.

    The body is that of ``bras.runtime.reload.Reloader.ask``; a configuration that is wrong is an answer, too.
    """

    dry_run: bool = False


RELOAD = "reload"
EXPLAIN = "explain"
DEBUG = "debug"
SESSIONS = "show sessions"
OVERVIEW = "show overview"
"""What is there now and what was counted since the start: the machine's census beside what is its own."""
OWN = ("show version", "show dataplane", OVERVIEW)
"""What the machine knows nothing of."""
NAMES = tuple(sorted([*COMMANDS, SESSIONS, RELOAD, EXPLAIN, DEBUG, *OWN]))

MAX_LINE_OCTETS = 65536
MAX_CLIENTS = 64
MAX_ROWS = 1000
"""Sessions in one answer at most, whatever the question says."""


class BadRequest(Exception):
    """A request that makes no sense; its text is the answer."""


class AdminServer:
    """Listens on the socket until it is closed."""

    def __init__(
        self,
        path: str,
        ask: Ask,
        own: Mapping[str, Callable[[], Plain]],
        again: ReadAgain | None = None,
        explainer: Explainer | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Serve at ``path``; ``own`` gives the bodies of ``OWN``, by name, ``again`` does a reload."""
        self._observer = observer
        self._explainer = explainer or Explainer(None, ask, clock.wall)
        self._path = path
        self._ask = ask
        self._own = own
        self._again = again
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}
        self._turn = asyncio.Lock()
        self._gauging = 0
        """Clients that have asked for rates."""

    async def start(self) -> None:
        """Listen; OSError when another daemon answers there, or the path cannot be used."""
        listener = bind(self._path)
        self._inode = os.stat(self._path).st_ino
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_LINE_OCTETS)

    async def close(self) -> None:
        """Hang up on every client and take the socket away, if it is still ours."""
        if self._server is None:
            return
        self._server.close()
        with contextlib.suppress(FileNotFoundError):
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        for writer, task in list(self._clients.items()):
            writer.transport.abort()
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in self._clients.values() if task), return_exceptions=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = asyncio.current_task()
        try:
            if len(self._clients) > MAX_CLIENTS:
                writer.write(_line(False, {"error": f"{MAX_CLIENTS} clients are connected already"}))
            else:
                await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, or the server closes: nobody is left to be told
        finally:
            del self._clients[writer]
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer line by line until the client hangs up or sends a line that is too long."""
        survey = Survey(self._ask, self._turn)
        try:
            await self._answer_all(reader, writer, survey)
        finally:
            await self._hung_up(survey)

    async def _hung_up(self, survey: Survey) -> None:
        """Have the machine forget the rates when nobody looks at them any more."""
        if survey.gauges:
            self._gauging -= 1
            if not self._gauging:
                await self._ask(ForgetRates())

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, survey: Survey) -> None:
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                writer.write(_line(False, {"error": f"a request has at most {MAX_LINE_OCTETS} octets"}))
                return
            writer.write(await self._answer(line, survey))
            await writer.drain()

    async def _list(self, wish: Listing, survey: Survey) -> bytes:
        gauged = survey.gauges
        try:
            answer = await survey.page(wish)
        finally:
            self._gauging += survey.gauges and not gauged
        return _line(answer.ok, answer.body)

    async def _overview(self) -> bytes:
        answer = await self._ask(TakeCensus())
        body = self._own[OVERVIEW]()
        if not answer.ok or not isinstance(body, dict):
            return _line(False, answer.body)
        return _line(True, {**body, "census": answer.body})

    async def _answer(self, line: bytes, survey: Survey) -> bytes:
        try:
            command = parse(line)
        except BadRequest as wrong:
            return _line(False, {"error": str(wrong)})
        if isinstance(command, Listing):
            return await self._list(command, survey)
        if command == OVERVIEW:
            return await self._overview()
        if isinstance(command, str):
            return _line(True, self._own[command]())
        if isinstance(command, Explain):
            return _line(*await self._explainer.answer(command))
        if isinstance(command, Debug):
            if self._observer is None:
                return _line(False, {"error": "this daemon has no log"})
            return _line(*debug.answer(self._observer, command))
        if isinstance(command, Reload):
            if self._again is None:
                return _line(False, {"error": "this daemon has no file to read"})
            body = await self._again(command.dry_run)
            return _line(False, {"error": "the daemon stops"}) if body is None else _line(True, body)
        answer = await self._ask(command)
        return _line(answer.ok, answer.body)


def bind(path: str) -> socket.socket:
    """Bind a Unix socket at ``path``: mode 0600, its directory made (0755), a stale one replaced.

    OSError when a daemon answers there already, or something else than a socket is there.
    """
    os.makedirs(os.path.dirname(path) or ".", mode=0o755, exist_ok=True)
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, 0o600)  # nobody can connect before listen(), so there is no gap
    except OSError as wrong:
        listener.close()
        raise OSError(wrong.errno, wrong.strerror or str(wrong), path) from wrong
    listener.setblocking(False)
    return listener


def _clear(path: str) -> None:
    """Remove a socket on which nobody listens."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(errno.EEXIST, "there is something else than a socket", path)
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
    raise OSError(errno.EADDRINUSE, "another daemon answers on this socket", path)


def parse(line: bytes) -> Command | Listing | Reload | Explain | Debug | str:
    """Turn a request line into what it asks for: a Command, what others answer, or one of ``OWN``; else BadRequest."""
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BadRequest("the request is not JSON") from None
    if not isinstance(request, dict):
        raise BadRequest('a request is {"command": "...", "arguments": {...}}')
    name = request.get("command")
    if isinstance(name, str) and name in OWN:
        return name
    if name == EXPLAIN:
        return _made(Explain, request.get("arguments") or {})
    if name == DEBUG:
        return _made(Debug, request.get("arguments") or {})
    if name == RELOAD:
        return _made(Reload, request.get("arguments") or {})
    if name == SESSIONS:
        return _listing(request.get("arguments") or {})
    kind = COMMANDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadRequest(f"no such command; there are: {', '.join(NAMES)}")
    return _made(kind, request.get("arguments") or {})


def _listing(arguments: Any) -> Listing:
    wish = _made(Listing, arguments)
    if not 1 <= wish.limit <= MAX_ROWS:
        raise BadRequest(f"arguments: limit is 1 to {MAX_ROWS}")
    if wish.most is not None and wish.most < 0:
        raise BadRequest("arguments: most is 0 or more")
    for name, text, understood in (("match", wish.match, listing.matched), ("sort", wish.sort, listing.ordered)):
        try:
            understood(text)
        except QueryError as wrong:
            raise BadRequest(f"{name}: {wrong}") from None
    return wish


def _made(kind: type[T], arguments: Any) -> T:
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a command is a dataclass
    if not isinstance(arguments, dict) or not arguments.keys() <= names:
        raise BadRequest(f"arguments are: {', '.join(sorted(names)) or 'none'}")
    try:
        return msgspec.convert(arguments, type=kind)
    except msgspec.ValidationError as wrong:
        raise BadRequest(f"arguments: {wrong}") from None


def _line(ok: bool, body: Plain) -> bytes:
    response = {"ok": ok, "body": body}
    try:
        return orjson.dumps(response, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a name that was not UTF-8
        return orjson.dumps(clean_deep(response), option=orjson.OPT_APPEND_NEWLINE)
