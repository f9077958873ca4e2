"""Wiring: configuration in, a running LNS out; signals, start-up words, the end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

import structlog

import bras
from bras.config.model import Config
from bras.dataplane.base import DataPlaneError
from bras.errors import BrasError
from bras.l2tp.events import FIRST_OWN
from bras.lns.commands import Park, Plain, Shutdown
from bras.lns.lns import Lns
from bras.lns.resume import own_ports, slots_in_use
from bras.radius.codec import Codec
from bras.runtime import clock
from bras.runtime.admin import OVERVIEW, AdminServer
from bras.runtime.driver import Driver
from bras.runtime.entropy import EntropyPool
from bras.runtime.explain import Explainer
from bras.runtime.exporter import Exporter
from bras.runtime.journal_watch import WatchedKeeper
from bras.runtime.loop import make_loop
from bras.runtime.plane import Chosen, choose
from bras.runtime.ports import Sockets, bind_again, more_descriptors
from bras.runtime.reload import Reloader, load_codec
from bras.runtime.sessions_page import SessionsPage
from bras.runtime.sieve import CHECK_S, OF_STRANGERS, Sieve
from bras.runtime.spooler import Spooler
from bras.runtime.udp import Listener
from bras.store.spool import SpoolFile
from bras.telemetry.counts import Counts
from bras.telemetry.logs import set_level, start_logging
from bras.telemetry.metrics import BrasCollector
from bras.telemetry.observer import Observer, make_observer
from bras.telemetry.overview import overview
from bras.telemetry.pipe import LogPipe

log = structlog.get_logger()

STOP_WITHIN_S = 4.5
_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
GC_THRESHOLDS = (50_000, 20, 100)
"""A full collection over many sessions holds the loop for long; there are no cycles to find in them."""


def run(config: Config, path: str) -> int:
    """Run until a signal says stop; return the exit code.  ``path``: of the file that is read again when asked."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until we can act on it
    pipe = start_logging(config.log)
    try:
        daemon = _Daemon(config, path, pipe)
        try:
            driver = daemon.build()
        except (OSError, BrasError) as wrong:
            log.error("start_failed", reason=str(wrong))
            daemon.close(keep=config.state is not None)
            return 1
        with asyncio.Runner(loop_factory=lambda: make_loop(daemon.counts.loop.hold.observe)) as runner:
            return runner.run(daemon.run(driver))
    finally:
        pipe.close()


class _Daemon:
    """The parts of a running LNS, in the order in which they start."""

    def __init__(self, config: Config, path: str, pipe: LogPipe) -> None:
        self.config = config
        self.path = path
        self.pipe = pipe
        self.started_at = clock.now()
        self.stopping = asyncio.Event()
        self.tears_down = config.state is None or config.state.on_stop == "teardown"
        self.keeper: WatchedKeeper | None = None
        self.spooler: Spooler | None = None
        self.chosen: Chosen | None = None
        self.observer: Observer | None = None
        self.status = 0

    async def run(self, driver: Driver) -> int:
        """Start, serve, stop."""
        own = {"show version": self._version, "show dataplane": self.dataplane.shown, OVERVIEW: self._overview}
        reloader = self.reloader = self._reloader(driver)
        admin = AdminServer(
            self.config.admin.socket,
            driver.ask,
            own,
            lambda dry_run: reloader.ask(dry_run=dry_run),
            Explainer(self.observer.stories if self.observer is not None else None, driver.ask, clock.wall),
            self.observer,
        )
        exporter = self._exporter(driver)
        self._serve(driver)  # before anybody can ask whether we do
        if not await self._open(exporter, admin):
            await self._close_spool()
            driver.stop()
            self.close(keep=self.keeper is not None)
            return 1
        self._announce(driver, exporter)
        await self.stopping.wait()
        log.info("stopping")
        ended = await self._stop(driver)
        await admin.close()
        if exporter is not None:
            await exporter.close()
        await self._close_spool()  # while the machine can hear what has been stored
        driver.stop()
        self.close(keep=not self.tears_down)
        if self.keeper is not None:
            await self.keeper.close(ended=ended)
        log.info("stopped")
        _ignore_signals()
        return self.status

    def build(self) -> Driver:
        """Open everything that can fail, before the loop runs; OSError or BrasError tell why."""
        config, boot, records = self.config, clock.boot_id(), dict[str, bytes]()
        codec, observer = load_codec(config), make_observer(config, clock.wall)
        self.observer = observer
        if config.state is not None:
            self.keeper = WatchedKeeper(config.state, observer.counts.loop.journal_writes)
            self.spooler = Spooler(SpoolFile(config.state.directory))
            records = self.keeper.journal.read()
        listeners = self._listeners(records, boot)
        self.chosen = choose(config, listeners, slots_in_use(records, boot))
        write = self.keeper.write if self.keeper is not None else None
        lns = self._lns(codec, records, boot, listeners)
        observer.keep_stories(config.story)
        if observer.stories is not None:
            for one in lns.core.registry.by_number.values():
                observer.stories.found(one.number, one.session_id, one.line, one.phase.value, one.who.user, one.address)
        plane = self.chosen.plane
        plane.retain(lns.core.registry.entries())
        return Driver(
            lns,
            plane,
            listeners,
            observer.observe,
            write_journal=write,
            spooler=self.spooler,
            counts=observer.counts.loop,
        )

    @property
    def counts(self) -> Counts:
        """Return what is counted, once it is."""
        assert self.observer is not None
        return self.observer.counts

    @property
    def dataplane(self) -> Chosen:
        """Return the data plane, once it is open."""
        assert self.chosen is not None
        return self.chosen

    def close(self, *, keep: bool) -> None:
        """Close the data plane; ``keep``: sessions are left to the next start, it is to go on to forward for them."""
        if self.chosen is not None:
            self.chosen.plane.close(keep=keep)
        if self.observer is not None:
            self.observer.close()

    async def _open(self, exporter: Exporter | None, admin: AdminServer) -> bool:
        """Listen for questions; false, and told, when that is not possible."""
        try:
            if exporter is not None:
                await exporter.start()
            await admin.start()  # the last: who finds its socket finds all the others
        except OSError as wrong:
            log.error("start_failed", reason=str(wrong))
            if exporter is not None:
                await exporter.close()
            return False
        return True

    async def _close_spool(self) -> None:
        if self.spooler is not None:
            await self.spooler.close()

    def _listeners(self, records: Mapping[str, bytes], boot: str) -> list[Listener]:
        """Bind the addresses of the configuration, and the ports that tunnels of before had."""
        octets = self.config.lns.receive_buffer_octets
        listeners = [Listener(index, listen, octets) for index, listen in enumerate(self.config.lns.listen)]
        own = own_ports(records, boot)
        if own or any(group.use_ephemeral_port for group in self.config.lac):
            more_descriptors()
        return [*listeners, *bind_again(own, octets)]

    def _lns(self, codec: Codec, records: Mapping[str, bytes], boot: str, listeners: list[Listener]) -> Lns:
        """Begin, or go on where the journal ends."""
        epoch = clock.wall_seconds() & 0xFFFFFFFF
        if self.keeper is None:
            return Lns(self.config, codec, EntropyPool(), epoch=epoch)
        lns = Lns.resume(
            records,
            self.config,
            codec,
            EntropyPool(),
            epoch=epoch,
            boot=boot,
            read=self.dataplane.plane.read,
            ports=frozenset(listener.index for listener in listeners if listener.index >= FIRST_OWN),
            spool=self.spooler.file if self.spooler is not None else None,
        )
        if lns.resumption is not None:
            log.info("state_found", **lns.resumption.figures())
        return lns

    def _reloader(self, driver: Driver) -> Reloader:
        """Return what reads the file again, and puts it into force part by part, the machine first."""

        def put_into_force(config: Config, codec: Codec) -> bool:
            if any(group.use_ephemeral_port for group in config.lac):
                more_descriptors()
            if not driver.configure(config, codec):
                return False
            if self.observer is not None:
                self.observer.follow(config)
            set_level(config.log.level)
            self.config = config
            return True

        self.counts.config.begun(at=clock.now() + clock.wall_offset())
        return Reloader(self.path, self.config, put_into_force, self.counts.config)

    def _exporter(self, driver: Driver) -> Exporter | None:
        if self.config.metrics.listen is None:
            return None
        collector = BrasCollector(
            self.counts,
            self.dataplane.figures,
            version=bras.__version__,
            log_lines_dropped=lambda: self.pipe.dropped,
            journal=self.keeper.told if self.keeper is not None else None,
            sockets=driver.ports.dropped,
            connections=driver.radius.tls.figures,
        )
        sessions = SessionsPage(driver.ask, driver.plane.read) if self.config.metrics.sessions else None
        return Exporter(self.config.metrics.listen, collector, driver.ask, sessions)

    def _serve(self, driver: Driver) -> None:
        """Begin to answer: sessions of before are forwarded again when this returns."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        for number in _ENDS:
            loop.add_signal_handler(number, self._signalled, number)
        loop.add_signal_handler(signal.SIGHUP, self.reloader.ask)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        if self.keeper is not None:
            self.keeper.start()
        self.counts.loop.watch_collector()
        driver.start()
        self._sift(self._sieve(driver))

    def _sieve(self, driver: Driver) -> Sieve:
        dropped = self.counts.tunnels.dropped
        return Sieve(
            Sockets(driver.ports.listeners),
            lambda: sum(dropped[reason] for reason in OF_STRANGERS if reason in dropped),
            driver.lns.core.endpoint.known,
            os.urandom(4),
        )

    def _sift(self, sieve: Sieve) -> None:
        sieve.check(now=clock.now())
        asyncio.get_running_loop().call_later(CHECK_S, self._sift, sieve)

    def _announce(self, driver: Driver, exporter: Exporter | None) -> None:
        """Say what we listen on."""
        log.info(
            "listening",
            l2tp=[listener.address for listener in driver.ports.listeners.values() if listener.index < FIRST_OWN],
            metrics="{}:{}".format(*exporter.address) if exporter is not None else None,
            coa=driver.coa.addresses or None,
            admin=self.config.admin.socket,
            dataplane=self.dataplane.name,
            version=bras.__version__,
        )
        _notify("READY=1")

    def _signalled(self, number: int) -> None:
        self.tears_down = self.tears_down or number == signal.SIGQUIT
        self.stopping.set()

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Hear what nobody else did: the end of the data plane is ours too, so that we are started again."""
        wrong = context.get("exception")
        if isinstance(wrong, DataPlaneError):
            log.error("data_plane_lost", reason=str(wrong))
            self.status = 1
            self.stopping.set()
        else:
            log.error("defect", input=context.get("message"), exc_info=wrong)

    async def _stop(self, driver: Driver) -> bool:
        """Leave the sessions to the next start, or end them and wait for the last records, but not for ever.

        Returns whether they have ended.
        """
        _notify("STOPPING=1")
        self.reloader.close()
        if not self.tears_down:
            driver.deafen()
        try:
            answer = await asyncio.wait_for(driver.ask(Shutdown() if self.tears_down else Park()), STOP_WITHIN_S)
        except TimeoutError:
            log.warning("stop_incomplete", waited_s=STOP_WITHIN_S)
            return False
        if self.tears_down:
            log.info("sessions_ended", outcome=answer.body)
        else:
            log.info("sessions_kept", outcome=answer.body)
        return self.tears_down

    def _overview(self) -> Plain:
        """Return what ``bras top`` makes rates of, beside the machine's census."""
        shown: dict[str, Plain] = {
            "at": clock.now(),
            "uptime_s": clock.now() - self.started_at,
            "version": bras.__version__,
        }
        return {**shown, **overview(self.counts), "totals": self.dataplane.plane.totals()._asdict()}

    def _version(self) -> Plain:
        return {
            "version": bras.__version__,
            "python": sys.version.split()[0],
            "pid": os.getpid(),
            "uptime_s": clock.now() - self.started_at,
            "dataplane": self.dataplane.name,
            "config": self.reloader.path,
            "config_age_s": clock.now() + clock.wall_offset() - self.counts.config.read_at[()],
            "config_waits_for_restart": list(self.reloader.waiting),
        }


def _ignore_signals() -> None:
    """Let nobody spoil the last moments and the exit status: a loop that closes leaves signals to the kernel's ways."""
    loop = asyncio.get_running_loop()
    for number in (*_ENDS, signal.SIGHUP):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


def _notify(state: str) -> None:
    """Tell systemd, if it asked to be told (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect("\0" + path[1:] if path.startswith("@") else path)
        notify.send(state.encode())
