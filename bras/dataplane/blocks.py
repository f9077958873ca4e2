"""Which destinations go by the same route: spares XDP in mode ``full`` a question to the kernel for each packet.

A packet from a LAC goes to one of a million destinations: what the kernel says of one is seldom asked again.
But most of them take a few routes.  So the IPv4 routes are read here, and of each block of 65,536 addresses
the programs are told which route all of it takes, where it is one.  What the kernel says of one packet they
believe for the whole route then, for some milliseconds (``bpf/onward.h``).

Nothing is told where it would not be so: for blocks with longer routes inside; for routes that also look at
the type of service, or spread packets over several next hops; where rules choose tables by more than the
destination; where the anchor belongs to a VRF.  Nor where there are more than a few hundred routes: to read
them would hold the loop.  Then the kernel is asked for each packet.

A change of routes ends all of it at once, until they have been read again.  What is told holds for three
seconds, and is renewed each second: programs whose daemon has died, or hangs, ask for each packet.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from bras.dataplane.links import Route4, route4, routes4, usual_rules4
from bras.dataplane.pace import Timer
from bras.dataplane.rtnetlink import Conversation

BITS = 16
"""What a block's addresses have in common."""
MOST_ROUTES = 500
"""That are read: some milliseconds."""
KEPT = "kept"
"""What is said where there is no reason to ask the kernel for each packet."""
UNTIL, VERSION = 0, 2
"""Of ``struct blocks``: where they are, in eights and in fours of octets."""
_HEAD_OCTETS = 16
_NUMBERS = range(1, 256)
_RENEW_S, _BELIEVED_NS = 1.0, 3_000_000_000
_USE_PMTU = Path("/proc/sys/net/ipv4/ip_forward_use_pmtu")


def reach(route: Route4) -> slice:
    """Return the blocks that a route covers, or in which it lies."""
    first = route.network >> BITS
    return slice(first, first + (1 << max(0, BITS - route.length)))


def table(routes: Iterable[Route4]) -> bytes:
    """Return the number of the route of each block; 0 where there is none that all of it takes."""
    made = bytearray(1 << BITS)
    known = sorted(routes, key=lambda route: route.length)
    prefixes = dict.fromkeys((route.network, route.length) for route in known if route.length <= BITS)
    numbers = dict(zip(prefixes, _NUMBERS, strict=False))
    for route in known:
        if route.length <= BITS:
            _fill(made, route, numbers.get((route.network, route.length), 0))
    for route in known:
        if route.length > BITS or not route.alone:
            _fill(made, route, 0)
    return bytes(made)


def _fill(blocks: bytearray | memoryview, route: Route4, number: int) -> None:
    covered = reach(route)
    blocks[covered] = bytes((number,)) * (covered.stop - covered.start)


def survey() -> bytes | str:
    """Return the table of the routes of this thread's namespace, or why there is none; raises OSError."""
    if _USE_PMTU.read_text() != "0\n":
        return "net.ipv4.ip_forward_use_pmtu is set"
    with closing(Conversation()) as kernel:
        if not usual_rules4(kernel):
            return "rules look at more than the destination"
        routes = routes4(kernel, MOST_ROUTES)
    return f"there are more than {MOST_ROUTES} routes" if len(routes) > MOST_ROUTES else table(routes)


class Blocks:
    """What the programs are told of routes."""

    __slots__ = ("_numbers", "_routes", "_timer", "_version", "_wanted", "_words", "said")

    def __init__(self, memory: memoryview, *, wanted: bool) -> None:
        """Tell nothing yet.  ``memory``: that of the map ``blocks``; ``wanted``: there is an interface in mode full."""
        self._numbers, self._words = memory[:_HEAD_OCTETS].cast("Q"), memory[:_HEAD_OCTETS].cast("I")
        self._routes = memory[_HEAD_OCTETS:]
        self._version = self._words[VERSION]
        self._wanted = wanted
        self._timer = Timer()
        self.said = ""
        """``KEPT``, or why the kernel is asked for each packet; nothing where no packet is forwarded by XDP."""
        self.distrust()

    def fileno(self) -> int:
        """Return the descriptor whose readability is ``renew``'s business."""
        return self._timer.fileno()

    def close(self) -> None:
        """Tell nothing any more.  May be called twice."""
        self.distrust()
        self._timer.close()

    def distrust(self) -> None:
        """Something has changed: tell nothing until the next look."""
        self._words[VERSION] = 0

    def renew(self) -> None:
        """What was told holds on, if it is time to say so."""
        if self._timer.expired():
            self._hold()

    def _hold(self) -> None:
        self._numbers[UNTIL] = time.monotonic_ns() + _BELIEVED_NS
        self._timer.arm(_RENEW_S)

    def look(self, *, in_vrf: bool) -> None:
        """Read the routes, and tell the programs.  ``in_vrf``: the anchor belongs to a VRF, whose table is not read."""
        if not self._wanted:
            return
        try:
            found = "the subscribers' interface belongs to a VRF" if in_vrf else survey()
        except OSError as error:
            found = f"the routes cannot be read: {error.strerror}"
        if isinstance(found, str):
            self.distrust()
            self.said = found
        else:
            self._tell(found)
            self.said = KEPT

    def _tell(self, found: bytes) -> None:
        if not self._words[VERSION] or found != self._routes:
            self.distrust()
            self._routes[:] = found
            self._version = self._version % 0xFFFFFFFF + 1
            self._words[VERSION] = self._version
        self._hold()

    def mark(self, body: bytes) -> None:
        """Tell nothing of the blocks of a route of ours that comes or goes, of which the kernel has told."""
        route = route4(body)
        if route is not None:
            _fill(self._routes, route, 0)
