"""What the ledger says, as effects: records noted and told, calls held, sessions ended whose servers are silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.accounting.debts import START, STOP, Owed
from bras.accounting.events import Forgotten, Note, SpoolAlert, Unaccounted
from bras.accounting.rows import Made
from bras.accounting.storing import Storing
from bras.config.spool import SpoolConfig
from bras.lns import from_ledger
from bras.lns.changes import Changes
from bras.lns.core import Core
from bras.lns.effects import FetchRecords, Report, Spool
from bras.lns.inputs import Fetched, SpoolCounted, SpoolFailed, Stored
from bras.plain import decode
from bras.radius.events import SendRadius
from tests.support.rim import Rim
from tests.support.world import SimulatedRadius, config

MADE = Made(1_760_000_000.0, "boot1", 500.0)


def bounded(most: int) -> Rim:
    """Return a machine that may owe so many records beside its Accounting-On."""
    radius = replace(config().radius, spool=SpoolConfig(max_records=most + 1))
    return Rim(config(radius=radius), servers=(SimulatedRadius(silent=True),))


def stored(core: Core) -> Core:
    """Have a disk for the records."""
    core.ledger.storing = Storing()
    core.effects = []
    return core


def test_a_note_has_all_that_a_record_is_made_of_again() -> None:
    name, state = from_ledger.note("boot1", Note(7, START, "books", b"octets", MADE.wall_s, MADE.at))
    assert (name, decode(state)) == ("record:7:1", ["books", b"octets", *MADE])
    assert from_ledger.note_of(Owed(7, START, "books", b"octets", MADE)) == (name, state)
    assert from_ledger.note("boot1", Note(7, START)) == (name, b""), "no more"


def test_notes_are_for_where_a_journal_is() -> None:
    core = Rim().lns.core
    from_ledger.take(core, [Note(7, START)], 0.0)
    core.changes = Changes()
    from_ledger.take(core, [Note(7, START)], 0.0)
    assert core.changes.records == [("record:7:1", b"")]


def test_what_is_forgotten_is_named_by_its_session_id() -> None:
    core = Rim().lns.core
    core.effects = []
    from_ledger.take(core, [Forgotten("books", "68E0000000000007", STOP), SpoolAlert("age", None, True, 1.0)], 0.0)
    (forgotten, alert) = [effect.fact for effect in core.effects if isinstance(effect, Report)]
    assert forgotten == Forgotten("books", core.policy.origin[:-8] + "68E0000000000007", STOP)
    assert len(forgotten.session) == 20
    assert alert == SpoolAlert("age", None, True, 1.0)


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_session_is_ended_by_its_key(epoch: int) -> None:
    """One that had this number in an earlier start is another one."""
    rim = Rim()
    rim.up()
    (one,) = rim.lns.core.registry.by_number.values()
    key = from_ledger.key_of(one.session_id) + (epoch << 32)
    from_ledger.take(rim.lns.core, [Unaccounted(key)], rim.now)
    assert len(rim.lns.core.backlog.subscriber) == 1 - epoch


def test_calls_are_held_at_the_bound_and_let_in_below_it() -> None:
    rim = bounded(2)
    core = rim.lns.core
    for key in (1, 2):
        assert not core.endpoint.census.holds
        core.ledger.record(key, START, None, b"", 0.0, now=rim.now)
        from_ledger.hold_calls(core)
    assert core.endpoint.census.holds
    ticket = max(core.ledger.told)
    from_ledger.answered(core, core.ledger.acknowledged(ticket, now=rim.now), rim.now)
    assert not core.endpoint.census.holds


def test_the_bound_is_not_looked_at_before_it_can_be_reached() -> None:
    core = bounded(10).lns.core
    from_ledger.hold_calls(core)
    assert core.ledger.room == 10
    for key in range(10):
        assert core.ledger.room > 0
        core.ledger.record(key, START, None, b"", 0.0, now=0.0)
    assert core.ledger.room == 0


def test_the_disk_is_told_before_it_is_asked() -> None:
    core = stored(Rim().lns.core)
    core.effects = [FetchRecords(None, 10, -1)]
    core.ledger.record(7, START, None, b"octets", 0.0, now=0.0)
    from_ledger.turn_ended(core)
    assert [type(effect) for effect in core.effects] == [Spool, FetchRecords]
    from_ledger.turn_ended(core)
    assert len(core.effects) == 2, "once"


def test_a_disk_that_refuses_and_takes_again() -> None:
    radius = replace(config().radius, spool=SpoolConfig(refuse_calls_at_risk=True))
    core = stored(Rim(config(radius=radius)).lns.core)
    core.ledger.record(7, START, None, b"octets", 0.0, now=0.0)
    from_ledger.turn_ended(core)
    from_ledger.disk_spoke(core, SpoolFailed("disk full"), 1.0)
    assert core.ledger.is_at_risk
    assert core.endpoint.census.holds
    assert [type(effect) for effect in core.effects] == [Spool, SendRadius], "told from memory"
    from_ledger.disk_spoke(core, Stored(1), 2.0)
    assert not core.endpoint.census.holds
    from_ledger.disk_spoke(core, Fetched(None, ()), 2.0)
    from_ledger.disk_spoke(core, SpoolCounted((), 4096), 2.0)
    assert core.ledger.storing is not None
    assert core.ledger.storing.octets == 4096
