"""Which node this is, in twelve bits: what makes Acct-Session-Ids differ from those of other LNSs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

MOST_NODES: Final = 1 << 12
_MACHINE_ID: Final = Path("/etc/machine-id")


def node_of(identity: bytes) -> int:
    """Return a number that an identity always has; machine-id(5) is to be told to nobody as it is."""
    return int.from_bytes(hashlib.sha256(b"bras node\0" + identity).digest()[:2], "big") % MOST_NODES


def derived(machine_id: Path = _MACHINE_ID, name: str | None = None) -> int:
    """Return the number of this machine: by its id, or, where it has none (in some containers), by its ``name``.

    The name is the system's own, not one of the configuration: a reload must not change the number.
    """
    try:
        identity = machine_id.read_bytes().strip()
    except OSError:
        identity = b""
    return node_of(identity or (name or os.uname().nodename).encode())
