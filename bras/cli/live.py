"""What the daemon has now, for the shell's completion: LAC groups, sessions, users by what was typed of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import typer

from bras.cli.client import AdminClient, Refused, Unreachable
from bras.cli.columns import TABLES
from bras.cli.common import socket_path

MOST = 50
"""Values offered at most."""
TIMEOUT_S = 1.0
_PLAIN = re.compile(r"[A-Za-z0-9@._+%/:-]+")
"""What a shell takes as it is: others are not offered, for what clients call themselves is theirs."""


def _ask(ctx: typer.Context, command: str, **arguments: Any) -> Any:
    """Return an answer, or nothing: completion never complains."""
    try:
        path = socket_path(ctx.params.get("socket"), ctx.params.get("config"))
        with AdminClient(path, timeout_s=TIMEOUT_S) as client:
            return client.ask(command, **arguments)
    except (Unreachable, Refused, typer.Exit):
        return {}


def _offered(values: Iterable[Any], incomplete: str) -> list[str]:
    texts = (str(value) for value in values)
    found = (text for text in texts if text.startswith(incomplete) and _PLAIN.fullmatch(text))
    return sorted(dict.fromkeys(found))[:MOST]


def _begins(field: str, text: str) -> str:
    """Return an expression for what begins so; whatever is no letter or digit is written by its number."""
    written = "".join(char if char.isalnum() else f"\\x{{{ord(char):x}}}" for char in text)
    return f'{field}=~"^{written}"'


def _sessions(ctx: typer.Context, field: str, key: str, incomplete: str) -> list[Any]:
    body = _ask(ctx, "show sessions", match=_begins(field, incomplete), most=MOST, limit=MOST)
    return [row.get(key) for row in body.get("sessions", [])]


def users(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer user names."""
    return _offered(_sessions(ctx, "user", "user", incomplete), incomplete)


def selectors(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer user names, and as soon as something was typed, Acct-Session-Ids and addresses that begin so."""
    found = _sessions(ctx, "user", "user", incomplete)
    if incomplete:
        found += _sessions(ctx, "session", "session", incomplete) + _sessions(ctx, "address", "address", incomplete)
    return _offered((value for value in found if value), incomplete)


def groups(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of LAC groups."""
    return _offered((row["lac"] for row in _ask(ctx, "show groups").get("groups", [])), incomplete)


def tunnels(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer tunnel ids and the Host Names of LACs that have a tunnel."""
    rows = _ask(ctx, "show tunnels").get("tunnels", [])
    return _offered((value for row in rows for value in (row["tunnel"], row["hostname"])), incomplete)


def _table(ctx: typer.Context) -> list[str]:
    """Return the columns of the table that a command shows."""
    name = "sessions" if ctx.info_name == "top" else ctx.info_name or ""
    return [column.name for column in TABLES[name].columns] if name in TABLES else []


def columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer columns, after those that were named already."""
    before = re.match(r"\+?(?:.*,)?", incomplete)
    head = before[0] if before is not None else ""
    named = head.lstrip("+").split(",")
    return [head + name for name in _table(ctx) if (head + name).startswith(incomplete) and name not in named]


def orders(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer columns to sort by, and with a - the same."""
    sign = "-" if incomplete.startswith("-") else ""
    return [sign + name for name in _table(ctx) if (sign + name).startswith(incomplete)]
