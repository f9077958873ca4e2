from __future__ import annotations

from pathlib import Path

from bras.config.node import MOST_NODES, derived, node_of


def test_a_machine_has_the_same_number_always(tmp_path: Path) -> None:
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("0123456789abcdef0123456789abcdef\n")
    assert derived(machine_id, "lns1") == derived(machine_id, "lns2") == node_of(b"0123456789abcdef0123456789abcdef")


def test_without_an_id_its_name_has_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    for path in (tmp_path / "none", tmp_path / "empty"):
        assert derived(path, "lns1") == node_of(b"lns1") != derived(path, "lns2")
        assert derived(path) == derived(path)


def test_numbers_are_spread_over_all_that_there_are() -> None:
    found = [node_of(str(number).encode()) for number in range(20_000)]
    assert min(found) >= 0
    assert max(found) < MOST_NODES
    assert len(set(found)) > MOST_NODES * 0.98
