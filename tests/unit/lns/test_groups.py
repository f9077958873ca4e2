"""``show group``: what holds, and where it comes from."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig
from bras.lns.commands import ShowGroup
from bras.secret import Secret
from tests.support.rim import Rim
from tests.support.world import config

GROUP = LacConfig(
    "north",
    address=("192.0.2.0/24",),
    secrets=(Secret(b"first"), Secret(b"second")),
    hello_interval_s=90.0,
    grant=Grant(pool="default", rate_up_bps=1000),
)


def detail(group: LacConfig = GROUP, **changes: Any) -> dict[str, Any]:
    rim = Rim(config(lac=(group,), **changes))
    body: Any = rim.answers[rim.ask(ShowGroup(group.name))].body
    (row,) = body["groups"]
    assert isinstance(row, dict)
    return row


def test_every_setting_has_its_source() -> None:
    row = detail(auth=AuthConfig(methods=("pap",)), defaults=Grant(session_timeout_s=60.0))
    settings, profile = row["settings"], row["profile"]
    assert settings["address"] == {"value": ["192.0.2.0/24"], "source": "lac"}
    assert settings["hello_interval_s"] == {"value": 90.0, "source": "lac"}
    assert settings["receive_window"] == {"value": 16, "source": "built-in"}
    assert settings["methods"] == {"value": ["pap"], "source": "auth"}
    assert profile["pool"] == {"value": "default", "source": "lac"}
    assert profile["rate_up_bps"] == {"value": 1000, "source": "lac"}
    assert profile["session_timeout_s"] == {"value": 60.0, "source": "defaults"}
    assert profile["source_check"] == {"value": True, "source": "built-in"}


def test_no_key_of_a_group_is_left_out() -> None:
    settings = detail()["settings"]
    assert set(settings) == {field.name for field in fields(LacConfig)} - {"name", "grant"}


def test_of_secrets_only_the_number_is_told() -> None:
    row = detail()
    assert row["settings"]["secrets"] == {"value": "2 (not shown)", "source": "lac"}
    assert "first" not in str(row)


def test_methods_of_its_own() -> None:
    assert detail(LacConfig("north", methods=("chap",)))["settings"]["methods"] == {"value": ["chap"], "source": "lac"}


def test_a_group_that_is_not_there() -> None:
    rim = Rim()
    answer = rim.answers[rim.ask(ShowGroup("nobody"))]
    assert (answer.ok, answer.body) == (False, {"error": "no [[lac]] group is named 'nobody'; there are: any"})
