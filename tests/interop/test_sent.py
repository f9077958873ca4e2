"""Every attribute of every kind of packet that we send, in the books of a real FreeRADIUS, with its value."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyrad.packet import AcctPacket, AuthPacket

from bras.radius.events import Kind
from tests.interop.test_radclient import meant
from tests.property.test_radius_differential import plain
from tests.scenario.test_sent import packets, table
from tests.support.freeradius import FreeRadius, Record
from tests.support.namespaces import Namespace, Network
from tests.support.radius import OWN, own_dictionary
from tests.support.rim import Asked
from tests.support.world import RADIUS_SECRET

OURS = Path(OWN).with_name("dictionary.bras")
PORTS = {Kind.AUTH: 1812, Kind.ACCT: 1813}
ONLY_THE_SERVERS = {"Message-Authenticator", "User-Password"}
"""Checked by the server itself, which does not answer otherwise; the password is in its book as it was before."""

NO_VALUE = {"IWF-Session"}
"""It says yes by being there (RFC 4679); FreeRADIUS writes nothing of what has no value."""


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


def ask(namespace: Namespace, one: Asked) -> bytes:
    """Send a packet from a port of its own, and return what came back."""
    with namespace.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.settimeout(10)
        client.sendto(one.data, ("127.0.0.1", PORTS[one.kind]))
        return client.recv(4096)


def told(one: Asked) -> dict[str, Any]:
    """Return what a packet says, as pyrad reads it."""
    kind = AuthPacket if one.kind is Kind.AUTH else AcctPacket
    packet = kind(packet=one.data, secret=RADIUS_SECRET, dict=own_dictionary())
    names = set(packet.keys()) - ONLY_THE_SERVERS - NO_VALUE
    return {name: plain(own_dictionary().attributes[name], packet[name][0]) for name in names}


def written(name: str, record: Record) -> str | None:
    """Return what the book says of an attribute; one that FreeRADIUS has no name for stands there by number."""
    one = own_dictionary().attributes[name]
    vendor = own_dictionary().vendors.GetForward(one.vendor) if one.vendor else 0
    return record.get(name, record.get(f"{name}:0", record.get(f"Attr-26.{vendor}.{one.code}")))


def holds(name: str, value: Any, text: str | None) -> bool:
    """Return whether a line of the book says what was sent."""
    one = own_dictionary().attributes[name]
    if text is None:
        return False
    if one.type == "integer" and text.startswith("0x"):
        return bool(int(text, 16) == value)
    if one.type == "date":
        text = f'"{text}"'
    if one.type == "string":
        return bool(text == value)
    return bool(meant(name, one, text) == value)


def test_the_books_of_freeradius_have_all_of_it(
    network: Network, tool: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("freeradius")
    monkeypatch.setenv("TZ", "UTC")
    namespace = network.namespace("radius")
    secret = RADIUS_SECRET.decode()
    with FreeRadius(
        namespace, tmp_path / "freeradius", address="127.0.0.1", secret=secret, dictionaries=(OURS,)
    ) as server:
        for one in packets():
            code = ask(namespace, one)[0]
            assert code == (2 if one.kind is Kind.AUTH else 5), f"{code}: {told(one)}"
        books = {Kind.AUTH: server.requests(), Kind.ACCT: server.records()}
    seen: set[str] = set()
    for kind, book in books.items():
        sent = [told(one) for one in packets() if one.kind is kind]
        assert len(book) == len(sent)
        for record, said in zip(book, sent, strict=True):
            wrong = {
                name: (value, written(name, record))
                for name, value in said.items()
                if not holds(name, value, written(name, record))
            }
            assert not wrong, wrong
            seen |= said.keys()
    assert seen == set(table()) - ONLY_THE_SERVERS - NO_VALUE, "all of the manual's table"
