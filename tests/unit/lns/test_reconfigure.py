"""Which parts are made anew, and which go on; what comes of it is in tests/scenario/test_reload.py."""

from __future__ import annotations

from dataclasses import replace

from bras.config.model import LacConfig, PoolConfig
from bras.secret import Secret
from tests.support.rim import Rim
from tests.support.world import config


def test_pools_are_made_anew_only_if_they_differ() -> None:
    rim = Rim(config())
    rim.up()
    pools = rim.lns.core.pools
    rim.configure(config(ppp=replace(config().ppp, mru=1400)))
    assert rim.lns.core.pools is pools
    rim.configure(config(pool=(PoolConfig("default", ((0x0A400001, 0x0A4000FE),)),)))
    assert rim.lns.core.pools is not pools
    assert rim.lns.core.pools.rows(now=rim.now)[0]["used"] == 1


def test_settings_that_have_not_changed_are_shared_by_old_and_new() -> None:
    rim = Rim(config())
    lac, _ = rim.up()
    rim.configure(config(pool=config().pool, lac=(replace(config().lac[0], max_sessions=9),)))
    lac.dial("user2", "pass")
    rim.run(3.0)
    one, two = rim.lns.core.registry.by_number.values()
    assert one.settings is two.settings
    rim.configure(config(ppp=replace(config().ppp, echo_interval_s=7.0)))
    lac.dial("user3", "pass")
    rim.run(3.0)
    *_, three = rim.lns.core.registry.by_number.values()
    assert three.settings is not one.settings
    assert (one.settings.link.echo_interval_s, three.settings.link.echo_interval_s) == (20.0, 7.0)


def test_a_group_that_is_gone_is_remembered_while_it_has_sessions_and_without_its_secrets() -> None:
    rim = Rim(config())
    lac, client = rim.up()
    rim.configure(config(lac=(LacConfig("other", secrets=(Secret(b"x"),)),)))
    (former,) = rim.lns.core.policy.former
    assert (former.name, former.secrets, former.grant) == ("any", (), config().lac[0].grant)
    lac.hang_up(client)
    rim.run(5.0)
    rim.configure(rim.configuration)
    assert not rim.lns.core.policy.former
