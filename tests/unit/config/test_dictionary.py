from pathlib import Path

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


FREERADIUS = Path("/usr/share/freeradius")
OTHERWISE = {
    "chillispot-max-input-gigawords": "CoovaChilli's own dictionary has it",
    "chillispot-max-output-gigawords": "CoovaChilli's own dictionary has it",
    "chillispot-max-total-gigawords": "CoovaChilli's own dictionary has it",
    "ms-chap-error": "its first octet is an identifier (RFC 2548 section 2.1.5), so it is no text",
    "ms-chap-domain": "its first octet is an identifier (RFC 2548 section 2.1.7), so it is no text",
    "ms-arap-challenge": "RFC 2548 section 2.5.3",
    "vendor-specific": "the type vsa is FreeRADIUS's own",
    "access-line-type": "of a later document than RFC 4679",
}
"""Those that FreeRADIUS lacks, or has of another type, and why ours are so."""


def definitions(folder: Path) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """Return by (vendor, code) each (name in lower case, type) that the files of a folder give it; a reader apart."""
    found: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for path in sorted(folder.glob("dictionary.*")):
        vendor, inside = "", 0
        numbers: dict[str, str] = {}
        for line in path.read_text(errors="replace").splitlines():
            words = line.partition("#")[0].split()
            match words:
                case ["VENDOR", name, number, *_]:
                    numbers[name] = number
                case ["BEGIN-VENDOR", name, *_]:
                    vendor = numbers.get(name, name)
                case ["END-VENDOR", *_]:
                    vendor = ""
                case ["BEGIN-TLV", *_]:
                    inside += 1
                case ["END-TLV", *_]:
                    inside -= 1
                case ["ATTRIBUTE", name, code, kind, *_] if code.isdecimal() and not inside:
                    found.setdefault((vendor, int(code)), []).append((name.lower(), kind.lower().partition("[")[0]))
    return found


def test_our_definitions_are_those_of_freeradius():
    """Numbers and types; that package is installed where tests run."""
    theirs = definitions(FREERADIUS)
    ours = {key: one for key, (one,) in definitions(Path(OWN).parent).items() if key[0] != "32473"}
    assert len(ours) > 200
    other = {name for key, (name, kind) in ours.items() if (name, kind) not in theirs.get(key, [])}
    assert other == set(OTHERWISE)


def test_the_operators_freeradius_dictionaries_load_after_ours():
    vendors = ("cisco", "erx", "alcatel.sr", "mikrotik", "wispr", "chillispot", "ascend", "microsoft")
    paths = [str(FREERADIUS / f"dictionary.{vendor}") for vendor in vendors]
    known = dictionary.load(OWN, paths)
    assert known.attributes["Cisco-NAS-Port"].code == 2
    assert known.attributes["Mikrotik-Rate-Limit"].code == 8
