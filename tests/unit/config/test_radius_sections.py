"""A server without a name is called by its address."""

from __future__ import annotations

from bras.config.radius_sections import RADIUS
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
