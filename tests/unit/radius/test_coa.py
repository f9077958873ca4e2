"""The server of dynamic authorisation by itself: clients, tickets, repeats, state."""

from __future__ import annotations

from typing import Any

import pytest

from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.listen import Listen
from bras.errors import DropReason
from bras.plain import decode, encode
from bras.radius.coa import MOST_ADDRESSES, Clients, CoaServer
from bras.radius.coa_events import CoaAnswered, CoaAsked, CoaDropped, CoaRepeated, Event, Origin, SendCoaReply
from bras.radius.dynauth import COA_ACK, COA_REQUEST, Asked, ErrorCause
from bras.secret import Secret
from tests.support.dynauth import dynamic_request
from tests.support.radius import SECRET, attribute, attributes_of

WALL = 1_760_000_000.0
ORIGIN = Origin(0, "192.0.2.1", "198.51.100.7", 40000)
SESSION = attribute(44, b"s")


def client(name: str, *prefixes: str, secret: bytes = SECRET, **keys: str) -> CoaClientConfig:
    return CoaClientConfig(prefixes, (Secret(b"unused"), Secret(secret)), name, **keys)


def config(*clients: CoaClientConfig, window_s: float = 300.0) -> CoaConfig:
    return CoaConfig((Listen("192.0.2.1", 3799),), clients or (client("aaa", "198.51.100.0/24"),), window_s)


def receive(server: CoaServer, data: bytes, *, origin: Origin = ORIGIN, now: float = 100.0) -> list[Event]:
    return server.receive(origin, data, wall_s=WALL + now, now=now)


def asked(server: CoaServer, data: bytes, *, now: float = 100.0) -> CoaAsked:
    (event,) = receive(server, data, now=now)
    assert isinstance(event, CoaAsked)
    return event


def test_the_longest_prefix_is_the_client() -> None:
    net = client("net", "192.0.2.0/24", "2001:db8::/32")
    clients = Clients(config(client("all", "0.0.0.0/0", "::/0"), client("one", "192.0.2.7/32"), net))
    found = [clients.at(address) for address in ("192.0.2.7", "192.0.2.8", "10.0.0.1", "2001:db8::1", "fe80::1")]
    assert [one.config.name for one in found if one] == ["one", "net", "all", "net", "all"]
    for number in range(MOST_ADDRESSES + 5):
        clients.at(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(clients._found) <= MOST_ADDRESSES


def test_a_request_is_told_once_and_answered_to_its_last_copy() -> None:
    server = CoaServer(config())
    data = dynamic_request(COA_REQUEST, SESSION, identifier=5)
    event = asked(server, data)
    assert (event.request.client, event.request.asked, event.request.session) == ("aaa", Asked.CHANGE, ((44, b"s"),))
    later = ORIGIN._replace(remote_port=40001)
    assert receive(server, data, origin=later) == [CoaRepeated("aaa", False)]
    reply, told = server.answer(event.ticket, None, sessions=tuple(f"s{n}" for n in range(20)), user="u", now=102.5)
    assert isinstance(reply, SendCoaReply)
    assert (reply.origin, reply.data[:2]) == (later, bytes((COA_ACK, 5)))
    assert told == CoaAnswered("aaa", Asked.CHANGE, None, 2.5, tuple(f"s{n}" for n in range(8)), 20, "u", "")
    assert receive(server, data) == [SendCoaReply(ORIGIN, reply.data), CoaRepeated("aaa", True)]
    assert server.answer(event.ticket, None, now=103.0) == [], "there is one answer"


def test_strangers_and_forgeries_are_dropped_and_counted() -> None:
    server = CoaServer(config())
    stranger = ORIGIN._replace(remote="203.0.113.1")
    data = dynamic_request(COA_REQUEST, SESSION)
    assert receive(server, data, origin=stranger) == [CoaDropped("", "203.0.113.1", DropReason.RADIUS_UNKNOWN_CLIENT)]
    forged = dynamic_request(COA_REQUEST, SESSION, secret=b"guessed")
    assert receive(server, forged) == [CoaDropped("aaa", "198.51.100.7", DropReason.RADIUS_BAD_AUTHENTICATOR)]
    (row,) = server.rows()
    assert row == {
        "client": "aaa",
        "address": ["198.51.100.0/24"],
        "ack": 0,
        "nak": 0,
        "repeated": 0,
        "dropped": 1,
        "pending": 0,
    }


def test_who_came_by_a_transport_that_knows_it_is_found_by_name() -> None:
    server = CoaServer(config())
    origin = Origin(-1, "192.0.2.1", "203.0.113.1", 2083, "aaa")
    (event,) = receive(server, dynamic_request(COA_REQUEST, SESSION), origin=origin)
    assert isinstance(event, CoaAsked)
    (dropped,) = receive(server, dynamic_request(COA_REQUEST, SESSION), origin=origin._replace(client="who"))
    assert isinstance(dropped, CoaDropped)


def test_a_request_is_remembered_as_long_as_its_time_would_pass() -> None:
    server = CoaServer(config(window_s=60.0))
    early = dynamic_request(COA_REQUEST, SESSION + attribute(55, int(WALL) + 150))
    ticket = asked(server, early).ticket
    server.answer(ticket, None, now=100.0)
    for now in (160.0, 209.0):
        assert isinstance(receive(server, early, now=now)[-1], CoaRepeated)
    assert receive(server, early, now=211.0) == [CoaDropped("aaa", "198.51.100.7", DropReason.RADIUS_STALE)]
    timeless = dynamic_request(COA_REQUEST, SESSION)
    first = asked(server, timeless).ticket
    server.answer(first, None, now=100.0)
    assert isinstance(receive(server, timeless, now=160.0)[-1], CoaRepeated)
    assert asked(server, timeless, now=162.0).ticket != first


@pytest.mark.parametrize("back_s", [30.0, 59.0])
def test_a_clock_that_is_set_back_makes_no_recorded_request_young_again(back_s: float) -> None:
    server = CoaServer(config(window_s=60.0))
    early = dynamic_request(COA_REQUEST, SESSION + attribute(55, int(WALL) + 100))
    late = dynamic_request(COA_REQUEST, SESSION + attribute(55, int(WALL) + 220), identifier=2)
    server.answer(asked(server, early, now=100.0).ticket, None, now=100.0)
    server.answer(asked(server, late, now=220.0).ticket, None, now=220.0)
    again = CoaServer.restore(decode(encode(server.save())), config(window_s=60.0))
    origin = Origin(0, "192.0.2.1", "198.51.100.7", 40000)

    def set_back(data: bytes, now: float) -> list[Any]:
        return again.receive(origin, data, wall_s=WALL + now - back_s, now=now)

    assert set_back(early, 221.0)[0].reason is DropReason.RADIUS_STALE
    for now in (222.0, 280.0 + back_s):
        assert isinstance(set_back(late, now)[-1], CoaRepeated)
    assert set_back(late, 282.0 + back_s)[0].reason is DropReason.RADIUS_STALE
    honest = dynamic_request(COA_REQUEST, SESSION + attribute(55, int(WALL + 300.0 - back_s)), identifier=3)
    assert isinstance(set_back(honest, 300.0)[0], CoaAsked)


def test_a_clock_that_was_wrong_by_more_than_the_window_keeps_nobody_out() -> None:
    server = CoaServer(config(window_s=60.0))
    asked(server, dynamic_request(COA_REQUEST, SESSION + attribute(55, int(WALL) + 9000)), now=9000.0)
    origin = Origin(0, "192.0.2.1", "198.51.100.7", 40000)
    honest = dynamic_request(COA_REQUEST, SESSION + attribute(55, int(WALL) + 100), identifier=2)
    assert isinstance(server.receive(origin, honest, wall_s=WALL + 101.0, now=9001.0)[0], CoaAsked)


def test_it_goes_on_from_plain_data() -> None:
    server = CoaServer(config())
    done, pending = (dynamic_request(COA_REQUEST, SESSION, identifier=number) for number in (1, 2))
    server.answer(asked(server, done).ticket, ErrorCause.MISSING_ATTRIBUTE, now=100.0)
    ticket = asked(server, pending).ticket
    again = CoaServer.restore(decode(encode(server.save())), config())
    assert again.save() == server.save()
    assert again.rows() == server.rows()
    assert again.answer(ticket, None, now=101.0) == server.answer(ticket, None, now=101.0)
    assert receive(again, done) == receive(server, done)
    saved = CoaServer.restore(server.save(), config()).save()
    other = CoaServer.restore(saved, config(client("bbb", "::/0")))
    assert other.answer(ticket, None, now=101.0) == []


def test_another_configuration_answers_what_is_pending_with_the_secret_of_before() -> None:
    server, plain = CoaServer(config()), CoaServer(config())
    data = dynamic_request(COA_REQUEST, SESSION)
    tickets = [asked(one, data).ticket for one in (server, plain)]
    server.follow(config(client("aaa", "198.51.100.0/24", secret=b"another")))
    assert server.answer(tickets[0], None, now=101.0) == plain.answer(tickets[1], None, now=101.0)
    assert receive(server, dynamic_request(COA_REQUEST, SESSION, identifier=2)) == [
        CoaDropped("aaa", "198.51.100.7", DropReason.RADIUS_BAD_AUTHENTICATOR)
    ]
    asked(server, dynamic_request(COA_REQUEST, SESSION, identifier=2, secret=b"another"))
    assert server.save()["pending"] != []
    server.follow(config(client("bbb", "::/0")))
    assert server.save()["pending"] == []


@pytest.mark.parametrize("secret", [SECRET, b"another"])
def test_what_is_pending_goes_on_from_plain_data_under_another_configuration_too(secret: bytes) -> None:
    server = CoaServer(config())
    data = dynamic_request(COA_REQUEST, SESSION)
    ticket = asked(server, data).ticket
    after = config(client("aaa", "198.51.100.0/24", secret=secret), window_s=60.0)
    server.follow(after)
    saved = encode(server.save())
    assert SECRET not in saved
    again = CoaServer.restore(decode(saved), after)
    assert again.save() == server.save()
    answered = again.answer(ticket, None, now=101.0)
    assert answered
    assert answered == server.answer(ticket, None, now=101.0)


def test_a_request_of_which_the_ticket_is_lost_is_a_new_one() -> None:
    server = CoaServer(config())
    data = dynamic_request(COA_REQUEST, SESSION)
    first = asked(server, data).ticket
    between = CoaServer.restore(server.save(), config(client("bbb", "::/0")))
    again = CoaServer.restore(between.save(), config())
    assert asked(again, data).ticket != first


def test_a_state_comes_back_with_the_answer() -> None:
    """RFC 5176 section 3.3; a Disconnect-Request has none."""
    server = CoaServer(config())
    ticket = asked(server, dynamic_request(COA_REQUEST, SESSION + attribute(24, b"state"))).ticket
    reply = server.answer(ticket, ErrorCause.MISSING_ATTRIBUTE, now=101.0)[0]
    assert isinstance(reply, SendCoaReply)
    assert (24, b"state") in attributes_of(reply.data)
