"""The model is immutable."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from bras.config.model import Config, Listen, LnsConfig


def test_a_configuration_cannot_be_changed():
    config = Config(lns=LnsConfig(listen=(Listen("192.0.2.1", 1701),)))
    with pytest.raises(FrozenInstanceError):
        config.lns.hostname = "other"  # type: ignore[misc]  # that is what must fail
