"""Questions about filters that anybody may ask; attaching is in tests/dataplane/test_hooks_kernel.py."""

from __future__ import annotations

from bras.dataplane.hooks import Hooks, Side
from bras.dataplane.rtnetlink import Conversation


def test_where_nothing_hangs() -> None:
    kernel = Conversation()
    hooks = Hooks(kernel, 0x7FFFFFFF)
    for index in (1, 0x7FFFFFFE):
        assert list(hooks.filters(index, Side.INGRESS)) == []
        assert hooks.attached(index, Side.EGRESS) == 0
    kernel.close()
