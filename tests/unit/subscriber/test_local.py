from __future__ import annotations

import hashlib

import pytest

from bras.ppp import mschap
from bras.ppp.events import ChapCredentials, Credentials, MsChap2Credentials, MsChapCredentials, PapCredentials
from bras.secret import Secret
from bras.subscriber.local import verify

PASSWORD = b"clientPass"
CHALLENGE = bytes(range(16))
PEER = bytes(range(16, 32))


def chap(secret: bytes) -> bytes:
    return hashlib.md5(b"\x07" + secret + CHALLENGE).digest()


def offered(secret: bytes) -> list[Credentials]:
    return [
        PapCredentials(b"User", secret),
        ChapCredentials(b"User", 7, CHALLENGE, chap(secret)),
        MsChapCredentials(b"User", 7, CHALLENGE[:8], mschap.respond_v1(CHALLENGE[:8], secret)),
        MsChap2Credentials(b"User", 7, CHALLENGE, mschap.respond_v2(CHALLENGE, PEER, b"User", secret)),
    ]


@pytest.mark.parametrize("method", range(4))
def test_the_right_password(method: int) -> None:
    success = verify(offered(PASSWORD)[method], Secret(PASSWORD))
    assert success is not None
    assert success.startswith(b"S=") is (method == 3)


@pytest.mark.parametrize("method", range(4))
@pytest.mark.parametrize("wrong", [b"clientpass", b"clientPas", b"clientPass!", b""])
def test_a_wrong_password(method: int, wrong: bytes) -> None:
    assert verify(offered(wrong)[method], Secret(PASSWORD)) is None


def test_the_right_response_to_another_challenge() -> None:
    assert verify(ChapCredentials(b"User", 8, CHALLENGE, chap(PASSWORD)), Secret(PASSWORD)) is None
    assert verify(ChapCredentials(b"User", 7, PEER, chap(PASSWORD)), Secret(PASSWORD)) is None
