"""The files of TLS: a CA, a certificate of ours and its key become what OpenSSL works with.

Read when the configuration is checked, so that what is wrong with them is told before anything
starts, and again by the daemon whenever they have changed.
"""

from __future__ import annotations

import ssl
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from bras.config.certificate import Certificate, first_of
from bras.config.findings import Findings

WARNED_DAYS = 30
"""Days before its end from which on a certificate of ours is worth a warning."""
DAY_S = 86400
KEYS = ("tls_ca", "tls_certificate", "tls_key")


class TlsFiles(NamedTuple):
    """The three files."""

    ca: str
    """Certificates of those who sign the other end's."""
    certificate: str
    """Ours, and after it what leads to its CA."""
    key: str

    def signature(self) -> tuple[tuple[int, int, int], ...]:
        """Return what differs when a file is another one; OSError when one is not there."""
        found = (Path(path).stat() for path in self)
        return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in found)


class Material(NamedTuple):
    """What was made of the files."""

    context: ssl.SSLContext
    certificate: Certificate
    """Ours."""


class WrongFile(Exception):
    """A file that will not do: its key, what is wrong, and what would be right."""

    def __init__(self, key: str, wrong: str, right: str) -> None:
        """Remember the parts of the message."""
        super().__init__(f"{key}: {wrong}")
        self.key = key
        self.wrong = wrong
        self.right = right


def make(files: TlsFiles, *, server_side: bool = False) -> Material:
    """Read the files; WrongFile says which one will not do.

    The other end must have a certificate that one of ``ca`` has signed; as a client its name
    is compared too.  TLS 1.2 and later, no compression (RFC 6614 section 2.3).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    context.verify_mode = ssl.CERT_REQUIRED
    if server_side:  # FreeRADIUS 3.2 takes tickets for an answer, waits for it, and so for ever does not ask
        context.num_tickets = 0
    _load_authorities(context, files.ca)
    certificate = _own(files.certificate)
    _look_at_key(files.key)
    _load_pair(context, files)
    return Material(context, certificate)


def _load_authorities(context: ssl.SSLContext, path: str) -> None:
    _text(path, "tls_ca")
    try:
        context.load_verify_locations(cafile=path)
    except OSError:  # ssl.SSLError is one
        _no_certificate("tls_ca", path)


def _text(path: str, key: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise WrongFile(
            key, f"{path} cannot be read ({error.strerror})", "give a file that this user can read"
        ) from None


def _own(path: str) -> Certificate:
    try:
        return first_of(_text(path, "tls_certificate"))
    except ValueError:
        _no_certificate("tls_certificate", path)


def _no_certificate(key: str, path: str) -> NoReturn:
    wrong = f"{path} has no certificate in PEM form"
    raise WrongFile(key, wrong, 'give a file with "-----BEGIN CERTIFICATE-----"') from None


def _look_at_key(path: str) -> None:
    key = _text(path, "tls_key")
    if "PRIVATE KEY-----" not in key:
        wrong = f"{path} has no private key in PEM form"
        raise WrongFile("tls_key", wrong, 'give a file with "-----BEGIN PRIVATE KEY-----"')
    if "ENCRYPTED" in key:
        right = "give a key without one (openssl pkey -in OLD -out NEW), readable by this user alone"
        raise WrongFile("tls_key", f"{path} is locked with a passphrase", right)


def _load_pair(context: ssl.SSLContext, files: TlsFiles) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror
        if reason == "KEY_VALUES_MISMATCH":
            wrong = f"{files.key} is not the key of {files.certificate}"
            raise WrongFile("tls_key", wrong, "give the key with which the certificate was asked for") from None
        reason = (reason or "no reason given").replace("_", " ").lower()
        wrong = f"{files.certificate} and {files.key} cannot be used ({reason})"
        raise WrongFile("tls_certificate", wrong, "give a certificate and its key, both in PEM form") from None


def _wrong(files: TlsFiles) -> Iterator[WrongFile]:
    """Yield what is wrong with each file by itself."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for look in (
        lambda: _load_authorities(anybody, files.ca),
        lambda: _own(files.certificate),
        lambda: _look_at_key(files.key),
    ):
        try:
            look()
        except WrongFile as wrong:
            yield wrong


def check(files: TlsFiles, at: str, findings: Findings, *, server_side: bool = False) -> None:
    """Note what is wrong with the files of a section, and what soon will be."""
    try:
        material = make(files, server_side=server_side)
    except WrongFile as first:
        for wrong in [*_wrong(files)] or [first]:  # that two do not fit is worth a word when each is good
            findings.wrong(f"{at}.{wrong.key}", wrong.wrong, wrong.right)
        return
    if _everybody_reads(files.key):
        wrong_mode = f"{files.key} can be read by every user of this machine"
        findings.doubtful(f"{at}.tls_key", wrong_mode, f"chmod o= {files.key}")
    told = lifetime(material.certificate, time.time())  # noqa: TID251 -- dates are of the wall clock; this is no machine
    if told:
        right = "have it renewed; the new one is taken when it lies there"
        findings.doubtful(f"{at}.tls_certificate", f"the certificate in {files.certificate} {told}", right)


def _everybody_reads(path: str) -> bool:
    try:
        return bool(Path(path).stat().st_mode & stat.S_IROTH)
    except OSError:  # it has gone since it was read
        return False


def lifetime(certificate: Certificate, wall_s: float) -> str:
    """Return what there is to say of when it is good, at this instant of the wall clock; "" when all is well."""
    if wall_s > certificate.ends_at:
        return f"expired on {day(certificate.ends_at)}"
    if wall_s < certificate.begins_at:
        return f"is not good before {day(certificate.begins_at)}"
    if days_left(certificate, wall_s) < WARNED_DAYS:
        return f"expires on {day(certificate.ends_at)}"
    return ""


def days_left(certificate: Certificate, wall_s: float) -> float:
    """Return the days until it ends; negative when it has."""
    return (certificate.ends_at - wall_s) / DAY_S


def day(wall_s: int) -> str:
    """Return a date (UTC)."""
    return time.strftime("%Y-%m-%d", time.gmtime(wall_s))
