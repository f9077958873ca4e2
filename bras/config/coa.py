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
    tls_name: str | None = None
    """Name or address that its certificate must have: then its requests come over TLS only, and the secret is `radsec` if none is given (RFC 6614)."""


@dataclass(frozen=True, slots=True)
class CoaConfig:
    """`[radius.coa]`: CoA- and Disconnect-Requests (RFC 5176); without this section nobody listens for them."""

    listen: tuple[Listen, ...] = ()
    """Addresses on which they are answered: "192.0.2.1" (UDP 3799), "192.0.2.1:1700", "[2001:db8::1]:3799"; may be left out with `tls_listen`."""
    client: tuple[CoaClientConfig, ...] = ()
    """Who may ask."""
    window_s: float = 300.0
    """Seconds that an Event-Timestamp may be from our clock, before or after (RFC 5176 section 6.3); so long a repeated request gets the same answer."""
    several: str = "all"
    """What becomes of a request that several sessions match: `all` of them are meant (RFC 5176 section 3), or it is `refuse`d with Error-Cause 508."""
    tls_listen: tuple[Listen, ...] = ()
    """Addresses on which they are answered over TLS (RFC 6614): "192.0.2.1" (TCP 2083), "192.0.2.1:2084"; needs `tls_ca`, `tls_certificate` and `tls_key`."""
    tls_ca: str | None = None
    """File with the certificates (PEM) of those who may have signed the clients' certificates."""
    tls_certificate: str | None = None
    """File with our certificate (PEM), and after it those that lead to a CA that the clients trust."""
    tls_key: str | None = None
    """File with the key of `tls_certificate` (PEM, without passphrase); to be readable by the daemon's user alone."""
