"""A secret shows itself to nobody who does not ask by name."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from bras.config.radius import RadiusServerConfig
from bras.secret import Secret

SECRET = Secret(b"tunsecret")


@pytest.mark.parametrize("text", [str(SECRET), repr(SECRET), f"{SECRET}", f"{SECRET!r}", "%s" % SECRET, repr([SECRET])])  # noqa: UP031  that way of printing is meant
def test_no_way_of_printing_shows_the_octets(text):
    assert "tunsecret" not in text
    assert "***" in text


def test_a_dataclass_that_holds_it_does_not_show_it():
    server = RadiusServerConfig(address="192.0.2.1", secret=SECRET)
    assert "tunsecret" not in repr(server)
    assert "tunsecret" not in str(dataclasses.astuple(server))


def test_a_copy_is_the_secret_itself():
    assert copy.copy(SECRET) is copy.deepcopy(SECRET) is SECRET


def test_it_has_no_dictionary_for_others_to_dump():
    assert not hasattr(SECRET, "__dict__")


def test_reveal_and_matches():
    assert SECRET.reveal() == b"tunsecret"
    assert SECRET.matches(b"tunsecret")
    assert not SECRET.matches(b"tunsecres")
    assert not SECRET.matches(b"")


def test_equality_is_of_the_octets_and_of_secrets_only():
    assert Secret(b"tunsecret") == SECRET
    assert Secret(b"other") != SECRET
    assert SECRET != b"tunsecret"
    assert len({SECRET, Secret(b"tunsecret"), Secret(b"other")}) == 2
