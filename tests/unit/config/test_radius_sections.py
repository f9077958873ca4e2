"""A server without a name is called by its address."""

from __future__ import annotations

import pytest

from bras.config.findings import Findings
from bras.config.radius_sections import HOST, RADIUS, UNSUPPORTED
from bras.secret import Secret


def test_a_server_is_called_by_its_name_or_else_by_its_address():
    server = next(section for section in RADIUS.inner if section.name == "radius.server")
    assert server.build(address="192.0.2.1", secret=Secret(b"s")).name == "192.0.2.1"
    assert server.build(address="192.0.2.1", secret=Secret(b"s"), name="one").name == "one"


def test_over_tls_some_keys_have_other_defaults():
    server = next(section for section in RADIUS.inner if section.name == "radius.server")
    plain = server.build(address="192.0.2.1", secret=Secret(b"s"))
    assert (plain.auth_port, plain.acct_port, plain.message_authenticator) == (1812, 1813, "require")
    radsec = server.build(address="192.0.2.1", secret=Secret(b"s"), transport="tls")
    assert (radsec.auth_port, radsec.acct_port, radsec.message_authenticator) == (2083, 2083, "if-present")
    given = {"auth_port": 2084, "acct_port": 0, "message_authenticator": "require"}
    other = server.build(address="192.0.2.1", secret=Secret(b"s"), transport="tls", **given)
    assert {key: getattr(other, key) for key in given} == given


@pytest.mark.parametrize(
    ("given", "read"),
    [("192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8::1"), ("fe80::1%eth0.7", "fe80::1%eth0.7")],
)
def test_an_address_on_one_link_names_its_interface(given: str, read: str) -> None:
    findings = Findings("bras.toml")
    assert HOST.read(given, "radius.server[0].address", findings) == read
    assert not findings.problems


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("fe80::1", 'fe80::1 is on many links, name the interface: "fe80::1%eth0"'),
        ("2001:db8::1%eth0", "2001:db8::1 is not of one link only, leave out the % and what follows it"),
        ("fe80::1%a b", "is not an interface name"),
        ("ff02::1", "is not the address of one host"),
        ("radius.example", "is not an IP address"),
    ],
)
def test_other_addresses_are_refused(given: str, said: str) -> None:
    findings = Findings("bras.toml")
    assert HOST.read(given, "radius.server[0].address", findings) is None
    (problem,) = findings.problems
    assert said in f"{problem.wrong}, {problem.right}"


def test_attributes_that_may_be_lacking_are_named_in_any_case() -> None:
    findings = Findings("bras.toml")
    table = {"filter-id": "ignore", "*": "reject", "CISCO-AVPAIR": "ignore"}
    read = UNSUPPORTED.read(table, "radius.unsupported", findings)
    assert read == (("Filter-Id", "ignore"), ("*", "reject"), ("Cisco-AVPair", "ignore"))
    assert not findings.problems


def test_every_name_and_word_that_is_wrong_is_told() -> None:
    findings = Findings("bras.toml")
    UNSUPPORTED.read({"Filter": "ignore", "Filter-Id": "drop", "User-Name": "ignore"}, "radius.unsupported", findings)
    assert [(problem.key, problem.wrong) for problem in findings.problems] == [
        ("radius.unsupported.Filter", '"Filter" is no attribute that could be lacking'),
        ("radius.unsupported.Filter-Id", '"drop" is not known'),
        ("radius.unsupported.User-Name", '"User-Name" is no attribute that could be lacking'),
    ]
