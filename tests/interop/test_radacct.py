"""FreeRADIUS keeps the books of a busy hour in fast motion, by the SQL schema that Debian ships; nothing may be wrong.

Subscribers come, carry, negotiate again, are changed, use up their quota and go, and a LAC vanishes,
while FreeRADIUS is killed, the daemon is killed, both are started again, and at last the daemon is shut
down.  ``radacct`` has one closed row for each session then, with what the subscribers' own packets were
and what the core received of them.  ``BRAS_HOUR_SESSIONS`` says how many sessions.

lacs 198.18.0.2, .3 ── 198.18.0.1: bras (ebpf) :192.0.2.1 ── 192.0.2.2: FreeRADIUS, and with whom they speak
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bras.radius.dynauth import COA_ACK, COA_REQUEST
from tests.interop.test_sent import OURS
from tests.support.dynauth import dynamic_request
from tests.support.freeradius import FreeRadius
from tests.support.inner import udp
from tests.support.lacs import Client, SimulatedLac
from tests.support.lns import Lns, changed
from tests.support.provider import bpf_file_system
from tests.support.radius import attribute
from tests.support.site import CALLED, CORE, Site, provider
from tests.support.world import RADIUS_SECRET

SESSIONS = int(os.environ.get("BRAS_HOUR_SESSIONS", "150"))
ROUNDS = 10
"""Of these in each something is killed."""
COA_SECRET = b"coasecret"
NEW = "0x" + b"new".hex()
QUOTA_OCTETS = 3000
LATER = b"\xff\x03\xc0\x21\x01\x99\x00\x0a\x05\x06\x01\x02\x03\x04"
"""LCP Configure-Request with a magic number: the client begins again."""
USERS = f"""\
DEFAULT User-Name =~ "^user[0-9]+$", Cleartext-Password := "pass"
        Class = 0x6f6c64, Acct-Interim-Interval = 2

DEFAULT User-Name =~ "^quota[0-9]+$", Cleartext-Password := "pass"
        Acct-Interim-Interval = 2, Bras-Quota-Up = {QUOTA_OCTETS}
"""
_NUMBER = struct.Struct("!I")
_SO_RCVBUFFORCE = 33
HEADERS = 28
"""Octets before the payload: IP and UDP."""


@dataclass
class Subscriber:
    """One session: by its number its packets are known."""

    number: int
    user: str
    lac: SimulatedLac
    client: Client
    fate: str = "shutdown"
    up: int = 0
    """Octets of its packets that the core has received."""
    down: int = 0
    """Octets of the core's packets that it has received."""


@dataclass
class Hour:
    """The provider, and everybody who has been there."""

    site: Site
    server: FreeRadius
    core: socket.socket
    lns: Lns
    dice: random.Random
    subscribers: list[Subscriber] = field(default_factory=list)
    lacs: list[SimulatedLac] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    """Users that have had another Class."""
    kinds: Counter[str] = field(default_factory=Counter)

    def call(self, address: str = "198.18.0.2") -> SimulatedLac:
        lac = self.site.wire.lac(address, calls=CALLED, hostname=f"lac{len(self.lacs)}")
        for opened in self.site.wire._sockets.values():  # a stall of this process is not to cost a packet
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        self.lacs.append(lac)
        return lac

    def dial(self, lac: SimulatedLac, count: int) -> None:
        new = []
        for _ in range(count):
            number = len(self.subscribers)
            user = f"quota{number}" if number % 10 == 9 else f"user{number}"
            new.append(Subscriber(number, user, lac, lac.dial(user, "pass")))
            self.subscribers.append(new[-1])
        self.site.wire.run(30.0, until=lambda: all(one.client.address for one in new))
        names = {one.user for one in new}
        self.site.wire.run(30.0, until=lambda: names <= {r["user"] for r in self.lns.sessions() if r["state"] == "up"})

    def here(self, lac: SimulatedLac | None = None) -> list[Subscriber]:
        """Return those whose session goes on as far as they know."""
        mine = (one for one in self.subscribers if one.fate == "shutdown" and lac in (None, one.lac))
        return [one for one in mine if one.client.address and not one.client.ended]

    def carry(self) -> None:
        """Each sends some packets, and gets some."""
        for one in self.here():
            address = socket.inet_ntoa(one.client.address.to_bytes(4, "big"))
            for _ in range(self.dice.randrange(1, 4)):
                payload = _NUMBER.pack(one.number) + bytes(self.dice.randrange(1000))
                one.lac.send(one.client, b"\xff\x03\x00\x21" + udp(address, CORE, payload))
                self.core.sendto(payload, (address, 5000))
            self.listen()

    def listen(self) -> None:
        """Let things happen for a moment, and count what has come at either end."""
        self.site.wire.step(0.0)
        try:
            while True:
                data = self.core.recv(2048)
                self.subscribers[_NUMBER.unpack_from(data)[0]].up += len(data) + HEADERS
        except BlockingIOError:
            pass
        for heard in self.site.wire.heard:
            packet = data_of(heard.data)
            if packet is not None:
                self.subscribers[_NUMBER.unpack_from(packet, HEADERS)[0]].down += len(packet)
        self.site.wire.heard.clear()
        self.site.wire.asked.clear()

    def pause(self, seconds: float) -> None:
        end = self.site.wire.now + seconds
        while self.site.wire.now < end:
            self.site.wire.step(0.05)
            self.listen()

    def hang_up(self, count: int) -> None:
        mine = [one for one in self.here() if one.user.startswith("user")]
        for one in self.dice.sample(mine, min(len(mine), count)):
            one.fate = "hung up"
            one.lac.hang_up(one.client)
        self.pause(0.3)

    def negotiate_again(self, count: int) -> None:
        for one in self.dice.sample(self.here(), count):
            one.lac.send(one.client, LATER)
        self.pause(0.5)

    def change(self, one: Subscriber) -> None:
        """Give it another Class by a CoA-Request."""
        said = attribute(1, one.user.encode()) + attribute(25, b"new")
        data = dynamic_request(COA_REQUEST, said, secret=COA_SECRET)
        with self.site.core_space.entered(), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as opened:
            opened.settimeout(10)
            opened.sendto(data, ("192.0.2.1", 3799))
            assert opened.recv(4096)[0] == COA_ACK
        self.changed.add(one.user)

    def vanish(self, lac: SimulatedLac) -> None:
        self.pause(0.3)  # what is on its way comes
        for one in self.subscribers:
            if one.lac is lac and one.fate == "shutdown":
                one.fate = "vanished"
        self.site.wire.vanish(lac)

    def kill(self, what: str) -> None:
        self.kinds[what] += 1
        if what == "daemon":
            self.lns.stop(signal.SIGKILL)
            self.pause(0.1)
            self.lns.start()
        elif self.kinds[what] % 2:
            self.server.stop(signal.SIGKILL)
        else:
            self.server.start()


def data_of(datagram: bytes) -> bytes | None:
    """Return the IPv4 packet with a UDP datagram in L2TP data, if that is what it is."""
    if datagram[0] & 0x80:
        return None
    at = datagram.find(b"\x00\x21\x45") + 2
    if at < 2 and datagram[6:8] == b"\x21\x45":
        at = 7
    packet = datagram[at:]
    return packet if at >= 2 and len(packet) > HEADERS and packet[9] == 17 else None


@pytest.fixture
def hour(tmp_path: Path, tool: Callable[[str], str]) -> Iterator[Hour]:
    tool("freeradius")
    place = tmp_path / "freeradius"
    with bpf_file_system(tmp_path / "bpf"), provider(tmp_path, serves=False) as site:
        site.lac_space.ip("address", "add", "198.18.0.3/24", "dev", "eth0")
        secret = RADIUS_SECRET.decode()
        users, own = USERS, (OURS,)
        server = FreeRadius(
            site.core_space, place, address=CORE, secret=secret, users=users, dictionaries=own, sql=True
        )
        with site.core_space.entered():
            core = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        core.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        core.bind((CORE, 9))
        core.setblocking(False)
        with server, core:
            yield Hour(site, server, core, site.run(settings(site)), random.Random(1))


def settings(site: Site) -> dict[str, Any]:
    server = {"address": CORE, "secret": RADIUS_SECRET.decode(), "timeout_s": 5, "probe_interval_s": 1}
    changes = {
        "lac": [
            {
                "name": "any",
                "secret": "tunsecret",
                "pool": "default",
                "hello_interval_s": 1,
                "retransmit_initial_s": 0.5,
                "max_retransmissions": 3,
            }
        ],
        "auth": {"methods": ["chap"]},
        "dataplane": {"backend": "ebpf", "pin_dir": str(site.place / "bpf" / "pins"), "counter_interval_s": 0.5},
        "radius": {
            "server": [server],
            "interim_min_s": 1,
            "coa": {
                "listen": ["192.0.2.1"],
                "client": [{"name": "policy", "address": [CORE], "secret": COA_SECRET.decode()}],
            },
        },
    }
    return changed(site.configuration("keep"), changes)


def play(hour: Hour, sessions: int) -> None:
    lac = hour.call()
    other = hour.call("198.18.0.3")
    for number in range(ROUNDS):
        if hour.kinds["server"] % 2 == 0:
            hour.dial(other if number in {1, 5} else lac, sessions * 2 // ROUNDS)
        hour.carry()
        hour.negotiate_again(2)
        hour.hang_up(sessions // ROUNDS // 2)
        hour.carry()
        hour.kill("server" if number % 2 else "daemon")
        hour.carry()
        hour.change(next(one for one in hour.here(lac) if one.user.startswith("user")))
        if number == 6:
            hour.vanish(other)
    while hour.kinds["server"] % 2:
        hour.kill("server")
    hour.carry()
    hour.site.wire.run(30.0, until=lambda: not hour.lns.show("tunnels")["tunnels"][1:])
    hour.pause(1.0)


def rows_of(hour: Hour) -> list[sqlite3.Row]:
    return hour.server.rows("SELECT * FROM radacct ORDER BY radacctid")


CAUSES = {
    "hung up": "User-Request",
    "vanished": "Lost-Carrier",
    "quota": "NAS-Request",
    "shutdown": "Admin-Reboot",
}


def judge(hour: Hour) -> None:
    rows = rows_of(hour)
    by_user = {row["username"]: row for row in rows}
    assert len(by_user) == len(rows), "a session has two rows"
    assert by_user.keys() == {one.user for one in hour.subscribers}
    wrong = [line for one in hour.subscribers for line in complaints(one, by_user[one.user])]
    users = {line.partition(":")[0] for line in wrong}
    print(*(record for record in hour.server.records() if record.get("User-Name") in users), sep="\n")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])
    changed_ones = {record["User-Name"] for record in hour.server.records("Stop") if record.get("Class") == NEW}
    assert changed_ones == hour.changed
    assert {row["acctterminatecause"] for row in rows} == set(CAUSES.values())
    told = hour.server.rows("SELECT sum(acctinputoctets) AS up, sum(acctoutputoctets) AS down FROM radacct")[0]
    assert told["up"] == sum(one.up for one in hour.subscribers) > 0
    assert told["down"] == sum(one.down for one in hour.subscribers) > 0


def complaints(one: Subscriber, row: sqlite3.Row) -> Iterator[str]:
    if row["acctstoptime"] is None:
        yield f"{one.user}: no Stop"
        return
    expected = {CAUSES[one.fate]}
    if one.user.startswith("quota") and one.up >= QUOTA_OCTETS:
        expected = {CAUSES["quota"]} if one.fate == "shutdown" else expected | {CAUSES["quota"]}
    if row["acctterminatecause"] not in expected:
        yield f"{one.user}: {row['acctterminatecause']} ({one.fate}, {one.up} octets)"
    if (row["acctinputoctets"], row["acctoutputoctets"]) != (one.up, one.down):
        yield f"{one.user}: {row['acctinputoctets']}, {row['acctoutputoctets']} of {one.up}, {one.down} ({one.fate})"
    if abs(row["acctstoptime"] - row["acctstarttime"] - row["acctsessiontime"]) > 1:
        yield f"{one.user}: {row['acctsessiontime']} s from {row['acctstarttime']} to {row['acctstoptime']}"


def closed(hour: Hour) -> bool:
    return all(row["acctstoptime"] is not None for row in rows_of(hour))


def shut_down(hour: Hour) -> None:
    """End all sessions; what was not acknowledged in time is on disk, and told by the next start."""
    for _ in range(5):
        assert hour.lns.stop(signal.SIGQUIT) == 0
        hour.pause(0.2)
        if closed(hour):
            return
        hour.lns.start()
        hour.site.wire.run(30.0, until=lambda: closed(hour) or hour.lns.sessions())


def test_radacct_has_one_closed_row_for_each_session(hour: Hour) -> None:
    play(hour, SESSIONS)
    shut_down(hour)
    judge(hour)
