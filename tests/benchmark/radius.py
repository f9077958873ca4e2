"""What RADIUS costs: `python tests/benchmark/radius.py` (root, for the responder's socket buffers).

Three tables in one file, build/benchmark/radius.json: microseconds to encode and decode packets,
ours beside pyrad's in the same run, the same attributes and signatures in both; requests a second
of the exchange with a canned responder on loopback, with the CPU of either end; and what of the
core's time for a session is RADIUS's, as the difference between the same calls with it and without.
Nothing is asserted about time; packets that differ, or requests without answer, exit with 1.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from pyrad.packet import AcctPacket, AuthPacket, Packet  # noqa: E402 (the checkout is on the path only now)

from bras.config.model import AuthConfig, UserConfig  # noqa: E402 (as above)
from bras.config.radius import RadiusConfig, RadiusServerConfig  # noqa: E402 (as above)
from bras.lab.namespaces import Testbed  # noqa: E402 (as above)
from bras.radius.accounting import START, STOP, AccountingRecords, Authentic, Usage  # noqa: E402 (as above)
from bras.radius.answer import AnswerReader  # noqa: E402 (as above)
from bras.radius.attributes import Identity, IdentityEncoder, TunnelIdentity  # noqa: E402 (as above)
from bras.radius.codec import SharedSecret, access_request, accounting_request  # noqa: E402 (as above)
from bras.radius.credentials import Chap, CredentialEncoder  # noqa: E402 (as above)
from bras.radius.events import Accepted, AccountingAcknowledged, Kind, SendRadius  # noqa: E402 (as above)
from bras.radius.exchange import Exchanges  # noqa: E402 (as above)
from bras.secret import Secret  # noqa: E402 (as above)
from tests.benchmark import core  # noqa: E402 (as above)
from tests.benchmark.machine import machine  # noqa: E402 (as above)
from tests.benchmark.responder import Responder  # noqa: E402 (as above)
from tests.support.radius import attribute, codec, own_dictionary, reply_to, vendor_attribute  # noqa: E402 (as above)
from tests.support.world import config  # noqa: E402 (as above)

SECRET, PASSWORD = b"radsecret", b"pass"
KEY = SharedSecret(SECRET)
AUTHENTICATOR, CHALLENGE = bytes(range(16)), bytes(range(16, 32))
ADDRESS, PORTS = "127.0.0.1", {Kind.AUTH: 1812, Kind.ACCT: 1813}
IN_FLIGHT = 500

# -- packets: ours and pyrad's

TUNNEL = TunnelIdentity("198.18.0.2", "198.18.0.1", "lac1", "lns1", "198.18.0.2:7", 5, 1460)
IDENTITY = Identity(
    b"user17@isp.example", "0000000100000011", 0x70011, "lns1:7:17", "5551234", "100", "16000000/1000000", "17", TUNNEL
)
USAGE = Usage(3600.0, 5 << 30, 7_000_000, 6 << 30, 8_000_000)
RESPONSE = hashlib.md5(b"\7" + PASSWORD + CHALLENGE).digest()
ACCEPT = (
    attribute(6, 2) + attribute(7, 1) + attribute(8, 0x0A000007) + attribute(27, 3600) + attribute(85, 600)
    + attribute(25, b"gold-17") + attribute(18, b"welcome")
    + vendor_attribute(311, 28, 0x01010101) + vendor_attribute(311, 29, 0x08080808)
)  # fmt: skip
BOTH: dict[str, Any] = {
    "User-Name": "user17@isp.example", "NAS-Identifier": "lns1", "NAS-IP-Address": "198.18.0.1",
    "Service-Type": 2, "Framed-Protocol": 1, "NAS-Port-Type": 5, "Tunnel-Type": 3, "Tunnel-Medium-Type": 1,
    "Tunnel-Client-Endpoint": "198.18.0.2", "Tunnel-Server-Endpoint": "198.18.0.1",
    "Tunnel-Client-Auth-Id": "lac1", "Tunnel-Server-Auth-Id": "lns1", "NAS-Port": 0x70011,
    "NAS-Port-Id": "lns1:7:17", "Acct-Session-Id": "0000000100000011", "Calling-Station-Id": "5551234",
    "Called-Station-Id": "100", "Connect-Info": "16000000/1000000",
}  # fmt: skip
ONLY_ACCESS: dict[str, Any] = {
    "Framed-MTU": 1460, "CHAP-Password": b"\7" + RESPONSE, "CHAP-Challenge": CHALLENGE,
}  # fmt: skip
ONLY_RECORD: dict[str, Any] = {
    "Acct-Status-Type": 2, "Event-Timestamp": 1_700_000_000, "Tunnel-Assignment-Id": "198.18.0.2:7",
    "Acct-Multi-Session-Id": "0000000100000011", "Acct-Tunnel-Connection": "17", "Acct-Authentic": 1,
    "Framed-IP-Address": "10.0.0.7", "Class": b"gold-17", "Acct-Session-Time": 3600, "Acct-Input-Octets": 1 << 30,
    "Acct-Output-Octets": 2 << 30, "Acct-Input-Packets": 7_000_000, "Acct-Output-Packets": 8_000_000,
    "Acct-Input-Gigawords": 1, "Acct-Output-Gigawords": 1, "Acct-Terminate-Cause": 1, "Acct-Delay-Time": 0,
}  # fmt: skip


class Ours:
    """Packets by our codec, as the core makes them."""

    def __init__(self) -> None:
        self.identities = IdentityEncoder(codec(), RadiusConfig(nas_identifier="lns1"))
        self.credentials = CredentialEncoder(codec())
        self.records = AccountingRecords(codec())
        self.answers = AnswerReader(codec())
        self.delay = attribute(41, 0)
        self.session = self._session()

    def _session(self) -> bytes:
        identity = self.identities.encode(IDENTITY).accounting
        return self.records.session(identity, 0x0A000007, (b"gold-17",), Authentic.RADIUS)

    def request(self) -> bytes:
        proof = self.credentials.constant(Chap(7, CHALLENGE, RESPONSE))
        return access_request(7, AUTHENTICATOR, self.identities.encode(IDENTITY).access + proof, KEY)

    def record(self) -> bytes:
        stop = self.records.record(STOP, self.session, USAGE, 1, event_at=1_700_000_000)
        return accounting_request(7, stop + self.delay, KEY)

    def first_record(self) -> bytes:
        self.session = self._session()
        return self.record()

    def accept(self, data: bytes) -> object:
        return self.answers.read(data, AUTHENTICATOR, KEY, True, key=5, server="one")


class Theirs:
    """The same by pyrad."""

    def request(self) -> bytes:
        packet = AuthPacket(id=7, authenticator=AUTHENTICATOR, secret=SECRET, dict=own_dictionary())
        for name, value in (BOTH | ONLY_ACCESS).items():
            packet.AddAttribute(name, value)
        packet.add_message_authenticator()
        return bytes(packet.RequestPacket())

    def record(self) -> bytes:
        packet = AcctPacket(id=7, secret=SECRET, dict=own_dictionary())
        for name, value in (ONLY_RECORD | BOTH).items():
            packet.AddAttribute(name, value)
        return bytes(packet.RequestPacket())

    def accept(self, asked: AuthPacket, data: bytes) -> dict[str, Any]:
        reply = Packet(packet=data, secret=SECRET, dict=own_dictionary())
        if not asked.VerifyReply(reply, data, enforce_ma=True):
            raise ValueError("pyrad does not believe the reply")
        return {name: reply[name] for name in reply.keys()}  # noqa: SIM118  # it is no dict


def _attributes(data: bytes) -> list[bytes]:
    found, offset = [], 20
    while offset < len(data):
        found.append(data[offset : offset + data[offset + 1]])
        offset += data[offset + 1]
    return sorted(one for one in found if one[0] != 80)


def _us(act: Callable[[], object], seconds: float) -> float:
    """Return the microseconds of CPU that one call takes."""
    act()
    calls, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        for _ in range(50):
            act()
        calls += 50
    return spent / calls * 1e6


def packets(seconds: float, runs: int) -> list[dict[str, object]]:
    """Measure both in turns, and keep the median of each."""
    ours, theirs = Ours(), Theirs()
    for mine, other in ((ours.request(), theirs.request()), (ours.record(), theirs.record())):
        if _attributes(mine) != _attributes(other):
            raise SystemExit("the packets that would be measured are not the same")
    asked = AuthPacket(packet=ours.request(), secret=SECRET, dict=own_dictionary())
    accept = reply_to(ours.request(), 2, ACCEPT)
    if not isinstance(ours.accept(accept), Accepted):
        raise SystemExit("the Access-Accept that would be measured is not one")
    pairs: tuple[tuple[str, Callable[[], object], Callable[[], object]], ...] = (
        ("Access-Request, encoded and signed", ours.request, theirs.request),
        ("Access-Accept, verified and decoded", lambda: ours.accept(accept), lambda: theirs.accept(asked, accept)),
        ("Accounting-Request, a session's first", ours.first_record, theirs.record),
        ("Accounting-Request, each later one", ours.record, theirs.record),
    )
    rows: list[dict[str, object]] = []
    for what, mine_, other_ in pairs:
        timed = sorted((_us(mine_, seconds), _us(other_, seconds)) for _ in range(runs))
        own = timed[runs // 2][0]
        their = sorted(other for _, other in timed)[runs // 2]
        rows.append({"packet": what, "bras_us": own, "pyrad_us": their, "ratio": their / own})
    return rows


# -- the exchange on loopback


def respond() -> int:
    """Be the canned responder until told to end; then tell what it saw and cost."""
    responder = Responder(ADDRESS, SECRET, PASSWORD, method="chap")
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    chosen = selectors.DefaultSelector()
    for one in responder.sockets:
        chosen.register(one, selectors.EVENT_READ)
    print("ready", flush=True)
    while not ended:
        for key, _ in chosen.select(0.2):
            responder.drain(key.fileobj)  # type: ignore[arg-type]  # its own sockets
    told = {"requests": responder.requests, "resent": responder.resent, "faults": responder.faults[:5]}
    print(json.dumps(told | {"cpu_s": time.process_time()}))
    return 0


class Client:
    """The RADIUS half of the daemon: the exchange and its sockets, without anything else."""

    def __init__(self, requests: int) -> None:
        server = RadiusServerConfig(ADDRESS, Secret(SECRET), "one", timeout_s=5.0)
        self.exchanges = Exchanges(RadiusConfig(server=(server,), nas_identifier="lns1"), codec(), os.urandom)
        self.identities = IdentityEncoder(codec(), RadiusConfig(nas_identifier="lns1"))
        self.records = AccountingRecords(codec())
        self.sockets: dict[tuple[int, Kind, int], socket.socket] = {}
        self.chosen = selectors.DefaultSelector()
        self.left, self.begun, self.done = requests, 0, 0

    def begin(self) -> None:
        """Ask for one more session; its Start follows the Accept."""
        self.begun += 1
        identity = IDENTITY._replace(session_id=f"{self.begun:016X}")
        blobs = self.identities.encode(identity)
        proof = Chap(7, CHALLENGE, RESPONSE)
        self.take(self.exchanges.authenticate(self.begun, None, blobs.access, proof, now=time.monotonic()))

    def account(self, number: int) -> None:
        identity = self.identities.encode(IDENTITY._replace(session_id=f"{number:016X}"))
        session = self.records.session(identity.accounting, 0x0A000007, (), Authentic.RADIUS)
        record = self.records.record(START, session, None, event_at=1_700_000_000)
        now = time.monotonic()
        self.take(self.exchanges.account(number, None, record, now, now=now))

    def take(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, SendRadius):
                self.send(event)
            elif isinstance(event, Accepted):
                self.account(event.key)
            elif isinstance(event, AccountingAcknowledged):
                self.done += 1
                if self.begun < self.left:
                    self.begin()

    def send(self, event: SendRadius) -> None:
        key = (event.server, event.kind, event.socket)
        one = self.sockets.get(key)
        if one is None:
            one = self.sockets[key] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            one.connect((ADDRESS, PORTS[event.kind]))
            self.chosen.register(one, selectors.EVENT_READ, key)
        one.send(event.data)

    def drain(self, one: socket.socket, key: tuple[int, Kind, int]) -> None:
        for _ in range(64):
            try:
                data = one.recv(4096)
            except BlockingIOError:
                return
            self.take(self.exchanges.receive(*key, data, now=time.monotonic()))

    def run(self) -> None:
        for _ in range(min(IN_FLIGHT, self.left)):
            self.begin()
        while self.done < self.left:
            ready = self.chosen.select(0.1)
            for key, _ in ready:
                self.drain(key.fileobj, key.data)  # type: ignore[arg-type]  # its own sockets
            if not ready and (deadline := self.exchanges.deadline) is not None and deadline <= time.monotonic():
                self.take(self.exchanges.handle_timeout(now=time.monotonic()))


def ask(sessions: int) -> int:
    """Be the client: authenticate and account for as many sessions; tell what it cost."""
    client = Client(sessions)
    gc.collect()
    gc.freeze()
    wall, cpu = time.monotonic(), time.process_time()
    client.run()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    print(json.dumps({"sessions": sessions, "wall_s": wall, "cpu_s": cpu}))
    return 0


def exchange(options: argparse.Namespace) -> dict[str, object]:
    """Run both in a network namespace of their own, each on a core."""
    itself = [sys.executable, str(Path(__file__).resolve())]

    def pinned(cpu: int, *command: str) -> list[str]:
        return ["taskset", "-c", str(cpu), *itself, *command]

    with Testbed("radius") as bed:
        server = bed.start("radius", pinned(options.generator_cpu, "--respond"), stdout=subprocess.PIPE)
        assert server.stdout is not None
        server.stdout.readline()
        asking = bed.start("radius", pinned(options.lns_cpu, "--ask", str(options.sessions)), stdout=subprocess.PIPE)
        told = json.loads(asking.communicate(timeout=300)[0])
        server.send_signal(signal.SIGTERM)
        seen = json.loads(server.communicate(timeout=30)[0])
    requests = 2 * options.sessions
    return {
        "requests": requests,
        "in_flight": IN_FLIGHT,
        "requests_per_s": requests / told["wall_s"],
        "client_us_per_request": told["cpu_s"] / requests * 1e6,
        "responder_us_per_request": seen["cpu_s"] / requests * 1e6,
        "resent": seen["resent"],
        "complete": seen["requests"] == requests and not seen["faults"],
        "faults": seen["faults"],
    }


# -- the core with it and without


def session(options: argparse.Namespace) -> dict[str, object]:
    """Replay the same calls: RADIUS decides and is told; and a local list decides, and nobody is told.

    All are one user's, so that his Profile is worked out once, as it is where RADIUS grants nothing.
    """
    count, method = options.calls, "chap"
    auth = AuthConfig(methods=(method,))
    local = config(auth=replace(auth, source="local"), user=(UserConfig("user", Secret(PASSWORD)),))
    local = replace(local, radius=replace(local.radius, accounting=False))
    recorded = [core.record(count, 20, method, made, "user") for made in (config(auth=auth), local)]
    gc.set_threshold(50_000, 20, 100)
    took: list[list[float]] = [[], []]
    for _ in range(options.runs):
        for number, (recorder, made) in enumerate(recorded):
            took[number].append(core.replay(recorder, made, check=False) / count * 1e6)
    with_it, without = (sorted(one)[len(one) // 2] for one in took)
    return {"calls": count, "with_us": with_it, "without_us": without, "radius_us": with_it - without}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20_000, help="over the exchange: two requests each")
    parser.add_argument("--calls", type=int, default=2000, help="through the core, with RADIUS and without")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU for each run of each packet")
    parser.add_argument("--lns-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    parser.add_argument("--respond", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ask", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=ROOT / "build/benchmark/radius.json")
    options = parser.parse_args()
    if options.respond:
        return respond()
    if options.ask:
        return ask(options.ask)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespace is removed
    result = {"machine": machine(), "packets": packets(options.seconds, options.runs), "exchange": exchange(options)}
    result["session"] = session(options)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0 if result["exchange"]["complete"] else 1  # type: ignore[index]  # it is a table


if __name__ == "__main__":
    sys.exit(main())
