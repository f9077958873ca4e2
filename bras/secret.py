"""A secret that does not show itself."""

from __future__ import annotations

import hmac


class Secret:
    """Octets that never appear in ``str``, ``repr``, logs, metrics or errors."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        """Wrap the octets."""
        self._octets = octets

    def reveal(self) -> bytes:
        """Return the octets; call it only where they go into a digest or onto the wire."""
        return self._octets

    def matches(self, octets: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self._octets, octets)

    def __eq__(self, other: object) -> bool:
        """Equal when the octets are, compared in constant time."""
        return isinstance(other, Secret) and hmac.compare_digest(self._octets, other._octets)

    def __hash__(self) -> int:
        """Hash the octets."""
        return hash(self._octets)

    def __copy__(self) -> Secret:
        """Return itself: nothing in it can change."""
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        """Return itself: nothing in it can change."""
        return self

    def __repr__(self) -> str:
        """Say nothing."""
        return "Secret(***)"
