"""What errors of TLS and of the system are called, for counters and for people."""

from __future__ import annotations

import errno
import ssl

import pytest

from bras.config.certificate import Certificate
from bras.config.tls import WrongFile
from bras.runtime.tls_reasons import CLOSED, Loss, explain

THEIRS = Certificate("radius", "Some CA", ("a.example.net", "192.0.2.9"), 1_577_836_800, 1_609_459_200)


def unverified(code: int, message: str = "") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def tls(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "word", "text"),
    [
        (unverified(10), "expired", "certificate expired on 2021-01-01"),
        (unverified(9), "expired", "certificate not good before 2020-01-01"),
        (unverified(62), "name", "the certificate is for a.example.net, 192.0.2.9, not radius.example.net"),
        (unverified(64), "name", "the certificate is for a.example.net, 192.0.2.9, not the address radius.example.net"),
        (unverified(20), "untrusted", "the certificate, signed by Some CA, is from no CA of tls_ca"),
        (unverified(26, "unsupported purpose"), "untrusted", "the certificate was not accepted: unsupported purpose"),
        (tls("TLSV1_ALERT_UNKNOWN_CA"), "certificate_refused", "the other end refused our certificate: "),
        (tls("SSLV3_ALERT_CERTIFICATE_EXPIRED"), "certificate_refused", "the other end refused our certificate: exp"),
        (tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "certificate_refused", "the other end refused our certificate: it"),
        (tls("TLSV1_ALERT_PROTOCOL_VERSION"), "version", "the other end does not speak TLS 1.2 or later"),
        (tls("UNSUPPORTED_PROTOCOL"), "version", "the other end does not speak TLS 1.2 or later"),
        (tls("WRONG_VERSION_NUMBER"), "not_tls", "what answers there does not speak TLS"),
        (tls("UNEXPECTED_EOF_WHILE_READING"), "closed", "the other end closed the connection amid TLS"),
        (tls("EOF occurred", ssl.SSLEOFError), "closed", "the other end closed the connection amid TLS"),
        (tls("SSLV3_ALERT_HANDSHAKE_FAILURE"), "tls", "TLS failed: sslv3 alert handshake failure"),
        (OSError(errno.ECONNREFUSED, "x"), "refused", "nobody listens there"),
        (OSError(errno.ENETUNREACH, "x"), "unreachable", "there is no way to that address"),
        (OSError(errno.ECONNRESET, "x"), "reset", "the other end reset the connection"),
        (OSError(errno.ETIMEDOUT, "x"), "timeout", "the other end answers nothing"),
        (TimeoutError(), "timeout", "the other end answers nothing"),
        (ConnectionAbortedError("SSL handshake is taking long"), "timeout", "the other end does not finish the hand"),
        (ConnectionResetError(), "reset", "the other end broke the handshake off; its log"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign"), "system", "Cannot assign"),
        (ValueError("odd"), "system", "odd"),
        (WrongFile("tls_key", "it is gone", "give one"), "files", "tls_key: it is gone"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_has_its_word_and_its_text(error: Exception, word: str, text: str) -> None:
    loss = explain(error, "radius.example.net", THEIRS)
    assert loss.word == word
    assert loss.text.startswith(text)


@pytest.mark.parametrize("code", [9, 10, 20, 62, 64])
def test_without_the_certificate_there_is_less_to_say(code: int) -> None:
    assert "certificate" in explain(unverified(code), "radius.example.net").text


def test_no_error_is_an_end_all_the_same() -> None:
    assert explain(None, "x") is CLOSED
    assert Loss("closed", "the other end closed the connection") == CLOSED
