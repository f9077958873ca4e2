"""What a server over TLS must have, and one over UDP must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.findings import Findings
from bras.config.listen import Listen
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.config.radsec import files_of, name_of, with_tls
from bras.secret import Secret
from tests.support.certificates import Authority


def server(**keys: str) -> RadiusServerConfig:
    return RadiusServerConfig("192.0.2.1", Secret(b"radsec"), **keys)  # type: ignore[arg-type]  # keys of the section


def told(given: RadiusServerConfig, directory: Path) -> tuple[RadiusServerConfig, list[str]]:
    findings = Findings("b.toml")
    radius = with_tls(RadiusConfig(server=(given,)), directory, findings)
    return radius.server[0], [str(problem) for problem in findings.problems]


def test_paths_begin_at_the_directory_of_the_file(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    authority.issue("lns1")
    given = server(
        transport="tls", tls_ca="ca/ca.pem", tls_certificate="ca/lns1.pem", tls_key=f"{tmp_path}/ca/lns1.key"
    )
    settled, problems = told(given, tmp_path)
    assert not problems
    assert files_of(settled) == (f"{tmp_path}/ca/ca.pem", f"{tmp_path}/ca/lns1.pem", f"{tmp_path}/ca/lns1.key")


@pytest.mark.parametrize("missing", ["tls_ca", "tls_certificate", "tls_key"])
def test_all_three_files_are_needed(tmp_path: Path, missing: str) -> None:
    keys = {key: "/nowhere" for key in ("tls_ca", "tls_certificate", "tls_key") if key != missing}
    _, problems = told(server(transport="tls", **keys), tmp_path)
    assert len(problems) == 1
    assert problems[0].startswith(f"b.toml: radius.server[0].{missing}: it is missing, give the file with ")


def test_all_wrong_ones_are_told_by_their_keys(tmp_path: Path) -> None:
    given = server(transport="tls", tls_ca="nowhere", tls_certificate="nowhere", tls_key="nowhere")
    _, problems = told(given, tmp_path)
    assert problems == [
        f"b.toml: radius.server[0].{key}: {tmp_path}/nowhere cannot be read (No such file or directory), "
        "give a file that this user can read"
        for key in ("tls_ca", "tls_certificate", "tls_key")
    ]


def test_over_udp_nothing_would_be_encrypted(tmp_path: Path) -> None:
    for key in ("tls_ca", "tls_certificate", "tls_key", "tls_name"):
        _, problems = told(server(**{key: "x"}), tmp_path)
        assert problems == [
            f'b.toml: radius.server[0].{key}: the server is reached over UDP, give transport = "tls", or leave it out'
        ]


def test_coa_over_tls_needs_the_same_and_so_do_its_clients(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    authority.issue("lns1")
    client = CoaClientConfig(("192.0.2.0/24",), (Secret(b"radsec"),), "a", tls_name="a.example.net")
    good = {"tls_ca": "ca/ca.pem", "tls_certificate": "ca/lns1.pem", "tls_key": "ca/lns1.key"}

    def problems(**keys: Any) -> list[str]:
        findings = Findings("b.toml")
        coa = CoaConfig((), (client,), **keys)
        settled = with_tls(RadiusConfig(coa=coa), tmp_path, findings).coa
        if not findings.problems:
            assert settled is not None
            assert files_of(settled).ca == f"{tmp_path}/ca/ca.pem"
        return [f"{problem.key}: {problem.wrong}" for problem in findings.problems]

    listen = (Listen("192.0.2.1", 2083),)
    assert problems(tls_listen=listen, **good) == []
    assert problems(tls_listen=listen, **{**good, "tls_ca": "none"}) == [
        f"radius.coa.tls_ca: {tmp_path}/none cannot be read (No such file or directory)"
    ]
    assert problems(tls_listen=listen) == [
        f"radius.coa.{key}: it is missing" for key in ("tls_ca", "tls_certificate", "tls_key")
    ]
    assert problems(**good) == [
        "radius.coa.tls_ca: nobody listens over TLS",
        "radius.coa.client[0].tls_name: nobody listens over TLS",
    ]


def test_the_name_is_the_address_unless_one_is_given() -> None:
    assert name_of(server(transport="tls")) == "192.0.2.1"
    assert name_of(server(transport="tls", tls_name="radius.example.net")) == "radius.example.net"
