"""CoA- and Disconnect-Requests, built without our own codec."""

from __future__ import annotations

import hashlib
import hmac

from tests.support.radius import SECRET, attribute


def dynamic_request(
    code: int, attributes: bytes, *, identifier: int = 1, secret: bytes = SECRET, signed: bool = True
) -> bytes:
    """Build a request as RFC 5176 sections 2.3 and 3.4 have it; ``signed``: with Message-Authenticator, first."""
    body = (attribute(80, bytes(16)) if signed else b"") + attributes
    head = bytes((code, identifier)) + (20 + len(body)).to_bytes(2, "big")
    if signed:
        body = attribute(80, hmac.digest(secret, head + bytes(16) + body, "md5")) + attributes
    return head + hashlib.md5(head + bytes(16) + body + secret).digest() + body
