"""The keys that say what of a session goes into requests and records, seen from RADIUS."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyrad.packet import AcctPacket

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, PppConfig
from bras.forwarding.entry import Counters
from bras.l2tp.messages import CallRequest
from bras.radius.events import Kind
from bras.secret import Secret
from tests.scenario.test_keys_calls import BARE, FULL, shown
from tests.support.radius import own_dictionary
from tests.support.rim import Rim, option
from tests.support.world import LNS_ADDRESS, RADIUS_SECRET, SimulatedRadius, config

NAS_IP_ADDRESS, NAS_PORT_TYPE, CONNECTION, NAS_PORT_ID, NAS_IPV6_ADDRESS = 4, 61, 68, 87, 95
FRAMED_MTU, SESSION, MULTI_SESSION, TIMESTAMP, CUI, SERVER_AUTH_ID = 12, 44, 50, 55, 89, 91


def group(**keys: object) -> Config:
    lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), **keys)  # type: ignore[arg-type]  # its keys
    return config(lac=(lac,))


def radius(**keys: object) -> Config:
    return replace(config(), radius=replace(config().radius, **keys))  # type: ignore[arg-type]  # keys of [radius]


def read_vendors(data: bytes) -> dict[str, list[int]]:
    """Return the attributes of a record as pyrad reads them."""
    packet = AcctPacket(packet=data, secret=RADIUS_SECRET, dict=own_dictionary())
    return {name: packet[name] for name in packet.keys()}  # noqa: SIM118 - it is no dict


def called(configuration: Config, request: CallRequest = BARE) -> tuple[Rim, dict[int, bytes], dict[int, bytes]]:
    """Bring up a call; return what the Access-Request and the Start said."""
    rim = Rim(configuration)
    rim.lac().dial("user1", "pass", request=request)
    rim.run(3.0)
    (access,) = rim.requests(Kind.AUTH)
    start = rim.requests(Kind.ACCT)[-1]
    assert start.attributes[40][-1] == 1
    return rim, access.attributes, start.attributes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{lns}:{tunnel}:{session}", "lns1:{tunnel}:{session}"),
        ("{local} {address} {circuit_id}", "198.18.0.1 198.18.0.2 dslam1 atm 1/2:8.35"),
        ("{lns}#{peer_tunnel}#{peer_session}", "lns1#{peer_tunnel}#{peer_session}"),
    ],
)
def test_nas_port_id(text: str, told: str) -> None:
    rim, access, start = called(group(nas_port_id=text), FULL)
    (one,) = rim.lns.core.registry.by_number.values()
    key, leg = one.leg.key, one.leg
    ids = {"peer_tunnel": leg.peer_tunnel_id, "peer_session": leg.peer_session_id}
    assert access[NAS_PORT_ID].decode() == told.format(tunnel=key >> 16, session=key & 0xFFFF, **ids)
    assert start[NAS_PORT_ID] == access[NAS_PORT_ID]


@pytest.mark.parametrize(
    ("kind", "request_", "number"),
    [
        ("virtual", FULL, 5),
        ("ethernet", FULL, 15),
        ("line", FULL, 16),
        ("line", FULL._replace(access_line=b""), 2),
        ("line", BARE, 5),
    ],
)
def test_nas_port_type(kind: str, request_: CallRequest, number: int) -> None:
    _, access, start = called(group(nas_port_type=kind), request_)
    assert access[NAS_PORT_TYPE] == start[NAS_PORT_TYPE] == number.to_bytes(4, "big")


@pytest.mark.parametrize(("text", "told"), [("{serial}", "{}"), ("{hostname}/{serial}", "lac1/{}")])
def test_tunnel_connection(text: str, told: str) -> None:
    rim, access, start = called(group(tunnel_connection=text))
    (one,) = rim.lns.core.registry.by_number.values()
    assert start[CONNECTION].decode() == told.format(one.line.serial_number)
    assert CONNECTION not in access, "RFC 2867 section 5"


def test_our_name_is_the_one_by_which_the_lac_knows_us() -> None:
    _, access, _ = called(group(local_hostname="paris"))
    assert access[SERVER_AUTH_ID] == b"paris"


@pytest.mark.parametrize("address", [None, "2001:db8::9"])
def test_nas_ipv6_address(address: str | None) -> None:
    rim, access, start = called(radius(nas_ipv6_address=address))
    on = rim.requests(Kind.ACCT)[0].attributes
    expected = bytes.fromhex("20010db8000000000000000000000009") if address else None
    assert [one.get(NAS_IPV6_ADDRESS) for one in (access, start, on)] == [expected] * 3
    assert (NAS_IP_ADDRESS in access) is (address is None), f"{LNS_ADDRESS} stands for none at all"


@pytest.mark.parametrize("mru", [1400, 1460])
def test_framed_mtu_is_what_we_offer(mru: int) -> None:
    _, access, start = called(replace(config(), ppp=PppConfig(mru=mru)))
    assert access[FRAMED_MTU] == mru.to_bytes(4, "big")
    assert FRAMED_MTU not in start


def test_sessions_have_ids_of_their_own_and_keep_them() -> None:
    rim, access, start = called(config())
    assert access[SESSION] == start[SESSION] == start[MULTI_SESSION]
    assert MULTI_SESSION not in access
    rim.lac(address="198.18.0.9", hostname="lac9").dial("user2", "pass")
    rim.run(3.0)
    assert rim.requests(Kind.ACCT)[-1].attributes[MULTI_SESSION] != start[MULTI_SESSION]


@pytest.mark.parametrize("wanted", [False, True])
def test_access_timestamp(wanted: bool) -> None:
    rim, access, start = called(radius(access_timestamp=wanted))
    assert (TIMESTAMP in access) is wanted
    if wanted:
        at = int(rim.requests(Kind.AUTH)[0].at + rim.lns.core.books.wall_offset_s)
        assert access[TIMESTAMP] == at.to_bytes(4, "big")
        assert access[TIMESTAMP] <= start[TIMESTAMP]


def test_an_access_request_that_is_sent_again_has_the_same_octets() -> None:
    silent = SimulatedRadius(silent=True)
    rim = Rim(radius(access_timestamp=True), servers=(silent,))
    rim.lac().dial("user1", "pass")
    rim.run(6.0)
    requests = rim.requests(Kind.AUTH)
    assert len(requests) > 1
    assert len({one.data for one in requests}) == 1


def charging(attributes: dict[int, bytes]) -> tuple[int, bytes]:
    return 2, option(CUI, b"cui-7")


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_chargeable_user_identity(asked: bool, given: bool) -> None:
    server = SimulatedRadius(reply=charging) if given else SimulatedRadius()
    rim = Rim(radius(chargeable_user_identity=asked), servers=(server,))
    lac, client = rim.up()
    lac.hang_up(client)
    rim.run(2.0)
    (access,) = rim.requests(Kind.AUTH)
    assert access.attributes.get(CUI) == (b"\0" if asked else None)
    records = [one.attributes for one in rim.requests(Kind.ACCT) if 1 in one.attributes]
    assert [one.get(CUI) for one in records] == [b"cui-7" if given else None] * 2, "Start and Stop"


@pytest.mark.parametrize("accounting", [True, False])
def test_what_radius_was_told_is_shown(accounting: bool) -> None:
    """As it was told: what CoA finds the session by."""
    rim = Rim(radius(accounting=accounting), servers=(SimulatedRadius(reply=charging),))
    rim.up()
    row = shown(rim)
    assert row["nas_port_id"] == f"lns1:{row['tunnel']}:{row['call']}"
    assert row["chargeable_user_identity"] == "cui-7"


@pytest.mark.parametrize("asked", [False, True])
def test_who_is_challenged_again_is_named_by_its_chargeable_user_identity(asked: bool) -> None:
    settings = replace(
        radius(chargeable_user_identity=asked), auth=AuthConfig(methods=("chap",), rechallenge_interval_s=40.0)
    )
    rim = Rim(settings, servers=(SimulatedRadius(reply=charging),))
    rim.up()
    rim.run(50.0)
    first, second, *_ = rim.requests(Kind.AUTH)
    assert (first.attributes.get(CUI), second.attributes.get(CUI)) == ((b"\0", b"cui-7") if asked else (None, None))
    assert first.attributes[SESSION] == second.attributes[SESSION]


def test_who_had_to_wait_for_its_address_is_charged_once() -> None:
    def fixed(attributes: dict[int, bytes]) -> tuple[int, bytes]:
        return 2, option(CUI, b"cui-7") + option(8, bytes((10, 64, 0, 9)))

    rim = Rim(config(), servers=(SimulatedRadius(reply=fixed),))
    rim.up("user1")
    rim.lac(address="198.18.0.9", hostname="lac9").dial("user2", "pass")
    rim.run(10.0)
    start = next(one for one in rim.requests(Kind.ACCT) if one.attributes.get(1) == b"user2")
    assert start.data.count(option(CUI, b"cui-7")) == 1


@pytest.mark.parametrize(("kind", "vendor"), [("bras", 32473), ("erx", 4874), ("off", None)])
def test_ipv6_counters(kind: str, vendor: int | None) -> None:
    rim = Rim(radius(ipv6_counters=kind))
    lac, client = rim.up()
    rim.plane.feed(rim.entry.slot, Counters(1000, 10, 2000, 20, 300, 3, 400, 4))
    lac.hang_up(client)
    rim.run(3.0)
    stop = rim.requests(Kind.ACCT)[-1]
    assert int.from_bytes(stop.attributes[42], "big") == 1300, "both families"
    told = {name: values[0] for name, values in read_vendors(stop.data).items() if "IPv6" in name}
    assert set(told.values()) >= ({300, 3, 400, 4} if vendor else set())
    assert {name.partition("-")[0].lower() for name in told} == ({kind} if vendor else set())
