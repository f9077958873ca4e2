"""The reference of keys says of each what the model and the table say."""

from __future__ import annotations

from bras.config.manual import BEGIN, END, describe, main, rewritten
from bras.config.sections import SECTIONS


def rows_of(title: str) -> dict[str, list[str]]:
    """Return the rows below a heading, by key."""
    _, _, after = describe().partition(f"### {title}\n")
    table = after.partition("\n### ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_a_key_has_its_value_default_and_meaning():
    assert rows_of("`[lns]`")["idle_tunnel_s"] == [
        "seconds from 0 to 86400",
        "`60`",
        "Seconds after which a tunnel without calls is closed; 0 means never.",
    ]


def test_defaults_are_written_as_in_the_file():
    lac = rows_of("`[[lac]]`")
    assert lac["address"][1] == '`["0.0.0.0/0", "::/0"]`'
    assert lac["methods"][1] == "none"
    assert lac["name"][1] == "required"
    assert rows_of("`[ppp]`")["acfc"][1] == "`true`"
    assert rows_of("`[ppp]`")["mru"][1] == '`"auto"`'
    assert rows_of("`[radius]`")["interim_jitter"][1] == "`0.1`"
    assert rows_of("`[metrics]`")["listen"][1] == "none"


def test_each_way_to_give_a_secret_has_its_row():
    assert {"secret", "secret_file", "secrets"} <= set(rows_of("`[[lac]]`"))
    assert rows_of("`[[user]]`")["password_file"][1] == "required, in one way"
    assert "secrets" not in rows_of("`[[radius.server]]`")


def test_every_key_has_a_sentence():
    for section in SECTIONS:
        for one in (section, *section.inner):
            known = set(one.known) - set(one.policy) - {inner.key for inner in one.inner}
            rows = rows_of(f"`{one.title}`")
            assert set(rows) == known
            assert all(row[2].endswith(".") for row in rows.values())
    assert all(row[2].endswith(".") for row in rows_of("Keys of a profile").values())


def test_what_is_computed_is_no_key():
    assert "prefixes" not in rows_of("`[[pool]]`")


def test_only_what_stands_between_the_marks_is_rewritten():
    manual = f"before\n{BEGIN}old\n{END}after\n"
    once = rewritten(manual)
    assert once.startswith(f"before\n{BEGIN}\n### `[lns]`\n")
    assert once.endswith(f"\n{END}after\n")
    assert "old\n" not in once
    assert rewritten(once) == once


def test_it_rewrites_a_file(tmp_path):
    path = tmp_path / "MANUAL.md"
    path.write_text(f"{BEGIN}{END}")
    main([str(path)])
    assert describe() in path.read_text()
