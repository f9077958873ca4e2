"""Before the first look nothing hangs anywhere; what hangs where is in tests/dataplane/test_follower_kernel.py."""

from __future__ import annotations

from pathlib import Path

from bras.dataplane.attachments import Attachments
from bras.dataplane.hooks import Hooks
from bras.dataplane.programs import Loaded
from bras.dataplane.rtnetlink import Conversation


def test_before_the_first_look(tmp_path: Path) -> None:
    kernel = Conversation()
    attachments = Attachments(Hooks(kernel, 1), Loaded(tmp_path))
    assert not attachments.on(1)
    assert attachments.modes({}) == ()
    kernel.close()
