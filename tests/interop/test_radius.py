"""FreeRADIUS judges our packets, we judge its answers, and both have the same books."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Bench, Lab
from tests.support.freeradius import FreeRadius, Record, values
from tests.support.lac import Client, KernelLac, Session, Xl2tpd

USERS = """\
user1   Cleartext-Password := "pass"
        Framed-IP-Address = 10.77.0.7, Session-Timeout = 3600, Idle-Timeout = 600, Acct-Interim-Interval = 60,
        Class = 0x00ff17, Class += "second", MS-Primary-DNS-Server = 192.0.2.53, MS-Secondary-DNS-Server = 192.0.2.54

user2   Cleartext-Password := "pass"
        Framed-IP-Address = 255.255.255.254, Acct-Interim-Interval = 60

brief   Cleartext-Password := "pass"
        Session-Timeout = 2
"""


def dial(lab: Lab, client: Client) -> tuple[Xl2tpd, Session]:
    lac = Xl2tpd(lab.guest, [client])
    lac.dial("198.18.0.1", "tunsecret")
    return lac, lac.wait_up()[0]


# -- the wire against the books


def _number(attribute: str, text: str) -> str:
    """Return what FreeRADIUS names as the number that it is."""
    return str(values().get((attribute, text), text))


OURS = "Attr-26.32473."
"""What this server has no dictionary of, and tshark neither; test_records.py reads it with ours."""


def _book(record: Record) -> dict[str, str]:
    """Return a record of the detail file, without what FreeRADIUS adds to it, and our own attributes."""
    added = {"Timestamp", "Acct-Unique-Session-Id", "Event-Timestamp"}
    book = {}
    for name, text in record.items():
        plain = name.split(":")[0]
        if plain not in added and not plain.startswith(OURS):
            book[plain] = _number(plain, text)
    return book


def _wire(tree: dict[str, Any]) -> dict[str, str]:
    """Return the attributes of a dissected request by name."""
    found = {}
    pairs = tree["Attribute Value Pairs"]["radius.avp_tree"]
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        for name, text in pair.items():
            attribute = name.removeprefix("radius.").replace("_", "-")
            if name.startswith("radius.") and "." not in attribute and isinstance(text, str):
                found[attribute] = text
    return found


def _same(attribute: str, book: str, wire: str) -> bool:
    if attribute == "Class":
        return book.removeprefix("0x") == wire.replace(":", "")
    return book == wire


def test_the_books_say_what_was_on_the_wire(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    """Attribute by attribute: FreeRADIUS's detail file against tshark's reading of the requests."""
    lac = KernelLac(lab.guest, [Client("user1", method="pap"), Client("user2", method="chap"), Client("user3")])
    lac.dial("198.18.0.1", "tunsecret")
    sessions = lac.wait_up()
    lac.ping("198.18.1.2", *sessions)
    lac.hang_up(*sessions)
    freeradius.wait_records("Stop", 3)
    bench.lns.stop()
    bench.radius.stop()
    books = [_book(record) for record in freeradius.records()]
    trees = [_wire(tree) for tree in bench.radius.trees("radius.code == 4 && !radius.dup", "radius")]
    assert len(books) == len(trees) == 8, "Accounting-On, three Starts, three Stops, Accounting-Off"
    for book, wire in zip(books, trees, strict=True):
        wrong = {
            name: (book.get(name), wire.get(name))
            for name in book.keys() | wire.keys()
            if name != "Event-Timestamp" and not _same(name, book.get(name, "absent"), wire.get(name, "absent"))
        }
        assert not wrong, wrong
    assert min(len(book) for book in books if book["Acct-Status-Type"] == "2") > 20, "a Stop says all of this"


def test_every_record_has_what_a_bill_needs(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    lac, session = dial(lab, Client("user1"))
    (start,) = freeradius.wait_records("Start")
    lac.hang_up(session)
    (stop,) = freeradius.wait_records("Stop")
    assert {name: start[name] for name in ("User-Name", "Framed-IP-Address", "Class", "NAS-Identifier")} == {
        "User-Name": "user1",
        "Framed-IP-Address": session.address,
        "Class": "0x636c617373",
        "NAS-Identifier": "lns1",
    }
    same = {"Acct-Session-Id", "User-Name", "Framed-IP-Address", "Class", "NAS-Identifier", "NAS-IP-Address"}
    same |= {"NAS-Port", "NAS-Port-Type", "Acct-Authentic", "Service-Type", "Framed-Protocol"}
    assert {name: start.get(name) for name in same} == {name: stop.get(name) for name in same}
    assert None not in {stop.get(name) for name in same}
    assert int(stop["Acct-Session-Time"]) <= 60
    assert {"Event-Timestamp", "Acct-Delay-Time"} & stop.keys()
    assert {name.split(":")[0] for name in stop} >= {"Tunnel-Type", "Tunnel-Client-Endpoint", "Tunnel-Server-Endpoint"}


ON_AND_OFF = {"Accounting-On", "Accounting-Off"}
NAMED = """\
user1   Cleartext-Password := "pass"
        Chargeable-User-Identity = "cui-1"
"""


def test_what_is_told_is_as_the_keys_want_it(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    """A real client through a real LAC: request, Start, Interim-Update and Stop have the same texts."""
    group = {
        "name": "any", "address": ["198.18.0.0/24"], "secret": "tunsecret", "pool": "default",
        "interim_interval_s": 1, "nas_port_type": "xdsl", "caller_id": "{hostname}@{address}",
        "nas_port_id": "LNS {lns}#{local}#{address}#{serial}", "tunnel_connection": "call-{serial}",
    }  # fmt: skip
    told = {"nas_ipv6_address": "2001:db8::9", "nas_ip_address": "192.0.2.9", "chargeable_user_identity": True}
    with _server(lab, place, users=NAMED) as server:
        bench = start(lac=[group], radius={**told, "access_timestamp": True, "interim_min_s": 1})
        lac, session = dial(lab, Client("user1"))
        server.wait_records("Interim-Update")
        lac.hang_up(session)
        server.wait_records("Stop")
        (request,) = server.requests()
        records = [record for record in server.records() if record["Acct-Status-Type"] not in ON_AND_OFF]
        serial = records[0]["Acct-Tunnel-Connection"].removeprefix("call-")
        address = records[0]["Tunnel-Client-Endpoint:0"]
        same = {
            "NAS-Port-Id": f"LNS lns1#198.18.0.1#{address}#{serial}",
            "NAS-Port-Type": "xDSL",
            "NAS-IP-Address": "192.0.2.9",
            "NAS-IPv6-Address": "2001:db8::9",
        }
        for one in (request, *records):
            assert {name: one.get(name) for name in same} == same
            assert one["Calling-Station-Id"].endswith(f"@{address}")
        assert (request["Framed-MTU"], request["Chargeable-User-Identity"]) == ("1460", "0x00")
        assert "Event-Timestamp" in request
        for record in records:
            assert record["Chargeable-User-Identity"] == "0x6375692d31"
            assert record["Acct-Multi-Session-Id"] == record["Acct-Session-Id"] == request["Acct-Session-Id"]
        bench.lns.stop()


# -- what an Access-Accept grants


@contextlib.contextmanager
def _server(lab: Lab, place: Path, **options: Any) -> Iterator[FreeRadius]:
    with FreeRadius(lab.namespace, place / "freeradius", **options) as server:
        yield server


def test_what_the_accept_grants(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    with _server(lab, place, users=USERS) as server:
        bench = start()
        _lac, session = dial(lab, Client("user1"))
        assert session.address == "10.77.0.7"
        assert session.dns == ("192.0.2.53", "192.0.2.54")
        (start_record,) = server.wait_records("Start")
        assert start_record["Framed-IP-Address"] == "10.77.0.7"
        (shown,) = bench.lns.show("session", "user1")["sessions"]
        granted = {name: said["value"] for name, said in shown["profile"].items() if said["source"] == "radius"}
        assert granted == {
            "address": "10.77.0.7",
            "session_timeout_s": 3600,
            "idle_timeout_s": 600,
            "interim_interval_s": 60,
            "dns": ["192.0.2.53", "192.0.2.54"],
        }
        assert shown["classes"] == ["00ff17", "7365636f6e64"]
        bench.lns.stop()


def test_an_address_of_all_ones_but_one_means_from_the_pool(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    """255.255.255.254: the NAS selects (RFC 2865 section 5.8)."""
    with _server(lab, place, users=USERS):
        bench = start()
        _lac, session = dial(lab, Client("user2"))
        assert session.address.startswith("10.64.")
        bench.lns.stop()


def test_a_session_has_its_time(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    with _server(lab, place, users=USERS) as server:
        bench = start()
        lac, _session = dial(lab, Client("brief"))
        (stop,) = server.wait_records("Stop")
        assert stop["Acct-Terminate-Cause"] == "Session-Timeout"
        assert stop["Acct-Session-Time"] == "2"
        lac.wait_down()
        bench.lns.stop()


# -- servers that fail


@contextlib.contextmanager
def _silence(lab: Lab, address: str) -> Iterator[None]:
    """A server that takes everything and answers nothing (a closed port would answer by ICMP)."""
    with lab.namespace.entered(), contextlib.ExitStack() as sockets:
        for port in (1812, 1813):
            deaf = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            deaf.bind((address, port))
        yield


TWO_SERVERS = {
    "server": [
        {"name": "first", "address": "198.18.1.3", "secret": "radsecret", "timeout_s": 0.5, "max_tries": 2},
        {"name": "second", "address": "198.18.1.2", "secret": "radsecret"},
    ]
}


def test_a_silent_server_is_passed_over(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    with _silence(lab, "198.18.1.3"):
        bench = start(radius=TWO_SERVERS)
        lac, session = dial(lab, Client("user1"))
        assert [done.status for done in lac.ping("198.18.1.2", session)] == [0]
        freeradius.wait_records("Start")
        lac.hang_up(session)
        freeradius.wait_records("Stop")
        bench.radius.stop()
        tried = bench.radius.packets("radius.code == 1", "ip.dst", "radius.id")
        assert tried[0][0] == "198.18.1.3"
        assert [address for address, _ in tried].count("198.18.1.3") == 2
        assert tried[-1][0] == "198.18.1.2"
        assert bench.lns.wait_logged("radius_server_dead")["server"] == "first"
        assert bench.lns.stop() == 0


def test_a_server_that_is_not_there_is_passed_over(
    lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]
) -> None:
    """Nobody listens on its ports: the kernel answers with ICMP."""
    start(radius=TWO_SERVERS)
    dial(lab, Client("user1"))
    freeradius.wait_records("Start")


def test_no_server_answers_at_all(lab: Lab, start: Callable[..., Bench]) -> None:
    with _silence(lab, "198.18.1.2"):
        bench = start(
            radius={"server": [{"address": "198.18.1.2", "secret": "radsecret", "timeout_s": 0.3, "max_tries": 2}]}
        )
        lac = Xl2tpd(lab.guest, [Client("user1")])
        lac.dial("198.18.0.1", "tunsecret")
        lac.wait_said(r"Connection terminated|Modem hangup")
        bench.lns.wait_sessions(0)
        assert not lac.up()
        assert bench.lns.stop() == 0


def test_a_wrong_radius_secret(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    """FreeRADIUS drops what is signed wrongly and says nothing; the client is turned away."""
    with _server(lab, place, secret="another") as server:
        bench = start(
            radius={"server": [{"address": "198.18.1.2", "secret": "radsecret", "timeout_s": 0.3, "max_tries": 2}]}
        )
        lac = Xl2tpd(lab.guest, [Client("user1")])
        lac.dial("198.18.0.1", "tunsecret")
        lac.wait_said(r"Connection terminated|Modem hangup")
        assert not lac.up()
        assert not server.records()
        bench.lns.wait_sessions(0)
        bench.lns.stop()


# -- FreeRADIUS as Debian ships it does not sign its answers


@pytest.mark.parametrize("password", ["pass", "wrong"])
def test_an_unchanged_server_is_refused_and_the_log_names_the_key(
    lab: Lab, place: Path, start: Callable[..., Bench], password: str
) -> None:
    with _server(lab, place, signs=False):
        bench = start(
            radius={"server": [{"address": "198.18.1.2", "secret": "radsecret", "timeout_s": 0.3, "max_tries": 2}]}
        )
        lac = Xl2tpd(lab.guest, [Client("user1", password)])
        lac.dial("198.18.0.1", "tunsecret")
        lac.wait_said(r"Connection terminated|Modem hangup")
        assert not lac.up()
        line = bench.lns.wait_logged("radius_reply_dropped")
        assert "message_authenticator" in line["key"]
        assert "if-present" in line["hint"]
        bench.lns.stop()


def test_an_unchanged_server_is_good_enough_if_the_operator_says_so(
    lab: Lab, place: Path, start: Callable[..., Bench]
) -> None:
    server = {"address": "198.18.1.2", "secret": "radsecret", "message_authenticator": "if-present"}
    with _server(lab, place, signs=False) as books:
        bench = start(radius={"server": [server]})
        _lac, session = dial(lab, Client("user1"))
        assert session.address.startswith("10.64.")
        books.wait_records("Start")
        assert not re.search("radius_reply_dropped", bench.lns.log_text())
        bench.lns.stop()
