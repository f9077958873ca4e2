"""A small LAC: control messages of its own, the kernel's l2tp_ppp for data, a real pppd for each call.

xl2tpd 1.3.18 crashes on the second call of a tunnel, so this one puts many calls into a tunnel.
It runs in a guest and prints one JSON object a line for everything that happens.

    kernel_lac.py LNS[:PORT] --tunnels 2 --calls 10 --secret S --options /run/lac/options.{}

``{}`` is the number of the session, 1 to tunnels x calls.  Tunnel i sends from port 1701 + i: the
kernel tells tunnels apart by their sockets alone.  SIGTERM ends all with StopCCN.  Standard library only.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import hashlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field

AF_PPPOX, PX_PROTO_OL2TP = 24, 1
PPPIOCGCHAN = 0x80047437
SCCRQ, SCCRP, SCCCN, STOPCCN, HELLO, ICRQ, ICRP, ICCN, CDN = 1, 2, 3, 4, 6, 10, 11, 12, 14
MESSAGE, RESULT, VERSION, FRAMING, BEARER, HOST, TUNNEL, WINDOW, CHALLENGE, RESPONSE, SESSION, SERIAL = (
    *(0, 1, 2, 3, 4, 7, 9, 10, 11, 13, 14, 15),
)
BEARER_TYPE, FRAMING_TYPE, CALLED, CALLING, SPEED, SEQUENCING = 18, 19, 21, 22, 24, 39
SOL_PPPOL2TP, SO_RECVSEQ, SO_SENDSEQ = 273, 2, 3
PPPIOCGL2TPSTATS, STATISTICS = 0x80487436, struct.Struct("=HHI8Q")
COUNTED = ("tx_packets", "tx_bytes", "tx_errors", "rx_packets", "rx_bytes", "seq_discards", "oos_packets", "rx_errors")
RETRANSMISSIONS, CAP_S = 5, 8.0
_libc = ctypes.CDLL(None, use_errno=True)
_began_at = time.monotonic()


def say(event: str, **facts: object) -> None:
    """Print what happened."""
    print(json.dumps({"at": round(time.monotonic() - _began_at, 3), "event": event, **facts}), flush=True)


def avp(kind: int, value: bytes) -> bytes:
    """Return a mandatory AVP of the IETF (RFC 2661 section 4.1)."""
    return struct.pack(">HHH", 0x8000 | (6 + len(value)), 0, kind) + value


def u16(value: int) -> bytes:
    """Return two octets."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Return four octets."""
    return value.to_bytes(4, "big")


def avps(octets: bytes) -> dict[int, bytes]:
    """Return the IETF's AVPs of a message by type; hidden ones are left out."""
    found = {}
    while len(octets) >= 6:
        flags, vendor, kind = struct.unpack_from(">HHH", octets)
        length = max(6, flags & 0x3FF)
        if vendor == 0 and not flags & 0x4000:
            found[kind] = octets[6:length]
        octets = octets[length:]
    return found


def pppox(udp: socket.socket, ids: tuple[int, int, int, int]) -> socket.socket:
    """Return a PPPoL2TP socket over ``udp``, which is bound and connected.

    ``ids`` are our tunnel and session id, then the peer's; session ids of 0 make the tunnel itself.
    ``socket.connect`` knows no AF_PPPOX, and the kernel takes the addresses from ``udp``.
    """
    made = socket.socket(AF_PPPOX, socket.SOCK_DGRAM, PX_PROTO_OL2TP)
    inet = struct.pack("=H14x", socket.AF_INET)
    address = struct.pack("=HIii16sHHHH", AF_PPPOX, PX_PROTO_OL2TP, 0, udp.fileno(), inet, *ids)
    if _libc.connect(made.fileno(), address, len(address)):
        number = ctypes.get_errno()
        made.close()
        raise OSError(number, f"PPPoL2TP {ids}: {os.strerror(number)}")
    return made


@dataclass
class Call:
    """One call and its pppd."""

    number: int
    session_id: int
    peer_id: int = 0
    kernel: socket.socket | None = None
    pppd: subprocess.Popen[bytes] | None = None
    cleared: bool = False


@dataclass
class Unacked:
    """Control messages sent and not acknowledged, and those that wait for the window."""

    sent: deque[tuple[int, int, bytes]] = field(default_factory=deque)
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    sent_at: float = 0.0
    tries: int = 0


class Tunnel:
    """A control connection, its calls, and the kernel's half of both."""

    def __init__(self, index: int, options: argparse.Namespace) -> None:
        """Open the socket and send the SCCRQ."""
        self.index, self.options = index, options
        self.id, self.peer_id, self.peer_window = 1000 + index, 0, 4
        self.ns = self.nr = 0
        self.unacked = Unacked()
        self.kernel: socket.socket | None = None
        self.calls: dict[int, Call] = {}
        self.over = False
        self.challenge = os.urandom(16)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("", 1701 + index))
        host, _, port = options.lns.partition(":")
        self.lns = (host, int(port or 1701))
        self.follows = options.follow
        if not self.follows:
            self.udp.connect(self.lns)
        self.udp.setblocking(False)
        body = avp(VERSION, b"\x01\x00") + avp(FRAMING, u32(3)) + avp(BEARER, u32(0)) + avp(HOST, options.name.encode())
        body += avp(TUNNEL, u16(self.id)) + avp(WINDOW, u16(options.window))
        self.doubts = bool(options.secret) and not options.trusting
        self.send(SCCRQ, body + (avp(CHALLENGE, self.challenge) if self.doubts else b""))

    # -- reliable delivery (RFC 2661 section 5.8), without slow start

    def send(self, kind: int, body: bytes, session_id: int = 0) -> None:
        """Queue a message and send what the window allows."""
        self.unacked.waiting.append((session_id, avp(MESSAGE, u16(kind)) + body))
        self._fill_window()

    def _fill_window(self) -> None:
        queue = self.unacked
        while queue.waiting and len(queue.sent) < self.peer_window:
            session_id, body = queue.waiting.popleft()
            queue.sent.append((self.ns, session_id, body))
            self.ns = (self.ns + 1) & 0xFFFF
            queue.sent_at, queue.tries = time.monotonic(), 0
            self._transmit(*queue.sent[-1])

    def _transmit(self, ns: int, session_id: int, body: bytes) -> None:
        header = struct.pack(">HHHHHH", 0xC802, 12 + len(body), self.peer_id, session_id, ns, self.nr)
        try:
            if self.follows:
                self.udp.sendto(header + body, self.lns)
            else:
                self.udp.send(header + body)
        except OSError as error:
            say("send failed", tunnel=self.index, error=str(error))

    def tick(self, now: float) -> None:
        """Send again what is not acknowledged in time; end a tunnel whose peer is silent."""
        queue = self.unacked
        if not queue.sent or now - queue.sent_at < min(1 << queue.tries, CAP_S):
            return
        queue.tries, queue.sent_at = queue.tries + 1, now
        if queue.tries > RETRANSMISSIONS:
            say("tunnel silent", tunnel=self.index)
            self.down()
            return
        for message in queue.sent:
            self._transmit(*message)

    def readable(self) -> None:
        """Take what has arrived; data of calls that the kernel does not know yet is dropped."""
        while True:
            try:
                octets, sender = self.udp.recvfrom(4096)
            except BlockingIOError:
                return
            except OSError as error:
                say("receive failed", tunnel=self.index, error=str(error))
                return
            if self.follows and sender[0] == self.lns[0]:
                self.udp.connect(sender)  # the first answer says from which port the LNS speaks (RFC 2661 section 8.1)
                self.follows = False
            if len(octets) >= 12 and octets[0] & 0x80:
                self._control(octets)
            else:
                self.data(octets)

    def data(self, octets: bytes) -> None:
        """Take data that the kernel does not: here it is that of calls which it does not know yet."""

    def _control(self, octets: bytes) -> None:
        length, _, session_id, ns, nr = struct.unpack_from(">HHHHH", octets, 2)
        queue = self.unacked
        while queue.sent and (nr - queue.sent[0][0] - 1) & 0xFFFF < 0x8000:
            queue.sent.popleft()
            queue.sent_at, queue.tries = time.monotonic(), 0
        if length > 12:
            if ns == self.nr:
                self.nr = (self.nr + 1) & 0xFFFF
                self._message(avps(octets[12:length]), session_id)
            self._transmit(self.ns, 0, b"")
        self._fill_window()

    # -- the control connection and its calls

    def _message(self, m: dict[int, bytes], session_id: int) -> None:
        kind = int.from_bytes(m.get(MESSAGE, b""), "big")
        if kind == SCCRP:
            self._sccrp(m)
        elif kind == ICRP and session_id in self.calls:
            self.calls[session_id].peer_id = int.from_bytes(m[SESSION], "big")
            self.answered(self.calls[session_id])
        elif kind == CDN and session_id in self.calls:
            say("CDN", session=self.calls[session_id].number, **result(m))
            self.calls[session_id].cleared = True
            self._hang_up(self.calls[session_id])
        elif kind == HELLO:
            say("HELLO", tunnel=self.index)
        elif kind == STOPCCN:
            say("StopCCN", tunnel=self.index, **result(m))
            self._transmit(self.ns, 0, b"")
            self.down()

    def _sccrp(self, m: dict[int, bytes]) -> None:
        secret = self.options.secret.encode()
        self.peer_id = int.from_bytes(m[TUNNEL], "big")
        self.peer_window = min(int.from_bytes(m.get(WINDOW, b"\x00\x04"), "big"), self.options.send_window)
        if self.doubts and m.get(RESPONSE) != hashlib.md5(bytes([SCCRP]) + secret + self.challenge).digest():
            say("wrong response", tunnel=self.index)
            self.stop(4)
            return
        answer = hashlib.md5(bytes([SCCCN]) + secret + m[CHALLENGE]).digest() if CHALLENGE in m else b""
        self.send(SCCCN, avp(RESPONSE, answer) if answer else b"")
        self.connected()
        say("tunnel up", tunnel=self.index, peer=self.peer_id, host=m.get(HOST, b"").decode(errors="replace"))
        for n in range(1, self.options.calls + 1):
            number = self.index * self.options.calls + n
            self.calls[n] = Call(number, n)
            body = avp(SESSION, u16(n)) + avp(SERIAL, u32(number)) + avp(BEARER_TYPE, u32(2))
            self.send(ICRQ, body + avp(CALLED, b"555%04d" % self.index) + avp(CALLING, b"556%04d" % number))

    def connected(self) -> None:
        """The peer's ids are known: give the tunnel to the kernel."""
        self.kernel = pppox(self.udp, (self.id, 0, self.peer_id, 0))

    def answered(self, call: Call) -> None:
        """The LNS takes a call: connect it."""
        # The kernel first, so that it keeps what the LNS sends before pppd reads.
        call.kernel = pppox(self.udp, (self.id, call.session_id, self.peer_id, call.peer_id))
        fcntl.ioctl(call.kernel, PPPIOCGCHAN, bytes(4))
        iccn = avp(SPEED, u32(100_000_000)) + avp(FRAMING_TYPE, u32(1))
        if self.options.sequencing:
            iccn += avp(SEQUENCING, b"")
            for option in (SO_RECVSEQ, SO_SENDSEQ):
                call.kernel.setsockopt(SOL_PPPOL2TP, option, 1)
        self.send(ICCN, iccn, call.peer_id)
        descriptor = call.kernel.fileno()
        call.pppd = subprocess.Popen(
            [
                *("/usr/sbin/pppd", "plugin", "pppol2tp.so", "pppol2tp", str(descriptor), "passive", "nodetach"),
                *("file", self.options.options.format(call.number)),
            ],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        say("call up", session=call.number, peer=call.peer_id)

    def _hang_up(self, call: Call) -> None:
        if call.pppd is None:
            self._forget(call)
        else:
            call.pppd.send_signal(signal.SIGHUP)

    def _forget(self, call: Call) -> None:
        del self.calls[call.session_id]
        if call.kernel is not None:
            counted = STATISTICS.unpack(fcntl.ioctl(call.kernel, PPPIOCGL2TPSTATS, bytes(STATISTICS.size)))
            say("kernel counted", session=call.number, **dict(zip(COUNTED, counted[3:], strict=True)))
            call.kernel.close()

    def reap(self) -> None:
        """Clear the calls whose pppd has ended."""
        for call in list(self.calls.values()):
            if call.pppd is not None and call.pppd.poll() is not None:
                say("pppd ended", session=call.number, status=call.pppd.returncode)
                if not call.cleared and not self.over:
                    self.send(CDN, avp(RESULT, u16(3)) + avp(SESSION, u16(call.session_id)), call.peer_id)
                self._forget(call)

    def stop(self, code: int) -> None:
        """Send StopCCN with a result code (RFC 2661 section 4.4.2)."""
        self.send(STOPCCN, avp(TUNNEL, u16(self.id)) + avp(RESULT, u16(code)))

    def down(self) -> None:
        """The control connection is over, and so are its calls."""
        self.over = True
        self.unacked = Unacked()
        for call in list(self.calls.values()):
            self._hang_up(call)

    @property
    def quiet(self) -> bool:
        """Whether nothing waits for an acknowledgement."""
        return self.over or not (self.unacked.sent or self.unacked.waiting)


def result(m: dict[int, bytes]) -> dict[str, object]:
    """Return the Result Code AVP (RFC 2661 section 4.4.2) in words."""
    octets = m.get(RESULT, b"")
    codes = {"result": int.from_bytes(octets[:2], "big"), "error": int.from_bytes(octets[2:4], "big")}
    return {**codes, "text": octets[4:].decode(errors="replace")}


def main(kind: type[Tunnel] = Tunnel) -> None:
    """Bring everything up, keep it up, and end at SIGTERM or when all tunnels have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lns")
    parser.add_argument("--tunnels", type=int, default=1)
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--secret", default="")
    parser.add_argument("--trusting", action="store_true", help="do not challenge the LNS")
    parser.add_argument("--name", default="kernel-lac")
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--send-window", type=int, default=8)
    parser.add_argument("--sequencing", action="store_true", help="require sequence numbers on data")
    parser.add_argument("--follow", action="store_true", help="send to the port from which the LNS answers")
    parser.add_argument("--options", required=True)
    parser.add_argument("--method", default="chap", help="what a LAC asks of its clients that does so itself")
    options = parser.parse_args()
    selector, terminated = selectors.DefaultSelector(), []
    signal.signal(signal.SIGTERM, lambda *_: terminated.append(time.monotonic()))
    tunnels = [kind(index, options) for index in range(options.tunnels)]
    for tunnel in tunnels:
        selector.register(tunnel.udp, selectors.EVENT_READ, tunnel)
    stopping = False
    while not all(tunnel.over and not tunnel.calls for tunnel in tunnels):
        for key, _ in selector.select(0.05):
            key.data.readable()
        now = time.monotonic()
        for tunnel in tunnels:
            tunnel.tick(now)
            tunnel.reap()
        if terminated and not stopping:
            stopping = True
            for tunnel in tunnels:
                tunnel.stop(1)
        if terminated and (now - terminated[0] > 5 or all(tunnel.quiet for tunnel in tunnels)):
            break
    for tunnel in tunnels:
        tunnel.down()
        for call in tunnel.calls.values():
            if call.pppd is not None:
                call.pppd.wait(10)
    say("end")


if __name__ == "__main__":
    sys.exit(main())
