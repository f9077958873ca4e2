"""The files of TLS: what will not do is told by key, with what would be right; what will do works."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from bras.config.certificate import Certificate
from bras.config.findings import Findings
from bras.config.tls import Material, TlsFiles, WrongFile, check, lifetime, make
from tests.support.certificates import Authority, Pair

NOON = 1_800_000_000
DAY = 86400


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("lns1", "DNS:lns1.example.net")


def files(authority: Authority, pair: Pair, **others: Path | str) -> TlsFiles:
    given = TlsFiles(str(authority.certificate), str(pair.certificate), str(pair.key))
    return given._replace(**{key: str(path) for key, path in others.items()})


def shake(client: Material, server: Material, name: str) -> str | None:
    """Let two ends shake hands in memory; return the version that they agreed on."""
    (to_server, to_client) = (ssl.MemoryBIO(), ssl.MemoryBIO())
    ends = [
        client.context.wrap_bio(to_client, to_server, server_hostname=name),
        server.context.wrap_bio(to_server, to_client, server_side=True),
    ]
    done = 0
    for _ in range(10):
        for end in ends:
            try:
                end.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                continue
        if done >= 4:
            return ends[0].version()
    raise AssertionError("no end to it")


def test_both_ends_prove_who_they_are(authority: Authority, pair: Pair) -> None:
    server = make(files(authority, authority.issue("server", "DNS:radius.example.net,IP:192.0.2.1")), server_side=True)
    client = make(files(authority, pair))
    assert client.certificate.names == ("lns1.example.net",)
    for name in ("radius.example.net", "192.0.2.1"):
        assert shake(client, server, name) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(client, server, "other.example.net")
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        shake(client, server, "192.0.2.2")


def test_nothing_comes_after_the_handshake_that_was_not_asked_for(authority: Authority, pair: Pair) -> None:
    """A ticket of TLS 1.3 wakes FreeRADIUS 3.2, which then waits for a packet with its connection locked."""
    assert make(files(authority, pair), server_side=True).context.num_tickets == 0


def test_nothing_older_than_tls_1_2(authority: Authority, pair: Pair) -> None:
    for side in (False, True):
        context = make(files(authority, pair), server_side=side).context
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.options & ssl.OP_NO_COMPRESSION
    assert make(files(authority, pair)).context.check_hostname


def _refused(given: TlsFiles) -> tuple[str, str]:
    with pytest.raises(WrongFile) as refused:
        make(given)
    assert refused.value.right.startswith("give ")
    return refused.value.key, refused.value.wrong


@pytest.mark.parametrize("key", ["ca", "certificate", "key"])
def test_a_file_that_is_not_there_or_something_else(authority: Authority, pair: Pair, tmp_path: Path, key: str) -> None:
    gone, other = tmp_path / "gone", tmp_path / "other"
    other.write_text("something else\n")
    found = _refused(files(authority, pair, **{key: gone}))
    assert found == (f"tls_{key}", f"{gone} cannot be read (No such file or directory)")
    found = _refused(files(authority, pair, **{key: other}))
    what = "private key" if key == "key" else "certificate"
    assert found == (f"tls_{key}", f"{other} has no {what} in PEM form")


def test_a_key_of_another_certificate(authority: Authority, pair: Pair) -> None:
    other = authority.issue("other")
    assert _refused(files(authority, pair, key=other.key)) == (
        "tls_key",
        f"{other.key} is not the key of {pair.certificate}",
    )


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(
    authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    words = ("openssl", "pkey", "-in", str(pair.key), "-aes256", "-passout", "pass:x", "-out", str(locked))
    subprocess.run(words, check=True, capture_output=True)
    assert _refused(files(authority, pair, key=locked)) == ("tls_key", f"{locked} is locked with a passphrase")


def test_a_key_that_is_damaged(authority: Authority, pair: Pair, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    key, wrong = _refused(files(authority, pair, key=damaged))
    assert key == "tls_certificate"
    assert "cannot be used" in wrong


def test_check_tells_problems_and_doubts(authority: Authority, pair: Pair, tmp_path: Path) -> None:
    findings = Findings("b.toml")
    check(files(authority, pair), "radius.server[0]", findings)
    assert findings.problems == findings.warnings == []
    open_key = tmp_path / "key"
    open_key.write_bytes(pair.key.read_bytes())
    open_key.chmod(0o644)
    check(files(authority, pair, key=open_key), "radius.server[0]", findings)
    old = authority.issue("old", begins="20200101000000Z", ends="20210101000000Z")
    check(files(authority, old), "radius.server[1]", findings)
    check(files(authority, pair, ca="/nowhere"), "radius.server[2]", findings)
    assert [str(one) for one in findings.warnings] == [
        f"b.toml: radius.server[0].tls_key: {open_key} can be read by every user of this machine, chmod o= {open_key}",
        f"b.toml: radius.server[1].tls_certificate: the certificate in {old.certificate} expired on 2021-01-01, "
        "have it renewed; the new one is taken when it lies there",
    ]
    assert [str(one) for one in findings.problems] == [
        "b.toml: radius.server[2].tls_ca: /nowhere cannot be read (No such file or directory), "
        "give a file that this user can read"
    ]


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        (-DAY, 365 * DAY, ""),
        (-DAY, 30 * DAY, ""),
        (-DAY, 30 * DAY - 1, "expires on 2027-02-14"),
        (-DAY, 0, "expires on 2027-01-15"),
        (-DAY, -1, "expired on 2027-01-15"),
        (DAY, 365 * DAY, "is not good before 2027-01-16"),
    ],
)
def test_what_there_is_to_say_of_its_time(begins: int, ends: int, said: str) -> None:
    assert lifetime(Certificate("a", "b", ("a",), NOON + begins, NOON + ends), NOON) == said


def test_another_file_has_another_signature(authority: Authority, pair: Pair, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(pair.key.read_bytes())
    given = files(authority, pair, key=key)
    before = given.signature()
    assert given.signature() == before
    key.unlink()
    with pytest.raises(FileNotFoundError):
        given.signature()
    key.write_bytes(pair.key.read_bytes() + b"\n")
    assert given.signature() != before
