"""Datagrams to a real socket, read as the journal reads them."""

from __future__ import annotations

import array
import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
import structlog

from bras.config.daemon import LogConfig
from bras.telemetry.journald import JournalPipe, encode, field_name, is_journal
from bras.telemetry.logs import start_logging


def decoded(octets: bytes) -> dict[str, bytes]:
    """Read the protocol, as systemd.io/JOURNAL_NATIVE_PROTOCOL has it."""
    fields: dict[str, bytes] = {}
    while octets:
        head, _, rest = octets.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if equals:
            octets = rest
        else:
            length = int.from_bytes(rest[:8], "little")
            value, octets = rest[8 : 8 + length], rest[9 + length :]
            assert rest[8 + length : 9 + length] == b"\n"
        assert name.decode() not in fields
        fields[name.decode()] = value
    return fields


class Journal:
    """Stands where systemd-journald listens."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(10.0)

    def next(self) -> dict[str, bytes]:
        octets, ancillary, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        for _, _, data in ancillary:
            (descriptor,) = array.array("i", data)
            seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
            assert seals & fcntl.F_SEAL_WRITE
            assert seals & fcntl.F_SEAL_SHRINK
            octets = os.pread(descriptor, 1 << 24, 0)
            os.close(descriptor)
        return decoded(octets)


@contextmanager
def journal(place: Path) -> Iterator[tuple[Journal, JournalPipe]]:
    heard = Journal(place / "journal")
    pipe = JournalPipe(path=str(place / "journal"))
    try:
        yield heard, pipe
    finally:
        pipe.close()
        heard.socket.close()


def test_an_event_is_fields() -> None:
    event = {
        "timestamp": "t",
        "level": "warning",
        "event": "call_refused",
        "lac": "north",
        "count": 3,
        "ok": True,
        "no": None,
    }
    assert decoded(encode(event | {"nothing": None})) == {
        "MESSAGE": b"call_refused lac=north count=3 ok=true",
        "PRIORITY": b"4",
        "SYSLOG_IDENTIFIER": b"bras",
        "BRAS_EVENT": b"call_refused",
        "BRAS_LAC": b"north",
        "BRAS_COUNT": b"3",
        "BRAS_OK": b"true",
    }


@pytest.mark.parametrize(
    ("level", "priority"), [("debug", b"7"), ("info", b"6"), ("warning", b"4"), ("error", b"3"), ("critical", b"2")]
)
def test_priorities_are_those_of_syslog(level: str, priority: bytes) -> None:
    assert decoded(encode({"level": level, "event": "x"}))["PRIORITY"] == priority


@pytest.mark.parametrize(
    "name", ["<script>", 'a"b', "two\nlines\nBRAS_USER=forged", "x" * 253, "caf\udce9", "a=b", "", "\u202e"]
)
def test_no_name_forges_a_field(name: str) -> None:
    fields = decoded(encode({"level": "info", "event": "e", "user": name, "list": [name]}))
    assert set(fields) == {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "BRAS_EVENT", "BRAS_USER", "BRAS_LIST"}
    assert fields["BRAS_USER"] == name.encode("utf-8", "backslashreplace")


def test_a_traceback_is_below_its_message() -> None:
    fields = decoded(encode({"level": "error", "event": "defect", "input": "X", "exception": "Traceback:\n  boom"}))
    assert fields["MESSAGE"] == b"defect input=X\nTraceback:\n  boom"
    assert fields["BRAS_EXCEPTION"] == b"Traceback:\n  boom"


def test_names_of_fields_are_such() -> None:
    assert field_name("lac-host.name") == "BRAS_LAC_HOST_NAME"
    assert len(field_name("x" * 100)) == 64


def test_events_arrive_and_large_ones_too(tmp_path: Path) -> None:
    with journal(tmp_path) as (heard, pipe):
        pipe.write(encode({"level": "info", "event": "small"}))
        pipe.write(encode({"level": "info", "event": "large", "text": "y" * 1_000_000}))
        pipe.write(encode({"level": "info", "event": "after"}))
        assert heard.next()["BRAS_EVENT"] == b"small"
        assert len(heard.next()["BRAS_TEXT"]) == 1_000_000
        assert heard.next()["BRAS_EVENT"] == b"after"
        assert pipe.dropped == 0


def test_without_a_journal_the_message_goes_where_lines_go(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    pipe = JournalPipe(writer, path=str(tmp_path / "nobody"))
    pipe.write(encode({"level": "info", "event": "alone", "user": "alice"}))
    pipe.write(encode({"level": "error", "event": "defect", "exception": "a\nb"}))
    pipe.close()
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == b"alone user=alice\ndefect\na\nb\n"


def test_whether_stderr_is_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("wb") as file:
        status = os.fstat(file.fileno())
        told = f"{status.st_dev}:{status.st_ino}"
        assert is_journal(file.fileno(), {"JOURNAL_STREAM": told})
        assert not is_journal(file.fileno(), {"JOURNAL_STREAM": "1:2"})
        assert not is_journal(file.fileno(), {})
    assert not is_journal(9999, {"JOURNAL_STREAM": told})


@pytest.mark.parametrize("form", ["journal", "auto"])
def test_the_process_logs_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    heard = Journal(tmp_path / "journal")
    with (tmp_path / "stderr").open("wb") as file:
        status = os.fstat(file.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        pipe = start_logging(LogConfig(format=form), file.fileno(), str(tmp_path / "journal"))
        try:
            structlog.get_logger().warning("call_refused", user="ali\nce")
            fields = heard.next()
        finally:
            pipe.close()
            heard.socket.close()
            structlog.reset_defaults()
    assert (fields["BRAS_EVENT"], fields["BRAS_USER"], fields["PRIORITY"]) == (b"call_refused", b"ali\\nce", b"4")
    assert (tmp_path / "stderr").read_bytes() == b""


@pytest.mark.root
def test_a_real_journald_understands_it(tmp_path: Path) -> None:
    """In a mount namespace with a /run of its own; journalctl reads what was kept."""
    script = f"""
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
cat /etc/machine-id > /dev/null 2>&1 || true
/lib/systemd/systemd-journald > {tmp_path}/journald 2>&1 &
for _ in $(seq 200); do [ -S /run/systemd/journal/socket ] && break; sleep 0.05; done
{sys.executable} -c '
from bras.telemetry.journald import JournalPipe, encode
pipe = JournalPipe()
pipe.write(encode({{"level": "warning", "event": "call_refused", "user": "al=ice", "text": "two\\nlines"}}))
pipe.write(encode({{"level": "info", "event": "large", "text": "y" * 500000}}))
pipe.close()
assert pipe.dropped == 0
'
for _ in $(seq 200); do
  journalctl -o json --no-pager SYSLOG_IDENTIFIER=bras > {tmp_path}/found 2> {tmp_path}/wrong || true
  [ $(wc -l < {tmp_path}/found) -ge 2 ] && break; sleep 0.05
done
kill %1
"""
    subprocess.run(["unshare", "--mount", "--pid", "--fork", "bash", "-c", script], check=True, timeout=120)

    first, second = map(orjson.loads, (tmp_path / "found").read_text(encoding="utf-8").splitlines())
    assert (first["BRAS_EVENT"], first["BRAS_USER"], first["PRIORITY"]) == ("call_refused", "al=ice", "4")
    assert first["BRAS_TEXT"] == "two\nlines"
    assert second["BRAS_EVENT"] == "large"
