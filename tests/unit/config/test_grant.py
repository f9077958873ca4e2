"""What a layer grants: nothing unless told, and at the bottom of all policy everything is decided."""

from __future__ import annotations

from dataclasses import fields

from bras.config.grant import BUILT_IN, Grant


def test_the_lowest_layer_leaves_open_only_where_addresses_come_from():
    assert [field.name for field in fields(Grant) if getattr(BUILT_IN, field.name) is None] == [
        "address", "pool", "ipv6_pool", "ipv6_address_pool", "delegated_ipv6_pool", "interface_id",
    ]  # fmt: skip


def test_a_grant_says_nothing_unless_told():
    assert all(getattr(Grant(), field.name) is None for field in fields(Grant))
