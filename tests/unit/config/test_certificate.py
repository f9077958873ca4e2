"""What is read of certificates, against what openssl was told to put there; and what is cut short or turned."""

from __future__ import annotations

import contextlib
import random
import ssl
from calendar import timegm
from pathlib import Path

import pytest

from bras.config.certificate import Certificate, first_of, read
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca") / "ca", "The CA")


def test_names_issuer_and_dates(authority: Authority) -> None:
    alternatives = "DNS:radius.example.net,DNS:*.example.org,IP:192.0.2.1,IP:2001:db8::1,email:a@example.net"
    pair = authority.issue("one", alternatives, begins="20200102030405Z", ends="20501231235959Z")
    assert first_of(pair.certificate.read_text()) == Certificate(
        subject="one",
        issuer="The CA",
        names=("radius.example.net", "*.example.org", "192.0.2.1", "2001:db8::1"),
        begins_at=timegm((2020, 1, 2, 3, 4, 5, 0, 0, 0)),
        ends_at=timegm((2050, 12, 31, 23, 59, 59, 0, 0, 0)),  # from 2050 on in four digits
    )


def test_a_year_of_two_digits_is_of_this_century_or_the_last(authority: Authority) -> None:
    pair = authority.issue("old", begins="19991231235959Z", ends="20491231235959Z")
    found = first_of(pair.certificate.read_text())
    assert found.begins_at == timegm((1999, 12, 31, 23, 59, 59, 0, 0, 0))
    assert found.ends_at == timegm((2049, 12, 31, 23, 59, 59, 0, 0, 0))


def test_without_other_names_the_common_name_counts(authority: Authority) -> None:
    assert first_of(authority.issue("plain").certificate.read_text()).names == ("plain",)
    assert first_of(authority.certificate.read_text()).names == ("The CA",)


def test_the_first_of_several_is_read(authority: Authority) -> None:
    chain = authority.issue("leaf").certificate.read_text() + authority.certificate.read_text()
    assert first_of(f"some words of a tool\n{chain}").subject == "leaf"


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_file_without_a_certificate(text: str) -> None:
    with pytest.raises(ValueError, match="there is no certificate"):
        first_of(text)


def test_what_is_cut_short_is_refused(authority: Authority) -> None:
    der = ssl.PEM_cert_to_DER_cert(authority.certificate.read_text())
    for length in range(0, len(der), 7):
        with pytest.raises(ValueError, match="certificate"):
            read(der[:length])


def test_turned_octets_end_in_a_value_or_in_a_refusal(authority: Authority) -> None:
    """What a server sends may be anything."""
    der = ssl.PEM_cert_to_DER_cert(Path(authority.issue("x", "DNS:a,IP:192.0.2.1").certificate).read_text())
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(2000):
        octets = bytearray(der)
        for _ in range(dice.randint(1, 4)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        with contextlib.suppress(ValueError):  # refused in words
            assert isinstance(read(bytes(octets)), Certificate)
