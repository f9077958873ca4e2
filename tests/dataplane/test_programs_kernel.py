"""Objects, maps and programs in the kernel: loaded, pinned, taken over, moved from one version to the next."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bras.dataplane import layout, pins, programs
from bras.dataplane.base import DataPlaneError
from bras.dataplane.hosts import Hosts
from bras.dataplane.layout import Layout, Record
from bras.dataplane.libbpf import LibbpfError, possible_cpus
from bras.dataplane.maps import ARRAY, HASH, MMAPABLE, NEW, THERE, Map, MapShape
from bras.dataplane.objects import Object
from bras.dataplane.predecessor import Predecessor, predecessors
from bras.dataplane.programs import Loaded
from bras.dataplane.records import (
    ACCOUNT,
    CALL,
    DOWN,
    HEAD_OCTETS,
    HOST4,
    NET4,
    NET6,
    PLACE,
    SESSION,
    TAIL_OCTETS,
    TERMS,
    UPLINK,
    Account,
    Session,
    SessionFlag,
    Uplink,
)
from bras.dataplane.tables import SHARED, Tables
from bras.dataplane.uplinks import Uplinks
from bras.forwarding.entry import Counters
from tests.support.bpf import bpf_file_system, compiled

pytestmark = pytest.mark.root
SOURCE = Path(__file__).with_name("probe.bpf.c")
ROOT = Path(__file__).parents[2]
ZERO, ONE = bytes(4), CALL.pack(1)
PACKET = bytes(64)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(SOURCE, tmp_path_factory.mktemp("refused"), "REFUSED")


@pytest.fixture
def pin_dir() -> Iterator[Path]:
    with bpf_file_system() as place:
        yield place / "bras"


@contextmanager
def load(pin_dir: Path, probe: Path, slots: int = 64, *, xdp: bool = False) -> Iterator[Loaded]:
    loaded = programs.load(pin_dir, slots, xdp=xdp, path=probe)
    try:
        yield loaded
    finally:
        loaded.close()


# The binding.


@pytest.fixture
def table(probe: Path) -> Iterator[Map]:
    """Return the map of calls, with room for many."""
    with Object(probe) as opened:
        opened.resize("calls", 20_000)
        opened.load()
        made = Map(opened.map_fd("calls"))
    yield made
    made.close()


def test_single_operations(table: Map) -> None:
    assert table.lookup(ONE) is None
    table.update(ONE, PLACE.pack(3, 4), NEW)
    assert table.lookup(ONE) == PLACE.pack(3, 4)
    with pytest.raises(LibbpfError, match="write to the map calls") as caught:
        table.update(ONE, PLACE.pack(5, 6), NEW)
    assert caught.value.errno == errno.EEXIST
    with pytest.raises(LibbpfError, match="No such file"):
        table.update(ZERO, PLACE.pack(5, 6), THERE)
    assert table.delete(ONE)
    assert not table.delete(ONE)


def test_many_at_a_time(table: Map) -> None:
    count = 10_000
    entries = {CALL.pack(number): PLACE.pack(number, ~number & 0xFFFFFFFF) for number in range(count)}
    table.update_batch(b"".join(entries), b"".join(entries.values()))
    assert dict(table.items()) == entries
    assert set(table.keys()) == set(entries)
    odd = [CALL.pack(number) for number in range(1, count + 100, 2)]
    assert table.delete_batch(b"".join(odd)) == count // 2
    assert set(table.keys()) == set(entries) - set(odd)
    assert table.delete_batch(b"".join(odd)) == 0
    assert table.delete_batch(b"") == 0


def test_a_full_map_says_so(table: Map) -> None:
    keys = [CALL.pack(number) for number in range(20_001)]
    with pytest.raises(LibbpfError, match="no room for one more") as caught:
        table.update_batch(b"".join(keys), PLACE.pack(1, 1) * len(keys))
    assert caught.value.errno == errno.E2BIG


def test_tries_arrays_and_maps_of_devices_are_walked_too(probe: Path) -> None:
    with Object(probe) as opened:
        for name in ("nets4", "sessions"):
            opened.resize(name, 5_000)
        opened.load()
        nets, sessions, exits = (Map(opened.map_fd(name)) for name in ("nets4", "sessions", "xdp_exits"))
    entries = {
        NET4.pack(56, 0, bytes((10, high, low, 0))): PLACE.pack(high, low) for high in range(20) for low in range(200)
    }
    nets.update_batch(b"".join(entries), b"".join(entries.values()))
    assert dict(nets.items()) == entries
    assert len(list(sessions.items())) == 5_000
    assert dict(exits.items()) == {}
    for each in (nets, sessions, exits):
        each.close()


def test_an_array_is_memory(probe: Path) -> None:
    with Object(probe) as opened:
        opened.resize("sessions", 7)
        opened.load()
        sessions, calls = Map(opened.map_fd("sessions")), Map(opened.map_fd("calls"))
    memory = sessions.memory()
    assert len(memory) == 7 * SESSION.size
    memory[SESSION.size : SESSION.size + 4] = b"\x45\0\0\1"
    assert (sessions.lookup(ONE) or b"")[:4] == b"\x45\0\0\1"
    with pytest.raises(LibbpfError, match="map the memory of the map calls"):
        calls.memory()
    sessions.close()
    calls.close()


def test_programs_run_on_packets(probe: Path) -> None:
    with Object(probe) as opened:
        opened.preset(".rodata", (9).to_bytes(4, "little"))
        opened.load()
        up, calls, tallies = opened.program("tc_up"), Map(opened.map_fd("calls")), Map(opened.map_fd("tallies"))
    run = up.run(PACKET, bytes(192), repeat=10)
    assert (run.verdict, run.data) == (0xFFFFFFFF, PACKET)
    assert int.from_bytes(run.context[8:12], "little") == 9  # __sk_buff.mark
    calls.update(ONE, PLACE.pack(2, 1))
    assert up.run(PACKET).verdict == 2
    values = tallies.per_cpu(ZERO)
    assert len(values) == possible_cpus()
    assert sum(int.from_bytes(value[8:16], "little") for value in values) == 11
    with pytest.raises(LibbpfError, match="run tc_up"):
        up.run(b"short")
    for each in (up, calls, tallies):
        each.close()


def test_what_is_not_in_the_object(probe: Path) -> None:
    with Object(probe) as opened:
        assert set(opened.programs()) == {"tc_up", "tc_down", "tc_segmented", "xdp_port"}
        assert "calls" in opened.maps()
        assert not any(name.startswith(".") for name in opened.maps())
        with pytest.raises(LibbpfError, match="no-such-map in the object file"):
            opened.resize("no-such-map", 1)
        with pytest.raises(LibbpfError, match="tc_up: "):
            opened.program("tc_up")  # not loaded yet


# Pins and programs.


def names(directory: Path) -> set[str]:
    return {entry.name for entry in directory.iterdir()}


def test_everything_is_pinned_under_its_version(pin_dir: Path, probe: Path) -> None:
    with load(pin_dir, probe) as loaded:
        assert loaded.directory == pin_dir / "v4-64"
        assert names(loaded.directory) == {*loaded.maps, "tc_up", "tc_down", "tc_segmented"}
        assert (loaded.adopted, loaded.remarks) == (False, [])
        assert loaded.maps["sessions"].shape.entries == 64
        assert loaded.maps["nets6"].shape.entries == 128
        assert layout.read(loaded.maps["layout"]) == layout.ours(64)
    assert pins.remove(pin_dir / "v4-64")
    assert names(pin_dir) == set()


@pytest.mark.parametrize("xdp", [False, True])
def test_a_second_start_takes_the_maps_over(pin_dir: Path, probe: Path, xdp: bool) -> None:
    with load(pin_dir, probe, xdp=True) as first:
        first.maps["calls"].update(ONE, PLACE.pack(3, 1))
        old, devices = first.programs["tc_up"].id, first.maps["xdp_exits"].id
    with load(pin_dir, probe, xdp=xdp) as second:
        assert (second.adopted, second.remarks) == (True, [])
        assert second.maps["xdp_exits"].id == devices
        assert second.programs["tc_up"].run(PACKET).verdict == 3
        assert {"tc_up", "tc_up_old", "tc_down_old"} <= names(second.directory)
        kept = [path.name for path in pins.known(pin_dir, "tc_up")]
        assert kept == ["tc_up", "tc_up_old"]
        second.settle()
        assert ("xdp_port" in names(second.directory)) is xdp
        assert not any(name.endswith("_old") for name in names(second.directory))
        assert second.programs["tc_up"].id != old


def test_a_start_that_was_cut_short_is_finished(pin_dir: Path, probe: Path) -> None:
    with load(pin_dir, probe) as first:
        (first.directory / "calls").unlink()
        (first.directory / "tc_up").unlink()
        nets = first.maps["nets4"].id
    with load(pin_dir, probe) as second:
        assert second.adopted
        assert second.maps["nets4"].id == nets
        assert names(second.directory) >= {"calls", "tc_up"}
    pins.remove(pin_dir / "v4-64")
    (pin_dir / "v4-64").mkdir()
    with load(pin_dir, probe) as third:
        assert (third.adopted, third.remarks) == (False, [])


def replaced(directory: Path, name: str, shape: MapShape) -> Map:
    (directory / name).unlink()
    made = Map.create(name, shape)
    made.pin(directory / name)
    return made


def other_shape(directory: Path) -> None:
    replaced(directory, "calls", MapShape(HASH, 4, 16, 64, 0)).close()


def no_layout(directory: Path) -> None:
    (directory / "layout").unlink()


def bad_layout(directory: Path) -> None:
    replaced(directory, "layout", layout.SHAPE).close()


def other_layout(directory: Path) -> None:
    made = replaced(directory, "layout", layout.SHAPE)
    layout.write(made, layout.ours(65))
    made.close()


def no_map(directory: Path) -> None:
    (directory / "calls").unlink()
    os.rename(directory / "tc_up", directory / "calls")


@pytest.mark.parametrize("spoil", [other_shape, no_layout, bad_layout, other_layout, no_map])
def test_a_version_that_makes_no_sense_is_begun_anew(pin_dir: Path, probe: Path, spoil: object) -> None:
    with load(pin_dir, probe) as first:
        first.maps["hosts4"].update(HOST4.pack(0, bytes(4)), PLACE.pack(1, 1))
    assert callable(spoil)
    spoil(pin_dir / "v4-64")
    with load(pin_dir, probe) as second:
        assert not second.adopted
        (remark,) = second.remarks
        assert "v4-64 makes no sense (" in remark
        assert dict(second.maps["hosts4"].items()) == {}


def test_what_the_verifier_says_is_handed_on(pin_dir: Path, refused: Path) -> None:
    with pytest.raises(LibbpfError, match="load probe") as caught:
        programs.load(pin_dir, 64, xdp=False, path=refused)
    assert "the kernel's verifier" in str(caught.value)
    assert "R1 offset is outside of the packet" in caught.value.log or "invalid access" in caught.value.log
    assert pins.versions(pin_dir) == []


def test_pins_go_into_a_bpf_file_system_only(tmp_path: Path, probe: Path) -> None:
    with pytest.raises(DataPlaneError, match="is in no BPF file system: mount one"):
        programs.load(tmp_path / "pins", 64, xdp=False, path=probe)


def test_no_dot_may_be_in_a_pin(pin_dir: Path, probe: Path) -> None:
    with pytest.raises(DataPlaneError, match="no name in it may have a dot"):
        programs.load(pin_dir / "a.b", 64, xdp=False, path=probe)


LOAD = """
import sys
from pathlib import Path
from bras.dataplane import programs
from bras.dataplane.base import DataPlaneError
try:
    programs.load(Path(sys.argv[1]), 64, xdp=True)
except DataPlaneError as error:
    sys.exit(str(error))
"""


def load_with(rights: str, pin_dir: Path) -> tuple[int, str]:
    command = ["setpriv", f"--bounding-set=-all{rights}", sys.executable, "-c", LOAD, str(pin_dir)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def is_told_of_rights(pin_dir: Path, rights: str) -> bool:
    status, said = load_with(rights, pin_dir)
    return status == 1 and "AmbientCapabilities=CAP_BPF CAP_NET_ADMIN CAP_PERFMON" in said


@pytest.mark.parametrize("rights", ["", ",+net_admin", ",+bpf"])
def test_without_rights_it_says_which_are_needed(pin_dir: Path, rights: str) -> None:
    assert is_told_of_rights(pin_dir, rights)


@pytest.mark.both
def test_each_kernels_verifier_is_stricter_without_one_of_the_rights(pin_dir: Path) -> None:
    assert is_told_of_rights(pin_dir, ",+bpf,+net_admin")


def test_these_rights_are_enough_for_the_programs_that_we_ship(pin_dir: Path) -> None:
    assert load_with(",+bpf,+net_admin,+perfmon", pin_dir) == (0, "")
    assert len(pins.known(pin_dir, "xdp_port")) == 1


# From one version to the next.


CARRIED = Counters._fields[:8]
CARRIED_UP, CARRIED_DOWN, CARRIED6 = CARRIED[:2], CARRIED[2:4], CARRIED[4:]
KEPT = ("up_spoofed", "up_policed", "down_policed", "down_too_big")
SEATED = 1
"""The slot of the session that has the address to which a key leads, too."""


def fill(loaded: Loaded, slots: list[int]) -> None:
    """Enter sessions that can be told apart, with counters and keys."""
    sessions, accounts = loaded.maps["sessions"].memory(), loaded.maps["accounts"].memory()
    uplinks, down = loaded.maps["uplinks"].memory(), loaded.maps["carried"].memory()
    for slot in slots:
        carried = {name: slot * 1000 + at for at, name in enumerate(CARRIED)}
        fast = Uplink(
            call=slot, slot=slot, flags=SessionFlag.ACTIVE, **{name: carried.pop(name) for name in CARRIED_UP}
        )
        address = int.from_bytes(bytes([10, 0, 0, slot]), sys.byteorder) if slot == SEATED else slot
        session = Session(
            flags=SessionFlag.ACTIVE, generation=slot + 7, mtu=1400 + slot, uplink=100 - slot, address=address
        )
        down[slot * DOWN.size : (slot + 1) * DOWN.size] = DOWN.pack(*map(carried.pop, CARRIED_DOWN))
        uplinks[(100 - slot) * UPLINK.size :][: UPLINK.size] = bytes(fast)
        session.header[:] = bytes([slot]) * HEAD_OCTETS
        sessions[slot * SESSION.size : (slot + 1) * SESSION.size] = bytes(session)
        kept = {name: slot * 1000 + 8 + at for at, name in enumerate(("empty_up", "empty_down", *KEPT))}
        account = Account(mss6=900, cost_up=5, cost_down=6, ports=slot, **kept, **carried)
        account.tail[:] = bytes([slot]) * TAIL_OCTETS
        account.slow[:] = [slot * 1000 + 16 + word for word in range(16)]
        accounts[slot * ACCOUNT.size : (slot + 1) * ACCOUNT.size] = bytes(account)
        place = PLACE.pack(slot, slot + 7)
        loaded.maps["hosts4"].update(HOST4.pack(0, bytes([10, 0, 0, slot])), place)
        loaded.maps["nets4"].update(NET4.pack(32 + 24, 0, bytes([10, slot, 0, 0])), place)
        loaded.maps["nets6"].update(NET6.pack(32 + 56, 0, bytes([32, 1, slot, *range(13)])), place)
    loaded.maps["hosts4"].update(HOST4.pack(0, bytes([10, 0, 0, 99])), PLACE.pack(slots[0], 4000))  # one that is gone


def counted(slot: int) -> tuple[int, ...]:
    fast = [slot * 1000 + word for word in (0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13)]
    return tuple(one + slot * 1000 + 16 + index for index, one in enumerate(fast))


@contextmanager
def memories(loaded: Loaded) -> Iterator[tuple[Tables, memoryview, memoryview]]:
    """Return tables, and the memory of sessions and of accounts."""
    sessions, carried, accounts, uplinks, peers, hosts, kinds = (loaded.maps[name].memory() for name in SHARED)
    both = Uplinks(uplinks, peers), Hosts(hosts, kinds)
    yield Tables(loaded.maps, sessions, carried, accounts, *both), sessions, accounts


def leads_to(tables: Tables, call: int) -> int | None:
    """Return the slot of the uplink that is where the number of a call says."""
    owners = [tables.uplinks.owner(place) for place in tables.uplinks.said(call)]
    return next((slot for there, slot in owners if there == call), None)


@pytest.mark.both
def test_another_number_of_slots(pin_dir: Path, probe: Path) -> None:
    with load(pin_dir, probe, 64) as old:
        fill(old, [1, 5, 40])
    with load(pin_dir, probe, 16) as new, memories(new) as (tables, sessions, accounts):
        ((predecessor,), remarks) = predecessors(pin_dir, new.directory)
        assert remarks == []
        assert predecessor.copy_entries(new.maps, tables) == 2
        assert dict(new.maps["calls"].items()) == {}
        assert [leads_to(tables, slot) for slot in (1, 5, 40)] == [1, 5, None]
        assert [len(dict(new.maps[name].items())) for name in ("hosts4", "nets4", "nets6")] == [1, 2, 2]
        assert tables.hosts.place(0x0A000001, SEATED) is not None
        record, account = record_of(sessions, 5), Account.from_buffer_copy(accounts, 5 * ACCOUNT.size)
        assert bytes(record.header) + bytes(account.tail) == bytes([5]) * (HEAD_OCTETS + TAIL_OCTETS)
        assert (record.flags, record.generation, record.mtu) == (SessionFlag.ACTIVE, 12, 1405)
        assert (account.mss6, account.cost_up, account.cost_down, account.ports) == (900, 5, 6, 5)
        assert (account.empty_up, account.empty_down) == (5008, 5009)
        assert {getattr(account, name) for name in (*CARRIED_UP, *CARRIED6, *KEPT)} == {0}
        assert not any(tables._down)
        assert not any(account.slow)
        assert dict(predecessor.take_accounts(tables)) == {1: counted(1), 5: counted(5)}
        predecessor.remove()
        assert names(pin_dir) == {"v4-16"}


def record_of(sessions: memoryview, slot: int) -> Session:
    return Session.from_buffer_copy(sessions, slot * SESSION.size)


def test_a_crash_between_the_steps_counts_nothing_twice(pin_dir: Path, probe: Path) -> None:
    with load(pin_dir, probe, 64) as old:
        fill(old, [1, 5])
    with load(pin_dir, probe, 65) as new, memories(new) as (tables, sessions, _):
        first = Predecessor(pin_dir / "v4-64")
        assert first.copy_entries(new.maps, tables) == 2
        taken = dict([next(iter(first.take_accounts(tables)))])
        first.close()
        # The next start finds session 1 as it was left, and 5 gone on: moved to another LAC.
        sessions[5 * SESSION.size + Session.header.offset] = 99
        new.maps["hosts4"].update(HOST4.pack(0, bytes([10, 0, 0, 5])), PLACE.pack(1, 8))
        again = Predecessor(pin_dir / "v4-64")
        assert again.copy_entries(new.maps, tables) == 0
        assert record_of(sessions, 5).header[0] == 99
        assert new.maps["hosts4"].lookup(HOST4.pack(0, bytes([10, 0, 0, 5]))) == PLACE.pack(1, 8)
        rest = dict(again.take_accounts(tables))
        assert not set(taken) & set(rest)
        assert taken | rest == {1: counted(1), 5: counted(5)}
        again.remove()


def test_counters_of_a_slot_that_has_another_session_now_are_not_its(pin_dir: Path, probe: Path) -> None:
    with load(pin_dir, probe, 64) as old:
        fill(old, [1, 5])
    with load(pin_dir, probe, 65) as new, memories(new) as (tables, sessions, _):
        predecessor = Predecessor(pin_dir / "v4-64")
        predecessor.copy_entries(new.maps, tables)
        sessions[5 * SESSION.size + Session.generation.offset] += 1
        assert set(dict(predecessor.take_accounts(tables))) == {1}
        predecessor.remove()


def moved(of: Layout, dice: random.Random, *, without: str, uplinks: bool) -> Layout:
    """Return a made-up layout: the same fields elsewhere, in either record, but for one; some octets between them.

    Before there were ``uplinks`` and what is carried apart, their counters were in these records.
    """
    assert of.carried is not None
    records = (of.session, of.account) if uplinks else (of.session, of.account, of.carried)
    sizes = {name: size for record in records for name, (_, size) in record.fields.items()}
    names = [name for name in sizes if name not in {without, "uplink"}]
    dice.shuffle(names)
    (at, session), account = [_spread(sizes, some) for some in (names[::2], names[1::2])]
    for name in ("flags", "generation", *["uplink"] * uplinks):  # where every version has them
        account[1].pop(name, None)
        session[name] = (at, sizes[name])
        at += 8
    assert of.uplink is not None
    sizes = {name: size for name, (_, size) in of.uplink.fields.items()}
    names = list(sizes)
    dice.shuffle(names)
    uplink = Record(*_spread(sizes, names)) if uplinks else None
    carried = Record(32, {name: (24 - 16 * at, 8) for at, name in enumerate(of.carried.fields)}) if uplinks else None
    return Layout(77, of.slots, Record(at, session), Record(*account), uplink, carried)


def _spread(sizes: dict[str, int], names: list[str]) -> tuple[int, dict[str, tuple[int, int]]]:
    fields, at = {}, 8
    for name in names:
        fields[name] = (at, sizes[name])
        at += -(-sizes[name] // 8) * 8 + 8
    return at, fields


def rewrite(loaded: Loaded, theirs: Layout) -> None:
    """Turn what is pinned into what another version would have left."""
    ours, directory = layout.ours(64), loaded.directory
    assert ours.uplink is not None
    assert ours.carried is not None
    octets = {name: loaded.maps[name].memory().tobytes() for name in ("sessions", "carried", "accounts", "uplinks")}
    directory = directory.rename(directory.parent / theirs.version)

    def record(name: str, of: Record, index: int) -> tuple[Record, memoryview]:
        return of, memoryview(octets[name])[index * of.size : (index + 1) * of.size]

    for name, into in (("sessions", theirs.session), ("accounts", theirs.account), ("carried", theirs.carried)):
        if into is None:
            continue
        made = replaced(directory, name, MapShape(ARRAY, 4, into.size, 64, MMAPABLE))
        for slot in range(64):
            records = {"sessions": ours.session, "accounts": ours.account, "carried": ours.carried}
            of = [record(name, of, slot) for name, of in records.items()]
            if theirs.uplink is None:
                up = Record(UPLINK.size, {name: ours.uplink.fields[name] for name in CARRIED_UP})
                of.append(record("uplinks", up, Session.from_buffer_copy(of[0][1]).uplink))
            made.update(CALL.pack(slot), layout.converted(of, into))
        made.close()
    if theirs.uplink is not None:
        made = replaced(directory, "uplinks", MapShape(ARRAY, 4, theirs.uplink.size, 512, MMAPABLE))
        for place in range(512):
            made.update(CALL.pack(place), layout.converted([record("uplinks", ours.uplink, place)], theirs.uplink))
        made.close()
    layout.write(loaded.maps["layout"], theirs)


@pytest.mark.parametrize("uplinks", [True, False], ids=["with uplinks", "before there were any"])
def test_a_layout_whose_fields_have_moved(pin_dir: Path, probe: Path, uplinks: bool) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    theirs = moved(layout.ours(64), random.Random(seed), without="mss6", uplinks=uplinks)
    with load(pin_dir, probe, 64) as old:
        fill(old, [2, 9, 63])
        sessions, accounts = old.maps["sessions"].memory().tobytes(), old.maps["accounts"].memory().tobytes()
        for slot in (2, 9, 63) if not uplinks else ():
            old.maps["calls"].update(CALL.pack(slot), PLACE.pack(slot, slot + 7))
            old.maps["calls"].update(CALL.pack(100 + slot), PLACE.pack(slot, slot + 6))  # the one before
        rewrite(old, theirs)
    with load(pin_dir, probe, 64) as new, memories(new) as (tables, sessions_now, accounts_now):
        ((predecessor,), remarks) = predecessors(pin_dir, new.directory)
        assert (predecessor.directory.name, remarks) == ("v77-64", [])
        assert predecessor.copy_entries(new.maps, tables) == 3
        for slot in (2, 9, 63):
            now, then = record_of(sessions_now, slot), Session.from_buffer_copy(sessions, slot * SESSION.size)
            assert tables.uplinks.owner(now.uplink) == (slot, slot)
            then.uplink = now.uplink
            assert bytes(now) == bytes(then)
            before = Account.from_buffer_copy(accounts, slot * ACCOUNT.size)
            before.mss6 = 0  # which the other layout does not have
            there = accounts_now[slot * ACCOUNT.size :][: TERMS.size]
            assert bytes(there) == bytes(before)[: TERMS.size]
            assert leads_to(tables, slot) == slot
        assert dict(predecessor.take_accounts(tables)) == {slot: counted(slot) for slot in (2, 9, 63)}
        assert dict(predecessor.take_accounts(tables)) == {}
        predecessor.remove()


@pytest.mark.parametrize("spoil", [other_shape, no_layout, bad_layout, other_layout, no_map])
def test_a_predecessor_that_makes_no_sense_is_removed(pin_dir: Path, probe: Path, spoil: object) -> None:
    with load(pin_dir, probe, 64):
        assert callable(spoil)
        spoil(pin_dir / "v4-64")
    (pin_dir / "empty").mkdir()
    with load(pin_dir, probe, 32) as new:
        found, remarks = predecessors(pin_dir, new.directory)
        if spoil is other_shape:  # its calls are left behind, all else is taken
            (predecessor,) = found
            with memories(new) as (tables, _, _):
                assert predecessor.copy_entries(new.maps, tables) == 0
            predecessor.remove()
        assert len(found) + len(remarks) == 2
        assert names(pin_dir) == {"v4-32"}
