"""What ``transport = "tls"`` of a RADIUS server needs beside its address, and ``tls_listen`` of `[radius.coa]`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from bras.config.coa import CoaConfig
from bras.config.findings import Findings
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.config.tls import KEYS, TlsFiles, check

_Section = TypeVar("_Section", RadiusServerConfig, CoaConfig)
_GIVE = {
    "tls_ca": "give the file with the certificates of those who sign the other end's",
    "tls_certificate": "give the file with our certificate",
    "tls_key": "give the file with the key of tls_certificate",
}


def files_of(section: RadiusServerConfig | CoaConfig) -> TlsFiles:
    """Return the files of a section that has to do with TLS."""
    return TlsFiles(section.tls_ca or "", section.tls_certificate or "", section.tls_key or "")


def name_of(server: RadiusServerConfig) -> str:
    """Return the name or address that the certificate of a server must have (RFC 6614 section 2.3)."""
    return server.tls_name or server.address


def with_tls(radius: RadiusConfig, directory: Path, findings: Findings) -> RadiusConfig:
    """Make the paths of TLS files absolute, and see that they are there and good."""
    servers = tuple(
        _settled(server, f"radius.server[{index}]", server.transport == "tls", directory, findings)
        for index, server in enumerate(radius.server)
    )
    coa = radius.coa
    if coa is not None:
        coa = _settled(coa, "radius.coa", bool(coa.tls_listen), directory, findings)
        _check_clients(coa, findings)
    return replace(radius, server=servers, coa=coa)


def _settled(section: _Section, at: str, over_tls: bool, directory: Path, findings: Findings) -> _Section:
    given: dict[str, Any] = {key: str(directory / path) for key in KEYS if (path := getattr(section, key)) is not None}
    if not over_tls:
        _needless(section, at, findings)
        return section
    missing = [key for key in KEYS if key not in given]
    for key in missing:
        if not any(problem.key == f"{at}.{key}" for problem in findings.problems):
            findings.wrong(f"{at}.{key}", "it is missing", _GIVE[key])
    settled = replace(section, **given)
    if not missing:
        check(files_of(settled), at, findings, server_side=isinstance(section, CoaConfig))
    return settled


def _needless(section: RadiusServerConfig | CoaConfig, at: str, findings: Findings) -> None:
    """Note keys of TLS where there is none: nothing would be encrypted."""
    of_coa = isinstance(section, CoaConfig)
    for key in (*KEYS, *(() if of_coa else ("tls_name",))):
        if getattr(section, key) is not None:
            wrong = "nobody listens over TLS" if of_coa else "the server is reached over UDP"
            right = "give tls_listen" if of_coa else 'give transport = "tls"'
            findings.wrong(f"{at}.{key}", wrong, f"{right}, or leave it out")
            return


def _check_clients(coa: CoaConfig, findings: Findings) -> None:
    """See that clients over TLS can reach us so."""
    for index, client in enumerate(coa.client):
        if client.tls_name is not None and not coa.tls_listen:
            right = "give tls_listen in [radius.coa], or leave it out"
            findings.wrong(f"radius.coa.client[{index}].tls_name", "nobody listens over TLS", right)
