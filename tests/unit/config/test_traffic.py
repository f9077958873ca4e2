"""Traffic classes and tables of interfaces: what fits, what does not, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.config import traffic
from bras.config.load import check
from bras.config.model import DataplaneConfig
from tests.unit.config.test_values import read, refused

LEAST = '[lns]\nlisten = ["192.0.2.1"]\n[auth]\nsource = "local"\n[[user]]\nname = "u"\npassword = "p"\n'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (7, 7),
        (0xFFFFFFFF, 0xFFFFFFFF),
        ("1:10", 0x10010),
        ("1:0", 0x10000),
        ("FFFF:ffff", 0xFFFFFFFF),
        ("10:1", 0x100001),
    ],
)
def test_a_priority_is_a_number_or_a_class_in_the_numbers_of_tc(value: object, expected: int) -> None:
    assert read(traffic.PRIORITY, value) == expected


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (-1, "-1 is too small, give a whole number from 0 to 4294967295, or a traffic class such as"),
        (1 << 32, "4294967296 is too large"),
        (True, "true is neither a whole number nor a traffic class"),
        (1.5, "1.5 is neither a whole number nor a traffic class"),
        (["1:10"], '["1:10"] is neither'),
        ("10", '"10" is not a traffic class'),
        ("1:", '"1:" is not a traffic class'),
        ("1:10000", '"1:10000" is not a traffic class'),
        ("1:g", '"1:g" is not a traffic class'),
        ("1:10:1", '"1:10:1" is not a traffic class'),
        ("", '"" is not a traffic class'),
    ],
)
def test_what_is_no_priority(value: object, wrong: str) -> None:
    assert wrong in refused(traffic.PRIORITY, value)


def test_a_table_has_an_interface_and_a_mode_in_each_line() -> None:
    table = {"eth0": "full", "eth1.100": "decap", "lo": "off"}
    assert read(traffic.XDP, table) == (("eth0", "full"), ("eth1.100", "decap"), ("lo", "off"))
    assert read(traffic.XDP, {}) == ()


def test_every_line_of_a_table_that_is_wrong_is_told() -> None:
    said = refused(traffic.XDP, {"eth0": "fast", "a/b": "off", "eth1": "full", "eth2": {"mode": "full"}})
    assert said.splitlines() == [
        'k.eth0: "fast" is not known, give one of "off", "decap", "full"',
        'k."a/b": "a/b" is not an interface name, give an interface name of 1 to 15 octets',
        'k.eth2: a table is not text, give one of "off", "decap", "full"',
    ]
    assert refused(traffic.XDP, "full") == (
        'k: "full" is not a table, give a table of interfaces, each "off", "decap" or "full"'
    )


def test_interfaces_xdp_and_pin_dir(tmp_path: Path) -> None:
    """They come from the file as the back end wants them, and all that is wrong is told at once."""
    path = tmp_path / "bras.toml"
    path.write_text(
        LEAST + '[dataplane]\nbackend = "ebpf"\ninterfaces = ["eth0"]\npin_dir = "/sys/fs/bpf/b"\n'
        '[dataplane.xdp]\neth0 = "full"\n'
    )
    path.chmod(0o600)
    config = check(path).config
    assert config is not None
    assert config.dataplane == DataplaneConfig(
        "ebpf", interfaces=("eth0",), xdp=(("eth0", "full"),), pin_dir="/sys/fs/bpf/b"
    )
    path.write_text(
        LEAST + '[dataplane]\nbackend = "kernel"\ninterfaces = "eth0"\npin_dir = "bpf"\nxdp = "full"\n'
        '[defaults]\nmark = -1\npriority = "high"\n[[lac]]\nname = "a"\nudp6_zero_checksum = "yes"\n'
    )
    assert [f"{problem.key}: {problem.wrong}" for problem in check(path).problems] == [
        'dataplane.backend: "kernel" is not in this version',
        'dataplane.interfaces: "eth0" is not a list',
        'dataplane.pin_dir: "bpf" is not an absolute path',
        'dataplane.xdp: "full" is not a table',
        "defaults.mark: -1 is too small",
        'defaults.priority: "high" is not a traffic class',
        'lac[0].udp6_zero_checksum: "yes" is neither true nor false',
    ]


def test_the_word_for_a_later_back_end_says_what_to_give(tmp_path: Path) -> None:
    path = tmp_path / "bras.toml"
    path.write_text(LEAST + '[dataplane]\nbackend = "kernel"\n')
    (problem,) = check(path).problems
    assert problem.right == 'give "auto", "ebpf" or "tun"'


@pytest.mark.parametrize(("text", "route"), [("192.0.2.0/24", (0xC0000200, 24)), ("10.1.2.3/32", (0x0A010203, 32))])
def test_a_route(text: str, route: tuple[int, int]) -> None:
    assert read(traffic.ROUTE, text) == route


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("0.0.0.0/0", "is no IPv4 network that could be behind a subscriber"),
        ("10.0.0.0/7", "is no IPv4 network"),
        ("127.1.0.0/16", "is no IPv4 network"),
        ("224.0.0.0/24", "is no IPv4 network"),
        ("2001:db8::/32", "is no IPv4 network"),
        ("192.0.2.7/24", 'did you mean "192.0.2.0/24"?'),
        ("north", "is not a prefix"),
        (7, "7 is not text"),
    ],
)
def test_what_is_no_route(value: object, wrong: str) -> None:
    assert wrong in refused(traffic.ROUTE, value)
