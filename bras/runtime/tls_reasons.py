"""Why there is no TLS connection, in a word for counters and in words for people."""

from __future__ import annotations

import errno
import ssl
from typing import NamedTuple

from bras.config.certificate import Certificate
from bras.config.tls import WrongFile, day

_EXPIRED, _TOO_EARLY, _WRONG_NAME, _WRONG_ADDRESS = 10, 9, 62, 64
"""X509_V_ERR_CERT_HAS_EXPIRED, _CERT_NOT_YET_VALID, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH (openssl/x509_vfy.h)."""
_UNTRUSTED = (2, 18, 19, 20, 21)
"""X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, _DEPTH_ZERO_SELF_SIGNED_CERT, and the like: no CA of ours has signed it."""
_ALERTS = {
    "UNKNOWN_CA": "it does not know who signed it",
    "CERTIFICATE_EXPIRED": "expired",
    "CERTIFICATE_REVOKED": "revoked",
    "CERTIFICATE_UNKNOWN": "not acceptable to it",
    "CERTIFICATE_REQUIRED": "it wants one",
    "BAD_CERTIFICATE": "not acceptable to it",
    "UNSUPPORTED_CERTIFICATE": "of a kind that it does not take",
    "ACCESS_DENIED": "access denied",
    "DECRYPT_ERROR": "our signature does not fit it",
}
_NO_VERSION = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE")
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "BAD_RECORD_TYPE")
_SYSTEM = {
    errno.ECONNREFUSED: ("refused", "nobody listens there"),
    errno.ECONNRESET: ("reset", "the other end reset the connection"),
    errno.EPIPE: ("reset", "the other end reset the connection"),
    errno.ETIMEDOUT: ("timeout", "the other end answers nothing"),
    errno.EHOSTUNREACH: ("unreachable", "there is no way to that address"),
    errno.ENETUNREACH: ("unreachable", "there is no way to that address"),
}


class Loss(NamedTuple):
    """Why a connection ended, or never was."""

    word: str
    """One of few, for counters."""
    text: str
    """For people; it follows "down: "."""


CLOSED = Loss("closed", "the other end closed the connection")
CLOSED_EARLY = Loss(
    "closed", "the other end closed the connection right after the handshake; its log may tell what it has against us"
)


def explain(error: Exception | None, name: str, certificate: Certificate | None = None) -> Loss:
    """Say what an error means; ``name`` is what the other end's certificate must have, ``certificate`` what it is."""
    if error is None:
        return CLOSED
    if isinstance(error, WrongFile):
        return Loss("files", f"{error.key}: {error.wrong}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, name, certificate)
    if isinstance(error, ssl.SSLError):
        return _tls(error)
    if isinstance(error, TimeoutError):
        return Loss("timeout", "the other end answers nothing")
    if isinstance(error, ConnectionAbortedError):
        return Loss("timeout", "the other end does not finish the handshake")
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        return Loss(*_SYSTEM[error.errno])
    if isinstance(error, ConnectionError):  # asyncio's own, which has no number
        return Loss("reset", "the other end broke the handshake off; its log may tell what it has against us")
    if isinstance(error, OSError) and error.strerror:
        return Loss("system", error.strerror)
    return Loss("system", str(error) or type(error).__name__)


def _unverified(error: ssl.SSLCertVerificationError, name: str, certificate: Certificate | None) -> Loss:
    code = error.verify_code
    if code == _EXPIRED:
        return Loss(
            "expired", f"certificate expired on {day(certificate.ends_at)}" if certificate else "certificate expired"
        )
    if code == _TOO_EARLY:
        return Loss(
            "expired",
            f"certificate not good before {day(certificate.begins_at)}" if certificate else "certificate not yet good",
        )
    if code in (_WRONG_NAME, _WRONG_ADDRESS):
        whose = ", ".join(certificate.names[:4]) if certificate else "another name"
        what = "the address " if code == _WRONG_ADDRESS else ""
        return Loss("name", f"the certificate is for {whose or 'nobody'}, not {what}{name}")
    if code in _UNTRUSTED:
        by = f", signed by {certificate.issuer}," if certificate and certificate.issuer else ""
        return Loss("untrusted", f"the certificate{by} is from no CA of tls_ca")
    return Loss("untrusted", f"the certificate was not accepted: {error.verify_message}")


def _tls(error: ssl.SSLError) -> Loss:
    reason = error.reason or ""
    for alert, words in _ALERTS.items():
        if reason.endswith(f"ALERT_{alert}"):
            return Loss("certificate_refused", f"the other end refused our certificate: {words}")
    if any(part in reason for part in _NO_VERSION):
        return Loss("version", "the other end does not speak TLS 1.2 or later")
    if reason in _NOT_TLS:
        return Loss("not_tls", "what answers there does not speak TLS")
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or "EOF" in reason:
        return Loss("closed", "the other end closed the connection amid TLS")
    return Loss("tls", f"TLS failed: {(reason or str(error)).replace('_', ' ').lower()}")
