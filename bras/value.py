"""Values that are cheap to make.

A frozen dataclass sets each field through ``object.__setattr__``, which costs more than
everything else in it; and a call set up makes some hundred values.  ``hasten`` gives such
classes a constructor that writes their slots directly.  Nothing else changes: they stay
frozen, and a compiled class, which is fast already, is left as it is.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from types import MemberDescriptorType
from typing import Any


def hasten(*classes: type[Any]) -> None:
    """Give frozen, slotted dataclasses (without default factories) the fast constructor."""
    for cls in classes:
        slots = [cls.__dict__.get(field.name) for field in fields(cls)]
        if all(isinstance(slot, MemberDescriptorType) for slot in slots):
            cls.__init__ = _constructor(cls)


def _constructor(cls: type[Any]) -> Any:
    """Write and run the source of the constructor, as the dataclasses module does with its own."""
    scope: dict[str, Any] = {}
    parameters, body = [], []
    for field in fields(cls):
        scope[f"_set_{field.name}"] = cls.__dict__[field.name].__set__
        default = ""
        if field.default is not MISSING:
            scope[f"_default_{field.name}"] = field.default
            default = f"=_default_{field.name}"
        parameters.append(field.name + default)
        body.append(f" _set_{field.name}(self, {field.name})")
    source = f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(body)
    exec(source, scope)  # noqa: S102  # made of the names of our own fields
    constructor = scope["__init__"]
    constructor.__qualname__ = f"{cls.__qualname__}.__init__"
    return constructor
