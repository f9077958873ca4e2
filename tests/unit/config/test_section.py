"""A section knows its heading, its key, and every name that may stand in it."""

from __future__ import annotations

from bras.config import values as v
from bras.config.credentials import Credential
from bras.config.radius import RadiusServerConfig
from bras.config.section import Required, Section

INNER = Section(
    "outer.inner",
    RadiusServerConfig,
    {"address": Required(v.ADDRESS, "")},
    repeated=True,
    credential=Credential("secret", "secret", required=True),
)


def test_a_heading_has_as_many_brackets_as_the_section_may_be_there():
    assert INNER.title == "[[outer.inner]]"
    assert Section("outer", dict, {}).title == "[outer]"


def test_the_key_of_an_inner_section_is_the_last_part_of_its_name():
    assert INNER.key == "inner"


def test_all_names_that_may_stand_in_it_are_known():
    outer = Section("outer", dict, {"a": v.FLAG}, inner=(INNER,), policy={"b": v.FLAG})
    assert outer.known == ["a", "b", "inner"]
    assert "address" in INNER.known
    assert "secret" in INNER.known


def test_it_is_made_by_its_own_maker_where_it_has_one():
    assert Section("one", dict, {}).build(a=1) == {"a": 1}
    assert Section("one", dict, {}, make=lambda a: a).build(a=1) == 1
