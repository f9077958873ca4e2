"""Who owns which id, and that a free one is found when there is one."""

from __future__ import annotations

from bras.ids import (
    MAX_CALLS,
    MAX_TUNNELS,
    accounting_id,
    call_key,
    epoch_of,
    new_session_id,
    new_tunnel_id,
    number_of,
    origin_of,
    session_of,
    session_origin,
    tunnel_of,
    worker_of,
)


def entropy_of(*values: int):
    octets = iter(values)
    return lambda count: next(octets).to_bytes(count, "big")


def test_a_call_key_holds_both_ids():
    key = call_key(0xABCD, 0x1234)
    assert key == 0xABCD1234
    assert (tunnel_of(key), session_of(key)) == (0xABCD, 0x1234)


def test_a_tunnel_id_tells_its_worker():
    assert new_tunnel_id(0, (), entropy_of(0x0123)) == 0x0123
    assert new_tunnel_id(15, (), entropy_of(0x0123)) == 0xF123
    assert worker_of(0xF123) == 15
    assert worker_of(0x0FFF) == 0


def test_the_upper_bits_of_the_dice_do_not_choose_the_worker():
    assert new_tunnel_id(2, (), entropy_of(0xF123)) == 0x2123


def test_zero_is_never_given():
    """RFC 2661 section 5.3: a tunnel id of 0 means that none is assigned yet."""
    assert new_tunnel_id(0, (), entropy_of(0)) == 1
    assert new_tunnel_id(3, (), entropy_of(0)) == 0x3001
    assert new_session_id((), entropy_of(0)) == 1


def test_taken_ids_are_stepped_over_and_the_space_wraps_round():
    assert new_tunnel_id(1, {0x1FFF}, entropy_of(0x0FFF)) == 0x1001
    assert new_session_id({0xFFFF, 1}, entropy_of(0xFFFF)) == 2


def test_none_when_all_are_taken_and_the_last_one_is_found():
    tunnels = set(range(0x4001, 0x5000))
    assert len(tunnels) == MAX_TUNNELS
    assert new_tunnel_id(4, tunnels, entropy_of(7)) is None
    assert new_tunnel_id(4, tunnels - {0x4006}, entropy_of(7)) == 0x4006
    sessions = set(range(1, MAX_CALLS + 1))
    assert new_session_id(sessions, entropy_of(7)) is None
    assert new_session_id(sessions - {6}, entropy_of(7)) == 6


def test_a_session_id_says_node_worker_start_and_number():
    made = accounting_id(session_origin(0xABC, 5, 0x68E00001), 0x1234)
    assert made == "ABC568E0000100001234"
    assert (epoch_of(made), number_of(made)) == (0x68E00001, 0x1234)


def test_session_ids_differ_if_anything_does():
    origins = [(node, worker, epoch) for node in (0, 1, 4095) for worker in (0, 15) for epoch in (1, 2, 0xFFFFFFFF)]
    made = {accounting_id(session_origin(*one), number) for one in origins for number in (1, 2, 0xFFFFFFFF)}
    assert len(made) == len(origins) * 3
    assert {len(one) for one in made} == {20}, "an attribute of 32 octets at most is what some servers' tables hold"


def test_ids_of_earlier_versions_are_read():
    assert (epoch_of("68E0000100001234"), number_of("68E0000100001234")) == (0x68E00001, 0x1234)


def test_what_is_no_session_id():
    for text in ("", "alice", "x" * 20, "0000", "ABC568E0000100001234F"):
        assert number_of(text) is None


def test_ids_of_one_start_share_what_they_have_in_common() -> None:
    first, second = (accounting_id(session_origin(5, 2, 0x6A000000), number) for number in (1, 2))
    assert origin_of(first) is origin_of(second)
    assert accounting_id(origin_of(first), 1) == first
    assert origin_of("6A00000000000001") == "6A000000"
