"""What a section of the file is: its keys, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bras.config import values as v
from bras.config.credentials import Credential

DAY_S = 86400.0
LONGEST_S = 4294967295.0
"""What RADIUS can say of a duration: 32 bits of seconds."""


@dataclass(frozen=True, slots=True)
class Required:
    """A key without default, and what stands in for it when it is missing or wrong."""

    kind: v.Kind
    stand_in: Any


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the file: a table, or several of one name."""

    name: str
    model: type
    """What it makes; the names of the keys are those of its fields."""
    keys: Mapping[str, v.Kind | Required]
    repeated: bool = False
    """Whether it is written [[name]]."""
    policy: Mapping[str, v.Kind] = field(default_factory=dict)
    """The keys of a profile that may be given in it; they make its ``grant``."""
    credential: Credential | None = None
    inner: tuple[Section, ...] = ()
    """Sections whose names begin with this one's."""
    make: Callable[..., Any] | None = None
    """Makes the model from the keys, where that is more than calling it."""

    def build(self, **parts: Any) -> Any:
        """Return the model of these parts; those left out have their defaults."""
        return self.model(**parts) if self.make is None else self.make(**parts)

    @property
    def key(self) -> str:
        """Return the last part of the name: its key in the table that holds it."""
        return self.name.rpartition(".")[2]

    @property
    def title(self) -> str:
        """Return how its heading is written in the file."""
        return f"[[{self.name}]]" if self.repeated else f"[{self.name}]"

    @property
    def known(self) -> list[str]:
        """Return every name that may stand in it."""
        secrets = self.credential.keys if self.credential else ()
        return [*self.keys, *secrets, *self.policy, *(inner.key for inner in self.inner)]
