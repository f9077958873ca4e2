"""IPCP's options, judged and asked for (RFC 1332 section 3, RFC 1877 section 1)."""

from __future__ import annotations

import pytest

from bras.ppp import option, packet
from bras.ppp.ipcp import Ipcp
from bras.ppp.negotiation import HELD
from bras.ppp.network import NetworkConfig
from tests.vectors import ppp_frames

SERVER = NetworkConfig(local_address=0x0AFFFFFF, dns=(0x01010101,), nbns=(0x02020202, 0x03030303))
CLIENT = NetworkConfig(client=True, wants_dns=True)
ADDRESS = 0x0A400001


def judge(ipcp: Ipcp, octets: str, may_nak: bool = True) -> tuple[int, str]:
    code, answer = ipcp.judge(option.parse(bytes.fromhex(octets)), may_nak)
    return code, answer.hex()


@pytest.mark.parametrize(
    ("octets", "code", "answer"),
    [
        ("03060a400001", 2, ""),
        ("030600000000", 3, "03060a400001"),
        ("03060a400002", 3, "03060a400001"),
        ("03040a40", 3, "03060a400001"),
        ("", 3, "03060a400001"),  # RFC 1332 section 3.3: told what to ask for
        ("03060a400001" + "810600000000", 3, "810601010101"),
        ("03060a400001" + "810609090909", 3, "810601010101"),
        ("03060a400001" + "810601010101", 2, ""),
        ("03060a400001" + "830600000000", 4, "830600000000"),  # no second name server
        ("03060a400001" + "820600000000" + "840600000000", 3, "820602020202" + "840603030303"),
        ("0206002d0f01" + "030600000000", 4, "0206002d0f01"),
        ("010a0a4000010affffff", 4, "010a0a4000010affffff"),
        ("850600000000", 4, "850600000000"),
        ("800600000000", 4, "800600000000"),
    ],
)
def test_a_server_judges_each_option(octets: str, code: int, answer: str) -> None:
    assert judge(Ipcp(SERVER, ADDRESS), octets) == (code, answer)


def test_name_servers_that_we_have_not_are_rejected() -> None:
    bare = NetworkConfig(local_address=1)
    wish = "810600000000" + "820600000000" + "830600000000" + "840600000000"
    assert judge(Ipcp(bare, ADDRESS), "03060a400001" + wish) == (4, wish)


def test_without_naks_left_the_clients_options_are_rejected_and_nothing_is_added() -> None:
    assert judge(Ipcp(SERVER, ADDRESS), "030600000000", may_nak=False) == (4, "030600000000")
    assert judge(Ipcp(SERVER, ADDRESS), "", may_nak=False) == (2, "")


@pytest.mark.parametrize(
    ("frame", "code", "answer"),
    [
        (ppp_frames.PPPD_IPCP_REQUEST, 4, ppp_frames.PPPD_IPCP_REJECT[4:] + bytes.fromhex("830600000000")),
        (ppp_frames.ROUTEROS_IPCP_REQUEST, 3, bytes.fromhex("03060a400001")),
        (ppp_frames.WINDOWS_IPCP_REQUEST, 4, bytes.fromhex("830600000000")),
    ],
)
def test_real_clients(frame: bytes, code: int, answer: bytes) -> None:
    _, _, data = packet.parse(frame, 4 if frame.startswith(b"\xff") else 2)
    assert Ipcp(SERVER, ADDRESS).judge(option.parse(data), True) == (code, answer)


def test_a_wish_is_held_until_it_is_decided() -> None:
    ipcp = Ipcp(NetworkConfig(local_address=1, accept_client=True), ADDRESS)
    assert judge(ipcp, "030600000000")[0] == 3
    assert judge(ipcp, "03060a400001")[0] == 2
    assert judge(ipcp, "03060a4000070206002d0f01")[0] == 4
    assert ipcp.wanted == bytes(4)  # a request that is rejected anyway asks nobody
    assert judge(ipcp, "03060a400007")[0] == HELD
    assert ipcp.wanted.hex() == "0a400007"
    ipcp.decided = True
    assert judge(ipcp, "03060a400007") == (3, "03060a400001")


def test_a_server_tells_its_address_and_keeps_it() -> None:
    ipcp = Ipcp(SERVER, ADDRESS)
    for _ in range(3):
        assert ipcp.request().hex() == "03060affffff"
        assert ipcp.naked([(3, bytes(4)), (3, b"short")])
    assert ipcp.request() == b""  # it will not hear: RFC 1332 does not need it
    ipcp.restart()
    assert ipcp.request().hex() == "03060affffff"
    assert ipcp.rejected([(3, b""), (3, b"")])
    assert ipcp.request() == b""


def test_a_client_takes_what_it_is_told() -> None:
    ipcp = Ipcp(CLIENT, 0)
    assert ipcp.request().hex() == "030600000000" + "810600000000" + "830600000000"
    assert ipcp.naked([(3, bytes.fromhex("0a400001")), (0x83, bytes(3) + b"\2"), (0x81, bytes(3) + b"\1")])
    assert ipcp.request().hex() == "03060a400001" + "810600000001" + "830600000002"
    assert ipcp.dns == (1, 2)
    assert ipcp.rejected([(0x83, b"")])
    assert ipcp.request().hex() == "03060a400001" + "810600000001"


def test_a_client_cannot_do_without_an_address() -> None:
    assert not Ipcp(CLIENT, 0).rejected([(3, bytes(4))])


def test_a_client_learns_the_servers_end() -> None:
    ipcp = Ipcp(CLIENT, 0)
    assert judge(ipcp, "030600000000") == (4, "030600000000")
    assert judge(ipcp, "810600000000") == (4, "810600000000")
    assert judge(ipcp, "03060affffff") == (2, "")
    assert ipcp.peer.hex() == "0affffff"
    assert judge(ipcp, "") == (2, "")


@pytest.mark.parametrize("config", [SERVER, CLIENT])
def test_saved_and_restored_it_is_the_same(config: NetworkConfig) -> None:
    ipcp = Ipcp(config, ADDRESS)
    ipcp.naked([(3, b"abcd"), (0x81, b"efgh")])
    ipcp.rejected([(0x83, b"")])
    twin = Ipcp.restore(ipcp.save(), config)
    assert twin.save() == ipcp.save()
    assert twin.request() == ipcp.request()
