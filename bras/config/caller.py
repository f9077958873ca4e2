"""The texts with placeholders of a ``[[lac]]``, by which RADIUS knows a call, and the kinds of port.

In `caller_id`, ``number`` and ``address`` are words; anything else is a text with placeholders in braces.
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
    "lns",
    "local",
    "peer_tunnel",
    "peer_session",
)
"""What may stand in braces."""
BY_LINE = "line"
"""`nas_port_type` that depends on what the LAC tells of the line."""
PORT_TYPES = {
    "virtual": 5,
    "async": 0,
    "sync": 1,
    "isdn": 2,
    "sdsl": 11,
    "adsl": 13,
    "ethernet": 15,
    "xdsl": 16,
    "cable": 17,
    "wireless": 18,
    "pppoa": 30,
    "pppoeoa": 31,
    "pppoeoe": 32,
    "pppoeovlan": 33,
    "pppoeoqinq": 34,
    "xpon": 35,
}
"""NAS-Port-Type (RFC 2865 section 5.41, RFC 4603) by the word for it."""


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
        raise ValueError("it has no placeholder, so all would be the same")
    return tuple((literal, name or "") for literal, name, _, _ in found)
