"""Decide credentials against a password that we know (``[[user]]``).

All comparisons are in constant time.  MS-CHAP needs the NT hash of the password, which is
why the password itself must be known (RFC 2433 section 5, RFC 2759 section 8).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import assert_never

from bras.ppp import mschap
from bras.ppp.events import (
    ChapCredentials,
    Credentials,
    MsChap2Credentials,
    MsChapCredentials,
    PapCredentials,
)
from bras.secret import Secret


def verify(credentials: Credentials, password: Secret) -> bytes | None:
    """Return ``None`` when wrong, else what the client must be told ("S=…" for MS-CHAPv2, else nothing)."""
    match credentials:
        case PapCredentials():
            return b"" if password.matches(credentials.password) else None
        case ChapCredentials():
            return _verify_chap(credentials, password)
        case MsChapCredentials():
            return b"" if mschap.verify_v1(credentials.challenge, credentials.response, password.reveal()) else None
        case MsChap2Credentials():
            return mschap.verify_v2(credentials.challenge, credentials.response, credentials.name, password.reveal())
        case _:
            assert_never(credentials)


def _verify_chap(credentials: ChapCredentials, password: Secret) -> bytes | None:
    """RFC 1994 section 4.1: MD5 over identifier, secret and challenge."""
    expected = hashlib.md5(bytes((credentials.identifier,)) + password.reveal() + credentials.challenge).digest()
    return b"" if hmac.compare_digest(expected, credentials.response) else None
