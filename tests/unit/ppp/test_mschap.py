"""MS-CHAP's arithmetic against the vectors of its RFCs, with pycryptodome and without."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bras.ppp import mschap as fast
from tests.vectors import ppp_mschap as v


@pytest.fixture(params=["pycryptodome", "plain Python"])
def mschap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if request.param == "pycryptodome":
        return fast
    monkeypatch.setitem(sys.modules, "Crypto.Cipher", None)
    monkeypatch.setitem(sys.modules, "Crypto.Hash", None)
    source = Path(fast.__file__ or "").with_name("mschap.py")  # also where it was compiled
    specification = importlib.util.spec_from_file_location("mschap_without_pycryptodome", source)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert not module._HAS_PYCRYPTODOME
    return module


def test_rfc_2759_section_9_2(mschap: ModuleType) -> None:
    assert mschap.nt_password_hash(v.V2_PASSWORD) == v.V2_PASSWORD_HASH
    assert mschap.challenge_hash(v.V2_PEER_CHALLENGE, v.V2_AUTHENTICATOR_CHALLENGE, v.V2_NAME) == v.V2_CHALLENGE
    response = mschap.generate_nt_response(v.V2_AUTHENTICATOR_CHALLENGE, v.V2_PEER_CHALLENGE, v.V2_NAME, v.V2_PASSWORD)
    assert response == v.V2_NT_RESPONSE
    assert (
        mschap.generate_authenticator_response(
            v.V2_PASSWORD, response, v.V2_PEER_CHALLENGE, v.V2_AUTHENTICATOR_CHALLENGE, v.V2_NAME
        )
        == v.V2_AUTHENTICATOR_RESPONSE
    )


def test_rfc_2433_appendix_b(mschap: ModuleType) -> None:
    assert mschap.nt_password_hash(v.V1_PASSWORD) == v.V1_PASSWORD_HASH
    assert mschap.challenge_response(v.V1_CHALLENGE, v.V1_PASSWORD_HASH) == v.V1_NT_RESPONSE


def test_version_1_is_proved_by_the_nt_response_alone(mschap: ModuleType) -> None:
    response = mschap.respond_v1(v.V1_CHALLENGE, v.V1_PASSWORD)
    assert len(response) == 49
    assert mschap.verify_v1(v.V1_CHALLENGE, response, v.V1_PASSWORD)
    assert not mschap.verify_v1(v.V1_CHALLENGE, response, b"MyPv")
    assert not mschap.verify_v1(v.V1_CHALLENGE, response[:48] + b"\0", v.V1_PASSWORD)  # «use the LM response»
    assert not mschap.verify_v1(v.V1_CHALLENGE, response[:48], v.V1_PASSWORD)


def test_version_2_is_proved_on_both_sides(mschap: ModuleType) -> None:
    response = mschap.respond_v2(v.V2_AUTHENTICATOR_CHALLENGE, v.V2_PEER_CHALLENGE, v.V2_NAME, v.V2_PASSWORD)
    verified = mschap.verify_v2(v.V2_AUTHENTICATOR_CHALLENGE, response, v.V2_NAME, v.V2_PASSWORD)
    assert verified == v.V2_AUTHENTICATOR_RESPONSE
    assert mschap.verify_v2(v.V2_AUTHENTICATOR_CHALLENGE, response, v.V2_NAME, b"x") is None
    assert mschap.verify_v2(v.V2_AUTHENTICATOR_CHALLENGE, response, b"Other", v.V2_PASSWORD) is None
    assert mschap.verify_v2(v.V2_AUTHENTICATOR_CHALLENGE, response[1:], v.V2_NAME, v.V2_PASSWORD) is None


def test_a_domain_before_the_name_does_not_count(mschap: ModuleType) -> None:
    response = mschap.respond_v2(v.V2_AUTHENTICATOR_CHALLENGE, v.V2_PEER_CHALLENGE, v.V2_NAME, v.V2_PASSWORD)
    assert mschap.verify_v2(v.V2_AUTHENTICATOR_CHALLENGE, response, b"CORP\\User", v.V2_PASSWORD)


def test_passwords_that_are_no_utf_8_count_as_latin_1(mschap: ModuleType) -> None:
    assert mschap.nt_password_hash("é".encode()) == mschap.nt_password_hash(b"\xe9")
