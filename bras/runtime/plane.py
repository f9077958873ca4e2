"""Which data plane: the one that the configuration names, or the best that the machine can do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import structlog

from bras.config.model import Config
from bras.dataplane.base import DataPlane, DataPlaneError, Status
from bras.dataplane.detach import detach
from bras.dataplane.device import MTU
from bras.dataplane.ebpf import Ebpf
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.tun import Tun
from bras.lns.commands import Plain
from bras.runtime.udp import Listener
from bras.telemetry.metrics import DataplaneFigures

log = structlog.get_logger()

_HEADROOM = 1024
_ROUND = 1024
"""So that the kernel's maps keep their size when the configuration changes a little."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A data plane that is open."""

    plane: DataPlane
    instead: str = ""
    """Why it is not the better one that `auto` would rather have."""

    def status(self) -> Status:
        """Return what it is and has."""
        return replace(self.plane.status(), instead=self.instead)

    @property
    def name(self) -> str:
        """Return back end and interface, for people."""
        status = self.plane.status()
        return f"{status.backend} {status.interface}"

    def figures(self) -> DataplaneFigures:
        """Return what metrics tell of it."""
        plane, status = self.plane, self.plane.status()
        return DataplaneFigures(
            totals=plane.totals(),
            drops=plane.drops,
            fallbacks=plane.fallbacks,
            backend=status.backend,
            interface=status.interface,
            entries=status.entries,
            interfaces=status.interfaces,
        )

    def shown(self) -> Plain:
        """Return the body of "show dataplane".

        ``backend``, ``interface``: str;  ``instead``: str | None, why it is not the better back end;
        ``entries``: int;  ``programs``: [str];  ``interfaces``: [{"interface": str, "mode": str}];
        ``hook``: str | None, "tcx" or "clsact", where TC programs hang;  ``routes``: str | None, "kept" or why
        XDP asks the kernel for the way of each packet;  ``pins``: str | None, directory of what outlives the
        process;  ``drops``, ``fallbacks``: {reason: int}, all reasons, since the
        start;  ``totals``: {counter: int}, those of ``Counters``.
        """
        status = self.status()
        return {
            "backend": status.backend,
            "instead": status.instead or None,
            "interface": status.interface,
            "entries": status.entries,
            "programs": list(status.programs),
            "interfaces": [{"interface": name, "mode": mode} for name, mode in status.interfaces],
            "hook": status.hook or None,
            "routes": status.routes or None,
            "pins": status.pins or None,
            "drops": {reason.value: count for reason, count in self.plane.drops.items()},
            "fallbacks": {reason.value: count for reason, count in self.plane.fallbacks.items()},
            "totals": self.plane.totals()._asdict(),
        }


def choose(config: Config, listeners: Iterable[Listener], in_use: int) -> Chosen:
    """Open the data plane of a configuration; raises DataPlaneError.

    ``in_use``: slots that sessions of an earlier process have, see ``bras.lns.resume.slots_in_use``.
    """
    listeners = list(listeners)
    if config.dataplane.backend == "tun":
        return Chosen(_opened(_tun(config), listeners))
    try:
        return Chosen(_opened(_ebpf(config, in_use), listeners))
    except DataPlaneError as wrong:
        if isinstance(wrong, LibbpfError) and wrong.log:
            log.debug("dataplane_verifier", text=wrong.log)
        if config.dataplane.backend != "auto":
            raise
        reason = str(wrong)
    log.warning("dataplane_fallback", backend="tun", reason=reason)
    return Chosen(_opened(_tun(config), listeners), reason)


def _tun(config: Config) -> DataPlane:
    """Remove what an ``ebpf`` of before has left, which would go on beside it, and return a ``tun``."""
    with contextlib.suppress(OSError, DataPlaneError):  # then its device is in the way, which ``open`` says
        removed = detach(config.dataplane.interface, config.dataplane.pin_dir)
        if removed:
            log.info("dataplane_detached", removed=removed)
    return Tun(config.dataplane, _prefixes(config), [])


def _ebpf(config: Config, in_use: int) -> DataPlane:
    mru = config.ppp.mru
    size = slots(config.lns.max_sessions, in_use)
    return Ebpf(config.dataplane, _prefixes(config), [], slots=size, mtu=mru if isinstance(mru, int) else MTU)


def _prefixes(config: Config) -> list[tuple[int, int]]:
    return [prefix for pool in config.pool for prefix in pool.prefixes]


def _opened(plane: DataPlane, listeners: list[Listener]) -> DataPlane:
    for listener in listeners:
        plane.add_outlet(listener.index, listener.outlet)
    plane.open()
    return plane


def slots(max_sessions: int, in_use: int) -> int:
    """Return for how many Entries there must be room.

    The core gives out slots from 0 on.  Beyond those of ``max_sessions`` calls there are those
    that rest (``Registry.new_slot``), and those of sessions whose call is gone and whose
    removal is not answered yet: milliseconds each, but a whole tunnel may go at once and come
    again.  A slot beyond is refused, and costs the session that got it.
    """
    wanted = max(max_sessions + max(_HEADROOM, max_sessions // 8), in_use)
    return -(-wanted // _ROUND) * _ROUND
