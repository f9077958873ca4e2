"""The table that the code runs, held cell by cell against RFC 1661 section 4.1.

Typed from the RFC by columns (states), not by rows as it is printed and as the code has
it, so that one slip cannot be in both.
"""

from __future__ import annotations

import pytest

from bras.ppp.automaton import ACTIONS, EVENTS, TABLE

STATES = (
    "Initial",
    "Starting",
    "Closed",
    "Stopped",
    "Closing",
    "Stopping",
    "Req-Sent",
    "Ack-Rcvd",
    "Ack-Sent",
    "Opened",
)
RFC: dict[str, dict[str, tuple[str, str]]] = {
    "Initial": {
        "Up": ("", "Closed"),
        "Open": ("tls", "Starting"),
        "Close": ("", "Initial"),
    },
    "Starting": {
        "Up": ("irc scr", "Req-Sent"),
        "Open": ("", "Starting"),
        "Close": ("tlf", "Initial"),
    },
    "Closed": {
        "Down": ("", "Initial"),
        "Open": ("irc scr", "Req-Sent"),
        "Close": ("", "Closed"),
        "RCR+": ("sta", "Closed"),
        "RCR-": ("sta", "Closed"),
        "RCA": ("sta", "Closed"),
        "RCN": ("sta", "Closed"),
        "RTR": ("sta", "Closed"),
        "RTA": ("", "Closed"),
        "RUC": ("scj", "Closed"),
        "RXJ+": ("", "Closed"),
        "RXJ-": ("tlf", "Closed"),
        "RXR": ("", "Closed"),
    },
    "Stopped": {
        "Down": ("tls", "Starting"),
        "Open": ("", "Stopped"),
        "Close": ("", "Closed"),
        "RCR+": ("irc scr sca", "Ack-Sent"),
        "RCR-": ("irc scr scn", "Req-Sent"),
        "RCA": ("sta", "Stopped"),
        "RCN": ("sta", "Stopped"),
        "RTR": ("sta", "Stopped"),
        "RTA": ("", "Stopped"),
        "RUC": ("scj", "Stopped"),
        "RXJ+": ("", "Stopped"),
        "RXJ-": ("tlf", "Stopped"),
        "RXR": ("", "Stopped"),
    },
    "Closing": {
        "Down": ("", "Initial"),
        "Open": ("", "Stopping"),
        "Close": ("", "Closing"),
        "TO+": ("str", "Closing"),
        "TO-": ("tlf", "Closed"),
        "RCR+": ("", "Closing"),
        "RCR-": ("", "Closing"),
        "RCA": ("", "Closing"),
        "RCN": ("", "Closing"),
        "RTR": ("sta", "Closing"),
        "RTA": ("tlf", "Closed"),
        "RUC": ("scj", "Closing"),
        "RXJ+": ("", "Closing"),
        "RXJ-": ("tlf", "Closed"),
        "RXR": ("", "Closing"),
    },
    "Stopping": {
        "Down": ("", "Starting"),
        "Open": ("", "Stopping"),
        "Close": ("", "Closing"),
        "TO+": ("str", "Stopping"),
        "TO-": ("tlf", "Stopped"),
        "RCR+": ("", "Stopping"),
        "RCR-": ("", "Stopping"),
        "RCA": ("", "Stopping"),
        "RCN": ("", "Stopping"),
        "RTR": ("sta", "Stopping"),
        "RTA": ("tlf", "Stopped"),
        "RUC": ("scj", "Stopping"),
        "RXJ+": ("", "Stopping"),
        "RXJ-": ("tlf", "Stopped"),
        "RXR": ("", "Stopping"),
    },
    "Req-Sent": {
        "Down": ("", "Starting"),
        "Open": ("", "Req-Sent"),
        "Close": ("irc str", "Closing"),
        "TO+": ("scr", "Req-Sent"),
        "TO-": ("tlf", "Stopped"),
        "RCR+": ("sca", "Ack-Sent"),
        "RCR-": ("scn", "Req-Sent"),
        "RCA": ("irc", "Ack-Rcvd"),
        "RCN": ("irc scr", "Req-Sent"),
        "RTR": ("sta", "Req-Sent"),
        "RTA": ("", "Req-Sent"),
        "RUC": ("scj", "Req-Sent"),
        "RXJ+": ("", "Req-Sent"),
        "RXJ-": ("tlf", "Stopped"),
        "RXR": ("", "Req-Sent"),
    },
    "Ack-Rcvd": {
        "Down": ("", "Starting"),
        "Open": ("", "Ack-Rcvd"),
        "Close": ("irc str", "Closing"),
        "TO+": ("scr", "Req-Sent"),
        "TO-": ("tlf", "Stopped"),
        "RCR+": ("sca tlu", "Opened"),
        "RCR-": ("scn", "Ack-Rcvd"),
        "RCA": ("scr", "Req-Sent"),
        "RCN": ("scr", "Req-Sent"),
        "RTR": ("sta", "Req-Sent"),
        "RTA": ("", "Req-Sent"),
        "RUC": ("scj", "Ack-Rcvd"),
        "RXJ+": ("", "Req-Sent"),
        "RXJ-": ("tlf", "Stopped"),
        "RXR": ("", "Ack-Rcvd"),
    },
    "Ack-Sent": {
        "Down": ("", "Starting"),
        "Open": ("", "Ack-Sent"),
        "Close": ("irc str", "Closing"),
        "TO+": ("scr", "Ack-Sent"),
        "TO-": ("tlf", "Stopped"),
        "RCR+": ("sca", "Ack-Sent"),
        "RCR-": ("scn", "Req-Sent"),
        "RCA": ("irc tlu", "Opened"),
        "RCN": ("irc scr", "Ack-Sent"),
        "RTR": ("sta", "Req-Sent"),
        "RTA": ("", "Ack-Sent"),
        "RUC": ("scj", "Ack-Sent"),
        "RXJ+": ("", "Ack-Sent"),
        "RXJ-": ("tlf", "Stopped"),
        "RXR": ("", "Ack-Sent"),
    },
    "Opened": {
        "Down": ("tld", "Starting"),
        "Open": ("", "Opened"),
        "Close": ("tld irc str", "Closing"),
        "RCR+": ("tld scr sca", "Ack-Sent"),
        "RCR-": ("tld scr scn", "Req-Sent"),
        "RCA": ("tld scr", "Req-Sent"),
        "RCN": ("tld scr", "Req-Sent"),
        "RTR": ("tld zrc sta", "Stopping"),
        "RTA": ("tld scr", "Req-Sent"),
        "RUC": ("scj", "Opened"),
        "RXJ+": ("", "Opened"),
        "RXJ-": ("tld irc str", "Stopping"),
        "RXR": ("ser", "Opened"),
    },
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_every_cell_is_the_rfcs(state: str, event: str) -> None:
    cell = TABLE[EVENTS.index(event)][STATES.index(state)]
    expected = RFC[state].get(event)
    if expected is None:
        assert cell is None
    else:
        assert cell is not None
        assert (" ".join(ACTIONS[action] for action in cell[0]), STATES[cell[1]]) == expected


def test_the_table_has_160_cells() -> None:
    assert [len(row) for row in TABLE] == [10] * 16
