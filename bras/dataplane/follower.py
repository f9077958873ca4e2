"""Keeps the programs on the interfaces by which LACs come, while routes, addresses and interfaces change.

The kernel tells that something has changed, and everything is looked at again: at once after a quiet time,
and in a storm no more often than ``pace`` says; meanwhile the news is not even read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from bras.dataplane.attachments import Attachments
from bras.dataplane.blocks import Blocks
from bras.dataplane.interfaces import Wish, plan
from bras.dataplane.links import GROUPS, NEWROUTES, Link, addresses, links, route_interface, ways
from bras.dataplane.pace import Pace, Timer
from bras.dataplane.rtnetlink import Conversation, News

_AT_ONCE = 64
"""News read in one go: where more has come, it is reason enough to look."""


class Follower:
    """Follows the network of the namespace in which it was made."""

    __slots__ = (
        "_attachments",
        "_blocks",
        "_kernel",
        "_links",
        "_news",
        "_pace",
        "_peers",
        "_remarks",
        "_said",
        "_timer",
        "_wish",
    )

    def __init__(self, kernel: Conversation, attachments: Attachments, blocks: Blocks, wish: Wish) -> None:
        """Look for the first time, and put programs where they belong; raises OSError.

        ``wish.ways`` is found here; ``wish.never`` names the anchor and the segmenter.
        """
        self._kernel = kernel
        self._attachments = attachments
        self._blocks = blocks
        self._wish = wish
        self._peers: set[str] = set()
        self._links: Mapping[int, Link] = {}
        self._pace, self._timer = Pace(), Timer()
        self._said: frozenset[str] = frozenset()
        self._remarks: list[str] = []
        self._news = News(GROUPS)
        self.look()

    def filenos(self) -> tuple[int, ...]:
        """Return the descriptors whose readability is ``on_readable``'s business."""
        return self._news.fileno(), self._timer.fileno(), self._blocks.fileno()

    def on_readable(self) -> None:
        """Look again if there is reason to."""
        self._blocks.renew()
        if self._timer.armed:
            if self._timer.expired():
                self._news.listen()
                self._look_again(waited=True)
        elif self._has_reason():
            self._blocks.distrust()
            wait_s = self._pace.wait(time.monotonic())
            if wait_s:
                self._news.look_away()
                self._timer.arm(wait_s)
            else:
                self._look_again(waited=False)

    def _has_reason(self) -> bool:
        """Read what has come, and tell whether any of it is of interest: our own routes are not."""
        for _ in range(_AT_ONCE):
            news = self._news.read()
            if news == []:
                return False
            if news is None or any(self._is_of_interest(kind, body) for kind, body in news):
                return True
        return True

    def _is_of_interest(self, kind: int, body: bytes) -> bool:
        if kind not in NEWROUTES or route_interface(body) not in self._wish.never:
            return True
        self._blocks.mark(body)
        return False

    def _look_again(self, *, waited: bool) -> None:
        try:
            self.look()
        except OSError as error:
            self._say([f"the kernel's network cannot be read: {error.strerror}"])
        self._pace.looked(time.monotonic(), waited=waited)

    def look(self) -> None:
        """Look at the network, and put programs where they belong; raises OSError."""
        self._links = links(self._kernel)
        found = frozenset(index for peer in self._peers for index in ways(self._kernel, peer))
        wanted = plan(self._links, addresses(self._kernel), replace(self._wish, ways=found))
        self._say(self._attachments.apply(wanted, self._others()))
        self._blocks.look(in_vrf=any(self.vrf_of(index) for index in self._wish.never))

    def _others(self) -> dict[int, Link]:
        """Return the interfaces but for our own: their programs are not the follower's."""
        return {index: link for index, link in self._links.items() if index not in self._wish.never}

    def _say(self, remarks: list[str]) -> None:
        self._remarks += (remark for remark in remarks if remark not in self._said)
        self._said = frozenset(remarks)

    def remarks(self) -> list[str]:
        """Return, once, what the operator should know: interfaces that cannot be had as they were wanted."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def vrf_of(self, index: int) -> int:
        """Return the index of the VRF to which an interface belongs, 0: to none; as of the last look."""
        one = self._links.get(index)
        master = self._links.get(one.master) if one is not None else None
        return master.index if master is not None and master.kind == "vrf" else 0

    def modes(self) -> tuple[tuple[str, str], ...]:
        """Return (name, mode) of the interfaces that have a program."""
        return self._attachments.modes(self._links)

    @property
    def hook(self) -> str:
        """Return where TC programs hang: `tcx` or `clsact`."""
        return self._attachments.hook

    @property
    def routes(self) -> str:
        """Return what is known of where packets from LACs go on past the stack: see ``Blocks.said``."""
        return self._blocks.said

    def listen(self, address: str) -> None:
        """Take LACs' packets to one more of our addresses."""
        if address not in self._wish.listening:
            self._wish = replace(self._wish, listening=self._wish.listening | {address})
            self._look_again(waited=False)

    def serve(self, peer: str) -> None:
        """Take the packets of one more LAC, from wherever the route to it leads."""
        if peer not in self._peers:
            self._peers.add(peer)
            if any(not self._attachments.on(index) for index in ways(self._kernel, peer) - self._wish.never):
                self._look_again(waited=False)

    def leave(self, peer: str) -> None:
        """Have no more interest in a LAC; its interface is left when something else gives reason to look."""
        self._peers.discard(peer)

    def close(self, *, detach: bool) -> None:
        """Follow no more; ``detach``: and take the programs away.  May be called twice."""
        self._news.close()
        self._timer.close()
        self._blocks.close()
        if detach:
            self._links = links(self._kernel)
            self._attachments.clear(self._others())
