"""Tunnel authentication (RFC 2661 section 5.1.1)."""

from __future__ import annotations

import pytest

from bras.l2tp.challenge import Authentication, response
from bras.l2tp.constants import MessageType
from bras.secret import Secret
from tests.vectors.l2tp_hidden import CHALLENGE, RESPONSE_IN_SCCCN, RESPONSE_IN_SCCRP, SECRET


def entropy(count: int) -> bytes:
    return CHALLENGE[:count]


def test_the_vectors() -> None:
    assert response(MessageType.SCCRP, Secret(SECRET), CHALLENGE) == RESPONSE_IN_SCCRP
    assert response(MessageType.SCCCN, Secret(SECRET), CHALLENGE) == RESPONSE_IN_SCCCN


def test_without_a_secret_nothing_is_asked_and_anything_accepted() -> None:
    authentication = Authentication((), entropy)
    assert authentication.challenge_avp() == b""
    assert authentication.accepts(MessageType.SCCCN, b"")
    assert authentication.accepts(MessageType.SCCCN, bytes(16))


def test_the_right_answer_alone_is_accepted() -> None:
    authentication = Authentication((Secret(SECRET),), entropy)
    assert authentication.challenge_avp()[6:] == CHALLENGE
    assert not authentication.accepts(MessageType.SCCCN, b"")
    assert not authentication.accepts(MessageType.SCCCN, RESPONSE_IN_SCCRP)
    assert authentication.accepts(MessageType.SCCCN, RESPONSE_IN_SCCCN)


def test_any_secret_is_accepted_and_the_proven_one_used_from_then_on() -> None:
    new, old = Secret(b"new"), Secret(SECRET)
    authentication = Authentication((new, old), entropy)
    assert authentication.answer_avp(2, CHALLENGE)[6:] == response(2, new, CHALLENGE)
    assert authentication.accepts(MessageType.SCCCN, RESPONSE_IN_SCCCN)
    assert authentication.ordered[0] is old
    assert authentication.answer_avp(2, CHALLENGE)[6:] == RESPONSE_IN_SCCRP


def test_no_challenge_no_answer() -> None:
    assert Authentication((Secret(b"s"),), entropy).answer_avp(2, None) == b""


@pytest.mark.parametrize(
    ("configured", "number"),
    [
        ((b"new", SECRET), 1),
        ((SECRET, b"new"), 0),
        ((SECRET,), 0),
        ((b"newer", b"new", SECRET), 2),
        ((b"newer", b"new"), None),
        ((), None),
    ],
)
def test_the_proof_tells_which_of_other_secrets_the_peer_knows(configured: tuple[bytes, ...], number: int) -> None:
    before = Authentication((Secret(b"older"), Secret(SECRET)), entropy)
    assert before.accepts(MessageType.SCCCN, RESPONSE_IN_SCCCN)
    after = Authentication(tuple(map(Secret, configured)), bytes)
    after.resume(MessageType.SCCCN, before.save())
    assert after.number == number
    assert after.secret == (None if number is None else Secret(SECRET))
    assert after.save() == (CHALLENGE, RESPONSE_IN_SCCCN, number)


def test_who_was_asked_for_no_proof_is_not_thought_to_know_a_secret() -> None:
    after = Authentication((Secret(SECRET),), entropy)
    after.resume(MessageType.SCCCN, Authentication((), entropy).save())
    assert after.secret is None


@pytest.mark.parametrize(("configured", "number"), [((b"a", b"b"), 1), ((b"a",), 0)])
def test_who_has_not_yet_proven_any_is_thought_to_know_the_same(configured: tuple[bytes, ...], number: int) -> None:
    before = Authentication((Secret(b"a"), Secret(b"b")), entropy)
    before.number = 1
    after = Authentication(tuple(map(Secret, configured)), bytes)
    after.resume(MessageType.SCCCN, before.save())
    assert (after.challenge, after.number) == (CHALLENGE, number)


def test_no_secret_is_in_what_is_saved() -> None:
    authentication = Authentication((Secret(SECRET),), entropy)
    assert authentication.accepts(MessageType.SCCCN, RESPONSE_IN_SCCCN)
    assert SECRET not in b"".join(part for part in authentication.save() if isinstance(part, bytes))


def test_other_secrets_while_a_tunnel_is_up() -> None:
    one, two = Secret(b"one"), Secret(b"two")
    authentication = Authentication((one,), entropy)
    assert authentication.accepts(MessageType.SCCCN, response(MessageType.SCCCN, one, CHALLENGE))
    authentication.follow((two, one))
    assert (authentication.number, authentication.secret) == (1, one)
    assert authentication.knows((two, one))
    authentication.follow((two,))
    assert authentication.secret == one, "the peer hides its AVPs with what it has proven"
    assert not authentication.knows((two,))
    authentication.follow((two, one))
    assert authentication.knows((two, one))


def test_who_was_asked_for_nothing_may_know_any_secret_that_comes() -> None:
    authentication = Authentication((), entropy)
    authentication.follow((Secret(b"one"),))
    assert authentication.secret is None
    assert authentication.ordered == (Secret(b"one"),)
