"""What anybody may ask the kernel about its network; the rest is in tests/dataplane/test_hooks_kernel.py."""

from __future__ import annotations

from bras.dataplane.links import addresses, link, links, ways
from bras.dataplane.rtnetlink import Conversation


def test_the_loopback_interface() -> None:
    kernel = Conversation()
    found = links(kernel)[1]
    assert (found.name, found.loopback, found.up, found.vlan) == ("lo", True, True, 0)
    assert link(kernel, "lo") == found
    assert (1, "127.0.0.1") in addresses(kernel)
    assert ways(kernel, "127.0.0.1") == {1}
    kernel.close()


def test_what_is_not_there() -> None:
    kernel = Conversation()
    assert link(kernel, "no-such-link") is None
    assert link(kernel, "a-name-that-is-too-long") is None
    assert ways(kernel, "2001:db8:dead::1%1") == ways(kernel, "2001:db8:dead::1")
    kernel.close()
