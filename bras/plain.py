"""Plain data: what state is saved as, and how dataclasses become it and come back.

``None``, booleans, numbers, text, octets, lists and dictionaries; no pickle, no classes.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

Saved = Any
"""Plain data as ``save()`` returns it; what it holds is the business of the matching ``restore``."""


def save_fields(value: object) -> Saved:
    """Return a dataclass as plain data: its fields by name, enums by value, octets as they are."""
    return msgspec.to_builtins(value, builtin_types=(bytes,))


def restore_fields(kind: type[T], saved: Saved) -> T:
    """Return the dataclass again; raises ``msgspec.ValidationError`` when the data are not of its shape."""
    return msgspec.convert(saved, kind, builtin_types=(bytes,))


def encode(saved: Saved) -> bytes:
    """Encode plain data for a file."""
    return msgspec.msgpack.encode(saved)


def decode(octets: bytes) -> Saved:
    """Decode what ``encode`` wrote; raises ``msgspec.DecodeError``."""
    return msgspec.msgpack.decode(octets)
