"""FreeRADIUS's radclient asks for changes and disconnections, and FreeRADIUS has the books.

lac 198.18.0.2 ── 198.18.0.1 bras 192.0.2.1, 2001:db8:1::1 ── 192.0.2.2, 2001:db8:1::2: FreeRADIUS, radclient
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from bras.runtime.clock import wall_seconds
from tests.interop.test_radclient import dictionary_of
from tests.support.freeradius import FreeRadius, Record
from tests.support.lacs import Client, SimulatedLac
from tests.support.lns import CONFIG, Lns, changed
from tests.support.namespaces import Namespace, Network
from tests.support.wire import Wire

OURS, OURS6, THEIRS = "192.0.2.1", "[2001:db8:1::1]", "192.0.2.2"
SECRET = "coasecret"
USERS = """\
user1   Cleartext-Password := "pass"
        Class = 0x6f6c64, Session-Timeout = 3600, Acct-Interim-Interval = 600

user2   Cleartext-Password := "pass"
        User-Name := "customer2"

user3   Cleartext-Password := "pass"
"""
BASE = changed(
    CONFIG,
    {
        "lac": [{"name": "any", "secret": "tunsecret", "pool": "default"}],
        "auth": {"methods": ["chap"]},
        "ppp": {"echo_interval_s": 0},
        "profile": [{"name": "gold", "rate_down_bps": 50_000_000}],
        "radius": {
            "server": [{"address": THEIRS, "secret": "radsecret"}],
            "coa": {
                "listen": [OURS, OURS6],
                "client": [{"name": "policy", "address": [THEIRS, "2001:db8:1::2"], "secret": SECRET}],
            },
        },
    },
)


@dataclass
class Site:
    """A daemon with three sessions, and who may change them."""

    daemon: Lns
    books: FreeRadius
    core: Namespace
    wire: Wire
    lac: SimulatedLac
    clients: list[Client]
    dictionary: str

    def ask(self, kind: str, *attributes: str, to: str = OURS, secret: str = SECRET) -> str:
        """Let radclient ask; return what it says."""
        text = ", ".join((*attributes, "Message-Authenticator = 0x00", f"Event-Timestamp = {wall_seconds()}"))
        words = ["radclient", "-x", "-D", self.dictionary, "-r", "1", "-t", "5", f"{to}:3799", kind, secret]
        line = f"echo '{text}' | {' '.join(words)}"
        return self.core.run("sh", "-c", line, check=False).stdout

    def stops(self, user: str) -> list[Record]:
        return [record for record in self.books.records("Stop") if record["User-Name"] == user]

    def profile(self, user: str) -> dict[str, object]:
        (row,) = self.daemon.show("session", user)["sessions"]
        return {name: one["value"] for name, one in row["profile"].items()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Site]:
    tmp_path = tmp_path_factory.mktemp("coa")
    for program in ("radclient", "freeradius", "ip"):
        tool(program)
    with Network() as network:
        lac, lns, core = network.namespace("lac"), network.namespace("lns"), network.namespace("core")
        network.link(lac, "eth0", ["198.18.0.2/24"], lns, "lac0", ["198.18.0.1/24"])
        network.link(
            *(lns, "core0", [f"{OURS}/24", "2001:db8:1::1/64"]),
            *(core, "eth0", [f"{THEIRS}/24", "2001:db8:1::2/64"]),
        )
        books = FreeRadius(core, tmp_path / "radius", address=THEIRS, users=USERS)
        with books, Wire(lac) as wire, Lns(lns, tmp_path / "lns", BASE) as daemon:
            simulated = wire.lac("198.18.0.2", 1701, calls=("198.18.0.1", 1701), hostname="lac1")
            clients = [simulated.dial(user, "pass") for user in ("user1", "user2", "user3")]
            wire.run(20.0, until=lambda: all(client.address for client in clients))
            books.wait_records("Start", 3)
            (tmp_path / "dictionary").mkdir()
            yield Site(daemon, books, core, wire, simulated, clients, dictionary_of(tmp_path / "dictionary"))


def received(said: str) -> tuple[str, str]:
    """Return the kind of the answer, and its Error-Cause in FreeRADIUS's words."""
    kinds = re.findall(r"^Received (\S+) Id", said, re.MULTILINE)
    cause = re.search(r"^\tError-Cause = (\S+)$", said, re.MULTILINE)
    return (kinds[0] if kinds else "nothing", cause.group(1) if cause else "")


def test_a_session_is_changed(site: Site) -> None:
    said = site.ask(
        "coa", 'User-Name = "user1"', 'Bras-Profile = "gold"', "Session-Timeout = 7200", "Class = 0x6e6577",
        "Proxy-State = 0x6f6e65", "Proxy-State = 0x74776f", "Idle-Timeout = 900", "Mikrotik-Rate-Limit = \"2M/8M\"",
    )  # fmt: skip
    assert received(said) == ("CoA-ACK", ""), said
    assert re.findall(r"^\tProxy-State = (\S+)$", said.partition("Received")[2], re.MULTILINE) == [
        "0x6f6e65",
        "0x74776f",
    ]
    profile = site.profile("user1")
    assert (profile["rate_up_bps"], profile["rate_down_bps"]) == (2_000_000, 8_000_000), "stronger than the profile"
    assert (profile["session_timeout_s"], profile["idle_timeout_s"], profile["interim_interval_s"]) == (7200, 900, 600)
    assert site.profile("user3")["rate_down_bps"] == 0
    site.lac.hang_up(site.clients[0])
    site.wire.run(20.0, until=lambda: site.stops("user1"))
    assert [stop["Class"] for stop in site.stops("user1")] == ["0x6e6577"]


def test_a_session_is_ended(site: Site) -> None:
    rows = {row["user"]: row for row in site.daemon.sessions()}
    said = site.ask("disconnect", f'Acct-Session-Id = "{rows["customer2"]["session"]}"', 'User-Name = "customer2"')
    assert received(said) == ("Disconnect-ACK", ""), said
    site.wire.run(20.0, until=lambda: site.stops("customer2"))
    assert [stop["Acct-Terminate-Cause"] for stop in site.stops("customer2")] == ["Admin-Reset"]
    said = site.ask("disconnect", 'User-Name = "customer2"')
    assert received(said) == ("Disconnect-NAK", "Session-Context-Not-Found"), said


@pytest.mark.parametrize(
    ("kind", "attributes", "answer"),
    [
        ("coa", ['User-Name = "nobody"'], ("CoA-NAK", "Session-Context-Not-Found")),
        ("coa", ['NAS-Identifier = "lns1"'], ("CoA-NAK", "Missing-Attribute")),
        ("coa", ['User-Name = "user3"', 'NAS-Identifier = "lns2"'], ("CoA-NAK", "NAS-Identification-Mismatch")),
        ("coa", ['User-Name = "user3"', "Service-Type = Authorize-Only"], ("CoA-NAK", "Unsupported-Service")),
        ("coa", ['User-Name = "user3"', "NAS-Port-Type = Virtual"], ("CoA-NAK", "Unsupported-Attribute")),
        ("coa", ['User-Name = "user3"', 'Bras-Profile = "none"'], ("CoA-NAK", "Invalid-Attribute-Value")),
        ("disconnect", ['User-Name = "user3"', "Session-Timeout = 1"], ("Disconnect-NAK", "Unsupported-Attribute")),
    ],
)
def test_a_refusal_says_why(site: Site, kind: str, attributes: list[str], answer: tuple[str, str]) -> None:
    said = site.ask(kind, *attributes)
    assert received(said) == answer, said


def test_over_ipv6_too_and_to_nobody_with_another_secret(site: Site) -> None:
    said = site.ask("coa", 'User-Name = "user3"', "Session-Timeout = 5000", to=OURS6)
    assert received(said) == ("CoA-ACK", ""), said
    said = site.ask("coa", 'User-Name = "user3"', "Session-Timeout = 6000", secret="guessed")
    assert received(said) == ("nothing", ""), said
    assert site.profile("user3")["session_timeout_s"] == 5000
    assert site.daemon.wait_logged("coa_dropped")["reason"] == "radius_bad_authenticator"
