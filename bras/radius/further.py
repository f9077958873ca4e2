"""Attributes that not every Access-Accept has: who reads them, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from bras.config.understood import SEVERAL
from bras.radius import cisco, standard, vendors
from bras.radius.draft import Draft, Lacking, Rank, Reader, Senseless, Understood

Attributes = tuple[tuple[str, bytes], ...]
"""Names and values, in the order of the packet."""
MAX_KEPT: Final = 4096
"""Different answers that are kept understood; a tariff is one for all its subscribers."""

READERS: Final[Mapping[str, tuple[Rank, Reader]]] = {
    name: (rank, reader)
    for rank, readers in (
        (Rank.BRAS, vendors.BRAS),
        (Rank.STANDARD, standard.READERS),
        (Rank.CISCO, cisco.READERS),
        (Rank.ERX, vendors.ERX),
        (Rank.ALCATEL, vendors.ALCATEL),
        (Rank.MIKROTIK, vendors.MIKROTIK),
        (Rank.WISPR, vendors.WISPR),
        (Rank.CHILLISPOT, vendors.CHILLISPOT),
        (Rank.ASCEND, vendors.ASCEND),
    )
    for name, reader in readers.items()
}


@lru_cache(maxsize=MAX_KEPT)
def understand(attributes: Attributes) -> Understood:
    """Return what these say together."""
    draft, seen = Draft(), set[str]()
    for name, value in attributes:
        if not value or (name in seen and name not in SEVERAL):
            continue
        seen.add(name)
        draft.attribute = name
        draft.rank, read = READERS[name]
        try:
            read(draft, value)
        except Lacking:
            draft.lack(name)
        except Senseless:
            draft.lack(name, senseless=True)
    return draft.finish()
