from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from bras.cli import dataplane
from bras.cli.main import app
from bras.dataplane import detach
from bras.dataplane.base import DataPlaneError
from tests.unit.cli.rows import DATAPLANE, daemon


def test_every_reason_is_shown_be_it_with_nothing() -> None:
    shown = {title: dict(facts) for title, facts in dataplane.sections(DATAPLANE)}
    assert shown["data plane"]["backend"] == "ebpf"
    assert shown["data plane"]["programs"] == "tc_down, tc_up"
    assert shown["data plane"]["hung at"] == "tcx"
    assert shown["data plane"]["routes of XDP"] == "kept"
    assert shown["interfaces of LACs"] == {"eth0": "tc", "eth1.7": "xdp-full"}
    assert shown["forwarded since the start"]["down IPv6"] == "1.50 MB, 1000 packets"
    assert shown["dropped"] == {"spoofed source": "7", "no route": "0"}
    assert shown["left to a slower path"] == {"control": "12", "not xdp": "0"}


def test_why_it_is_not_the_better_one() -> None:
    row = DATAPLANE | {"backend": "tun", "instead": "no BPF", "programs": [], "interfaces": []}
    row |= {"hook": None, "routes": None, "pins": None}
    ((_, facts), *_rest) = dataplane.sections(row)
    assert dict(facts)["not ebpf, because"] == "no BPF"


# -- detach


class Kernel:
    """Stands in for what is left in the kernel; the real one is looked at by tests/dataplane."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.left = ["program tc_up of eth0", "interface bras0"]
        self.wrong = ""

    def detach(self, interface: str, pin_dir: str) -> list[str]:
        self.asked.append((interface, pin_dir))
        if self.wrong:
            raise DataPlaneError(self.wrong)
        return self.left


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(detach, "detach", kernel.detach)
    monkeypatch.setattr(dataplane, "DEFAULT_CONFIG", Path("/nonexistent/bras.toml"))
    return kernel


def _detach(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["dataplane", "detach", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_what_is_removed_is_said(tmp_path: Path, kernel: Kernel) -> None:
    out, _ = _detach("--socket", tmp_path / "none")
    assert out == "removed program tc_up of eth0\nremoved interface bras0\n"
    assert kernel.asked == [("bras0", "/sys/fs/bpf/bras")]
    out, _ = _detach("--socket", tmp_path / "none", "--json")
    assert orjson.loads(out) == {"removed": kernel.left}
    kernel.left = []
    out, _ = _detach("--socket", tmp_path / "none")
    assert out == "nothing is left of bras0 and /sys/fs/bpf/bras\n"


def test_where_it_is_comes_from_the_options_or_the_configuration(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "bras.toml"
    config.write_text(f'[admin]\nsocket = "{tmp_path}/s"\n[dataplane]\ninterface = "lns7"\npin_dir = "/run/pins"\n')
    _detach("-c", config)
    _detach("-c", config, "--interface", "other0", "--pin-dir", "/run/others")
    monkeypatch.setattr(dataplane, "DEFAULT_CONFIG", config)
    _detach("--interface", "other0")
    assert kernel.asked == [("lns7", "/run/pins"), ("other0", "/run/others"), ("other0", "/run/pins")]


def test_not_beside_a_daemon(tmp_path: Path, kernel: Kernel) -> None:
    with daemon(tmp_path / "s"):
        _, wrong = _detach("--socket", tmp_path / "s", code=1)
    assert "a daemon answers" in wrong
    assert not kernel.asked


def test_not_when_there_is_no_telling(tmp_path: Path, kernel: Kernel) -> None:
    (tmp_path / "file").write_text("")
    _, wrong = _detach("--socket", tmp_path / "file" / "s", code=1)
    assert "no daemon answers" in wrong
    assert not kernel.asked


def test_what_cannot_be_removed_is_an_error(tmp_path: Path, kernel: Kernel) -> None:
    kernel.wrong = "only root may"
    _, wrong = _detach("--socket", tmp_path / "none", code=1)
    assert wrong == "bras: only root may\n"


@pytest.mark.parametrize("content", ["dataplane = 5", "admin = 5", "[dataplane"])
def test_a_configuration_that_makes_no_sense(tmp_path: Path, kernel: Kernel, content: str) -> None:
    config = tmp_path / "bras.toml"
    config.write_text(content)
    _, wrong = _detach("-c", config, "--socket", tmp_path / "none", code=2 if content != "admin = 5" else 0)
    assert bool(kernel.asked) == (content == "admin = 5"), "the socket was named"
    assert bool(wrong) != (content == "admin = 5")
