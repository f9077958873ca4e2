"""What the binding says when something is missing; what the kernel does with it is in tests/dataplane."""

from __future__ import annotations

import ctypes
import errno

import pytest

from bras.dataplane import libbpf
from bras.dataplane.base import DataPlaneError


def test_a_missing_library_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libbpf, "_SONAME", "libbpf-that-is-not-there.so.1")
    with pytest.raises(DataPlaneError, match="apt install libbpf1"):
        libbpf._typed(ctypes.CDLL)


def test_a_library_that_lacks_a_function_is_as_good_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libbpf, "_PROTOTYPES", (("bpf_of_another_age", ctypes.c_int, ()),))
    with pytest.raises(DataPlaneError, match="apt install libbpf1"):
        libbpf._typed(ctypes.CDLL)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EPERM, "AmbientCapabilities=CAP_BPF CAP_NET_ADMIN CAP_PERFMON"),
        (errno.ENOSYS, "built without BPF"),
        (errno.EINVAL, "Linux 5.15"),
        (errno.ENOENT, "No such file or directory"),
    ],
)
def test_errors_are_words(code: int, said: str) -> None:
    error = libbpf.LibbpfError("load it", code, "the long story")
    assert str(error).startswith("load it: ")
    assert said in str(error)
    assert (error.errno, error.log) == (code, "the long story")


def test_the_machine_has_cpus() -> None:
    assert libbpf.possible_cpus() >= 1
