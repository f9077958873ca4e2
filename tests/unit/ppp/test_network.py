"""IPCP from the first request to an address, and what can go wrong."""

from __future__ import annotations

import pytest

from bras.errors import DropReason
from bras.ppp import packet
from bras.ppp.constants import IPCP, IPV6CP
from bras.ppp.events import AddressWanted, Dropped, NetworkDown, NetworkEvent, NetworkUp, SendPacket
from bras.ppp.network import Network, NetworkConfig, NetworkState

LOCAL = 0x0AFFFFFF
ADDRESS = 0x0A400001
CONFIG = NetworkConfig(local_address=LOCAL, dns=(0x01010101,))
OURS = bytes.fromhex("03060affffff")
RIGHT = bytes.fromhex("03060a400001")
WISH = bytes.fromhex("03060a400009")


def opening(config: NetworkConfig = CONFIG) -> Network:
    network = Network(config, ADDRESS)
    assert network.state is NetworkState.DOWN
    assert network.open(now=0.0) == [SendPacket(IPCP, packet.build(1, 1, OURS))]
    assert network.state is NetworkState.NEGOTIATING
    return network


def take(network: Network, code: int, identifier: int, data: bytes = b"", now: float = 0.0) -> list[NetworkEvent]:
    return network.receive(IPCP, packet.build(code, identifier, data), now=now)


def opened(config: NetworkConfig = CONFIG) -> Network:
    network = opening(config)
    assert take(network, 2, 1, OURS) == []
    assert take(network, 1, 5, RIGHT)[-1] == NetworkUp(LOCAL, ADDRESS)
    assert network.state is NetworkState.OPEN
    assert network.deadline is None
    return network


def test_the_client_is_told_its_address() -> None:
    network = opening()
    assert take(network, 1, 4, bytes.fromhex("030600000000")) == [SendPacket(IPCP, packet.build(3, 4, RIGHT))]
    opened()


def test_what_is_no_ipcp_is_dropped() -> None:
    network = opening()
    assert network.receive(IPV6CP, packet.build(1, 1), now=0.0) == [Dropped(DropReason.UNKNOWN_PROTOCOL)]
    assert network.receive(IPCP, b"\1", now=0.0) == [Dropped(DropReason.BAD_PACKET)]
    assert take(network, 1, 1, b"\3") == [Dropped(DropReason.BAD_OPTION)]
    assert take(Network(CONFIG, ADDRESS), 1, 1) == [Dropped(DropReason.NOT_OPEN)]


def test_lcps_own_codes_are_unknown_to_ipcp() -> None:
    (event,) = take(opened(), 9, 1, bytes(4))
    assert event == SendPacket(IPCP, packet.build(7, 1, packet.build(9, 1, bytes(4))))


@pytest.mark.parametrize("granted", [ADDRESS, 0x0A400009])
def test_a_wish_waits_for_the_owner_and_is_told_once(granted: int) -> None:
    network = opening(NetworkConfig(local_address=LOCAL, accept_client=True))
    assert take(network, 1, 4, WISH) == [AddressWanted(0x0A400009)]
    assert take(network, 1, 5, WISH, now=1.0) == []  # it asks again: the latest is answered
    (answer,) = network.assign(granted, now=2.0)
    expected = packet.build(2, 5, WISH) if granted != ADDRESS else packet.build(3, 5, RIGHT)
    assert answer == SendPacket(IPCP, expected)
    assert network.address == granted
    assert network.assign(granted, now=3.0) == []


def test_a_wish_that_is_withdrawn_is_not_answered() -> None:
    network = opening(NetworkConfig(local_address=LOCAL, accept_client=True))
    take(network, 1, 4, WISH)
    assert take(network, 1, 5, RIGHT) == [SendPacket(IPCP, packet.build(2, 5, RIGHT))]
    assert network.assign(ADDRESS, now=0.0) == []


def test_a_wish_ends_with_the_link_below() -> None:
    network = opening(NetworkConfig(local_address=LOCAL, accept_client=True))
    take(network, 1, 4, WISH)
    network.lower_down(now=0.0)
    assert network.assign(0x0A400009, now=0.0) == []
    network.open(now=1.0)
    assert take(network, 1, 1, WISH, now=1.0) == [SendPacket(IPCP, packet.build(2, 1, WISH))]


def test_silence_is_final() -> None:
    network = opening()
    events: list[NetworkEvent] = []
    while network.deadline is not None:
        events = network.handle_timeout(now=network.deadline)
    assert events == [NetworkDown(final=True, text="IPCP found no agreement")]
    assert network.state is NetworkState.ENDED


def test_a_client_that_never_agrees_is_told_goodbye() -> None:
    network = opening(NetworkConfig(local_address=LOCAL, client=False))
    for identifier in range(1, 21):
        take(network, 3, identifier, bytes.fromhex("030600000000"))
    (event,) = take(network, 3, 21, b"")
    assert event == SendPacket(IPCP, packet.build(5, 22, b"no agreement on options"))
    assert take(network, 6, 22) == [NetworkDown(final=True, text="no agreement on options")]


def test_a_request_while_open_is_not_final() -> None:
    network = opened()
    events = take(network, 1, 9, RIGHT)
    assert events[0] == NetworkDown(final=False)
    assert isinstance(events[1], SendPacket)
    assert take(network, 2, events[1].packet[1], OURS) == [NetworkUp(LOCAL, ADDRESS)]


def test_a_terminate_request_is_final_after_a_pause() -> None:
    network = opened()
    assert take(network, 5, 9, b"bye") == [NetworkDown(final=False), SendPacket(IPCP, packet.build(6, 9))]
    assert network.handle_timeout(now=1.0) == [NetworkDown(final=True, text="the peer closed IPCP bye")]


def test_closing_waits_for_the_ack() -> None:
    network = opened()
    assert network.close(b"bye", now=0.0) == [
        NetworkDown(final=False),
        SendPacket(IPCP, packet.build(5, 2, b"bye")),
    ]
    assert take(network, 6, 2) == [NetworkDown(final=True, text="bye")]


def test_a_peer_without_ipcp_is_final() -> None:
    network = opened()
    assert network.reject(IPV6CP, now=0.0) == []
    assert network.reject(IPCP, now=0.0) == [NetworkDown(final=True, text="the peer rejects IPCP")]
    assert network.reject(IPCP, now=0.0) == []
    assert network.deadline is None


def test_the_link_below_goes_and_comes() -> None:
    network = opened()
    assert network.lower_down(now=0.0) == [NetworkDown(final=False)]
    assert network.state is NetworkState.DOWN
    (request,) = network.open(now=1.0)
    assert request == SendPacket(IPCP, packet.build(1, 2, OURS))


def test_a_client_gets_address_and_name_servers() -> None:
    network = Network(NetworkConfig(client=True, wants_dns=True), 0)
    network.open(now=0.0)
    take(network, 3, 1, RIGHT + bytes.fromhex("810601010101830602020202"))
    take(network, 2, 2, RIGHT + bytes.fromhex("810601010101830602020202"))
    assert network.address == ADDRESS
    assert take(network, 1, 1, OURS)[-1] == NetworkUp(ADDRESS, LOCAL, (0x01010101, 0x02020202))


def test_saved_and_restored_it_is_the_same() -> None:
    config = NetworkConfig(local_address=LOCAL, accept_client=True)
    held = opening(config)
    take(held, 1, 4, WISH)
    for network in (Network(config, ADDRESS), opening(config), held, opened(config)):
        twin = Network.restore(network.save(), config)
        assert twin.save() == network.save()
        assert (twin.state, twin.deadline, twin.address) == (network.state, network.deadline, network.address)
        assert twin.assign(ADDRESS, now=1.0) == network.assign(ADDRESS, now=1.0)
