"""What can be changed in a session that is up: each field of a Profile is decided on."""

from __future__ import annotations

from bras.lns.live import FIXED
from bras.radius.profile import FIELDS

LIVE = {
    "session_timeout_s", "idle_timeout_s", "interim_interval_s", "rate_up_bps", "rate_down_bps", "burst_up_octets",
    "burst_down_octets", "source_check", "mark", "priority", "routes", "framed_mtu", "idle_direction",
    "at_session_timeout", "port_limit", "quota_octets", "quota_up_octets", "quota_down_octets", "ipv6_routes",
    "at_quota", "quota_rate_up_bps", "quota_rate_down_bps", "session_ends_at",
}  # fmt: skip


def test_each_field_is_either_changed_or_refused() -> None:
    """A new field must find its place, in ``bras.lns.live`` or here, and in the manual."""
    assert set(FIXED) | LIVE == set(FIELDS)
    assert not set(FIXED) & LIVE
