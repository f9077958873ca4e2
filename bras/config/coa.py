"""The sections that tell of changes and disconnections at the wish of others; see ``bras.config.model``."""

from __future__ import annotations

from dataclasses import dataclass

from bras.config.listen import Listen
from bras.secret import Secret


@dataclass(frozen=True, slots=True)
class CoaClientConfig:
    """`[[radius.coa.client]]`: who may change and end sessions; of several that match, the one with the longest prefix."""

    address: tuple[str, ...]
    """Prefixes from which its requests may come."""
    secrets: tuple[Secret, ...]
    """Secret shared with it; of several any is accepted, and the answer is signed with the one of the request."""
    name: str = ""
    """Name in logs and metrics; the first prefix if not given."""
    message_authenticator: str = "require"
    """Requests without Message-Authenticator: `require` drops them, `if-present` accepts them."""
    event_timestamp: str = "if-present"
    """Requests without Event-Timestamp: `require` drops them, `if-present` accepts them."""


@dataclass(frozen=True, slots=True)
class CoaConfig:
    """`[radius.coa]`: CoA- and Disconnect-Requests (RFC 5176); without this section nobody listens for them."""

    listen: tuple[Listen, ...]
    """Addresses on which they are answered: "192.0.2.1" (UDP 3799), "192.0.2.1:1700", "[2001:db8::1]:3799"."""
    client: tuple[CoaClientConfig, ...] = ()
    """Who may ask."""
    window_s: float = 300.0
    """Seconds that an Event-Timestamp may be from our clock, before or after (RFC 5176 section 6.3); so long a repeated request gets the same answer."""
    several: str = "all"
    """What becomes of a request that several sessions match: `all` of them are meant (RFC 5176 section 3), or it is `refuse`d with Error-Cause 508."""
