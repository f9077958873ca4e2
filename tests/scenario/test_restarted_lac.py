"""A LAC that begins anew with the address, port and tunnel id that it had before.

What only asks is not believed; the old tunnel ends when the new one is established, and its
sessions end with Lost-Carrier.
"""

from __future__ import annotations

import struct
from hashlib import md5

import pytest

from bras.config.grant import Grant
from bras.config.model import LacConfig, LnsConfig
from bras.l2tp.events import TunnelDown, TunnelRefused, TunnelUp
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, TerminateCause
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import SCCRP, STOPCCN, Control, Rim
from tests.support.world import LNS_ADDRESS, config

LAC = "198.18.0.2"
SECRET = b"tunsecret"
ACCT_STATUS_TYPE, ACCT_TERMINATE_CAUSE, STOP, LOST_CARRIER = 40, 49, 2, 2


def world(secret: bytes = SECRET, **keys: object) -> tuple[Rim, SimulatedLac, Client]:
    secrets = (Secret(secret),) if secret else ()
    group = LacConfig("any", secrets=secrets, grant=Grant(pool="default"), **keys)  # type: ignore[arg-type]  # of [[lac]]
    rim = Rim(config(lac=(group,), lns=LnsConfig(listen=(), hostname="lns1", idle_tunnel_s=0.0)))
    lac = rim.lac(secret=secret)
    client = lac.dial("user1", "pass")
    rim.run(3.0)
    assert client.address
    rim.sent.clear()
    return rim, lac, client


def avp(kind: int, value: bytes) -> bytes:
    return struct.pack("!HHH", 0x8000 | 6 + len(value), 0, kind) + value


def message(kind: int, tunnel_id: int, ns: int, nr: int, *avps: bytes) -> bytes:
    body = avp(0, kind.to_bytes(2, "big")) + b"".join(avps)
    return struct.pack("!HHHHHH", 0xC802, 12 + len(body), tunnel_id, 0, ns, nr) + body


def sccrq(lac: SimulatedLac, *, ns: int = 0, hostname: bytes = b"lac1") -> bytes:
    """Ask for a tunnel with the id of the one that the LAC has."""
    peer = lac.tunnel_id.to_bytes(2, "big")
    return message(1, 0, ns, 0, avp(2, b"\1\0"), avp(3, b"\0\0\0\3"), avp(7, hostname), avp(9, peer))


def say(rim: Rim, data: bytes) -> None:
    rim.send(LAC, 1701, LNS_ADDRESS, 1701, data)
    rim.run(1.0)


def replies(rim: Rim) -> list[Control]:
    return rim.controls(SCCRP)


def prove(rim: Rim, secret: bytes = SECRET, *, ns: int = 0) -> None:
    """Answer the last SCCRP: with the secret, and else with the tunnel id in it alone."""
    reply = replies(rim)[-1]
    proof = [avp(13, md5(b"\3" + secret + reply.avps[11]).digest())] if 11 in reply.avps else []
    say(rim, message(3, int.from_bytes(reply.avps[9], "big"), ns + 1, 1, *proof))


@pytest.mark.parametrize("secret", [SECRET, b""])
def test_the_old_tunnel_ends_once_the_new_one_is_established(secret: bytes) -> None:
    rim, lac, _ = world(secret)
    (old,) = rim.lns.core.endpoint.tunnels()
    rim.vanish(lac)
    say(rim, sccrq(lac, hostname=b"begun-anew"))
    assert rim.of(SubscriberEnded) == rim.of(TunnelDown) == [], "it has only asked"
    prove(rim, secret)
    rim.run(1.0)
    (down,) = rim.of(TunnelDown)
    assert (down.tunnel_id, down.cause.text) == (old.tunnel_id, "the peer began anew")
    (end,) = rim.of(SubscriberEnded)
    assert (end.cause, end.reason) == (TerminateCause.LOST_CARRIER, "lac_began_anew")
    stop = rim.radius.accounting[-1]
    assert stop[ACCT_STATUS_TYPE][-1] == STOP
    assert stop[ACCT_TERMINATE_CAUSE][-1] == LOST_CARRIER
    assert not rim.plane.entries
    (new,) = rim.lns.core.endpoint.tunnels()
    assert (new.peer_tunnel_id, new.hostname) == (old.peer_tunnel_id, "begun-anew")
    assert not rim.controls(STOPCCN), "who began anew knows nothing of the old one"


def test_who_cannot_prove_the_secret_ends_nothing() -> None:
    rim, lac, client = world()
    say(rim, sccrq(lac, hostname=b"forged"))
    prove(rim, b"guess")
    rim.run(120.0)
    assert rim.of(SubscriberEnded) == rim.of(TunnelDown) == []
    assert [refusal.cause.result for refusal in rim.of(TunnelRefused)] == [4], "not authorized"
    assert client.address
    assert not client.ended


def test_who_only_asks_ends_nothing() -> None:
    """Nothing but a forged source address is needed to ask."""
    rim, lac, client = world()
    for attempt in range(20):
        say(rim, sccrq(lac, hostname=f"forged{attempt}".encode()))
    assert len(list(rim.lns.core.endpoint.tunnels())) <= 2, "each takes the place of the one before it"
    rim.run(120.0)
    assert rim.of(SubscriberEnded) == rim.of(TunnelDown) == []
    assert len(list(rim.lns.core.endpoint.tunnels())) == 1
    second = lac.dial("user2", "pass")
    rim.run(3.0)
    assert second.address
    assert not client.ended


def test_equal_octets_are_a_retransmission() -> None:
    rim, lac, _ = world()
    rim.vanish(lac)
    say(rim, sccrq(lac, hostname=b"anew"))
    say(rim, sccrq(lac, hostname=b"anew"))
    assert len({reply.avps[9] for reply in replies(rim)}) == 1
    assert len(list(rim.lns.core.endpoint.tunnels())) == 2
    prove(rim)
    say(rim, sccrq(lac, hostname=b"anew"))
    assert len(rim.of(TunnelDown)) == 1
    assert len(rim.of(TunnelUp)) == 2


def test_another_ns_is_another_beginning() -> None:
    rim, lac, _ = world()
    rim.vanish(lac)
    say(rim, sccrq(lac, hostname=b"anew"))
    say(rim, sccrq(lac, hostname=b"anew", ns=5))
    assert len({reply.avps[9] for reply in replies(rim)}) == 2
    prove(rim, ns=5)
    assert len(rim.of(TunnelDown)) == 1, "the first one; the half-open one was no tunnel yet"


def test_a_limit_of_one_tunnel_is_not_in_its_way() -> None:
    rim, lac, _ = world(max_tunnels_per_lac=1)
    rim.vanish(lac)
    say(rim, sccrq(lac, hostname=b"anew"))
    prove(rim)
    assert [up.lac_hostname for up in rim.of(TunnelUp)] == ["lac1", "anew"]
    assert len(rim.of(SubscriberEnded)) == 1


def test_another_tunnel_id_is_another_tunnel() -> None:
    rim, lac, client = world()
    lac.tunnel_id ^= 1
    say(rim, sccrq(lac))
    prove(rim)
    assert len(rim.of(TunnelUp)) == 2
    assert not rim.of(SubscriberEnded)
    assert not client.ended
