"""`caller_id` of a ``[[lac]]``: what becomes Calling-Station-Id.

``number`` and ``address`` are words; anything else is a text with placeholders in braces.
"""

from __future__ import annotations

from functools import lru_cache
from string import Formatter

NUMBER = "number"
ADDRESS = "address"
PLACEHOLDERS = (
    "number",
    "address",
    "called",
    "sub_address",
    "hostname",
    "lac",
    "tunnel",
    "session",
    "serial",
    "channel",
    "private_group",
    "circuit_id",
    "remote_id",
)
"""What may stand in braces."""


@lru_cache(maxsize=256)
def parts_of(text: str) -> tuple[tuple[str, str], ...]:
    """Take a text with placeholders apart: (what stands before, placeholder), the last one without.

    Raises ``ValueError`` that says what is wrong.
    """
    try:
        found = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError("its braces do not match; a brace itself is written twice") from error
    for _, name, form, conversion in found:
        if name is not None and (name not in PLACEHOLDERS or form or conversion):
            raise ValueError(f'"{{{name}}}" is no placeholder' if not form and not conversion else "it has a format")
    if not any(name for _, name, _, _ in found):
        raise ValueError("it has no placeholder, so all would be the same caller")
    return tuple((literal, name or "") for literal, name, _, _ in found)
