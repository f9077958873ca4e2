"""Who was seen: bounded, and good LACs are not washed out."""

from __future__ import annotations

from bras.l2tp.events import By, CallRefused, Cause, Path, Refusal, TunnelDown, TunnelRefused, TunnelUp
from bras.lns.lacs import MOST_FORMER, MOST_STRANGERS, Lacs
from bras.plain import decode, encode

NO_GROUP = Cause(By.LOCAL, 4, text="not authorized", refusal=Refusal.NO_GROUP)
WRONG = Cause(By.LOCAL, 4, text="tunnel authentication failed", refusal=Refusal.WRONG_SECRET)
LIMIT = Cause(By.LOCAL, 4, text="session limit reached")
CLEARED = Cause(By.PEER, 1)


def path(number: int = 2) -> Path:
    return Path(0, "198.18.0.1", 1701, f"198.18.{number >> 8}.{number & 255}", 1701)


def up(lacs: Lacs, number: int = 2, hostname: str = "lac1", now: float = 0.0) -> None:
    lacs.tunnel_up(TunnelUp(7, 8, "any", hostname, path(number)), now)


def down(lacs: Lacs, number: int = 2, hostname: str = "lac1", now: float = 0.0) -> None:
    lacs.tunnel_down(TunnelDown(7, "any", hostname, path(number), CLEARED), now)


def refused(lacs: Lacs, number: int = 2, hostname: str = "lac1", now: float = 0.0, cause: Cause = NO_GROUP) -> None:
    lacs.tunnel_refused(TunnelRefused("", hostname, path(number), cause), now)


def known(lacs: Lacs) -> set[tuple[str, str]]:
    return {key for key, _ in lacs}


def test_a_row_tells_the_story_of_a_lac() -> None:
    lacs = Lacs()
    refused(lacs, now=1.0)
    refused(lacs, now=2.0, cause=WRONG)
    up(lacs, now=3.0)
    up(lacs, now=4.0)
    lacs.call_refused(CallRefused("any", path(), LIMIT, lac_hostname="lac1"), 5.0)
    down(lacs, now=6.0)
    seen = lacs.of("198.18.0.2", "lac1")
    assert seen is not None
    assert (seen.group, seen.first_at, seen.last_at, seen.tunnels, seen.tunnels_ever) == ("any", 1.0, 6.0, 1, 2)
    assert seen.tunnels_refused == {"no_group": 1, "wrong_secret": 1}
    assert seen.calls_refused == {"limit": 1}
    assert (seen.refusal, seen.refused_at) == ("session limit reached", 5.0)


def test_one_address_with_two_names_is_two_lacs() -> None:
    lacs = Lacs()
    up(lacs, hostname="lac1")
    up(lacs, hostname="lac2")
    assert len(known(lacs)) == 2


def test_a_refusal_without_words_has_its_reason() -> None:
    lacs = Lacs()
    refused(lacs, cause=Cause(By.LOCAL, 7))
    seen = lacs.of("198.18.0.2", "lac1")
    assert seen is not None
    assert seen.refusal == "out of sequence"


def test_what_the_lac_itself_said_is_told_as_its_words() -> None:
    lacs = Lacs()
    refused(lacs, cause=Cause(By.PEER, 4, text="go away"))
    seen = lacs.of("198.18.0.2", "lac1")
    assert seen is not None
    assert (seen.refusal, seen.reason) == ("the LAC: go away", "by_lac")


def test_a_lac_that_gives_up_without_a_word_is_told_by_its_codes() -> None:
    lacs = Lacs()
    refused(lacs, cause=Cause(By.PEER, 2, 4))
    seen = lacs.of("198.18.0.2", "lac1")
    assert seen is not None
    assert seen.refusal == "the LAC: Result Code 2, Error Code 4"


def test_our_operator_hears_more_than_the_lac() -> None:
    lacs = Lacs()
    refused(lacs, cause=WRONG)
    seen = lacs.of("198.18.0.2", "lac1")
    assert seen is not None
    assert seen.refusal == "its response to our challenge fits none of the group's secrets"


def test_a_flood_of_strangers_washes_out_strangers_only() -> None:
    lacs = Lacs()
    up(lacs, 2)
    up(lacs, 3)
    down(lacs, 3)
    for number in range(1000, 1000 + MOST_STRANGERS + 50):
        refused(lacs, number, hostname=f"x{number}")
        refused(lacs, 2, hostname="lac1")  # as if it came from there
    assert {("198.18.0.2", "lac1"), ("198.18.0.3", "lac1")} <= known(lacs)
    assert len(known(lacs)) == 2 + MOST_STRANGERS
    assert lacs.forgotten == 50


def test_the_stranger_that_was_heard_of_least_recently_gives_way() -> None:
    lacs = Lacs()
    refused(lacs, 2, hostname="first")
    for number in range(MOST_STRANGERS - 1):
        refused(lacs, 1000 + number)
    refused(lacs, 2, hostname="first")
    refused(lacs, 9)
    assert ("198.18.0.2", "first") in known(lacs)
    assert ("198.18.3.232", "lac1") not in known(lacs)


def test_lacs_that_come_and_go_wash_out_none_that_stays() -> None:
    lacs = Lacs()
    up(lacs, 2)
    for number in range(1000, 1000 + MOST_FORMER + 10):
        up(lacs, number)
        down(lacs, number)
    assert len(known(lacs)) == 1 + MOST_FORMER
    assert ("198.18.0.2", "lac1") in known(lacs)
    assert lacs.forgotten == 10


def test_a_lac_that_comes_back_keeps_its_story() -> None:
    lacs = Lacs()
    up(lacs, now=1.0)
    down(lacs, now=2.0)
    refused(lacs, now=3.0, cause=WRONG)
    up(lacs, now=4.0)
    seen = lacs.of("198.18.0.2", "lac1")
    assert seen is not None
    assert (seen.tunnels_ever, seen.first_at, seen.tunnels_refused) == (2, 1.0, {"wrong_secret": 1})


def test_long_names_and_words_are_clipped() -> None:
    lacs = Lacs()
    refused(lacs, hostname="n" * 1000, cause=Cause(By.LOCAL, 2, 3, text="t" * 1000))
    ((key, seen),) = list(lacs)
    assert (len(key[1]), len(seen.refusal)) == (200, 200)
    assert lacs.of("198.18.0.2", "n" * 1000) is seen


def test_the_end_of_a_tunnel_that_nobody_knows_says_nothing() -> None:
    lacs = Lacs()
    down(lacs)
    assert known(lacs) == set()


def test_what_is_restored_is_what_was_saved() -> None:
    lacs = Lacs()
    for number in range(5):
        up(lacs, number, now=number)
        refused(lacs, 100 + number, now=number)
    down(lacs, 2, now=9.0)
    other = Lacs.restore(decode(encode(lacs.save())))
    assert other.save() == lacs.save()
    assert [key for key, _ in other] == [key for key, _ in lacs]
