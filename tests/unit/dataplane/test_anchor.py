"""What is no name for an interface; the device itself is in tests/dataplane/test_anchor_kernel.py."""

from __future__ import annotations

import pytest

from bras.dataplane.anchor import Anchor, there
from bras.dataplane.base import DataPlaneError
from bras.dataplane.rtnetlink import Conversation


def test_a_bad_name_is_refused() -> None:
    with pytest.raises(DataPlaneError, match="interface a name that is too long: this is no name for an interface"):
        Anchor("a name that is too long", bytes(4), frozenset(), 1500)


def test_only_a_tun_device_is_ours() -> None:
    kernel = Conversation()
    assert there(kernel, "lo") == 0
    assert there(kernel, "no-such-link") == 0
    kernel.close()
