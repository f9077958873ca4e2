import pytest
from pyrad.dictionary import Dictionary

from bras.config import dictionary
from bras.errors import ConfigError
from tests.support.radius import OWN


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return str(path)


def problems_of(*paths):
    with pytest.raises(ConfigError) as raised:
        dictionary.load(*paths)
    return raised.value.problems


def test_our_own_loads_in_plain_pyrad_with_nothing_skipped():
    known = Dictionary(OWN)
    assert not known.skipped_attributes
    assert known.attributes["Framed-Pool"].code == 88
    assert known.vendors.GetForward("Microsoft") == 311


def test_our_own_is_the_same_read_by_us_and_by_pyrad():
    mine, theirs = dictionary.load(OWN), Dictionary(OWN)

    def facts(known):
        return {
            name: (one.code, one.type, one.vendor, one.has_tag, one.encrypt, dict(one.values.forward))
            for name, one in known.attributes.items()
        }

    assert facts(mine) == facts(theirs)


def test_our_vendor_number_is_the_one_for_documentation():
    assert dictionary.load(OWN).vendors.GetForward("Bras") == 32473


def test_find_prefers_the_wheel_over_the_checkout(tmp_path):
    (tmp_path / "bras" / "dictionaries").mkdir(parents=True)
    assert dictionary.find(str(tmp_path / "bras")) == f"{tmp_path}/bras/../dictionaries/dictionary"
    write(tmp_path / "bras" / "dictionaries", "dictionary", "")
    assert dictionary.find(str(tmp_path / "bras")) == f"{tmp_path}/bras/dictionaries/dictionary"


def test_further_files_are_read_after_ours_with_includes_beside_them(tmp_path):
    write(tmp_path, "inner", "ATTRIBUTE Mine-Inner 250 string\n")
    outer = write(tmp_path, "outer", "$INCLUDE inner\n$INCLUDE- not-there\nVALUE Service-Type Mine 99\n")
    known = dictionary.load(OWN, [outer])
    assert known.attributes["Mine-Inner"].code == 250
    assert known.attributes["Service-Type"].values.HasForward("Mine")


def test_other_dialects_are_levelled(tmp_path):
    text = "ATTRIBUTE A 240 String\nATTRIBUTE B 241 uint32\nATTRIBUTE C 242 octets[16] secret,unknown_flag\n"
    known = dictionary.load(OWN, [write(tmp_path, "other", text)])
    assert [known.attributes[name].type for name in "ABC"] == ["string", "integer", "octets"]


def test_all_faults_at_once_each_with_file_and_line(tmp_path):
    good = "ATTRIBUTE A 240 string\n"
    inner = write(tmp_path, "inner", good + "ATTRIBUTE Wrong-Type 241 colour\n")
    outer = write(tmp_path, "outer", "# comment\n\n$INCLUDE inner\nATTRIBUTE Wrong-Code x1 string\n")
    found = problems_of(OWN, [outer, str(tmp_path / "absent")])
    assert [(problem.file, problem.key) for problem in found] == [
        (str(tmp_path / "absent"), "radius.dictionaries"),
        (f"{inner}:2", "Wrong-Type"),
        (f"{outer}:4", "Wrong-Code"),
    ]
    assert "colour" in found[1].wrong


def test_a_file_of_another_kind_is_not_complained_of_for_ever(tmp_path):
    path = write(tmp_path, "many", "".join(f"ATTRIBUTE X{n} {n} colour\n" for n in range(200)))
    assert len(problems_of(OWN, [path])) == dictionary.MAX_PROBLEMS


@pytest.mark.parametrize("directive", ["$INCLUDE inner", "$INCLUDE", "$INCLUDE self", "$INCLUDE in\0ner"])
def test_an_include_that_cannot_be_is_told(tmp_path, directive):
    path = write(tmp_path, "self", directive + "\n")
    assert len(problems_of(OWN, [path])) == 1


def test_includes_that_go_round_are_told(tmp_path):
    one = write(tmp_path, "one", "$INCLUDE two\n")
    two = write(tmp_path, "two", "$INCLUDE one\n")
    assert [problem.file for problem in problems_of(OWN, [one])] == [f"{two}:1"]
