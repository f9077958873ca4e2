"""The option negotiation automaton: RFC 1661 section 4.1, as one table.

This is the RFC's table with its own words: ``actions/next state``, ``-`` for what cannot
happen.  ``negotiation`` runs it, for LCP and the NCPs alike.  Its footnotes [r], [p] and
[x] need no mark here: the restart option is not used, no side is passive, and crossed
connections show in the cells themselves.
"""

from __future__ import annotations

from typing import Final, TypeAlias

INITIAL: Final = 0
STARTING: Final = 1
CLOSED: Final = 2
STOPPED: Final = 3
CLOSING: Final = 4
STOPPING: Final = 5
REQ_SENT: Final = 6
ACK_RCVD: Final = 7
ACK_SENT: Final = 8
OPENED: Final = 9

_TABLE: Final = """
      |    0         1         2         3         4         5
      | Initial   Starting  Closed    Stopped   Closing   Stopping
------+-----------------------------------------------------------
 Up   |    2     irc,scr/6     -         -         -         -
 Down |    -         -         0       tls/1       0         1
 Open |  tls/1       1     irc,scr/6     3         5         5
 Close|    0       tlf/0       2         2         4         4
 TO+  |    -         -         -         -       str/4     str/5
 TO-  |    -         -         -         -       tlf/2     tlf/3
 RCR+ |    -         -       sta/2 irc,scr,sca/8   4         5
 RCR- |    -         -       sta/2 irc,scr,scn/6   4         5
 RCA  |    -         -       sta/2     sta/3       4         5
 RCN  |    -         -       sta/2     sta/3       4         5
 RTR  |    -         -       sta/2     sta/3     sta/4     sta/5
 RTA  |    -         -         2         3       tlf/2     tlf/3
 RUC  |    -         -       scj/2     scj/3     scj/4     scj/5
 RXJ+ |    -         -         2         3         4         5
 RXJ- |    -         -       tlf/2     tlf/3     tlf/2     tlf/3
 RXR  |    -         -         2         3         4         5

      |    6         7         8           9
      | Req-Sent  Ack-Rcvd  Ack-Sent    Opened
------+-----------------------------------------
 Up   |    -         -         -           -
 Down |    1         1         1         tld/1
 Open |    6         7         8           9
 Close|irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
 TO+  |  scr/6     scr/6     scr/8         -
 TO-  |  tlf/3     tlf/3     tlf/3         -
 RCR+ |  sca/8   sca,tlu/9   sca/8   tld,scr,sca/8
 RCR- |  scn/6     scn/7     scn/6   tld,scr,scn/6
 RCA  |  irc/7     scr/6   irc,tlu/9   tld,scr/6
 RCN  |irc,scr/6   scr/6   irc,scr/8   tld,scr/6
 RTR  |  sta/6     sta/6     sta/6   tld,zrc,sta/5
 RTA  |    6         6         8       tld,scr/6
 RUC  |  scj/6     scj/7     scj/8       scj/9
 RXJ+ |    6         6         8           9
 RXJ- |  tlf/3     tlf/3     tlf/3   tld,irc,str/5
 RXR  |    6         7         8         ser/9
"""

EVENTS: Final = (
    "Up", "Down", "Open", "Close", "TO+", "TO-", "RCR+", "RCR-",
    "RCA", "RCN", "RTR", "RTA", "RUC", "RXJ+", "RXJ-", "RXR",
)  # fmt: skip
"""The events in the order of the rows; each constant below is its index."""
UP: Final = 0
DOWN: Final = 1
OPEN: Final = 2
CLOSE: Final = 3
TIMEOUT_MORE: Final = 4
TIMEOUT_LAST: Final = 5
RCR_GOOD: Final = 6
RCR_BAD: Final = 7
RCA: Final = 8
RCN: Final = 9
RTR: Final = 10
RTA: Final = 11
RUC: Final = 12
RXJ_PERMITTED: Final = 13
RXJ_CATASTROPHIC: Final = 14
RXR: Final = 15

ACTIONS: Final = ("tlu", "tld", "tls", "tlf", "irc", "zrc", "scr", "sca", "scn", "str", "sta", "scj", "ser")
"""The actions; each constant below is its index."""
TLU: Final = 0
TLD: Final = 1
TLS: Final = 2
TLF: Final = 3
IRC: Final = 4
ZRC: Final = 5
SCR: Final = 6
SCA: Final = 7
SCN: Final = 8
STR: Final = 9
STA: Final = 10
SCJ: Final = 11
SER: Final = 12

Cell: TypeAlias = tuple[tuple[int, ...], int]
"""Actions, in order, and the next state."""


def _cell(text: str) -> Cell | None:
    """Read ``irc,scr/6``, ``3`` or ``-``."""
    if text == "-":
        return None
    actions, _, state = text.rpartition("/")
    return tuple(ACTIONS.index(action) for action in actions.split(",") if action), int(state)


def _read(table: str) -> tuple[tuple[Cell | None, ...], ...]:
    """Read both halves of the table: one row for each event, one column for each state."""
    rows: dict[str, list[Cell | None]] = {event: [] for event in EVENTS}
    for line in table.splitlines():
        event, _, cells = line.partition("|")
        if event.strip() in rows:
            rows[event.strip()] += [_cell(cell) for cell in cells.split()]
    return tuple(tuple(rows[event]) for event in EVENTS)


TABLE: Final[tuple[tuple[Cell | None, ...], ...]] = _read(_TABLE)
"""``TABLE[event][state]``; ``None`` for what cannot happen."""
