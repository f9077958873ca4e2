"""All that the back end ``ebpf`` has in the kernel: programs, maps, the anchor, and where programs hang.

It is put together in an order in which nothing is lost when a predecessor's sessions are being carried:
maps and programs first, then the anchor, then programs in the places of the old ones, and what another
layout had counted last.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from bras.config.model import DataplaneConfig
from bras.dataplane import detach, segmenter
from bras.dataplane.accounts import Accounts
from bras.dataplane.anchor import Anchor
from bras.dataplane.attachments import Attachments
from bras.dataplane.base import DataPlaneError, Outlet, Status
from bras.dataplane.blocks import Blocks
from bras.dataplane.follower import Follower
from bras.dataplane.grace import barrier
from bras.dataplane.hooks import Hooks, Side
from bras.dataplane.hosts import Hosts
from bras.dataplane.interfaces import Wish
from bras.dataplane.predecessor import predecessors
from bras.dataplane.programs import load
from bras.dataplane.records import CARRIED, DROPS, FALLBACKS, LISTENER, SETTINGS, TALLIES, XdpMode
from bras.dataplane.rtnetlink import Conversation
from bras.dataplane.tables import SHARED, Tables
from bras.dataplane.uplinks import Uplinks
from bras.errors import DropReason, FallbackReason

log = structlog.get_logger()

_ONLY = bytes(4)
"""The key of an array of one value."""
_LISTENED = struct.pack("=I", 1)
_MAPPED = bytes(10) + b"\xff\xff"
"""What an IPv4 address begins with where all addresses are of 16 octets."""
_MAIN_VRF = 0
_UNTOLD, _IN_VRF = -1, 5
"""Of the settings, what may change: not told yet, and where it stands."""
_LOOPBACK = "lo"


@dataclass(frozen=True, slots=True)
class Tallies:
    """What the programs have counted over all sessions."""

    carried: tuple[int, ...]
    """The first eight of ``Counters``, in its order."""
    drops: Mapping[DropReason, int]
    fallbacks: Mapping[FallbackReason, int]


class Kernel:
    """What is in the kernel, from its making to its end."""

    __slots__ = (
        "_before",
        "_config",
        "_conversation",
        "_follower",
        "_listened",
        "_loaded",
        "_predecessors",
        "_settings",
        "accounts",
        "anchor",
        "tables",
    )

    def __init__(self, config: DataplaneConfig, slots: int) -> None:
        """Load programs and maps, and copy what sessions another version has left; raises DataPlaneError."""
        self._config = config
        self._loaded = load(Path(config.pin_dir), slots, xdp=any(mode != "off" for _, mode in config.xdp))
        maps = self._loaded.maps
        sessions, carried, accounts, uplinks, peers, hosts, kinds = (maps[name].memory() for name in SHARED)
        self.tables = Tables(maps, sessions, carried, accounts, Uplinks(uplinks, peers), Hosts(hosts, kinds))
        self.accounts = Accounts(sessions, carried, accounts, uplinks)
        self.anchor: Anchor | None = None
        self._conversation = Conversation()
        self._follower: Follower | None = None
        self._listened: dict[bytes, str] = {}
        self._settings: tuple[int, ...] = ()
        self._before = self._counted()
        self._predecessors, remarks = predecessors(Path(config.pin_dir), self._loaded.directory)
        for remark in (*self._loaded.remarks, *remarks):
            log.warning("pins_unusable", reason=remark)
        for predecessor in self._predecessors:
            predecessor.copy_entries(maps, self.tables)

    # -- life

    def open(self, local_address: bytes, prefixes: frozenset[tuple[int, int]], mtu: int) -> Anchor:
        """Make the anchor or take hold of it, and hang the programs where packets pass; raises DataPlaneError."""
        anchor = self.anchor = Anchor(self._config.interface, local_address, prefixes, mtu)
        with _in_words("the data plane"):
            pair = self._segmenter()
            self._settle(anchor, pair)
            self._attach(anchor, pair)
        self._inherit()
        self._loaded.settle()
        return anchor

    def _segmenter(self) -> segmenter.Segmenter | None:
        try:
            return segmenter.Segmenter(self._conversation, self._config.interface)
        except OSError as error:
            log.warning("no_segmenter", reason=error.strerror)  # what it is for then takes the slow path
            return None

    def _settle(self, anchor: Anchor, pair: segmenter.Segmenter | None) -> None:
        """Tell the programs what they must know before they run."""
        entrance = pair.entrance if pair is not None else 0
        underlay = socket.if_nametoindex(_LOOPBACK)
        self._settings = (
            anchor.index,
            entrance,
            underlay,
            _MAIN_VRF,
            self.tables.slots,
            _UNTOLD,
            self.tables.uplinks.mask,
            self.tables.hosts.mask,
        )
        self._tell(in_vrf=anchor.vrf() != "")
        there, maps = dict(self._loaded.maps["listen"].items()), self._loaded.maps
        for key in there.keys() - self._listened.keys():
            maps["listen"].delete(key)

    def _tell(self, *, in_vrf: bool) -> None:
        """Write the settings of the programs, if they are others than before."""
        settings = (*self._settings[:_IN_VRF], int(in_vrf), *self._settings[_IN_VRF + 1 :])
        if settings != self._settings:
            self._settings = settings
            self._loaded.maps["settings"].update(_ONLY, SETTINGS.pack(*settings))

    def _attach(self, anchor: Anchor, pair: segmenter.Segmenter | None) -> None:
        """Put our programs in the places of a predecessor's; what has no predecessor comes before what feeds it."""
        hooks = Hooks(self._conversation, anchor.index, self._loaded.ours)
        programs, never = self._loaded.programs, {anchor.index}
        if pair is not None:
            hooks.attach(pair.exit, Side.INGRESS, programs["tc_segmented"])
            never |= {pair.entrance, pair.exit}
        hooks.attach(anchor.index, Side.EGRESS, programs["tc_down"])
        wish = Wish(
            configured=tuple(self._config.interfaces),
            xdp={name: XdpMode[mode.upper()] for name, mode in self._config.xdp},
            listening=frozenset(self._listened.values()),
            never=frozenset(never),
        )
        attachments = Attachments(hooks, self._loaded)
        blocks = Blocks(self._loaded.maps["blocks"].memory(), wanted=XdpMode.FULL in dict(wish.xdp).values())
        self._follower = Follower(self._conversation, attachments, blocks, wish)
        self._remark()

    def _inherit(self) -> None:
        """Take what another layout's sessions have carried; nobody counts there any more once we hang everywhere."""
        if not self._predecessors:
            return
        barrier()
        for predecessor in self._predecessors:
            for slot, row in predecessor.take_accounts(self.tables):
                self.accounts.add(slot, row)
            predecessor.remove()
        self._predecessors = []

    def close(self, *, keep: bool) -> None:
        """Let go; without ``keep`` take everything away."""
        if self._follower is not None:
            self._follower.close(detach=False)
            self._follower = None
        for predecessor in self._predecessors:
            predecessor.close()
        self._loaded.close()
        with contextlib.closing(self._conversation), _in_words("detaching the data plane"):
            if not keep:
                detach.detach(self._config.interface, self._config.pin_dir, self._conversation)

    # -- listening, and by where LACs come

    def listen(self, outlet: Outlet, *, ends: bool = False) -> None:
        """Know one of our sockets, or know no more of it: what else comes is not ours to count."""
        key, listened = _listener(outlet), self._loaded.maps["listen"]
        if ends:
            listened.delete(key)
            self._listened.pop(key, None)
            return
        listened.update(key, _LISTENED)
        self._listened[key] = outlet.address
        if self._follower is not None:
            self._follower.listen(outlet.address)
            self._remark()

    def serve(self, peer: str) -> None:
        """Have packets of a LAC taken wherever the route to it leads."""
        if self._follower is not None:
            self._follower.serve(peer)

    def filenos(self) -> tuple[int, ...]:
        """Return the descriptors that tell of a changing network."""
        return self._follower.filenos() if self._follower is not None else ()

    def on_readable(self) -> None:
        """Follow the network."""
        if self._follower is not None:
            self._follower.on_readable()
            self._tell(in_vrf=self._follower.vrf_of(self._settings[0]) != 0)
            self._remark()

    def _remark(self) -> None:
        if self._follower is not None:
            for remark in self._follower.remarks():
                log.warning("interface_unusable", reason=remark)

    # -- figures

    def tallies(self) -> Tallies:
        """Return what was counted since this process began."""
        counted = [now - before for now, before in zip(self._counted(), self._before, strict=True)]
        of_drops, of_fallbacks = counted[CARRIED:], counted[CARRIED + len(DROPS) :]
        return Tallies(
            tuple(counted[:CARRIED]),
            dict(zip(DROPS, of_drops, strict=False)),
            dict(zip(FALLBACKS, of_fallbacks, strict=True)),
        )

    def _counted(self) -> tuple[int, ...]:
        """Return all tallies, summed over the CPUs."""
        values = self._loaded.maps["tallies"].per_cpu(_ONLY)
        return tuple(map(sum, zip(*(TALLIES.unpack(value) for value in values), strict=True)))

    def status(self, entries: int) -> Status:
        """Return what there is."""
        return Status(
            "ebpf",
            self._config.interface,
            entries,
            tuple(self._loaded.programs),
            self._follower.modes() if self._follower is not None else (),
            self._follower.hook if self._follower is not None else "",
            str(self._loaded.directory),
            routes=self._follower.routes if self._follower is not None else "",
        )


def _listener(outlet: Outlet) -> bytes:
    if ":" in outlet.address:
        address = socket.inet_pton(socket.AF_INET6, outlet.address.partition("%")[0])
    else:
        address = _MAPPED + socket.inet_aton(outlet.address)
    return LISTENER.pack(address, outlet.port)


@contextlib.contextmanager
def _in_words(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataPlaneError(f"{what}: {error.strerror or error}") from error
