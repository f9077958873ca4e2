"""What two configurations differ in, and what waits for a restart."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from bras.config.changes import RULES, Changes, compare, in_force, rule
from bras.config.daemon import LogConfig, StateConfig
from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, MetricsConfig, PoolConfig, PppConfig, UserConfig
from bras.config.radius import RadiusConfig
from bras.config.sections import SECTIONS
from bras.secret import Secret
from tests.support.world import config


def test_every_section_has_its_rule() -> None:
    assert {section.name for section in SECTIONS} <= set(RULES), "say in bras.config.changes what a reload does with it"
    assert all(one.meaning for one in RULES.values())


def test_every_rule_is_of_a_section_or_of_a_key() -> None:
    sections = {section.name: section for section in SECTIONS}
    for key in RULES:
        section, _, name = key.partition(".")
        assert section in sections, key
        assert not name or name.partition(".")[0] in sections[section].known, key


def test_what_is_unknown_waits_for_a_restart() -> None:
    assert not rule("brand_new.key").live
    assert rule("lac.secrets").live
    assert not rule("lns.listen").live
    assert not rule("state.on_stop").live


def test_nothing_differs() -> None:
    assert compare(config(), config()) == Changes()
    assert compare(config(), config()).none


def test_keys_are_named_and_values_never() -> None:
    before = config(user=(UserConfig("alice", Secret(b"one")),))
    server = replace(before.radius.server[0], secret=Secret(b"two"), auth_port=1)
    after = config(
        user=(UserConfig("alice", Secret(b"three"), grant=Grant(rate_up_bps=5)),),
        radius=replace(before.radius, server=(server,), nas_identifier="else"),
        defaults=Grant(pool="default"),
    )
    changes = compare(before, after)
    assert changes == Changes(
        live=(
            "radius.server[radius1].secret",
            "radius.server[radius1].auth_port",
            "radius.nas_identifier",
            "user[alice].password",
            "user[alice].rate_up_bps",
            "defaults.pool",
        )
    )
    assert "two" not in repr(changes)


def test_sections_that_come_go_and_change_places() -> None:
    one, two, three = LacConfig("one"), LacConfig("two"), LacConfig("three")
    assert compare(config(lac=(one, two)), config(lac=(two, three))).live == ("lac[one]", "lac[three]")
    assert compare(config(lac=(one, two)), config(lac=(two, one))).live == ("lac (order)",)
    assert compare(config(lac=()), config(lac=(one,))).live == ("lac[one]",)
    assert compare(config(radius=RadiusConfig()), config()).live[0] == "radius.server[radius1]"


def test_two_servers_of_one_name() -> None:
    first = config().radius.server[0]
    second = replace(first, group="other")
    before = config(radius=RadiusConfig(server=(first, second)))
    after = config(radius=RadiusConfig(server=(first, replace(second, secret=Secret(b"new")))))
    assert compare(before, after).live == ("radius.server[radius1 2].secret",)


def test_what_waits_stays_as_it_was() -> None:
    before = config(log=LogConfig("info", "json"), state=StateConfig("/var/lib/bras"))
    after = config(
        lns=replace(before.lns, listen=(), hostname="else", max_sessions=9),
        log=LogConfig("debug", "console"),
        metrics=MetricsConfig(before.lns.listen[0]),
        ppp=PppConfig(mru="auto"),
        pool=(PoolConfig("b", ((1, 2),)),),
    )
    changes = compare(before, after)
    assert changes.restart == ("lns.listen", "lns.max_sessions", "metrics.listen", "log.format", "state")
    merged = in_force(before, after)
    assert merged.lns == replace(before.lns, hostname="else")
    assert merged.log == LogConfig("debug", "json")
    assert (merged.metrics, merged.state) == (before.metrics, before.state)
    assert (merged.ppp, merged.pool) == (after.ppp, after.pool)
    assert compare(before, merged) == Changes(changes.live)
    assert compare(merged, after) == Changes(restart=changes.restart)


@pytest.mark.parametrize("name", [part.name for part in fields(Config)])
def test_a_section_is_put_into_force_whole_or_not_at_all_but_for_its_exceptions(name: str) -> None:
    before, after = config(state=StateConfig("a")), config(state=StateConfig("b"))
    exceptions = {key for key in RULES if key.startswith(f"{name}.")}
    value = getattr(in_force(before, after), name)
    assert value == getattr(after if rule(name).live and not exceptions else before, name)
