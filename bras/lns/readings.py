"""What a scrape of all sessions reads, some hundred at a time.

Whose turn it is the asker knows: it gets all numbers at once (ListSessions), and asks for them in slices.  So a
slice costs what it holds, however many sessions there are, and nothing is kept for a scrape that
is never finished.
"""

from __future__ import annotations

from zlib import crc32

from bras.forwarding.entry import Counters
from bras.lns.commands import Plain, TakeReadings
from bras.lns.core import Core
from bras.subscriber.parts import NOTHING_CARRIED
from bras.subscriber.subscriber import Subscriber

Row = dict[str, Plain]


def readings(core: Core, question: TakeReadings) -> Row:
    """Return the body of an answer to TakeReadings."""
    by_number, group, shards = core.registry.by_number, question.group, question.shards
    rows: list[Plain] = []
    for number in question.numbers:
        subscriber = by_number.get(number)
        if subscriber is None or subscriber.instants.up_at is None:
            continue
        if group is not None and subscriber.line.group != group:
            continue
        if shards > 1 and shard_of(subscriber.session_id, shards) != question.shard:
            continue
        rows.append(_reading(subscriber))
    return {"readings": rows, "wall_offset_s": core.books.wall_offset_s}


def shard_of(session_id: str, shards: int) -> int:
    """Return which of so many parts a session belongs to, for as long as it lives."""
    return crc32(session_id.encode()) % shards


def _reading(subscriber: Subscriber) -> list[Plain]:
    line, who, forwarding = subscriber.line, subscriber.who, subscriber.forwarding
    quality = subscriber.link.keepalive.quality
    return [
        subscriber.session_id,
        who.user,
        who.method,
        line.group,
        line.peer_name,
        line.peer_address,
        line.calling_number,
        line.called_number,
        subscriber.address,
        subscriber.instants.up_at,
        subscriber.standing.round_trip_s,
        forwarding.slot,
        subscriber.number,
        forwarding.present is not None and bool(forwarding.present.prefixes6),
        _carried(forwarding.base),
        _carried(forwarding.last),
        None if quality is None else list[Plain](quality),
    ]


def _carried(counters: Counters) -> list[Plain] | None:
    return None if counters is NOTHING_CARRIED else list(counters)
