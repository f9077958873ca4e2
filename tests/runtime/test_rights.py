"""What the systemd unit gives the daemon is enough for the eBPF data plane, and nothing of it is too much.

systemd itself need not run: its lines are taken from the unit, and obeyed by hand.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bras.dataplane import tcx
from tests.support.lns import Lns, changed
from tests.support.provider import bpf_file_system
from tests.support.site import Site, dial, ping, provider

pytestmark = pytest.mark.root

UNIT = (Path(__file__).parents[2] / "deploy" / "bras.service").read_text()


def _values(key: str) -> list[str]:
    return [line.split("=", 1)[1] for line in UNIT.splitlines() if line.startswith(f"{key}=")]


RIGHTS = [right.removeprefix("CAP_").lower() for right in _values("AmbientCapabilities")[0].split()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with bpf_file_system(tmp_path / "bpf"), provider(tmp_path) as made:
        yield made


def _through(rights: list[str]) -> list[str]:
    """Return a command that keeps these rights and no other; the user stays root, who has none by being root."""
    some = ",".join(f"+{right}" for right in rights)
    limits = [f"--{kind}={some}" for kind in ("inh-caps", "ambient-caps")]
    return ["setpriv", "--securebits=+noroot,+noroot_locked", f"--bounding-set=-all,{some}", *limits, "--no-new-privs"]


def _start(site: Site, rights: list[str]) -> Lns:
    keys = {"backend": "auto", "pin_dir": str(site.place / "bpf" / "pins")}
    return site.run(changed(site.configuration("keep"), {"dataplane": keys}), _through(rights))


def test_the_units_rights_are_enough(site: Site) -> None:
    lns = _start(site, RIGHTS)
    assert lns._process is not None
    status = Path(f"/proc/{lns._process.pid}/status").read_text()
    held = {line.split()[1] for line in status.splitlines() if line.startswith(("CapEff", "CapPrm", "CapBnd"))}
    assert len(held) == 1
    assert int(held.pop(), 16).bit_count() == len(RIGHTS) == 3
    shown = lns.show("dataplane")
    assert (shown["backend"], shown["hook"]) == ("ebpf", "tcx" if tcx.is_there() else "clsact")
    lac, clients = dial(site, 1)
    ping(site, lac, clients[0], 1)
    lns.stop()
    again = _start(site, RIGHTS)
    shown = again.show("dataplane")
    assert (shown["entries"], shown["hook"]) == (1, "tcx" if tcx.is_there() else "clsact"), (
        "it may take over what it has left"
    )
    ping(site, lac, clients[0], 2)


@pytest.mark.parametrize("missing", ["bpf", "perfmon"])
def test_without_one_of_them_the_daemon_forwards_by_itself_and_says_which(site: Site, missing: str) -> None:
    lns = _start(site, [right for right in RIGHTS if right != missing])
    assert lns.show("dataplane")["backend"] == "tun"
    assert f"CAP_{missing.upper()}" in lns.wait_logged("dataplane_fallback")["reason"]
    lac, clients = dial(site, 1)
    ping(site, lac, clients[0], 1)


def test_the_unit_makes_a_place_for_pins(tmp_path: Path) -> None:
    """Twice, as at each start; in a mount namespace that goes with its shell."""
    (line,) = [value for value in _values("ExecStartPre") if "mount" in value]
    assert line.startswith("-+/bin/sh -c ")
    place = tmp_path / "bras-bpf"
    script = shlex.split(line)[2].replace("/run/bras-bpf", str(place)).replace("bras:bras", "nobody:nogroup")
    look = f"stat -f -c %T {place}; stat -c '%U %a' {place}; grep -c {place} /proc/self/mountinfo"
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-e", "-c", f"{script}\n{script}\n{look}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["bpf_fs", "nobody", "1700", "1"]
