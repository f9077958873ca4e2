from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from bras.config.model import Config, DataplaneConfig
from bras.dataplane.base import DATA_PLANE_REASONS, DataPlane, DataPlaneError
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.null import Null
from bras.forwarding.entry import AddEntry, Counters, Route
from bras.runtime import plane
from bras.runtime.plane import Chosen, choose, slots
from tests.support.world import config
from tests.unit.subscriber.pair import LEG


def _config(backend: str) -> Config:
    return config(dataplane=DataplaneConfig(backend=backend))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, DataPlaneError | None]:
    """Return what speaks against each back end; real ones are opened by tests/dataplane."""
    against: dict[str, DataPlaneError | None] = {"_ebpf": None, "_tun": None}

    def make(name: str) -> DataPlane:
        wrong = against[name]
        if wrong is not None:
            raise wrong
        made = Null()
        made.name = name  # type: ignore[attr-defined]  # looked at below
        return made

    monkeypatch.setattr(plane, "_ebpf", lambda _config, _in_use: make("_ebpf"))
    monkeypatch.setattr(plane, "_tun", lambda _config: make("_tun"))
    structlog.reset_defaults()
    return against


@pytest.mark.parametrize(("backend", "expected"), [("auto", "_ebpf"), ("ebpf", "_ebpf"), ("tun", "_tun")])
def test_the_best_or_what_is_asked_for(backend: str, expected: str, machine: dict[str, DataPlaneError | None]) -> None:
    with capture_logs() as lines:
        chosen = choose(_config(backend), [], 0)
    assert chosen.plane.name == expected  # type: ignore[attr-defined]  # as above
    assert (chosen.instead, chosen.status().instead) == ("", "")
    assert lines == []


def test_auto_falls_back_and_says_why_once(machine: dict[str, DataPlaneError | None]) -> None:
    machine["_ebpf"] = DataPlaneError("libbpf.so.1 is missing")
    with capture_logs() as lines:
        chosen = choose(_config("auto"), [], 0)
    assert chosen.plane.name == "_tun"  # type: ignore[attr-defined]  # as above
    assert chosen.status().instead == chosen.instead == "libbpf.so.1 is missing"
    assert lines == [
        {"event": "dataplane_fallback", "log_level": "warning", "backend": "tun", "reason": "libbpf.so.1 is missing"}
    ]


@pytest.mark.parametrize("backend", ["auto", "ebpf"])
def test_what_the_verifier_says_is_for_who_debugs(backend: str, machine: dict[str, DataPlaneError | None]) -> None:
    machine["_ebpf"] = LibbpfError("loading the programs", 4008, "R1 invalid mem access 'scalar'")
    with capture_logs() as lines:
        if backend == "ebpf":
            with pytest.raises(LibbpfError):
                choose(_config(backend), [], 0)
        else:
            choose(_config(backend), [], 0)
    verifier, *others = lines
    assert verifier == {
        "event": "dataplane_verifier", "log_level": "debug", "text": "R1 invalid mem access 'scalar'",
    }  # fmt: skip
    assert [line["event"] for line in others] == (["dataplane_fallback"] if backend == "auto" else [])


def test_nothing_takes_the_place_of_what_is_asked_for(machine: dict[str, DataPlaneError | None]) -> None:
    machine["_ebpf"] = DataPlaneError("no")
    machine["_tun"] = DataPlaneError("neither")
    with pytest.raises(DataPlaneError, match="no"):
        choose(_config("ebpf"), [], 0)
    with pytest.raises(DataPlaneError, match="neither"):
        choose(_config("tun"), [], 0)
    with pytest.raises(DataPlaneError, match="neither"):
        choose(_config("auto"), [], 0)


def test_figures_and_what_is_shown() -> None:
    null = Null()
    assert null.program(AddEntry(Route(3, 7, 0, (LEG,), (0x0A400001,), 1460))).ok
    null.feed(3, Counters(up_octets4=100, up_packets4=2, down_octets6=7))
    chosen = Chosen(null, "it is a test")
    figures = chosen.figures()
    assert (figures.backend, figures.entries, figures.totals.up_octets4) == ("null", 1, 100)
    shown = chosen.shown()
    assert isinstance(shown, dict)
    assert (shown["backend"], shown["instead"], shown["entries"]) == ("null", "it is a test", 1)
    assert shown["hook"] is shown["routes"] is shown["pins"] is None
    assert shown["drops"] == {reason.value: 0 for reason in DATA_PLANE_REASONS}
    assert shown["totals"]["down_octets6"] == 7  # type: ignore[index,call-overload]  # plain data
    assert Chosen(null).shown()["instead"] is None  # type: ignore[index,call-overload]  # plain data


@pytest.mark.parametrize(
    ("max_sessions", "in_use", "expected"),
    [(1, 0, 2048), (10_000, 0, 11_264), (65_000, 0, 73_728), (100, 40_001, 40_960)],
)
def test_there_is_room_for_more_than_the_sessions(max_sessions: int, in_use: int, expected: int) -> None:
    """Those that go, those that rest; those of before, if there were more."""
    assert slots(max_sessions, in_use) == expected
