"""The table of keys and the model are about the same things."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from bras.config.grant import RADIUS_ONLY, Grant
from bras.config.model import Config
from bras.config.section import Required, Section
from bras.config.sections import POLICY, SECTIONS, SHARED_POLICY

ALL: list[Section] = [one for section in SECTIONS for one in (section, *section.inner)]
COMPUTED = {"pool": {"prefixes"}}
SPECIAL_DEFAULT = {("radius.server", "name")}


def test_every_section_of_the_model_is_in_the_table():
    assert [section.name for section in SECTIONS if section.name != "defaults"] == [
        field.name for field in fields(Config) if field.name != "defaults"
    ]


@pytest.mark.parametrize("section", [one for one in ALL if one.model is not Grant], ids=lambda one: one.name)
def test_every_field_is_a_key_and_every_key_a_field(section):
    named = set(section.keys) | {inner.key for inner in section.inner}
    if section.credential:
        named.add(section.credential.field)
    if section.policy:
        named.add("grant")
    assert named == {field.name for field in fields(section.model)} - COMPUTED.get(section.name, set())


@pytest.mark.parametrize("section", [one for one in ALL if one.model is not Grant], ids=lambda one: one.name)
def test_the_keys_without_default_are_those_that_are_required(section):
    without = {
        field.name for field in fields(section.model) if field.default is MISSING and field.default_factory is MISSING
    }
    required = {name for name, key in section.keys.items() if isinstance(key, Required)}
    if section.credential and section.credential.required:
        required.add(section.credential.field)
    assert without == required


def test_the_keys_of_a_profile_are_those_of_a_grant():
    assert list(POLICY) == [field.name for field in fields(Grant) if field.name not in RADIUS_ONLY]
    assert set(POLICY) - set(SHARED_POLICY) == {"address", "routes"}


@pytest.mark.parametrize("section", ALL, ids=lambda one: one.name)
def test_no_name_means_two_things_in_one_section(section):
    assert len(section.known) == len(set(section.known))


def test_a_section_is_titled_as_the_file_writes_it():
    titles = {section.name: (section.title, section.key) for section in ALL}
    assert titles["lns"] == ("[lns]", "lns")
    assert titles["radius.server"] == ("[[radius.server]]", "server")
