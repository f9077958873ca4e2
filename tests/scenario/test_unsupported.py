"""`[radius.unsupported]`: an Access-Accept that authorises what we lack is a Reject, unless it says ignore."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bras.config.grant import Grant
from bras.config.model import ProfileConfig
from bras.config.radius import RadiusConfig
from bras.lns.commands import ShowSession
from bras.subscriber.events import Authenticated, AuthOutcome, SubscriberEnded, TerminateCause
from tests.support.rim import Rim, option
from tests.support.world import SimulatedRadius, config

FILTER = option(11, b"inbound.in")
PREFIX = option(97, bytes.fromhex("004020010db800000001"))
CDN = 14


def rim_with(reply: bytes, *unsupported: tuple[str, str]) -> Rim:
    section: RadiusConfig = config().radius
    return Rim(
        config(radius=replace(section, unsupported=unsupported)),
        servers=(SimulatedRadius(reply=lambda _: (2, reply)),),
    )


def dial(rim: Rim) -> bool:
    client = rim.lac().dial("user1", "pass")
    rim.run(8.0)
    return bool(client.address)


def test_the_refusal_names_what_is_lacking_in_the_log_and_to_the_lac() -> None:
    rim = rim_with(FILTER + PREFIX)
    assert not dial(rim)
    (decided,) = rim.of(Authenticated)
    assert (decided.outcome, decided.source) == (AuthOutcome.UNSUPPORTED, "radius1")
    assert decided.text == "unsupported: Filter-Id, Framed-IPv6-Prefix"
    (end,) = rim.of(SubscriberEnded)
    assert (end.cause, end.reason) == (TerminateCause.SERVICE_UNAVAILABLE, "authentication_unsupported")
    assert end.text == decided.text
    (cdn,) = rim.controls(CDN)
    assert b"unsupported: Filter-Id, Framed-IPv6-Prefix" in cdn.avps[1]


@pytest.mark.parametrize(
    ("unsupported", "comes_in"),
    [
        ((), False),
        ((("Filter-Id", "ignore"),), False),
        ((("Filter-Id", "ignore"), ("Framed-IPv6-Prefix", "ignore")), True),
        ((("*", "ignore"),), True),
        ((("*", "ignore"), ("Filter-Id", "reject")), False),
        ((("*", "reject"), ("Filter-Id", "ignore"), ("Framed-IPv6-Prefix", "ignore")), True),
    ],
)
def test_unsupported(unsupported: tuple[tuple[str, str], ...], comes_in: bool) -> None:
    assert dial(rim_with(FILTER + PREFIX, *unsupported)) is comes_in


def test_ipv6_that_is_ignored_is_kept_shown_and_told_in_accounting() -> None:
    delegated = option(123, bytes.fromhex("003820010db80000ab"))
    rim = rim_with(PREFIX + delegated + option(96, bytes(7) + b"\1"), ("*", "ignore"))
    assert dial(rim)
    body: Any = rim.answers[rim.ask(ShowSession("user1"))].body
    shown = body["sessions"][0]["profile"]
    assert shown["ipv6_prefixes"] == {"value": ["2001:db8:0:1::/64"], "source": "radius"}
    assert shown["delegated_ipv6_prefixes"]["value"] == ["2001:db8:0:ab00::/56"]
    assert shown["interface_id"]["value"] == "0000:0000:0000:0001"
    start = rim.radius.accounting[-1]
    assert start[97] == bytes.fromhex("004020010db800000001")
    assert start[123] == bytes.fromhex("003820010db80000ab")
    assert rim.entry.prefixes6 == (), "there is no IPv6CP yet"


def vsa(vendor: int, code: int, name: bytes) -> bytes:
    return option(26, vendor.to_bytes(4, "big") + option(code, name))


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        (vsa(4874, 26, b"theirs"), ""),
        (vsa(4874, 26, b"theirs") + vsa(4874, 10, b"gold"), "gold"),
        (vsa(4874, 26, b"gold"), "gold"),
        (vsa(4874, 26, b"theirs") + vsa(32473, 1, b"gold"), "gold"),
        (vsa(4874, 26, b"theirs") + vsa(9, 38, b"others"), None),
        (vsa(4874, 26, b"theirs") + vsa(32473, 1, b"theirs"), None),
    ],
)
def test_a_policy_that_is_no_profile_keeps_nobody_out_where_it_is_ignored(reply: bytes, named: str | None) -> None:
    profile = ProfileConfig("gold", Grant(rate_up_bps=70_000))
    section = replace(config().radius, unsupported=(("ERX-Qos-Profile-Name", "ignore"),))
    for radius, comes_in in (
        (section, named is not None),
        (config().radius, named is not None and b"theirs" not in reply),
    ):
        servers = (SimulatedRadius(reply=lambda _: (2, reply)),)
        rim = Rim(config(radius=radius, profile=(profile,)), servers=servers)
        assert dial(rim) is comes_in
        if comes_in:
            assert rim.entry.rate_up_bps == (70_000 if named else 0)
        else:
            assert rim.of(Authenticated)[0].outcome is AuthOutcome.UNKNOWN_PROFILE


def test_another_configuration_holds_for_who_comes_then() -> None:
    rim = rim_with(FILTER)
    assert not dial(rim)
    section = replace(rim.configuration.radius, unsupported=(("Filter-Id", "ignore"),))
    rim.configure(replace(rim.configuration, radius=section))
    assert dial(rim)
