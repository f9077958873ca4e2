"""A LAC that does LCP and authentication with its client itself, and tells the LNS of both (RFC 2661 section 4.4.5).

The client is a real pppd on an asynchronous line (RFC 1662), which does not know that there is an
LNS.  Once it has given its proof the ICCN goes out, and from then on its frames pass both ways as they
are.  Options and events are those of kernel_lac.py, and --method.  Standard library only.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kernel_lac import FRAMING_TYPE, ICCN, SPEED, Call, Tunnel, main, say, u16, u32  # it lies beside us

LAST_SENT, LAST_RECEIVED, PROXY_TYPE, PROXY_NAME, PROXY_CHALLENGE, PROXY_ID, PROXY_RESPONSE = (27, 28, *range(29, 34))
LCP, PAP, CHAP = 0xC021, 0xC023, 0xC223
REQUEST, ACK = 1, 2
FLAG, ESCAPE = 0x7E, 0x7D
MAGIC = bytes.fromhex("c0ffee01")
IDENTIFIER = 0x4D
"""Of the LAC's Challenge."""
CHALLENGE_OCTETS = 21
AUTHENTICATION = {"chap": b"\x03\x05\xc2\x23\x05", "pap": b"\x03\x04\xc0\x23"}


def optional(kind: int, value: bytes) -> bytes:
    """Return an AVP without the M bit, as all of the proxy's must be."""
    return struct.pack(">HHH", 6 + len(value), 0, kind) + value


def checksum(octets: bytes) -> int:
    """Return the FCS of 16 bits (RFC 1662 appendix C.2)."""
    fcs = 0xFFFF
    for octet in octets:
        fcs ^= octet
        for _ in range(8):
            fcs = fcs >> 1 ^ 0x8408 if fcs & 1 else fcs >> 1
    return fcs ^ 0xFFFF


def stuffed(frame: bytes) -> bytes:
    """Return a frame for an asynchronous line; everything that could be mapped is."""
    line = bytearray((FLAG,))
    for octet in frame + checksum(frame).to_bytes(2, "little"):
        line += bytes((ESCAPE, octet ^ 0x20)) if octet < 0x20 or octet in (FLAG, ESCAPE) else bytes((octet,))
    return bytes(line) + bytes((FLAG,))


def unstuffed(line: bytes) -> bytes | None:
    """Return what lies between two flags without its FCS; ``None`` when that is wrong."""
    octets = bytearray()
    escaped = False
    for octet in line:
        if octet == ESCAPE:
            escaped = True
        else:
            octets.append(octet ^ 0x20 if escaped else octet)
            escaped = False
    if len(octets) < 4 or checksum(bytes(octets[:-2])) != int.from_bytes(octets[-2:], "little"):
        return None
    return bytes(octets[:-2])


@dataclass
class Line:
    """The line to one client, and how far the LAC has come with it."""

    socket: socket.socket
    heard: bytearray = field(default_factory=bytearray)
    sent: bytes = b""
    received: bytes = b""
    agreed: set[str] = field(default_factory=set)
    challenge: bytes = b""
    over: bool = False
    """The LNS has the client now."""

    def send(self, frame: bytes) -> None:
        """Send a frame to the client."""
        self.socket.sendall(stuffed(frame))

    def say(self, protocol: int, code: int, identifier: int, data: bytes) -> None:
        """Send a packet to the client."""
        self.send(b"\xff\x03" + struct.pack(">HBBH", protocol, code, identifier, 4 + len(data)) + data)

    def frames(self) -> list[bytes]:
        """Return the whole frames that have come."""
        try:
            self.heard += self.socket.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            self.heard.clear()
        *lines, rest = bytes(self.heard).split(bytes((FLAG,)))
        self.heard = bytearray(rest)
        return [frame for frame in map(unstuffed, filter(None, lines)) if frame is not None]


class ProxyTunnel(Tunnel):
    """A tunnel whose calls pass through this process."""

    def __init__(self, *given: object) -> None:
        """Begin as any."""
        self.lines: dict[int, Line] = {}
        super().__init__(*given)  # type: ignore[arg-type]  # those of Tunnel

    def connected(self) -> None:
        """The kernel has no part in it."""

    def answered(self, call: Call) -> None:
        """The LNS takes a call: talk to the client first."""
        ours, its = socket.socketpair()
        command = ("/usr/sbin/pppd", "notty", "nodetach", "file", self.options.options.format(call.number))
        call.pppd = subprocess.Popen(command, stdin=its, stdout=its, stderr=subprocess.DEVNULL)
        its.close()
        ours.setblocking(False)
        self.lines[call.session_id] = Line(ours, sent=AUTHENTICATION[self.options.method] + b"\x05\x06" + MAGIC)

    def tick(self, now: float) -> None:
        """Pass on what clients have said since."""
        super().tick(now)
        for session_id, line in self.lines.items():
            for frame in line.frames():
                if line.over:
                    self._transmit_data(session_id, frame)
                else:
                    self._heard(self.calls[session_id], line, frame)

    def _transmit_data(self, session_id: int, frame: bytes) -> None:
        if session_id in self.calls:
            self.udp.send(struct.pack(">HHH", 2, self.peer_id, self.calls[session_id].peer_id) + frame)

    def data(self, octets: bytes) -> None:
        """Pass on what the LNS says."""
        flags, _, session_id = struct.unpack_from(">HHH", octets)
        if flags == 2 and session_id in self.lines:
            self.lines[session_id].send(octets[6:])

    def _heard(self, call: Call, line: Line, frame: bytes) -> None:
        """Do LCP and authentication for the LNS."""
        protocol, code, identifier, length = struct.unpack_from(">HBBH", frame.removeprefix(b"\xff\x03"))
        data = frame.removeprefix(b"\xff\x03")[6 : 2 + length]
        if (protocol, code) == (LCP, REQUEST):
            line.received = data
            line.say(LCP, ACK, identifier, data)
            line.agreed.add("client")
            if "lac" not in line.agreed:  # before that, pppd may not have been there to hear it
                line.say(LCP, REQUEST, 1, line.sent)
        elif (protocol, code) == (LCP, ACK) and data == line.sent:
            line.agreed.add("lac")
        elif protocol == PAP and code == 1:
            name, password = data[1 : 1 + data[0]], data[2 + data[0] :]
            self._tell(call, line, 3, name, identifier, password)
        elif protocol == CHAP and code == 2 and identifier == IDENTIFIER:
            self._tell(call, line, 2, data[1 + data[0] :], identifier, data[1 : 1 + data[0]])
        else:
            say("not understood", session=call.number, frame=frame.hex())
        if len(line.agreed) == 2 and self.options.method == "chap" and not line.challenge:
            line.challenge = os.urandom(CHALLENGE_OCTETS)
            line.say(CHAP, 1, IDENTIFIER, bytes((CHALLENGE_OCTETS,)) + line.challenge + b"lac")

    def _tell(self, call: Call, line: Line, kind: int, name: bytes, identifier: int, response: bytes) -> None:
        """Send the ICCN."""
        line.over = True
        told = optional(LAST_SENT, line.sent) + optional(LAST_RECEIVED, line.received) + optional(PROXY_TYPE, u16(kind))
        told += optional(PROXY_NAME, name) + optional(PROXY_ID, u16(identifier)) + optional(PROXY_RESPONSE, response)
        if line.challenge:
            told += optional(PROXY_CHALLENGE, line.challenge)
        speed = struct.pack(">HHH", 0x800A, 0, SPEED) + u32(100_000_000)
        framing = struct.pack(">HHH", 0x800A, 0, FRAMING_TYPE) + u32(1)
        self.send(ICCN, speed + framing + told, call.peer_id)
        say("call up", session=call.number, peer=call.peer_id, identifier=identifier)


if __name__ == "__main__":
    sys.exit(main(ProxyTunnel))
