"""Wiring: configuration in, a running LNS out; signals, start-up words, the end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys

import structlog

import bras
from bras.config import dictionary
from bras.config.model import Config
from bras.dataplane.base import DataPlane, DataPlaneError
from bras.dataplane.tun import Tun
from bras.errors import ConfigError
from bras.lns.commands import Plain, Shutdown
from bras.lns.lns import Lns
from bras.radius.codec import Codec
from bras.runtime import clock
from bras.runtime.admin import AdminServer
from bras.runtime.driver import Driver
from bras.runtime.entropy import EntropyPool
from bras.runtime.exporter import Exporter
from bras.runtime.udp import Listener
from bras.telemetry.counts import Counts
from bras.telemetry.logs import start_logging
from bras.telemetry.metrics import BrasCollector
from bras.telemetry.observer import make_observer
from bras.telemetry.pipe import LogPipe

log = structlog.get_logger()

STOP_WITHIN_S = 4.5
GC_THRESHOLDS = (50_000, 20, 100)
"""A full collection over many sessions holds the loop for long; there are no cycles to find in them."""


def run(config: Config) -> int:
    """Run until a signal says stop; return the exit code."""
    pipe = start_logging(config.log)
    try:
        daemon = _Daemon(config, pipe)
        try:
            driver = daemon.build()
        except (OSError, DataPlaneError, ConfigError) as wrong:
            log.error("start_failed", reason=str(wrong))
            return 1
        return asyncio.run(daemon.run(driver))
    finally:
        pipe.close()


class _Daemon:
    """The parts of a running LNS, in the order in which they start."""

    def __init__(self, config: Config, pipe: LogPipe) -> None:
        self.config = config
        self.pipe = pipe
        self.started_at = clock.now()
        self.stopping = asyncio.Event()
        self.counts = Counts()

    async def run(self, driver: Driver) -> int:
        """Start, serve, stop."""
        admin = AdminServer(self.config.admin.socket, driver.ask, self._version)
        exporter = self._exporter(driver)
        try:
            await admin.start()
            if exporter is not None:
                await exporter.start()
        except OSError as wrong:
            log.error("start_failed", reason=str(wrong))
            driver.stop()
            driver.plane.close()
            return 1
        self._serve(driver, exporter)
        await self.stopping.wait()
        log.info("stopping")
        await self._stop(driver)
        await admin.close()
        if exporter is not None:
            await exporter.close()
        driver.stop()
        driver.plane.close()
        log.info("stopped")
        return 0

    def build(self) -> Driver:
        """Open everything that can fail, before the loop runs; OSError, DataPlaneError or ConfigError tell why."""
        config = self.config
        codec = Codec(dictionary.load(dictionary.find(os.path.dirname(bras.__file__)), config.radius.dictionaries))
        lns = Lns(config, codec, EntropyPool(), epoch=clock.wall_seconds() & 0xFFFFFFFF)
        listeners = [
            Listener(index, listen, config.lns.receive_buffer_octets) for index, listen in enumerate(config.lns.listen)
        ]
        prefixes = [prefix for pool in config.pool for prefix in pool.prefixes]
        plane: DataPlane = Tun(config.dataplane, prefixes, [listener.outlet for listener in listeners])
        plane.open()
        observer = make_observer(config)
        self.counts = observer.counts
        return Driver(lns, plane, listeners, observer.observe)

    def _exporter(self, driver: Driver) -> Exporter | None:
        if self.config.metrics.listen is None:
            return None
        plane = driver.plane
        collector = BrasCollector(
            self.counts,
            lambda: (plane.totals(), plane.drops),
            version=bras.__version__,
            log_lines_dropped=lambda: self.pipe.dropped,
        )
        return Exporter(self.config.metrics.listen, collector, driver.ask)

    def _serve(self, driver: Driver, exporter: Exporter | None) -> None:
        """Begin to answer, and say so."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self.stopping.set)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        driver.start()
        log.info(
            "listening",
            l2tp=[listener.address for listener in driver.listeners],
            metrics="{}:{}".format(*exporter.address) if exporter is not None else None,
            admin=self.config.admin.socket,
            dataplane=f"tun {self.config.dataplane.interface}",
            version=bras.__version__,
        )
        _notify("READY=1")

    async def _stop(self, driver: Driver) -> None:
        """End every session and tunnel, and wait for the last records, but not for ever."""
        _notify("STOPPING=1")
        try:
            answer = await asyncio.wait_for(driver.ask(Shutdown()), STOP_WITHIN_S)
            log.info("sessions_ended", outcome=answer.body)
        except TimeoutError:
            log.warning("stop_incomplete", waited_s=STOP_WITHIN_S)

    def _version(self) -> Plain:
        return {
            "version": bras.__version__,
            "python": sys.version.split()[0],
            "pid": os.getpid(),
            "uptime_s": clock.now() - self.started_at,
            "dataplane": "tun",
        }


def _notify(state: str) -> None:
    """Tell systemd, if it asked to be told (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect("\0" + path[1:] if path.startswith("@") else path)
        notify.send(state.encode())
