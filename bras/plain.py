"""Plain data: what state is saved as, and how dataclasses become it and come back.

``None``, booleans, numbers, text, octets, lists and dictionaries; no pickle, no classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

Saved = Any
"""Plain data as ``save()`` returns it; what it holds is the business of the matching ``restore``."""


def save_fields(value: object) -> Saved:
    """Return a dataclass as plain data: its fields by name, enums by value, octets as they are."""
    return msgspec.to_builtins(value, builtin_types=(bytes,))


def restore_fields(kind: Callable[..., T], saved: Saved, **shapes: Callable[[Any], object]) -> T:
    """Return the dataclass again; raises TypeError when the data are not its fields.

    ``shapes`` names the fields that are not plain data themselves, each with what makes it
    of what was saved; ``None`` stays ``None``.  (The annotations could tell, but a compiled
    class keeps only half of them.)
    """
    fields = dict(saved)
    for name, shape in shapes.items():
        if fields.get(name) is not None:
            fields[name] = shape(fields[name])
    return kind(**fields)


def encode(saved: Saved) -> bytes:
    """Encode plain data for a file."""
    return msgspec.msgpack.encode(saved)


def decode(octets: bytes) -> Saved:
    """Decode what ``encode`` wrote; raises ``msgspec.DecodeError``."""
    try:
        return msgspec.msgpack.decode(octets)
    except (UnicodeDecodeError, RecursionError) as wrong:
        raise msgspec.DecodeError(str(wrong)) from wrong
