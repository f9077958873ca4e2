"""One word for each reason why a tunnel or call never came up."""

from __future__ import annotations

import pytest

from bras.l2tp import refusals
from bras.l2tp.events import By, Cause, Refusal


@pytest.mark.parametrize(
    ("cause", "tunnel", "call"),
    [
        (Cause(By.LOCAL, 4, refusal=Refusal.NO_GROUP), "no_group", "no_group"),
        (Cause(By.LOCAL, 2, 2), "bad_message", "bad_message"),
        (Cause(By.LOCAL, 2, 3), "bad_message", "bad_message"),
        (Cause(By.LOCAL, 2, 8), "bad_message", "bad_message"),
        (Cause(By.LOCAL, 2, 4), "limit", "limit"),
        (Cause(By.LOCAL, 2, 5), "out_of_sequence", "out_of_sequence"),
        (Cause(By.LOCAL, 2, 7), "shutting_down", "shutting_down"),
        (Cause(By.LOCAL, 2, 6), "other", "other"),
        (Cause(By.LOCAL, 5, 0x0100), "bad_version", "no_service"),
        (Cause(By.LOCAL, 7), "out_of_sequence", "other"),
        (Cause(By.LOCAL, 6), "shutting_down", "other"),
        (Cause(By.LOCAL, 4), "other", "limit"),
        (Cause(By.LOCAL, 10), "other", "timeout"),
        (Cause(By.TIMEOUT, 1), "timeout", "timeout"),
        (Cause(By.PEER, 2, 4), "by_lac", "by_lac"),
        (Cause(By.LOCAL, 3, of_tunnel=True), "other", "tunnel_ended"),
    ],
)
def test_the_word(cause: Cause, tunnel: str, call: str) -> None:
    assert (refusals.of_tunnel(cause).value, refusals.of_call(cause).value) == (tunnel, call)
