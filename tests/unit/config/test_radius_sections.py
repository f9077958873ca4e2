"""A server without a name is called by its address."""

from __future__ import annotations

from bras.config.radius_sections import RADIUS
from bras.secret import Secret


def test_a_server_is_called_by_its_name_or_else_by_its_address():
    (server,) = RADIUS.inner
    assert server.build(address="192.0.2.1", secret=Secret(b"s")).name == "192.0.2.1"
    assert server.build(address="192.0.2.1", secret=Secret(b"s"), name="one").name == "one"
