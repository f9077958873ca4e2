"""What ``transport = "tls"`` of a RADIUS server needs beside its address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bras.config.findings import Findings
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.config.tls import KEYS, TlsFiles, check

_GIVE = {
    "tls_ca": "give the file with the certificates of those who sign the server's",
    "tls_certificate": "give the file with our certificate",
    "tls_key": "give the file with the key of tls_certificate",
}


def files_of(server: RadiusServerConfig) -> TlsFiles:
    """Return the files of a server that is reached over TLS."""
    return TlsFiles(server.tls_ca or "", server.tls_certificate or "", server.tls_key or "")


def name_of(server: RadiusServerConfig) -> str:
    """Return the name or address that the certificate of a server must have (RFC 6614 section 2.3)."""
    return server.tls_name or server.address


def with_tls(radius: RadiusConfig, directory: Path, findings: Findings) -> RadiusConfig:
    """Make the paths of TLS files absolute, and see that they are there and good."""
    servers = tuple(_settled(server, index, directory, findings) for index, server in enumerate(radius.server))
    return replace(radius, server=servers)


def _settled(server: RadiusServerConfig, index: int, directory: Path, findings: Findings) -> RadiusServerConfig:
    at = f"radius.server[{index}]"
    given: dict[str, Any] = {key: str(directory / path) for key in KEYS if (path := getattr(server, key)) is not None}
    if server.transport == "udp":
        _needless(server, at, findings)
        return server
    missing = [key for key in KEYS if key not in given]
    for key in missing:
        if not any(problem.key == f"{at}.{key}" for problem in findings.problems):
            findings.wrong(f"{at}.{key}", "it is missing", _GIVE[key])
    settled = replace(server, **given)
    if not missing:
        check(files_of(settled), at, findings)
    return settled


def _needless(server: RadiusServerConfig, at: str, findings: Findings) -> None:
    """Note keys of TLS at a server that is not reached over it: nothing would be encrypted."""
    for key in (*KEYS, "tls_name"):
        if getattr(server, key) is not None:
            findings.wrong(f"{at}.{key}", "the server is reached over UDP", 'give transport = "tls", or leave it out')
            return
