"""Hidden AVPs between two cores, in every message, and while secrets are being replaced.

What is on the wire is judged by the independent script of the vectors.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, Listen, LnsConfig
from bras.l2tp import avp, messages
from bras.l2tp.challenge import response
from bras.l2tp.events import By, CallDown, CallRefused, CallUp, Cause, TunnelDown, TunnelRefused, TunnelUp
from bras.l2tp.messages import CallRequest
from bras.l2tp.states import TunnelState
from bras.secret import Secret
from tests.support.crash import Mortal
from tests.support.l2tp import AT_LAC, LAC_ADDRESS, LNS_ADDRESS, HandLac, Peer, kind, lac_endpoint, lns_endpoint
from tests.support.lacs import SimulatedLac
from tests.support.network import Datagram, Network
from tests.support.world import LNS_ADDRESS as LNS_HOST
from tests.support.world import config
from tests.vectors import make_l2tp_hidden

SECRET = (Secret(b"tunsecret"),)
HIDEABLE = {3, 4, 6, 8, 9, 11, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25, *range(26, 36), 37, 38}
"""RFC 2661 section 4.4: of whom it says that they may be hidden."""
REQUEST = CallRequest("0301234", "0800", "desk 7", 2, 77, 10_000_000, 5_000_000, private_group="blue")
SAID = ("0301234", "0800", "desk 7", 10_000_000, 5_000_000)
CLOSE = Cause(By.LOCAL, 3, 0, "bye")


class Seen(Network):
    """A Network that remembers what was sent."""

    def __init__(self) -> None:
        super().__init__(1)
        self.wire: list[bytes] = []

    def send(self, datagrams: list[Datagram]) -> None:
        self.wire += [data for _, data in datagrams]
        super().send(datagrams)


def avps(data: bytes) -> list[tuple[bool, int, bytes]]:
    """Take a control message apart: (H bit, attribute, value)."""
    found = []
    at = 12
    while at < len(data):
        flags, attribute = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 4 : at + 6], "big")
        found.append((bool(flags & 0x4000), attribute, data[at + 6 : at + (flags & 0x3FF)]))
        at += flags & 0x3FF
    return found


def opened(attribute: int, cipher: bytes, vector: bytes, secret: bytes) -> bytes:
    """Decipher by the independent MD5."""
    key = make_l2tp_hidden.md5(attribute.to_bytes(2, "big") + secret + vector)
    plain = b""
    for at in range(0, len(cipher), 16):
        plain += make_l2tp_hidden.xor(cipher[at : at + 16], key)
        key = make_l2tp_hidden.md5(secret + cipher[at : at + 16])
    return plain[2 : 2 + int.from_bytes(plain[:2], "big")]


def pair(lns_hides: bool, lac_hides: bool) -> tuple[Seen, Peer, Peer, LacConfig]:
    network = Seen()
    group = LacConfig("any", secrets=SECRET, hide_avps=lns_hides, hello_interval_s=5.0)
    uplink = LacConfig("up", secrets=SECRET, hide_avps=lac_hides, hello_interval_s=5.0)
    lns = Peer(lns_endpoint(group))
    lac = Peer(lac_endpoint())
    network.attach("lac", lac, LAC_ADDRESS)
    network.attach("lns", lns, LNS_ADDRESS)
    return network, lac, lns, uplink


@pytest.mark.parametrize("lac_hides", [True, False])
@pytest.mark.parametrize("lns_hides", [True, False])
def test_both_directions_understand_every_message(lns_hides: bool, lac_hides: bool) -> None:
    network, lac, lns, uplink = pair(lns_hides, lac_hides)
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, uplink, now=network.now)
    network.send(lac.did(events))
    keys = []
    for _ in range(2):
        key, events = lac.endpoint.open_call(tunnel_id, REQUEST, now=network.now)
        keys.append(key)
        network.send(lac.did(events))
    network.run(until=20.0)
    for peer in (lac, lns):
        assert len(peer.of(TunnelUp)) == 1
        assert len(peer.of(CallUp)) == 2
    up = lns.of(CallUp)[0]
    assert isinstance(up, CallUp)
    info = up.info
    assert (
        info.calling_number,
        info.called_number,
        info.sub_address,
        info.tx_connect_speed_bps,
        info.rx_connect_speed_bps,
    ) == SAID
    network.send(lac.did(lac.endpoint.close_call(keys[0], CLOSE, now=network.now)))
    network.run(until=30.0)
    assert len(lns.of(CallDown)) == 1
    ends = [(lac, tunnel_id), (lns, up.key >> 16)]
    closing, number = ends[lns_hides]
    network.send(closing.did(closing.endpoint.close_tunnel(number, CLOSE, now=network.now)))
    network.run(until=40.0)
    for peer in (lac, lns):
        assert len(peer.of(TunnelDown)) == 1
    said = {kind(data) for data in network.wire}
    assert {"SCCRQ", "SCCRP", "SCCCN", "HELLO", "ICRQ", "ICRP", "ICCN", "CDN", "STOPCCN"} <= said
    for data in network.wire:
        if len(data) > 12:
            judge(data, hides=(lac_hides if kind(data) in ("SCCRQ", "SCCCN", "ICRQ", "ICCN", "CDN") else None))
    if lns_hides:
        judge(next(data for data in network.wire if kind(data) == "ICRP"), hides=True)
        judge(next(data for data in network.wire if kind(data) == "SCCRP"), hides=True)


def judge(data: bytes, *, hides: bool | None) -> None:
    """Everything that may be hidden is, or nothing; there is one Random Vector, right before."""
    found = avps(data)
    hidden = [attribute for h, attribute, _ in found if h]
    open_ones = [attribute for h, attribute, _ in found if not h and attribute in HIDEABLE]
    assert not hidden or not open_ones, f"{kind(data)} hides {hidden} and not {open_ones}"
    assert [attribute for _, attribute, _ in found].count(36) == bool(hidden)
    if hides is not None:
        assert bool(hidden) is (hides and any(attribute in HIDEABLE for _, attribute, _ in found))
    vector = next((value for _, attribute, value in found if attribute == 36), b"")
    for _, attribute, cipher in [one for one in found if one[0]]:
        assert len(cipher) % 16 == 0
        assert opened(attribute, cipher, vector, b"tunsecret") != b""
    if hidden:
        assert b"0301234" not in data


def test_a_retransmission_is_the_same_octets() -> None:
    network, lac, _lns, uplink = pair(True, True)
    network.cut("lns")
    _, events = lac.endpoint.open_tunnel(AT_LAC, uplink, now=network.now)
    network.send(lac.did(events))
    network.run(until=5.0)
    sccrqs = [data for data in network.wire if kind(data) == "SCCRQ"]
    assert len(sccrqs) == 3
    assert len(set(sccrqs)) == 1


@pytest.mark.parametrize("at", ["lac", "lns"])
def test_another_secret_opens_no_tunnel(at: str) -> None:
    network, lac, lns, uplink = pair(True, True)
    if at == "lac":
        uplink = replace(uplink, secrets=(Secret(b"other"),))
    else:
        lns.endpoint = lns_endpoint(LacConfig("any", secrets=(Secret(b"other"),), hide_avps=True))
    _, events = lac.endpoint.open_tunnel(AT_LAC, uplink, now=network.now)
    network.send(lac.did(events))
    network.run(until=100.0)
    assert lac.of(TunnelRefused)
    assert not lns.of(TunnelUp)


@pytest.mark.parametrize("proven", [True, False])
def test_a_stopccn_is_hidden_only_from_who_has_proven_the_secret(proven: bool) -> None:
    """Whoever is stopped for its secret could not read it."""
    lac = HandLac(lns_endpoint(LacConfig("any", secrets=SECRET, hide_avps=True)))
    lac.sccrq()
    reply = avps(lac.heard[-1])
    vector = next(value for _, attribute, value in reply if attribute == 36)
    found = {attribute: opened(attribute, value, vector, b"tunsecret") for hidden, attribute, value in reply if hidden}
    lac.peer_tunnel_id = int.from_bytes(found[9], "big")
    proof = response(3, SECRET[0] if proven else Secret(b"guess"), found[11])
    lac.say(messages.scccn() + avp.octets(13, proof))
    if proven:
        lac.hear(lac.endpoint.close_tunnel(lac.peer_tunnel_id, CLOSE, now=0.0))
    stop = next(data for data in lac.heard if kind(data) == "STOPCCN")
    assert [hidden for hidden, attribute, _ in avps(stop) if attribute == 9] == [proven]


def test_a_call_hidden_with_another_secret_costs_only_that_call() -> None:
    network, lac, lns, uplink = pair(False, True)
    uplink = replace(uplink, secrets=(*SECRET, Secret(b"another")))
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, uplink, now=network.now)
    network.send(lac.did(events))
    network.run(until=1.0)
    for tunnel in lac.endpoint._tunnels.values():
        tunnel.handshake.authentication.number = 1
    _, events = lac.endpoint.open_call(tunnel_id, REQUEST, now=network.now)
    network.send(lac.did(events))
    network.run(until=40.0)
    assert not lns.of(CallUp)
    assert not lns.of(TunnelDown)
    assert len(lac.of(CallRefused)) == 1, "nobody can be told: the id to which a CDN would go is hidden, too"


# -- the whole way from one secret to another, on tunnels that stay up


def lns_config(*secrets: str) -> Config:
    group = LacConfig(
        "any",
        secrets=tuple(Secret(secret.encode()) for secret in secrets),
        hide_avps=True,
        grant=Grant(pool="default"),
    )
    return config(lns=LnsConfig((Listen(LNS_HOST, 1701),), hostname="lns1", idle_tunnel_s=0.0), lac=(group,))


class Rollout(Mortal):
    """LACs, and an LNS that is started again with other secrets."""

    def restart(self, *secrets: str) -> None:
        self.kill_at = "unheard"
        self.run(90.0, until=lambda: not self.alive)
        self.configuration = lns_config(*secrets)
        self.revive()
        self.run(1.0)

    def lac(self, number: int, secret: str, *, hides: bool = False) -> SimulatedLac:
        lac = SimulatedLac(self, address=f"198.18.0.{number}", hostname=f"lac{number}", secret=secret.encode())
        lac.group = replace(lac.group, hide_avps=hides)
        return lac


def opens(world: Rollout, lac: SimulatedLac, *, secret: str | None = None) -> bool:
    """Let a LAC open a tunnel, and close the one that it has; return whether it came up."""
    if secret is not None:
        lac.group = replace(lac.group, secrets=(Secret(secret.encode()),))
    if lac.tunnel_id:
        lac.take(lac.endpoint.close_tunnel(lac.tunnel_id, CLOSE, now=world.now), world.now)
    lac.open()
    world.run(3.0)
    return TunnelState.ESTABLISHED in {one.state for one in lac.endpoint.tunnels() if one.tunnel_id == lac.tunnel_id}


def works(world: Rollout, lac: SimulatedLac) -> bool:
    """Return whether a call on the LAC's tunnel gets through."""
    client = lac.dial(f"user{len(lac.all_clients)}-{lac.address}", "pass")
    world.run(3.0)
    return bool(client.address)


def test_secrets_are_replaced_without_a_flag_day(tmp_path: Path) -> None:
    world = Rollout(tmp_path, lns_config("old"))
    first, second, third = (world.lac(number, "old", hides=number == 2) for number in (2, 3, 4))
    assert opens(world, first)
    assert opens(world, second)
    assert works(world, first)

    world.restart("new", "old")  # the LNS knows both; every LAC still has the old one
    assert works(world, first), "a tunnel goes on with the secret that was proven on it"
    assert works(world, second)
    assert not opens(world, third), "who challenges us is answered with the first at the first time"
    assert opens(world, third), "and then with the next"
    assert works(world, third)
    assert opens(world, world.lac(5, "old", hides=True)), "what a LAC hides in its SCCRQ tells its secret at once"
    assert opens(world, second), "which secret a LAC has was told by its tunnel, over the restart"
    assert works(world, second)

    assert not opens(world, second, secret="new"), "this one gets the new secret: it is answered with the old"
    assert opens(world, second)
    assert works(world, second)
    assert opens(world, second), "from then on it is known to have the new one"
    world.restart("new", "old")
    assert opens(world, second), "after a restart, too"

    world.restart("new")  # first and third were forgotten
    assert works(world, second)
    world.run(1.0)
    assert [client.ended for lac in (first, third) for client in lac.all_clients] == ["", "", ""], "who is up stays up"
    assert not opens(world, first)
    assert not opens(world, first)
    assert opens(world, first, secret="new")
    assert works(world, first)


def test_no_secret_is_in_the_journal(tmp_path: Path) -> None:
    world = Rollout(tmp_path, lns_config("a rather long secret", "another long secret"))
    assert opens(world, world.lac(2, "a rather long secret"))
    written = b"".join(world.file.read().values())
    assert b"long secret" not in written
