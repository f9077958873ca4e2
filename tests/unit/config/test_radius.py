"""The sections that tell of RADIUS are immutable, and show no secret."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.secret import Secret


def test_a_configuration_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        RadiusConfig().nas_identifier = "other"  # type: ignore[misc]  # that is what must fail


def test_the_secret_of_a_server_is_not_shown():
    assert "s3cret" not in repr(RadiusConfig(server=(RadiusServerConfig("192.0.2.1", Secret(b"s3cret")),)))
