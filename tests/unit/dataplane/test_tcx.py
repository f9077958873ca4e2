"""Questions about TCX that anybody may ask; attaching is in tests/dataplane/test_hooks_kernel.py."""

from __future__ import annotations

import pytest

from bras.dataplane import tcx


def test_it_is_there_where_one_may_look() -> None:
    try:
        there = tcx.attached(1, tcx.EGRESS)
    except OSError:  # an older kernel, or no right
        assert not tcx.is_there()
    else:
        assert len(there) == len(set(there))
        assert tcx.is_there()


def test_an_interface_that_is_not_there() -> None:
    with pytest.raises(OSError, match=r"No such device|Invalid|not permitted|not implemented"):
        tcx.attached(0x7FFFFFFE, tcx.INGRESS)
