"""What was made of files is kept until they are others, and until the others are good."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bras.config.tls import TlsFiles, WrongFile
from bras.runtime.tls_papers import Papers
from tests.support.certificates import Authority


def test_made_anew_only_when_a_file_is_another_one(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    first, second = authority.issue("first"), authority.issue("second")
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    papers = Papers(TlsFiles(str(authority.certificate), str(certificate), str(key)))
    with pytest.raises(WrongFile, match=r"own\.pem cannot be read"):
        asyncio.run(papers.fresh())
    certificate.write_bytes(first.certificate.read_bytes())
    key.write_bytes(first.key.read_bytes())
    made = asyncio.run(papers.fresh())
    assert made.certificate.subject == "first"
    assert asyncio.run(papers.fresh()) is made
    assert not papers.are_others
    certificate.write_bytes(second.certificate.read_bytes())
    assert papers.are_others
    assert asyncio.run(papers.fresh()) is made, "the key is still the old one's"
    key.write_bytes(second.key.read_bytes())
    assert asyncio.run(papers.fresh()).certificate.subject == "second"
    assert not papers.are_others
    key.unlink()
    assert not papers.are_others, "there is nothing better"
    assert asyncio.run(papers.fresh()).certificate.subject == "second"


def test_files_that_never_were_good(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    one, other = authority.issue("one"), authority.issue("other")
    papers = Papers(TlsFiles(str(authority.certificate), str(one.certificate), str(other.key)))
    with pytest.raises(WrongFile, match="is not the key of"):
        asyncio.run(papers.fresh())
