"""Half-open tunnels: their bounds, and what is sent to them."""

from __future__ import annotations

from bras.l2tp.lobby import ALLOWANCE_OCTETS, TIME_S, Lobby
from bras.plain import decode, encode


def fill(lobby: Lobby, count: int, now: float = 0.0, source: str = "", known: bool = False) -> None:
    for number in range(count):
        tunnel_id = len(lobby.visitors) + 1
        lobby.enter(tunnel_id, source or f"203.0.113.{number}", "g", 100, known=known, now=now)


def test_at_the_bound_the_oldest_stranger_goes_when_it_has_had_its_time() -> None:
    lobby = Lobby(4, 4)
    fill(lobby, 1, known=True)
    fill(lobby, 3)
    assert lobby.is_full("198.18.0.2")
    assert lobby.in_the_way("198.18.0.2", now=TIME_S - 0.1) is None
    assert lobby.in_the_way("198.18.0.2", now=TIME_S) == 2, "1 is known"
    lobby.leave(2, proven=False)
    assert not lobby.is_full("198.18.0.2")


def test_one_source_pushes_out_only_its_own() -> None:
    lobby = Lobby(100, 2)
    fill(lobby, 1, source="198.18.0.2")
    fill(lobby, 2, source="203.0.113.9")
    assert lobby.is_full("203.0.113.9")
    assert not lobby.is_full("198.18.0.2")
    assert lobby.in_the_way("203.0.113.9", now=TIME_S) == 2


def test_full_of_known_ones_the_oldest_of_them_goes() -> None:
    lobby = Lobby(2, 2)
    fill(lobby, 2, known=True)
    assert lobby.in_the_way("198.18.0.2", now=TIME_S) == 1


def test_a_stranger_of_a_group() -> None:
    lobby = Lobby(10, 10)
    fill(lobby, 2)
    assert lobby.oldest_stranger("g", now=TIME_S) == 1
    assert lobby.oldest_stranger("other", now=TIME_S) is None


def test_more_than_came_is_sent_only_from_the_allowance() -> None:
    lobby = Lobby(10, 10)
    fill(lobby, 2)
    assert lobby.may_send(1, 100, now=0.0)
    assert lobby.may_send(1, ALLOWANCE_OCTETS, now=0.0)
    assert not lobby.may_send(1, 1, now=0.0)
    assert lobby.may_send(2, 100, now=0.0), "what came may always be answered"
    assert not lobby.may_send(2, 101, now=0.0)
    lobby.heard(2, 101)
    assert lobby.may_send(2, 101, now=0.0)


def test_what_a_tunnel_had_comes_back_when_it_is_proven_and_else_by_and_by() -> None:
    lobby = Lobby(10, 10)
    fill(lobby, 3)
    assert lobby.may_send(1, 100 + ALLOWANCE_OCTETS // 2, now=0.0)
    assert lobby.may_send(2, 100 + ALLOWANCE_OCTETS // 2, now=0.0)
    lobby.leave(2, proven=False)
    assert not lobby.may_send(3, 101, now=0.0)
    lobby.leave(1, proven=True)
    assert lobby.may_send(3, 100 + ALLOWANCE_OCTETS // 2, now=0.0)
    assert not lobby.may_send(3, ALLOWANCE_OCTETS // 2, now=29.0)
    assert lobby.may_send(3, ALLOWANCE_OCTETS // 2, now=31.0)


def test_ids_that_are_tried_are_remembered_of_those_that_wait() -> None:
    lobby = Lobby(10, 10)
    lobby.strayed("203.0.113.0")
    assert not lobby.guesses("203.0.113.0")
    fill(lobby, 1)
    lobby.strayed("203.0.113.0")
    lobby.strayed("203.0.113.7")
    assert lobby.guesses("203.0.113.0")
    assert not lobby.guesses("203.0.113.7")
    lobby.leave(1, proven=False)
    assert not lobby.guesses("203.0.113.0")


def test_it_goes_on_as_it_was_saved() -> None:
    lobby = Lobby(10, 3)
    fill(lobby, 3, source="198.18.0.2")
    lobby.may_send(1, 150, now=1.0)
    lobby.strayed("198.18.0.2")
    again = Lobby(10, 3)
    again.resume(decode(encode(lobby.save())))
    assert again.save() == lobby.save()
    assert again.is_full("198.18.0.2")
    again.leave(1, proven=True)
    assert not again.is_full("198.18.0.2")
