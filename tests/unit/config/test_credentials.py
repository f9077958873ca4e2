"""Secrets come from the file or from files of their own, and are never shown."""

from __future__ import annotations

import pytest

from bras.config.credentials import Credential
from bras.config.findings import Findings
from bras.secret import Secret

LAC = Credential("secrets", "secret", required=False, several=True)
SERVER = Credential("secret", "secret", required=True)
SPARED = Credential("secret", "secret", required=True, spared=("transport", "tls", b"radsec"))
USER = Credential("password", "password", required=True)


@pytest.fixture
def findings():
    return Findings("b.toml")


def write(path, content: bytes, mode: int = 0o600) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return path.name


def test_one_secret_or_several(tmp_path, findings):
    assert LAC.read({"secret": "a"}, "lac[0]", tmp_path, findings) == (Secret(b"a"),)
    assert LAC.read({"secrets": ["new", "old"]}, "lac[0]", tmp_path, findings) == (Secret(b"new"), Secret(b"old"))
    assert LAC.read({}, "lac[0]", tmp_path, findings) == ()
    assert SERVER.read({"secret": "schlüssel"}, "s", tmp_path, findings) == Secret("schlüssel".encode())
    assert USER.keys == ("password", "password_file")
    assert findings.problems == findings.warnings == []


def test_one_that_any_value_of_another_key_makes_needless(tmp_path, findings):
    credential = Credential("secrets", "secret", required=True, several=True, spared=("tls_name", "", b"radsec"))
    assert credential.read({"tls_name": "a.example.net"}, "s", tmp_path, findings) == (Secret(b"radsec"),)
    assert findings.problems == []
    credential.read({}, "s", tmp_path, findings)
    assert [problem.wrong for problem in findings.problems] == ["it is missing"]


def test_one_that_another_key_makes_needless(tmp_path, findings):
    assert SPARED.read({"transport": "tls"}, "s", tmp_path, findings) == Secret(b"radsec")
    assert SPARED.read({"transport": "tls", "secret": "own"}, "s", tmp_path, findings) == Secret(b"own")
    assert findings.problems == []
    SPARED.read({"transport": "udp"}, "s", tmp_path, findings)
    SPARED.read({}, "s", tmp_path, findings)
    assert [problem.wrong for problem in findings.problems] == ["it is missing"] * 2


@pytest.mark.parametrize("content", [b"tun secret", b"tun secret\n", b"tun secret\r\n"])
def test_a_file_of_its_own_with_or_without_a_line_end(tmp_path, findings, content):
    name = write(tmp_path / "s", content)
    assert LAC.read({"secret_file": name}, "lac[0]", tmp_path, findings) == (Secret(b"tun secret"),)
    assert USER.read({"password_file": str(tmp_path / name)}, "u", "/nowhere" / tmp_path, findings) == Secret(
        b"tun secret"
    )
    assert findings.problems == findings.warnings == []


def test_a_file_that_everybody_can_read_is_worth_a_warning(tmp_path, findings):
    """Not an error: that is how some container platforms mount secrets."""
    name = write(tmp_path / "s", b"x", 0o644)
    assert SERVER.read({"secret_file": name}, "s", tmp_path, findings) == Secret(b"x")
    assert findings.problems == []
    assert str(findings.warnings[0]) == (
        f"b.toml: s.secret_file: {tmp_path}/s can be read by every user of this machine, chmod o= {tmp_path}/s"
    )


@pytest.mark.parametrize(
    ("credential", "table", "key", "wrong"),
    [
        (SERVER, {}, "at.secret", "it is missing"),
        (USER, {}, "at.password", "it is missing"),
        (SERVER, {"secret": ""}, "at.secret", "it is empty"),
        (SERVER, {"secret": 12345}, "at.secret", "it is not text"),
        (USER, {"password": ["hunter2"]}, "at.password", "it is not text"),
        (LAC, {"secrets": []}, "at.secrets", "it is not a list of texts"),
        (LAC, {"secrets": "tunsecret"}, "at.secrets", "it is not a list of texts"),
        (LAC, {"secrets": ["a", ""]}, "at.secrets[1]", "it is empty"),
        (LAC, {"secret": "a", "secrets": ["b"]}, "at.secrets", '"secret" is given too'),
        (SERVER, {"secret_file": "f", "secret": "a"}, "at.secret_file", '"secret" is given too'),
        (SERVER, {"secret_file": ""}, "at.secret_file", "it is empty"),
        (SERVER, {"secret_file": "none"}, "at.secret_file", "none cannot be read (No such file or directory)"),
        (SERVER, {"secret_file": "."}, "at.secret_file", "cannot be read (Is a directory)"),
        (SERVER, {"secret_file": "a\0b"}, "at.secret_file", "cannot be read (not a path)"),
        (SERVER, {"secret_file": "empty"}, "at.secret_file", "empty is empty"),
        (SERVER, {"secret_file": "lines"}, "at.secret_file", "lines has more than one line"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(tmp_path, findings, credential, table, key, wrong):
    write(tmp_path / "empty", b"\n\n")
    write(tmp_path / "lines", b"hunter2\ntunsecret\n")
    credential.read(table, "at", tmp_path, findings)
    (problem,) = findings.problems
    assert problem.key == key
    assert wrong in problem.wrong
    assert not any(secret in str(problem) for secret in ("hunter2", "tunsecret", "12345"))
