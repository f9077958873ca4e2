from __future__ import annotations

from bras.l2tp.events import Refusal
from bras.lns.tunnel_books import REFUSED
from bras.radius.accounting import STOP_OF, TUNNEL_REJECT
from bras.subscriber.ends import ENDS


def test_every_refusal_has_its_cause() -> None:
    assert set(REFUSED) == set(Refusal)


def test_words_of_refusals_are_none_of_ends() -> None:
    assert not {one.value for one in Refusal} & set(ENDS)


def test_what_begins_has_an_end_and_a_rejection_is_one() -> None:
    assert STOP_OF == {1: 2, 9: 10, 12: 13}
    assert TUNNEL_REJECT not in STOP_OF
