"""Records with right checksums that no program of ours wrote: refused in words, whatever kind of nonsense it is."""

from __future__ import annotations

import pytest

from bras.lns.lns import Lns
from bras.lns.resume import slots_in_use
from bras.lns.state import StateError
from bras.plain import decode, encode
from bras.subscriber.journal import slot
from tests.fuzz.harness import Numbers
from tests.fuzz.journal import life
from tests.support.world import codec


def test_slots_of_before_are_counted_up_to_the_highest() -> None:
    records = {key: state for turn in life().turns for key, state in turn if state}
    used = [slot(state) for key, state in records.items() if key.startswith("subscriber:")]
    assert len(used) > 1
    assert slots_in_use(records, "boot1") == max(used) + 1
    assert slots_in_use(records, "boot2") == slots_in_use({}, "boot1") == 0
    with pytest.raises(StateError, match="makes no sense"):
        slots_in_use(records | {"subscriber:1": b"\x01"}, "boot1")


@pytest.mark.parametrize("far", [-1, 1 << 21, 1 << 40])
def test_a_slot_that_nobody_was_given_is_damage(far: int) -> None:
    """All slots below one count as free: a damaged one would cost memory without end."""
    records = {key: state for turn in life().turns for key, state in turn if state}
    name = next(key for key in records if key.startswith("subscriber:"))
    session_id, _, *rest = decode(records[name])
    damaged = records | {name: encode((session_id, far, *rest))}
    with pytest.raises(StateError, match="makes no sense"):
        slots_in_use(damaged, "boot1")
    with pytest.raises(StateError, match="makes no sense"):
        Lns.resume(damaged, life().configuration, codec(), Numbers(), epoch=1, boot="boot1", read=lambda _: ())


@pytest.mark.parametrize(
    ("kind", "leaf"),
    [("call", "peer_session_id"), ("tunnel", "path"), ("channel", "sender"), ("call", "info"), ("subscriber", "who")],
)
@pytest.mark.parametrize("nonsense", [None, "x", -1, 1 << 62, [[]], {}, float("inf")], ids=repr)
def test_a_value_of_another_kind_is_refused_or_taken(kind: str, leaf: str, nonsense: object) -> None:
    world = life()
    records = {key: state for turn in world.turns for key, state in turn if state}
    key = next(key for key in records if key.startswith(kind + ":"))
    record = decode(records[key])
    if isinstance(record, dict) and leaf in record:
        record[leaf] = nonsense
    else:
        record = [nonsense] * len(record)
    records[key] = encode(record)
    try:
        Lns.resume(records, world.configuration, codec(), Numbers(), epoch=1, boot="boot1", read=lambda _slots: ())
    except StateError as wrong:
        assert "makes no sense" in str(wrong)  # noqa: PT017  # being taken is the other good end
