"""tshark reads the call messages and AVPs of later RFCs that we send, and RADIUS's attributes of the access line."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bras.l2tp import messages
from bras.l2tp.disconnect import Direction, Disconnect, DisconnectCode
from bras.l2tp.events import By, Cause
from bras.l2tp.messages import CallRequest
from bras.l2tp.report import Accm, LineErrors, Speed
from bras.radius.attributes import IdentityEncoder
from bras.radius.codec import SharedSecret, accounting_request
from tests.support.l2tp import control
from tests.support.radius import SECRET, codec, config
from tests.unit.lns.test_disconnect import ROWS
from tests.unit.radius.test_attributes import IDENTITY
from tests.vectors.l2tp_extensions import ACCESS_LINE

LINE = bytes.fromhex("0108") + b"dslam1" + bytes.fromhex("8106 000fa000 8206 00fa0000 9005 000006 fe02")


def packet(port: int, payload: bytes) -> bytes:
    """Put a payload into UDP and IPv4, without checksums."""
    length = 28 + len(payload)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, 17, 0, b"\xc6\x12\x00\x01", b"\xc6\x12\x00\x02")
    return ip + struct.pack("!HHHH", port, port, length - 20, 0) + payload


@pytest.fixture
def read(tmp_path: Path, tool: Callable[[str], str]) -> Callable[..., list[str]]:
    """Return what tells fields of a packet as tshark reads them; of a malformed one it tells nothing."""
    tshark = tool("tshark")

    def fields(port: int, payload: bytes, *names: str) -> list[str]:
        octets = packet(port, payload)
        capture = tmp_path / "capture.pcap"
        head = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
        capture.write_bytes(head + struct.pack("<IIII", 0, 0, len(octets), len(octets)) + octets)
        chosen = [word for name in names for word in ("-e", name)]
        which = "!(_ws.malformed || _ws.expert.severity == error)"
        command = [tshark, "-n", "-r", str(capture), "-Y", which, "-T", "fields", "-E", "separator=/t", *chosen]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.rstrip("\n").split("\t")

    return fields


def of_l2tp(read: Callable[..., list[str]], body: bytes, *names: str) -> list[str]:
    return read(1701, control(7, 3, 2, body, 9), *(f"l2tp.{name}" for name in names))


@pytest.mark.parametrize("code", DisconnectCode)
def test_a_disconnect_cause(read: Callable[..., list[str]], code: DisconnectCode) -> None:
    why = Disconnect(code, 0xC021 if code >= 4 else 0, Direction.PEER, "said")
    body = messages.cdn(9, Cause(By.LOCAL, 3, 0, "text", disconnect=why))
    found = of_l2tp(
        read, body, "result_code", "avp.disconnect_code", "avp.cause_code_direction", "avp.cause_code_message"
    )
    assert found[0] == "3"
    assert (int(found[1], 0), int(found[2], 0), found[3]) == (code, 1, "said")


def test_the_rows_that_are_sent_are_codes_that_tshark_can_show() -> None:
    assert {int(value[:4], 16) for _, value in ROWS} <= set(DisconnectCode)


def test_speeds(read: Callable[..., list[str]]) -> None:
    body = messages.csun([Speed(5, 8_000_000, 640_000), Speed(6, 1, 2)])
    names = ("avp.message_type", "avp.csu.remote_session_id", "avp.csu.current_tx_speed", "avp.csu.current_rx_speed")
    kind, ids, tx, rx = of_l2tp(read, body, *names)
    assert kind == "28"
    assert [int(one, 0) for one in ids.split(",")] == [5, 6]
    assert (tx.split(","), rx.split(",")) == (["8000000", "1"], ["640000", "2"])
    assert of_l2tp(read, messages.csurq([5]), "avp.message_type")[0] == "29"


def test_reports(read: Callable[..., list[str]]) -> None:
    names = (
        "crc_errors",
        "framing_errors",
        "hardware_overruns",
        "buffer_overruns",
        "time_out_errors",
        "alignment_errors",
    )
    found = of_l2tp(read, messages.wen(LineErrors(1, 2, 3, 4, 5, 6)), *(f"avp.{name}" for name in names))
    assert found == ["1", "2", "3", "4", "5", "6"]
    found = of_l2tp(read, messages.sli(Accm(0x000A0000, 0xFFFFFFFF)), "avp.send_accm", "avp.receive_accm")
    assert [int(one, 0) for one in found] == [0x000A0000, 0xFFFFFFFF]


def test_speeds_beyond_32_bits(read: Callable[..., list[str]]) -> None:
    body = messages.iccn(CallRequest(tx_connect_speed_bps=10_000_000_000, rx_connect_speed_bps=5_000_000_000))
    names = ("avp.connect_speed", "avp.tx_connect_speed_v3", "avp.rx_connect_speed_v3")
    assert of_l2tp(read, body, *names) == ["4294967295", "10000000000", "5000000000"]


@pytest.mark.parametrize("made", [True, False])
def test_an_access_line(read: Callable[..., list[str]], made: bool) -> None:
    """Ours, and the vector that ours are tested with."""
    ours = messages.icrq(5, 1, CallRequest(access_line=LINE, speed_updates=True))
    body = ours if made else messages.icrq(5, 1, CallRequest()) + ACCESS_LINE
    names = ("agent_circuit_id", "actual_dr_up", "actual_dr_down", "access_loop_encapsulation.enc2", "iwf_session")
    circuit, up, down, encapsulation, iwf = of_l2tp(read, body, *(f"broadband.{name}" for name in names))
    assert circuit == ("dslam1" if made else "node1 atm 1/1/1:")
    assert (up, down) == ("1024000", "16384000")
    assert (int(encapsulation, 0), int(iwf, 0)) == (6, 1)


def test_an_access_line_in_radius(read: Callable[..., list[str]]) -> None:
    blob = IdentityEncoder(codec(), config()).encode(IDENTITY._replace(access_line=LINE)).accounting
    data = accounting_request(7, b"\x28\x06\0\0\0\1" + blob, SharedSecret(SECRET))
    names = ("radius.Actual_Data_Rate_Upstream", "radius.Actual_Data_Rate_Downstream", "radius.vsa.attribute")
    up, down, _ = read(
        1813, data, "radius.Actual_Data_Rate_Upstream", "radius.Actual_Data_Rate_Downstream", "radius.code"
    )
    assert (up, down) == ("1024000", "16384000"), names
