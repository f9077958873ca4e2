"""A file becomes a Config, or every problem in it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.config.daemon import AdminConfig, LogConfig, StateConfig
from bras.config.grant import Grant
from bras.config.load import check, load
from bras.config.model import (
    AuthConfig,
    Config,
    DataplaneConfig,
    LacConfig,
    Listen,
    LnsConfig,
    MetricsConfig,
    PoolConfig,
    PppConfig,
    ProfileConfig,
    UserConfig,
)
from bras.config.node import derived
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.config.sections import POLICY
from bras.errors import ConfigError
from bras.secret import Secret

WORD_FOR_WORD = """\
[lns]
listen = ["198.18.0.1"]        # UDP 1701; else "192.0.2.1:1702", "[2001:db8::1]:1702"
hostname = "lns1"
[[lac]]
name = "any"
address = ["198.18.0.0/24"]
hostname = "*"
secret = "tunsecret"           # or secret_file, or secrets = ["new", "old"]; absent: no tunnel authentication
pool = "default"
[auth]
methods = ["mschapv2", "chap", "pap"]   # also mschapv1
source = "radius"
[radius]
nas_identifier = "lns1"
[[radius.server]]
address = "198.18.1.2"         # 1812, 1813 unless auth_port, acct_port are given
secret = "radsecret"
[ppp]
mru = 1460                     # or "auto"
dns = ["198.18.1.2"]
[[pool]]
name = "default"
ranges = ["10.64.0.0/16"]
[dataplane]
backend = "tun"                # auto | ebpf | tun | kernel
interface = "bras0"
local_address = "10.255.255.1" # our end of every link
[metrics]
listen = "127.0.0.1:9617"
[admin]
socket = "/run/bras/admin.sock"
"""
"""The configuration that the names of all keys were promised with."""

LEAST = '[lns]\nlisten = ["192.0.2.1"]\n[auth]\nsource = "local"\n[[user]]\nname = "u"\npassword = "p"\n'
"""The least that is useful: local users only."""


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "bras.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o640)
        return path

    return write


def problems_of(path: Path) -> list[str]:
    """Return what is wrong, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return [f"{problem.key}: {problem.wrong}, {problem.right}" for problem in caught.value.problems]


def test_the_promised_configuration_loads_word_for_word(written):
    assert load(written(WORD_FOR_WORD)) == Config(
        lns=LnsConfig(listen=(Listen("198.18.0.1", 1701),), hostname="lns1", node=derived()),
        lac=(
            LacConfig(
                name="any",
                address=("198.18.0.0/24",),
                hostname="*",
                secrets=(Secret(b"tunsecret"),),
                grant=Grant(pool="default"),
            ),
        ),
        auth=AuthConfig(methods=("mschapv2", "chap", "pap"), source="radius"),
        radius=RadiusConfig(
            nas_identifier="lns1",
            server=(RadiusServerConfig(address="198.18.1.2", secret=Secret(b"radsecret"), name="198.18.1.2"),),
        ),
        ppp=PppConfig(mru=1460, dns=("198.18.1.2",)),
        pool=(PoolConfig("default", ranges=((0x0A400001, 0x0A40FFFE),), prefixes=((0x0A400000, 16),)),),
        dataplane=DataplaneConfig(backend="tun", interface="bras0", local_address="10.255.255.1"),
        metrics=MetricsConfig(listen=Listen("127.0.0.1", 9617)),
        admin=AdminConfig(socket="/run/bras/admin.sock"),
    )


def test_it_raises_no_warning_when_only_its_owner_can_read_it(written):
    checked = check(written(WORD_FOR_WORD))
    assert checked.problems == checked.warnings == ()
    assert checked.config is not None


def test_what_is_left_out_has_the_defaults_of_the_model(written):
    config = load(written(LEAST))
    assert config == Config(
        lns=LnsConfig(listen=(Listen("192.0.2.1", 1701),), node=derived()),
        auth=AuthConfig(source="local"),
        user=(UserConfig(name="u", password=Secret(b"p")),),
    )
    assert config.state is None


def test_every_key_there_is_reaches_the_model(written, tmp_path):
    (tmp_path / "dictionary.local").write_text("")
    policy = """
vrf = 0
pool = "p"
session_timeout_s = 86400
idle_timeout_s = 600.5
interim_interval_s = 600
dns = ["192.0.2.53", "192.0.2.54"]
nbns = ["192.0.2.55"]
rate_up_bps = 10_000_000
rate_down_bps = 100_000_000
burst_up_octets = 20000
burst_down_octets = 30000
accept_client_address = true
source_check = false
mark = 4294967295
priority = "1:10"
"""
    granted = Grant(
        pool="p",
        vrf=0,
        session_timeout_s=86400.0,
        idle_timeout_s=600.5,
        interim_interval_s=600.0,
        dns=("192.0.2.53", "192.0.2.54"),
        nbns=("192.0.2.55",),
        rate_up_bps=10_000_000,
        rate_down_bps=100_000_000,
        burst_up_octets=20000,
        burst_down_octets=30000,
        accept_client_address=True,
        source_check=False,
        mark=0xFFFFFFFF,
        priority=0x10010,
    )
    fixed = Grant(**{**{name: getattr(granted, name) for name in POLICY}, "address": 0xC0000207})
    text = f"""
[lns]
listen = ["192.0.2.1:1702", "[2001:db8::1]:1702"]
hostname = "h"
setup_timeout_s = 20
idle_tunnel_s = 0
max_tunnels = 10
max_sessions = 1000
worker = 3
node = 4095
receive_buffer_octets = 1000000
[[lac]]
name = "g"
address = ["192.0.2.0/24", "2001:db8::/32"]
hostname = "lac-*"
local = ["192.0.2.1"]
local_hostname = "lns-g"
hide_avps = true
secrets = ["new", "old"]
methods = ["pap"]
radius = "r"
max_tunnels = 2
max_tunnels_per_lac = 1
max_sessions = 200
one_session_per_host = true
use_ephemeral_port = true
follow_port = true
mtu = 1492
hello_interval_s = 30
receive_window = 4
retransmit_initial_s = 2
retransmit_cap_s = 16
max_retransmissions = 8
udp6_zero_checksum = true
{policy}
[auth]
methods = ["chap", "mschapv1"]
source = "radius-then-local"
timeout_s = 3
max_attempts = 5
single_session = "replace"
address_conflict = "deny"
[radius]
nas_identifier = "n"
nas_ip_address = "192.0.2.9"
dictionaries = ["dictionary.local"]
accounting = false
interim_jitter = 0.2
[[radius.server]]
address = "2001:db8::5"
secret = "s"
name = "r1"
group = "r"
auth_port = 1645
acct_port = 0
timeout_s = 1
max_tries = 2
fail_count = 5
dead_time_s = 60
message_authenticator = "if-present"
source = "2001:db8::1"
[ppp]
mru = "auto"
dns = ["192.0.2.53"]
nbns = ["192.0.2.55"]
echo_interval_s = 10
echo_failures = 2
restart_timer_s = 2
restart_cap_s = 8
max_configure = 5
max_terminate = 3
max_failure = 4
acfc = false
pfc = false
[[pool]]
name = "p"
ranges = ["10.0.0.0/24", "10.0.1.2-10.0.1.3"]
next = "q"
hold_down_s = 5
vrf = 0
[[pool]]
name = "q"
ranges = ["10.0.2.0/24"]
[[profile]]
name = "gold"
address = "192.0.2.7"
{policy}
[[user]]
name = "u"
password = "p"
profile = "gold"
address = "192.0.2.7"
{policy}
[defaults]
{policy}
[dataplane]
backend = "auto"
interface = "subs"
local_address = "10.0.0.1"
counter_interval_s = 5
clamp_mss = false
interfaces = ["eth0", "eth1.100"]
pin_dir = "/sys/fs/bpf/other"
[dataplane.xdp]
eth0 = "full"
"eth1.100" = "decap"
[metrics]
listen = "[::1]:9000"
[admin]
socket = "/tmp/a.sock"
[log]
level = "debug"
format = "json"
[state]
directory = "/var/lib/bras"
on_stop = "teardown"
"""
    assert load(written(text)) == Config(
        lns=LnsConfig(
            listen=(Listen("192.0.2.1", 1702), Listen("2001:db8::1", 1702)),
            hostname="h",
            setup_timeout_s=20.0,
            idle_tunnel_s=0.0,
            max_tunnels=10,
            max_sessions=1000,
            worker=3,
            node=4095,
            receive_buffer_octets=1000000,
        ),
        lac=(
            LacConfig(
                name="g",
                address=("192.0.2.0/24", "2001:db8::/32"),
                hostname="lac-*",
                local=("192.0.2.1",),
                local_hostname="lns-g",
                secrets=(Secret(b"new"), Secret(b"old")),
                hide_avps=True,
                methods=("pap",),
                radius="r",
                max_tunnels=2,
                max_tunnels_per_lac=1,
                max_sessions=200,
                one_session_per_host=True,
                use_ephemeral_port=True,
                follow_port=True,
                mtu=1492,
                hello_interval_s=30.0,
                receive_window=4,
                retransmit_initial_s=2.0,
                retransmit_cap_s=16.0,
                max_retransmissions=8,
                udp6_zero_checksum=True,
                grant=granted,
            ),
        ),
        auth=AuthConfig(
            methods=("chap", "mschapv1"),
            source="radius-then-local",
            timeout_s=3.0,
            max_attempts=5,
            single_session="replace",
            address_conflict="deny",
        ),
        radius=RadiusConfig(
            server=(
                RadiusServerConfig(
                    address="2001:db8::5",
                    secret=Secret(b"s"),
                    name="r1",
                    group="r",
                    auth_port=1645,
                    acct_port=0,
                    timeout_s=1.0,
                    max_tries=2,
                    fail_count=5,
                    dead_time_s=60.0,
                    message_authenticator="if-present",
                    source="2001:db8::1",
                ),
            ),
            nas_identifier="n",
            nas_ip_address="192.0.2.9",
            dictionaries=(str(tmp_path.resolve() / "dictionary.local"),),
            accounting=False,
            interim_jitter=0.2,
        ),
        ppp=PppConfig(
            mru="auto",
            dns=("192.0.2.53",),
            nbns=("192.0.2.55",),
            echo_interval_s=10.0,
            echo_failures=2,
            restart_timer_s=2.0,
            restart_cap_s=8.0,
            max_configure=5,
            max_terminate=3,
            max_failure=4,
            acfc=False,
            pfc=False,
        ),
        pool=(
            PoolConfig(
                name="p",
                ranges=((0x0A000001, 0x0A0000FE), (0x0A000102, 0x0A000103)),
                next="q",
                hold_down_s=5.0,
                vrf=0,
                prefixes=((0x0A000000, 24), (0x0A000102, 31)),
            ),
            PoolConfig(name="q", ranges=((0x0A000201, 0x0A0002FE),), prefixes=((0x0A000200, 24),)),
        ),
        profile=(ProfileConfig(name="gold", grant=fixed),),
        user=(UserConfig(name="u", password=Secret(b"p"), profile="gold", grant=fixed),),
        defaults=granted,
        dataplane=DataplaneConfig(
            backend="auto",
            interface="subs",
            local_address="10.0.0.1",
            counter_interval_s=5.0,
            clamp_mss=False,
            interfaces=("eth0", "eth1.100"),
            xdp=(("eth0", "full"), ("eth1.100", "decap")),
            pin_dir="/sys/fs/bpf/other",
        ),
        metrics=MetricsConfig(listen=Listen("::1", 9000)),
        admin=AdminConfig(socket="/tmp/a.sock"),
        log=LogConfig(level="debug", format="json"),
        state=StateConfig(directory="/var/lib/bras", on_stop="teardown"),
    )


def test_all_errors_come_at_once_in_the_order_of_the_file(written):
    path = written(
        """\
[lns]
listen = ["192.0.2.1", "nowhere"]
hostnam = "lns1"
[[lac]]
name = "a"
[[lac]]
secrt = "tunsecret"
receive_window = 0
[[radius.server]]
address = "198.18.1.2"
[dataplain]
backend = "tun"
[[pool]]
name = "p"
[[user]]
password = "hunter2"
"""
    )
    assert problems_of(path) == [
        'lns.listen[1]: "nowhere" is not an IP address, give an address such as "192.0.2.1", "192.0.2.1:1702" or '
        '"[2001:db8::1]:1702"',
        'lns.hostnam: "hostnam" is no key of [lns], did you mean "hostname"?',
        'lac[1].secrt: "secrt" is no key of [[lac]], did you mean "secret"?',
        "lac[1].receive_window: 0 is too small, give a whole number from 1 to 32768",
        "lac[1].name: it is missing, give a name of 1 to 64 octets without spaces",
        'radius.server[0].secret: it is missing, give "secret" or "secret_file"',
        'dataplain: "dataplain" is no section, did you mean "dataplane"?',
        "pool[0].ranges: it is missing, give a list (at least one, each a prefix such as "
        '"10.64.0.0/16" or a range such as "10.0.0.1-10.0.0.99")',
        "user[0].name: it is missing, give text of 1 to 253 octets",
    ]


def test_no_message_shows_a_secret(written):
    path = written(
        WORD_FOR_WORD.replace("secret =", "secrte =") + '[[user]]\nname = "u"\npasword = "hunter2"\npassword = 5\n'
    )
    checked = check(path)
    text = "\n".join(map(str, checked.problems + checked.warnings)) + repr(checked)
    assert "secrte" in text
    for secret in ("tunsecret", "radsecret", "hunter2"):
        assert secret not in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            LEAST.replace("[[user]]", "[user]"),
            "user: it is not a list of sections, write [[user]], with two brackets",
        ),
        (LEAST.replace("[lns]", "[[lns]]"), "lns: it is not one section, write [lns], once"),
        (LEAST.replace("[auth]", "[auth]\n[auth.extra]"), 'auth.extra: "extra" is no key of [auth], known are '),
        ("hostname = 1\n" + LEAST, "hostname: it stands in no section, put it below [lns] or [[lac]]"),
        ('"a\\nb" = 1\n' + LEAST, '"a\\nb": "a\\nb" is no section'),
        ("dbs = 1\n" + LEAST, 'dbs: "dbs" is no section, known are lns, lac, auth, radius, '),
        ("lac = [1]\n" + LEAST, "lac: it is not a list of sections, write [[lac]], with two brackets"),
        (LEAST + "[radius]\nserver = 5\n", "radius.server: it is not a list of sections, write [[radius.server]]"),
        (LEAST + "[metrics]\nlisten = 9617\n", "metrics.listen: 9617 is not text"),
        (LEAST + "[state]\n", "state.directory: it is missing, give an absolute path"),
        (LEAST + '[defaults]\naddress = "192.0.2.1"\n', 'defaults.address: "address" is no key of [defaults]'),
        (
            LEAST + '[radius]\ndictionaries = ["none"]\n',
            "radius.dictionaries[0]: ",
        ),
    ],
)
def test_sections_in_the_wrong_shape(written, text, problem):
    assert any(said.startswith(problem) for said in problems_of(written(text)))


def test_a_required_key_that_is_wrong_is_told_once(written):
    assert problems_of(written(LEAST.replace('name = "u"', "name = 7"))) == [
        "user[0].name: 7 is not text, give text of 1 to 253 octets"
    ]


def test_a_file_without_lns_says_so_and_goes_on_looking(written):
    said = problems_of(written("[ppp]\nmru = 5\n"))
    assert said[0].startswith("ppp.mru: 5 is too small")
    assert said[1] == 'lns: the section is missing, give [lns] with listen = ["192.0.2.1"]'


def test_bad_syntax_is_one_problem_with_its_line(written):
    assert problems_of(written("[lns]\nlisten = \n")) == [
        "line 2, column 10: this is not TOML: Invalid value, correct the syntax, see https://toml.io"
    ]
    (said,) = problems_of(written("[lns"))
    assert said.startswith("end of document: this is not TOML: ")
    (said,) = problems_of(written("[lns]\na = 1\na = 2\n[[lns]]"))
    assert said.startswith("line 3, column 6: this is not TOML: ")


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path):
    assert problems_of(tmp_path / "none.toml") == [
        "file: it cannot be read (No such file or directory), give the path of a readable file"
    ]
    assert problems_of(tmp_path) == ["file: it cannot be read (Is a directory), give the path of a readable file"]
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"# \xff\n")
    assert problems_of(binary) == ["file: octet 2 is not UTF-8, save the file as UTF-8"]


def test_files_begin_at_the_directory_of_the_configuration(written, tmp_path, monkeypatch):
    (tmp_path / "pw").write_text("from a file\n")
    (tmp_path / "pw").chmod(0o600)
    path = written(LEAST.replace('password = "p"', 'password_file = "pw"'))
    monkeypatch.chdir("/")
    assert load(path).user[0].password == Secret(b"from a file")
    monkeypatch.chdir(tmp_path)
    assert load("bras.toml").user[0].password == Secret(b"from a file")


def test_a_file_that_everybody_can_read_is_a_warning(written):
    path = written(WORD_FOR_WORD)
    path.chmod(0o644)
    checked = check(path)
    assert checked.config is not None
    assert [str(warning) for warning in checked.warnings] == [
        f"{path}: file: every user of this machine can read it, secrets too, chmod o= {path}"
    ]


def test_a_file_that_goes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor puts another in its place: what was read counts."""
    path = tmp_path / "bras.toml"
    path.write_text('[lns]\nlisten = ["192.0.2.1"]\n')
    read_bytes = Path.read_bytes

    def last(one: Path) -> bytes:
        octets = read_bytes(one)
        one.unlink()
        return octets

    monkeypatch.setattr(Path, "read_bytes", last)
    assert check(path).config is not None
