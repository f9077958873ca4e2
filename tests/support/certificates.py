"""Certificates of the test's own: an authority, and what it signs, made by the openssl program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_EXTENSIONS = "[v3]\nbasicConstraints = critical, CA:FALSE\nextendedKeyUsage = serverAuth, clientAuth\n"
_CONFIGURATION = """\
[ca]
default_ca = own
[own]
database = {directory}/index
new_certs_dir = {directory}
serial = {directory}/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(map(str, words))}: {done.stderr}")


class Authority:
    """A certificate authority in a directory of its own."""

    def __init__(self, directory: Path, name: str = "Test CA") -> None:
        """Make its key and its certificate."""
        directory.mkdir(parents=True)
        self.directory = directory
        self.certificate = directory / "ca.pem"
        (directory / "index").touch()
        (directory / "serial").write_text("01\n")
        (directory / "ca.cnf").write_text(_CONFIGURATION.format(directory=directory))
        self._key = directory / "ca.key"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", self._key, "-out", self.certificate, "-days", "3650", "-subj", f"/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def issue(self, name: str, alternatives: str = "", *, begins: str = "", ends: str = "") -> Pair:
        """Sign a certificate for ``name``.

        ``alternatives``: its subjectAltName as openssl writes it ("DNS:a.example,IP:192.0.2.1");
        ``begins`` and ``ends``: as "20200101000000Z"; from now for a year if not given.
        """
        pair = Pair(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.cnf"
        extensions.write_text(_EXTENSIONS + (f"subjectAltName = {alternatives}\n" if alternatives else ""))
        _openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", pair.key, "-out", request, "-subj", f"/CN={name}"),
        )
        dates = [*(("-startdate", begins) if begins else ()), *(("-enddate", ends) if ends else ("-days", "365"))]
        _openssl(
            *("ca", "-batch", "-notext", "-config", self.directory / "ca.cnf"),
            *("-cert", self.certificate, "-keyfile", self._key, "-in", request, "-out", pair.certificate),
            *("-extfile", extensions, "-extensions", "v3", *dates),
        )
        return pair
