from __future__ import annotations

from bras.forwarding.entry import Counters
from bras.ids import CallKey
from bras.lns.tunnel_account import (
    KINDS,
    MEMBER,
    MOST_REJECTS_AT_ONCE,
    TUNNEL,
    Account,
    Member,
    TunnelBooks,
    account_record,
    member_record,
)
from bras.plain import decode, encode


def filled() -> TunnelBooks:
    books = TunnelBooks(is_open=True)
    books.enter(Account(7, 0x1234, "id7", None, b"shared", 5.0))
    books.enter(Account(8, 0x1234, "id8", "group", b"shared", 6.0, Counters(1, 2, 3), 4, ("tunnel_lost", "text", 9.0)))
    books.join(20, Member(7, "id21"))
    books.join(22, Member(0, "id23"))
    books.lost[CallKey(3)] = 5
    return books


def test_what_was_saved_is_there_again() -> None:
    books = filled()
    assert books.current == {0x1234: 7}, "the other one has ended"
    assert books.left == {7: 1, 8: 0}
    assert TunnelBooks.restore(decode(encode(books.save()))) == books


def test_the_journal_tells_in_any_order() -> None:
    books = filled()
    records = [account_record(one) for one in books.accounts.values()]
    records += [member_record(number, one) for number, one in books.members.items()]
    for order in (records, records[::-1]):
        recalled = TunnelBooks()
        for key, state in order:
            kind, _, number = key.partition(":")
            assert kind in KINDS
            recalled.recall(kind, int(number), state)
        assert (recalled.accounts, recalled.members, recalled.left) == (books.accounts, books.members, books.left)
        assert recalled.is_open


def test_who_parts_is_counted_once() -> None:
    books = filled()
    assert books.part(20) == Member(7, "id21")
    assert books.part(20) is None
    assert books.left[7] == 0
    books.leave(books.accounts[7])
    assert books.current == {}
    assert books.part(22) == Member(0, "id23")


def test_rejections_are_few() -> None:
    books = TunnelBooks()
    assert [books.allow_reject(100.0) for _ in range(MOST_REJECTS_AT_ONCE + 5)].count(True) == MOST_REJECTS_AT_ONCE
    assert [books.allow_reject(101.0) for _ in range(40)].count(True) == 10
    assert [books.allow_reject(200.0) for _ in range(40)].count(True) == MOST_REJECTS_AT_ONCE


def test_kinds_are_other_than_those_of_the_rest_of_the_journal() -> None:
    assert not {TUNNEL, MEMBER} & {"lns", "alive", "tunnel", "channel", "message", "call", "subscriber", "session"}
