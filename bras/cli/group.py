"""What holds for one LAC group, each value with where it comes from."""

from __future__ import annotations

from typing import Any

from bras.cli.detail import sourced
from bras.cli.human import limited, plain

Facts = list[tuple[str, str]]
Row = dict[str, Any]


def sections(row: Row) -> list[tuple[str, Facts]]:
    """Return the sections of a ShowGroup detail."""
    return [
        (f"group {row['lac']}", _now(row)),
        ("settings", sourced(row["settings"])),
        ("profile of its subscribers", sourced(row["profile"])),
    ]


def _now(row: Row) -> Facts:
    return [
        ("tunnels", limited(row["tunnels"], row["max_tunnels"])),
        ("sessions", f"{limited(row['sessions'], row['max_sessions'])}, {row['up']} up"),
        ("secret", "yes" if row["secret"] else "no: tunnels are not authenticated"),
        ("radius", plain(row["radius"])),
    ]
