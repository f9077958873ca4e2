"""The wheel that ``make wheel`` builds: all that the eBPF data plane needs is in it, and no compiler is asked for."""

from __future__ import annotations

import shlex
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lns import changed
from tests.support.provider import bpf_file_system
from tests.support.site import Site, dial, ping, provider

pytestmark = pytest.mark.root

ROOT = Path(__file__).parents[2]
OBJECT = "bras/dataplane/bpf/bras.bpf.o"
COMPILERS = ("clang", "clang-14", "llc", "gcc", "cc", "ld", "bpftool")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with bpf_file_system(tmp_path / "bpf"), provider(tmp_path) as made:
        yield made


@pytest.fixture
def wheel() -> Path:
    built = sorted((ROOT / "dist").glob("bras-*.whl"), key=lambda path: path.stat().st_mtime)
    assert built, "make wheel builds it"
    return built[-1]


def test_it_holds_the_programs_and_is_for_every_machine(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as opened:
        assert opened.read(OBJECT) == (ROOT / OBJECT).read_bytes(), "make wheel builds it from what is here"


def test_it_runs_without_compiler_and_headers(wheel: Path, site: Site, tmp_path: Path) -> None:
    """Nothing of the source tree's data plane is there either: what runs can only be what was installed."""
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(installed)
    hidden = [found for found in map(shutil.which, COMPILERS) if found]
    steps = [f"mount -t tmpfs none {shlex.quote(str(place))}" for place in ("/usr/include", ROOT / "bras/dataplane")]
    steps += [f"mount --bind /dev/null {shlex.quote(str(Path(tool).resolve()))}" for tool in hidden]
    script = " && ".join([*steps, f'exec env PYTHONPATH={shlex.quote(str(installed))} "$@"'])
    keys = {"backend": "ebpf", "pin_dir": str(site.place / "bpf" / "pins")}
    configuration = changed(site.configuration("teardown"), {"dataplane": keys})
    lns = site.run(configuration, ["unshare", "--mount", "sh", "-c", script, "sh"])
    assert lns.show("dataplane")["backend"] == "ebpf"
    lac, clients = dial(site, 1)
    ping(site, lac, clients[0], 1)
    shown = lns.show("dataplane")
    assert shown["totals"]["up_packets4"] >= 1
    assert shown["totals"]["down_packets4"] >= 1
    assert not any(shown["drops"].values())
    lns.stop()
