from __future__ import annotations

import pytest

from bras.config.model import AuthConfig, LacConfig, PppConfig, UserConfig
from bras.lns.policy import Policy
from bras.secret import Secret
from tests.support.world import config


@pytest.mark.parametrize(
    ("remote", "path", "mru"),
    [
        ("198.18.0.2", 1500, 1460),
        ("198.18.0.2", 1400, 1360),
        ("198.18.0.2", 9000, 1500),
        ("198.18.0.2", 68, 128),
        ("198.18.0.2", None, 1460),
        ("2001:db8::2", 1500, 1440),
        ("2001:db8::2", 1280, 1220),
        ("2001:db8::2", None, 1440),
    ],
)
def test_the_mru_is_what_the_path_leaves(remote: str, path: int | None, mru: int) -> None:
    """IPv4 20 or IPv6 40, UDP 8, L2TP data header with length 8, FF 03 and protocol 4."""
    policy = Policy(config(ppp=PppConfig(mru="auto")), 1)
    if path is not None:
        policy.path_mtu[remote] = path
    assert policy.mru("any", remote) == mru


@pytest.mark.parametrize(("remote", "mru"), [("198.18.0.2", 1456), ("2001:db8::2", 1436)])
def test_ns_and_nr_need_room(remote: str, mru: int) -> None:
    policy = Policy(config(ppp=PppConfig(mru="auto")), 1)
    assert policy.mru("any", remote, numbered=True) == mru
    assert policy.settings("any", remote, numbered=True).link.mru == mru
    assert policy.settings("any", remote).link.mru == mru + 4


def test_a_number_is_what_it_is() -> None:
    policy = Policy(config(ppp=PppConfig(mru=1492)), 1)
    policy.path_mtu["198.18.0.2"] = 1280
    assert policy.mru("any", "198.18.0.2") == 1492


@pytest.mark.parametrize(("remote", "mtu", "mru"), [("198.18.0.2", 1400, 1360), ("2001:db8::2", 1400, 1340)])
def test_what_is_configured_of_a_path_is_not_measured(remote: str, mtu: int, mru: int) -> None:
    policy = Policy(config(lac=(LacConfig("told", mtu=mtu), LacConfig("any")), ppp=PppConfig(mru="auto")), 1)
    policy.path_mtu[remote] = 1500
    assert policy.mru("told", remote) == mru
    assert (policy.measures("told"), policy.measures("any")) == (False, True)


def test_settings_are_made_once_for_a_group_and_an_mru() -> None:
    groups = (LacConfig("one"), LacConfig("two", methods=("pap",)))
    policy = Policy(config(lac=groups, auth=AuthConfig(methods=("chap",)), ppp=PppConfig(mru="auto")), 7)
    policy.path_mtu["198.18.0.9"] = 1400
    one = policy.settings("one", "198.18.0.2")
    assert policy.settings("one", "198.18.0.3") is one
    assert policy.settings("one", "198.18.0.9") is not one
    two = policy.settings("two", "198.18.0.2")
    assert (one.link.methods, two.link.methods) == (("chap",), ("pap",))
    assert (one.group, one.origin, one.link.mru) == ("one", "000000000007", 1460)


def test_a_group_that_is_configured_no_more_has_defaults() -> None:
    policy = Policy(config(), 1)
    assert policy.group("gone") == LacConfig("gone")
    assert policy.settings("gone", "198.18.0.2").group == "gone"


def test_users() -> None:
    user = UserConfig("alice", Secret(b"x"))
    policy = Policy(config(user=(user,)), 1)
    assert policy.user("alice") is user
    assert policy.user("bob") is None


def test_names_of_a_group_are_worked_out_once_and_an_unknown_group_has_the_defaults() -> None:
    policy = Policy(config(lac=(LacConfig("west", local_hostname="paris"),)), 1)
    assert policy.names("west") is policy.names("west")
    assert (policy.names("west").host, policy.names("gone").host) == ("paris", "lns1")
