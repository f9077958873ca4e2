"""What links share comes from the configuration."""

from __future__ import annotations

from bras.config.model import AuthConfig, LacConfig, PppConfig
from bras.ppp.constants import IPCP
from bras.ppp.settings import ClientIdentity, HandoverPolicy, LinkConfig, RestartConfig
from bras.secret import Secret


def test_every_value_is_taken_over() -> None:
    ppp = PppConfig(
        echo_interval_s=7.0,
        echo_failures=8,
        restart_timer_s=2.0,
        restart_cap_s=9.0,
        max_configure=3,
        max_terminate=4,
        max_failure=6,
        acfc=False,
        pfc=False,
    )
    auth = AuthConfig(methods=("pap",), timeout_s=11.0, max_attempts=12)
    config = LinkConfig.from_config(ppp, auth, LacConfig("g", methods=("chap",), proxy="accept"), 1400, "lns1")
    assert config == LinkConfig(
        mru=1400,
        methods=("chap",),
        hostname=b"lns1",
        restart=RestartConfig(2.0, 9.0, 3, 4, 6),
        echo_interval_s=7.0,
        echo_failures=8,
        acfc=False,
        pfc=False,
        auth_timeout_s=11.0,
        auth_attempts=12,
        network_protocols=frozenset({IPCP}),
        handover=HandoverPolicy.ACCEPT,
        client=None,
    )
    assert LinkConfig.from_config(ppp, auth, LacConfig("g"), 1400, "lns1").methods == ("pap",)


def test_the_password_does_not_show() -> None:
    assert "hush" not in repr(ClientIdentity(b"joe", Secret(b"hush")))
