"""The model is immutable, and what holds at the bottom of all policy is decided."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from bras.config.model import BUILT_IN, Config, Grant, Listen, LnsConfig


def test_a_configuration_cannot_be_changed():
    config = Config(lns=LnsConfig(listen=(Listen("192.0.2.1", 1701),)))
    with pytest.raises(FrozenInstanceError):
        config.lns.hostname = "other"  # type: ignore[misc]  # that is what must fail


def test_the_lowest_layer_leaves_open_only_where_an_address_comes_from():
    assert [field.name for field in fields(Grant) if getattr(BUILT_IN, field.name) is None] == ["address", "pool"]


def test_a_grant_says_nothing_unless_told():
    assert all(getattr(Grant(), field.name) is None for field in fields(Grant))
