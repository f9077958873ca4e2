"""``bras.h`` of the programs and ``bras/dataplane/records.py`` say the same; a compiler tells what the header says."""

from __future__ import annotations

import ctypes
import os
import re
import struct
import subprocess
from functools import cache
from pathlib import Path

import pytest

from bras.dataplane import records
from bras.dataplane.maps import ARRAY, DEVMAP_HASH, HASH, LPM_TRIE, MMAPABLE, NO_PREALLOC, PERCPU_ARRAY
from bras.dataplane.objects import Object
from bras.errors import DropReason, FallbackReason
from bras.forwarding.entry import Counters
from tests.architecture.source import PACKAGE

FOLDER = PACKAGE / "dataplane" / "bpf"
HEADER = FOLDER / "bras.h"
STRUCTS = (
    *(
        "place",
        "host4",
        "net4",
        "net6",
        "listener",
        "uplink",
        "peer",
        "session",
        "account",
        "tallies",
        "settings",
        "port",
    ),
    *("quick_port", "meta", "blocks", "host", "template", "carried"),
)
ENUMS = ("session_flag", "drop", "fallback", "xdp_mode")
PACKED = {
    "place": records.PLACE,
    "host4": records.HOST4,
    "net4": records.NET4,
    "net6": records.NET6,
    "listener": records.LISTENER,
    "uplink": records.UPLINK,
    "peer": records.PEER,
    "session": records.SESSION,
    "account": records.ACCOUNT,
    "tallies": records.TALLIES,
    "settings": records.SETTINGS,
    "port": records.PORT,
    "quick_port": records.QUICK_PORT,
    "meta": records.META,
    "blocks": records.BLOCKS,
    "host": records.HOST,
    "template": records.TEMPLATE,
    "carried": records.DOWN,
}
PATH_OCTETS = 64
"""A way to a LAC is the programs' alone; it fills a cache line."""
ONWARD_OCTETS = 40
"""What is remembered of a route is the programs' alone, too."""
MAPS = {
    "uplinks": (ARRAY, 4, records.UPLINK.size, MMAPABLE),
    "peers": (ARRAY, 4, records.PEER.size, MMAPABLE),
    "calls": (HASH, records.CALL.size, records.PLACE.size, 0),
    "hosts": (ARRAY, 4, records.HOST.size, MMAPABLE),
    "kinds": (ARRAY, 4, records.TEMPLATE.size, MMAPABLE),
    "hosts4": (HASH, records.HOST4.size, records.PLACE.size, 0),
    "nets4": (LPM_TRIE, records.NET4.size, records.PLACE.size, NO_PREALLOC),
    "nets6": (LPM_TRIE, records.NET6.size, records.PLACE.size, NO_PREALLOC),
    "sessions": (ARRAY, 4, records.SESSION.size, MMAPABLE),
    "carried": (ARRAY, 4, records.DOWN.size, MMAPABLE),
    "accounts": (ARRAY, 4, records.ACCOUNT.size, MMAPABLE),
    "listen": (HASH, records.LISTENER.size, 4, 0),
    "settings": (ARRAY, 4, records.SETTINGS.size, 0),
    "tallies": (PERCPU_ARRAY, 4, records.TALLIES.size, 0),
    "paths": (PERCPU_ARRAY, 4, PATH_OCTETS, 0),
    "blocks": (ARRAY, 4, records.BLOCKS.size, MMAPABLE),
    "onwards": (PERCPU_ARRAY, 4, ONWARD_OCTETS, 0),
    "attended": (PERCPU_ARRAY, 4, 8, 0),
    "quick_ports": (ARRAY, 4, records.QUICK_PORT.size, 0),
    "xdp_ports": (HASH, records.PORT.size, 4, 0),
    "xdp_exits": (DEVMAP_HASH, 4, 4, 0),
}
PROGRAMS = {"tc_up", "tc_down", "tc_segmented", "xdp_port"}


@cache
def text() -> str:
    """Return the header without comments."""
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)


def body(kind: str, name: str) -> str:
    found = re.search(rf"\b{kind} {name} {{(.*?)}};", text(), re.DOTALL)
    assert found, f"{kind} {name}"
    return found[1]


def fields(struct: str) -> list[str]:
    """Return the names of a struct's fields in their order."""
    found = (re.sub(r"\[.*?\]", "", line).split(",") for line in body("struct", struct).split(";") if line.strip())
    return [each.split()[-1] for line in found for each in line]


def members(enum: str) -> list[str]:
    return re.findall(r"\b([A-Z]\w*)(?=\s*(?:=|,|$))", re.sub(r"=[^,]*", "", body("enum", enum)), re.MULTILINE)


def constants() -> list[str]:
    return re.findall(r"^#define (\w+) +\S", text(), re.MULTILINE)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Return what the compiler makes of the header: sizes, offsets, numbers."""
    wanted = {f"sizeof {name}": f"sizeof(struct {name})" for name in STRUCTS}
    for name in STRUCTS:
        wanted |= {f"{name}.{field}": f"__builtin_offsetof(struct {name}, {field})" for field in fields(name)}
    wanted |= {name: name for name in constants()}
    wanted |= {name: name for enum in ENUMS for name in members(enum)}
    place = tmp_path_factory.mktemp("parity")
    table = ", ".join(wanted.values())
    source = (
        f'#include "{HEADER}"\nconst unsigned long long said[] __attribute__((section("numbers"))) = {{ {table} }};\n'
    )
    (place / "said.c").write_text(source)
    include = f"-I/usr/include/{os.uname().machine}-linux-gnu"
    compiled, numbers = place / "said.o", place / "said"
    subprocess.run(["clang", "-target", "bpf", include, "-c", str(place / "said.c"), "-o", str(compiled)], check=True)
    subprocess.run(["llvm-objcopy", "-O", "binary", "--only-section=numbers", str(compiled), str(numbers)], check=True)
    return dict(zip(wanted, struct.unpack(f"={len(wanted)}Q", numbers.read_bytes()), strict=True))


def test_constants(said: dict[str, int]) -> None:
    assert constants() == [
        *("LAYOUT", "GOLDEN", "OTHER", "SPREAD_SHIFT", "PEERS", "HEADER_OCTETS", "HEAD_OCTETS", "TAIL_OCTETS"),
        *("KINDS", "COST_SHIFT", "PATHS", "QUICK_PORTS", "META_MAGIC"),
    ]
    for name in constants():
        assert said[name] == getattr(records, name), name


@pytest.mark.parametrize("name", STRUCTS)
def test_sizes(said: dict[str, int], name: str) -> None:
    assert said[f"sizeof {name}"] == PACKED[name].size


@pytest.mark.parametrize(
    ("name", "mirror"),
    [
        ("session", records.Session),
        ("account", records.Account),
        ("uplink", records.Uplink),
        ("carried", records.Carried),
        ("host", records.Host),
    ],
)
def test_offsets_of_what_is_read_by_name(said: dict[str, int], name: str, mirror: type[ctypes.Structure]) -> None:
    assert fields(name) == [field[0] for field in mirror._fields_]
    assert ctypes.sizeof(mirror) == said[f"sizeof {name}"]
    for field in fields(name):
        assert getattr(mirror, field).offset == said[f"{name}.{field}"], field


@pytest.mark.parametrize("name", [name for name in STRUCTS if name not in {"account", "tallies"}])
def test_offsets_of_what_is_packed(said: dict[str, int], name: str) -> None:
    """Each item of the format begins where a field does; only fields at the end may be left out as zeros."""
    form = PACKED[name].format
    items = re.findall(r"\d*s|\d*[A-Za-z]", form[1:])
    single = [item for item in items for item in ([item] if item[-1] in "sx" else [item[-1]] * int(item[:-1] or 1))]
    sizes = [int(item[:-1] or 1) if item[-1] in "sx" else {"H": 2, "I": 4, "Q": 8}[item] for item in single]
    begins = [sum(sizes[:at]) for at in range(len(sizes))]
    offsets = [said[f"{name}.{field}"] for field in fields(name)]
    assert begins[: len(offsets)] == offsets


def test_the_counters_of_both_records_are_those_of_an_entry(said: dict[str, int]) -> None:
    """Those of IPv4 packets up are an uplink's, those down what is carried, all others an account's, in their order."""
    names = list(Counters._fields)
    assert fields("uplink")[-2:] == names[:2]
    assert fields("carried") == names[2:4]
    kept = fields("account")[fields("account").index("up_octets4") : -1]
    assert kept == [*names[:2], *names[4:]]
    assert said["account.empty_up"] == records.TERMS.size


def test_the_tallies(said: dict[str, int]) -> None:
    assert fields("tallies") == ["carried", "drops", "fallbacks"]
    assert said["tallies.drops"] == records.CARRIED * 8
    assert said["tallies.fallbacks"] == said["tallies.drops"] + 8 * len(records.DROPS)
    assert said["DROPS"] == len(records.DROPS)
    assert said["FALLBACKS"] == len(records.FALLBACKS)


@pytest.mark.parametrize(
    ("enum", "start", "mirror"),
    [("drop", "DROP_", records.DROPS), ("fallback", "FALLBACK_", records.FALLBACKS)],
)
def test_reasons(said: dict[str, int], enum: str, start: str, mirror: tuple[DropReason | FallbackReason, ...]) -> None:
    names = members(enum)[:-1]  # the last one is their number
    assert names == [start + reason.name for reason in mirror]
    assert [said[name] for name in names] == list(range(len(mirror)))


def test_all_fallback_reasons_are_the_programs() -> None:
    assert set(records.FALLBACKS) == set(FallbackReason)


@pytest.mark.parametrize(
    ("enum", "start", "mirror"),
    [("session_flag", "S_", records.SessionFlag), ("xdp_mode", "XDP_MODE_", records.XdpMode)],
)
def test_flags_and_modes(
    said: dict[str, int], enum: str, start: str, mirror: type[records.SessionFlag] | type[records.XdpMode]
) -> None:
    assert {name: said[name] for name in members(enum)} == {
        start + each.name: each.value for each in mirror if each.name
    }


@pytest.fixture(scope="module")
def built() -> Path:
    path = FOLDER / "bras.bpf.o"
    assert path.exists(), "make build makes it"
    return path


def test_maps(built: Path) -> None:
    with Object(built) as opened:
        assert set(opened.maps()) == set(MAPS)
        for name, (kind, key, value, flags) in MAPS.items():
            shape = opened.shape(name)
            assert (shape.kind, shape.key_octets, shape.value_octets, shape.flags) == (kind, key, value, flags), name


def test_maps_and_programs_are_as_the_header_lists_them() -> None:
    listed = HEADER.read_text(encoding="utf-8")
    for name in (*MAPS, *PROGRAMS):
        assert re.search(rf"^ \*   {name} ", listed, re.MULTILINE), name


def test_programs(built: Path) -> None:
    with Object(built) as opened:
        assert set(opened.programs()) == PROGRAMS


def test_the_object_is_newer_than_its_sources(built: Path) -> None:
    newer = [
        path.name
        for path in FOLDER.iterdir()
        if path.suffix in {".c", ".h"} and path.stat().st_mtime > built.stat().st_mtime
    ]
    assert not newer, f"make build: {newer} changed"


def test_the_licence_is_one_that_the_kernel_knows(built: Path) -> None:
    assert b"Dual MIT/GPL\0" in built.read_bytes()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.[ch]")), ids=lambda path: path.name)
def test_sources_say_their_licence(path: Path) -> None:
    assert "SPDX-License-Identifier: MIT OR GPL-2.0-only" in path.read_text(encoding="utf-8").splitlines()[0]
