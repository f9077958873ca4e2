"""The journal: what is read back is what was written, whatever was torn off."""

from __future__ import annotations

import os
import random
import zlib
from pathlib import Path

import pytest

from bras.store import journal as module
from bras.store.journal import Journal, JournalError, pack, rewrite, sync, unpack


def _reopened(directory: Path) -> dict[str, bytes]:
    journal = Journal(str(directory))
    journal.close()
    return journal.read()


def test_the_last_state_of_each_key_comes_back(tmp_path: Path) -> None:
    first = Journal(str(tmp_path))
    first.write([("tunnel:1", b"a"), ("subscriber:1", b"b")])
    first.write([("tunnel:1", b"c"), ("subscriber:1", b"")])
    first.close()
    assert _reopened(tmp_path) == {"tunnel:1": b"c"}


def test_a_turn_is_one_write_and_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    first = Journal(str(tmp_path))
    first.write([("a", b"1"), ("b", b"2")])
    assert unpack((tmp_path / "journal").read_bytes()) == {"a": b"1", "b": b"2"}
    first.close()


def test_a_start_begins_a_fresh_file_of_what_is_alive(tmp_path: Path) -> None:
    first = Journal(str(tmp_path))
    for count in range(100):
        first.write([("tunnel:1", b"%d" % count)])
    before = (tmp_path / "journal").stat().st_size
    first.close()
    second = Journal(str(tmp_path))
    assert (tmp_path / "journal").stat().st_size < before / 50
    assert second.read() == {"tunnel:1": b"99"}


def test_a_fresh_file_takes_over_what_is_written_while_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SMALLEST_TO_COMPACT_OCTETS", 1000)
    journal = Journal(str(tmp_path))
    while not journal.is_large:
        journal.write([("tunnel:1", b"%05d" % journal.size), ("tunnel:2", b"x")])
    assert 1000 < journal.size < 1100
    fresh = rewrite(journal.path, journal.size)
    journal.write([("tunnel:2", b""), ("tunnel:3", b"late")])
    journal.adopt(fresh)
    assert journal.size == (tmp_path / "journal").stat().st_size < 200
    assert not journal.is_large
    journal.write([("tunnel:4", b"later")])
    state = journal.read()
    assert state.keys() == {"tunnel:1", "tunnel:3", "tunnel:4"}
    journal.close()
    assert _reopened(tmp_path) == state
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal", "journal.lock"]


def test_the_old_file_serves_on_when_a_fresh_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(tmp_path))
    journal.write([("a", b"1")])
    fresh = rewrite(journal.path, journal.size)

    def refuse(old: str, new: str) -> None:
        raise OSError(13, "no")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        with pytest.raises(OSError, match="no"):
            journal.adopt(fresh)
    journal.write([("b", b"2")])
    journal.close()
    assert _reopened(tmp_path) == {"a": b"1", "b": b"2"}


def test_any_torn_end_leaves_what_was_whole() -> None:
    turns = [pack([("a", b"1")]), pack([("b", b"2" * 50), ("c", b"4")]), pack([("a", b"3"), ("c", b"")])]
    states = [{}, {"a": b"1"}, {"a": b"1", "b": b"2" * 50, "c": b"4"}, {"b": b"2" * 50, "a": b"3"}]
    octets = b"".join(turns)
    bounds = [len(b"".join(turns[:count])) for count in (1, 2, 3)]
    for end in range(len(octets) + 1):
        assert unpack(octets[:end]) == states[sum(end >= bound for bound in bounds)], "a turn is whole or not there"


def test_flipped_bits_never_raise() -> None:
    dice = random.Random(4)
    octets = bytearray(pack([("a", b"1")]) + pack([("b", b"2"), ("c", b"3")]))
    for _ in range(2000):
        copy = bytearray(octets)
        copy[dice.randrange(len(copy))] ^= 1 << dice.randrange(8)
        assert isinstance(unpack(bytes(copy)), dict)


@pytest.mark.parametrize("body", [b"\x91\x92\xa1\xff\xc4\x00", b"\x91" * 5000], ids=["no UTF-8", "too deep"])
def test_what_no_turn_can_be_ends_the_journal_in_spite_of_its_checksum(body: bytes) -> None:
    turn = pack([("a", b"1")])
    assert unpack(turn + len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body) == {"a": b"1"}


def test_a_full_disk_is_counted_and_written_through_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(tmp_path))
    real = os.write

    def full(descriptor: int, octets: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert journal.write([("a", b"1")]) is False
    assert journal.failures == 1
    monkeypatch.setattr(os, "write", real)
    assert journal.write([("b", b"2")]) is False, "behind until it has caught up"
    assert journal.catch_up() is True
    assert journal.write([("c", b"3")]) is True
    journal.close()
    assert _reopened(tmp_path) == {"a": b"1", "b": b"2", "c": b"3"}


def test_a_short_write_leaves_no_torn_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(tmp_path))
    journal.write([("a", b"1")])
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, octets: real(descriptor, octets[: len(octets) // 2]))
    assert journal.write([("b", b"2" * 100)]) is False
    monkeypatch.setattr(os, "write", real)
    assert unpack((tmp_path / "journal").read_bytes()) == {"a": b"1"}
    assert journal.catch_up()
    assert unpack((tmp_path / "journal").read_bytes()) == {"a": b"1", "b": b"2" * 100}
    journal.close()


def test_catching_up_may_fail_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(tmp_path))

    def full(descriptor: int, octets: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        journal.write([("a", b"1")])
        assert journal.catch_up() is False
        assert journal.failures == 2
    assert journal.catch_up() is True
    assert not journal.is_behind
    journal.close()


def test_what_is_synced_is_the_file_and_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, synced, real = Journal(str(tmp_path)), list[int](), os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    descriptor = journal.duplicate()
    monkeypatch.setattr(os, "fsync", watched)
    sync(descriptor, journal.path)
    assert synced == [(tmp_path / "journal").stat().st_ino, tmp_path.stat().st_ino]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    journal.write([("a", b"1")])
    journal.close()
    assert _reopened(tmp_path) == {"a": b"1"}


def test_a_disk_that_does_not_sync_is_told_of_and_nothing_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(str(tmp_path))

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    descriptor = journal.duplicate()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="Input/output error"):
            sync(descriptor, journal.path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    journal.close()


def test_only_one_process_has_it(tmp_path: Path) -> None:
    first = Journal(str(tmp_path))
    with pytest.raises(JournalError, match="another process"):
        Journal(str(tmp_path))
    first.close()
    Journal(str(tmp_path)).close()


def test_clear_can_keep_what_is_owed(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write([("record:1", b"1"), ("session:1", b"2"), ("record:2", b"3")])
    journal.clear(keep=("record:",))
    journal.close()
    assert _reopened(tmp_path) == {"record:1": b"1", "record:2": b"3"}


def test_a_directory_that_is_none_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError, match="file/journal"):
        Journal(str(tmp_path / "file"))


def test_clear_forgets_everything(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write([("a", b"1")])
    journal.clear()
    journal.close()
    assert _reopened(tmp_path) == {}
