"""A LAC with many subscribers, driven from templates: it loads an LNS and judges it.

It knows nothing of bras.  It behaves as a plain LAC of RFC 2661 does: at most W control
messages of a tunnel are unacknowledged, it advertises W as its own receive window, it
acknowledges at once (with the next message, else with a ZLB), and sends again after 1 s.
Subscribers are plain PPP clients with a restart timer of 3 s (RFC 1661 section 4.6).

    generator.py --lns 198.18.0.1 --pid 4711 --sessions 10000 --tunnels 100 --window 4

The canned RADIUS server runs in the same process and on the same core.  The result goes
to stdout as one JSON object; nothing is asserted but that the work was done.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from hashlib import md5

from responder import Responder

SCCRQ, SCCRP, SCCCN, STOPCCN, HELLO, ICRQ, ICRP, ICCN, CDN = 1, 2, 3, 4, 6, 10, 11, 12, 14
A_MESSAGE, A_RESULT, A_HOSTNAME, A_TUNNEL, A_WINDOW, A_CHALLENGE, A_RESPONSE, A_SESSION = 0, 1, 7, 9, 10, 11, 13, 14

RETRANSMIT_S = 1.0
MAX_RETRANSMISSIONS = 5
PPP_RESTART_S = 3.0
DRAINED_AT_ONCE = 64
CPU_TICK_S = 1 / os.sysconf("SC_CLK_TCK")

pack_control = struct.Struct(">HHHHHH").pack
unpack_control = struct.Struct(">HHHHHH").unpack_from
unpack_ids = struct.Struct(">HH").unpack_from

AUTHENTICATIONS = {
    "pap": bytes.fromhex("0304c023"),
    "chap": bytes.fromhex("0305c22305"),
    "mschapv1": bytes.fromhex("0305c22380"),
    "mschapv2": bytes.fromhex("0305c22381"),
}
LCP_REQUEST = bytes.fromhex("c0210101000e010405b40506")  # identifier 1: MRU 1460, Magic-Number (4 octets follow)
IPCP_REQUEST = bytes.fromhex("80210101001003060000000081060000 0000")  # identifier 1: address, primary DNS


def avp(kind: int, value: bytes, mandatory: int = 0x8000) -> bytes:
    return struct.pack(">HHH", mandatory | len(value) + 6, 0, kind) + value


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def message(kind: int, *avps: bytes) -> bytes:
    return avp(A_MESSAGE, u16(kind)) + b"".join(avps)


def parse_avps(data: bytes, end: int) -> dict[int, bytes]:
    found = {}
    offset = 12
    while offset < end:
        length = int.from_bytes(data[offset : offset + 2], "big") & 0x3FF
        if length < 6 or offset + length > end:
            raise ValueError("AVP length")
        if data[offset + 2 : offset + 4] == b"\0\0":
            found[int.from_bytes(data[offset + 4 : offset + 6], "big")] = data[offset + 6 : offset + length]
        offset += length
    return found


ICCN_TAIL = avp(24, u32(100_000_000)) + avp(19, u32(1))
ICCN_BODY = message(ICCN) + ICCN_TAIL
MESSAGE_ICRP = message(ICRP)


class Session:
    """One subscriber; ``last`` is the frame to send again when the LNS is silent."""

    __slots__ = (
        "began",
        "head",
        "id",
        "ip_id",
        "last",
        "last_at",
        "lcp",
        "ncp",
        "number",
        "peer",
        "request",
        "tunnel",
        "up",
    )

    def __init__(self, tunnel: Tunnel, identifier: int, number: int, now: float) -> None:
        self.tunnel = tunnel
        self.id = identifier
        self.number = number
        self.peer = 0
        self.began = now
        self.head = b""
        self.last = b""
        self.last_at = now
        self.lcp = 0  # 1: theirs acknowledged, 2: ours acknowledged
        self.ncp = 0
        self.ip_id = 1
        self.request = IPCP_REQUEST[6:]
        self.up = False


class Tunnel:
    """A control connection with its sliding window (RFC 2661 section 5.8)."""

    __slots__ = (
        "calls_left",
        "challenge",
        "dead",
        "id",
        "next_id",
        "nr",
        "ns",
        "peer",
        "queue",
        "sent_at",
        "sent_nr",
        "sessions",
        "sock",
        "tries",
        "unacked",
        "window",
    )

    def __init__(self, sock: socket.socket, identifier: int, calls: int) -> None:
        self.sock = sock
        self.id = identifier
        self.peer = 0
        self.ns = self.nr = self.sent_nr = 0
        self.window = 1
        self.unacked: deque[tuple[int, int, bytes]] = deque()
        self.queue: deque[tuple[int, bytes, Session | None]] = deque()
        self.sent_at = 0.0
        self.tries = 0
        self.sessions: list[Session | None] = [None]
        self.calls_left = calls
        self.next_id = 1
        self.challenge = os.urandom(16)
        self.dead = False


class Generator:
    """All tunnels and sessions, and what was seen of the LNS."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.window = options.window
        self.secret = options.secret.encode()
        self.password = options.password.encode()
        self.method = options.method
        self.wanted = AUTHENTICATIONS[options.method]
        self.now = time.monotonic()
        self.poll = select.epoll()
        self.responder = Responder(options.radius, options.radius_secret.encode(), self.password, method=options.method)
        self.drains = {}
        for sock in self.responder.sockets:
            self._register(sock, self.responder.drain)
        self.sockets = [self._lac_socket(index) for index in range(options.lacs)]
        share, extra = divmod(options.sessions, options.tunnels)
        self.tunnels = [
            Tunnel(self.sockets[index % options.lacs], index + 1, share + (index < extra))
            for index in range(options.tunnels)
        ]
        self.starting: set[Session] = set()
        self.may_call = False
        self.tunnels_up = self.up = self.gone = self.numbers = 0
        self.setup_times: list[float] = []
        self.addresses: set[bytes] = set()
        self.owing: list[Tunnel] = []
        self.count = dict.fromkeys(
            ("in", "out", "zlb_out", "resent_control", "resent_ppp", "window_violations", "out_of_order", "unexpected",
             "cdn", "stopccn", "refused", "auth_nak"), 0)  # fmt: skip
        self.complaints: list[str] = []
        self.frames = {
            b"\xc0\x21\x01": self._lcp_request,
            b"\xc0\x21\x02": self._lcp_ack,
            b"\xc0\x21\x09": self._lcp_echo,
            b"\xc0\x23\x02": self._authenticated,
            b"\xc2\x23\x01": self._challenged,
            b"\xc2\x23\x03": self._authenticated,
            b"\x80\x21\x01": self._ipcp_request,
            b"\x80\x21\x02": self._ipcp_ack,
            b"\x80\x21\x03": self._ipcp_nak,
        }

    # -- sockets

    def _lac_socket(self, index: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        sock.setblocking(False)
        head, _, last = self.options.lac.rpartition(".")
        sock.bind((f"{head}.{int(last) + index}", 1701))
        sock.connect((self.options.lns, 1701))
        self._register(sock, self._drain)
        return sock

    def _register(self, sock, drain) -> None:
        self.poll.register(sock, select.EPOLLIN)
        self.drains[sock.fileno()] = (drain, sock)

    def _drain(self, sock: socket.socket) -> None:
        receive = sock.recv
        count = 0
        try:
            for count in range(DRAINED_AT_ONCE):  # noqa: B007 (read after the loop, also on BlockingIOError)
                data = receive(4096)
                if data[0] & 0x80:
                    self._control(data)
                else:
                    self._data(data)
            count = DRAINED_AT_ONCE
        except BlockingIOError:
            pass
        self.count["in"] += count

    def turn(self, timeout: float) -> None:
        """Wait for something, handle it, acknowledge what is owed, fill the windows."""
        events = self.poll.poll(timeout)
        self.now = time.monotonic()
        for number, _ in events:
            drain, sock = self.drains[number]
            drain(sock)
        owing = self.owing
        if owing:
            for tunnel in owing:
                if tunnel.sent_nr != tunnel.nr:
                    self._send_control(tunnel, tunnel.ns, 0, b"")
                    self.count["zlb_out"] += 1
            owing.clear()

    # -- control messages

    def _send_control(self, tunnel: Tunnel, ns: int, sid: int, body: bytes) -> None:
        tunnel.sent_nr = tunnel.nr
        self.count["out"] += 1
        tunnel.sock.send(pack_control(0xC802, 12 + len(body), tunnel.peer, sid, ns, tunnel.nr) + body)

    def _fill(self, tunnel: Tunnel) -> None:
        """Send what the window allows: waiting messages first, then new calls."""
        unacked = tunnel.unacked
        while len(unacked) < tunnel.window:
            session = None
            if tunnel.queue:
                sid, body, session = tunnel.queue.popleft()
            elif tunnel.calls_left and self.may_call and len(self.starting) < self.options.concurrency:
                sid, body = 0, self._new_call(tunnel)
            else:
                return
            ns = tunnel.ns
            if not unacked:
                tunnel.sent_at = self.now
                tunnel.tries = 0
            unacked.append((ns, sid, body))
            tunnel.ns = (ns + 1) & 0xFFFF
            self._send_control(tunnel, ns, sid, body)
            if session is not None:
                self._connected(session)

    def _new_call(self, tunnel: Tunnel) -> bytes:
        tunnel.calls_left -= 1
        identifier = tunnel.next_id
        tunnel.next_id += 1
        self.numbers += 1
        session = Session(tunnel, identifier, self.numbers, self.now)
        tunnel.sessions.append(session)
        self.starting.add(session)
        return message(
            ICRQ,
            avp(A_SESSION, u16(identifier)),
            avp(15, u32(self.numbers)),
            avp(21, b"0190"),
            avp(22, b"55%06d" % self.numbers),
        )

    def _control(self, data: bytes) -> None:
        _, length, tid, sid, ns, nr = unpack_control(data)
        if not 0 < tid <= len(self.tunnels):
            self._complain(f"tunnel id {tid}")
            return
        tunnel = self.tunnels[tid - 1]
        unacked = tunnel.unacked
        while unacked and (nr - unacked[0][0] - 1) & 0xFFFF < 0x8000:
            unacked.popleft()
            tunnel.tries = 0
            tunnel.sent_at = self.now
        if length > 12:
            self._numbered(tunnel, data, length, sid, ns)
        if tunnel.queue or tunnel.calls_left:
            self._fill(tunnel)

    def _numbered(self, tunnel: Tunnel, data: bytes, length: int, sid: int, ns: int) -> None:
        self.owing.append(tunnel)
        if ns != tunnel.nr:
            tunnel.sent_nr = -1  # whatever it is, it is answered with what we have
            if (ns - tunnel.nr) & 0xFFFF < 0x8000:
                self.count["out_of_order"] += 1
            return
        if (ns - tunnel.sent_nr) & 0xFFFF >= self.window and tunnel.sent_nr >= 0:
            self.count["window_violations"] += 1
        tunnel.nr = (ns + 1) & 0xFFFF
        if data[12:20] == MESSAGE_ICRP and data[20:26] == b"\x80\x08\0\0\0\x0e" and length == 28:
            self._replied(tunnel, sid, int.from_bytes(data[26:28], "big"))
            return
        avps = parse_avps(data, length)
        kind = int.from_bytes(avps[A_MESSAGE], "big")
        if kind == ICRP:
            self._replied(tunnel, sid, int.from_bytes(avps[A_SESSION], "big"))
        elif kind == SCCRP:
            self._tunnel_replied(tunnel, avps)
        elif kind == CDN:
            self.count["cdn"] += 1
            session = tunnel.sessions[sid] if sid < len(tunnel.sessions) else None
            if session is not None:
                self._lost(session, f"CDN {avps.get(A_RESULT, b'')!r}")
        elif kind == STOPCCN:
            self.count["stopccn"] += 1
            self._tunnel_lost(tunnel, f"StopCCN {avps.get(A_RESULT, b'')!r}")
        elif kind != HELLO:
            self._complain(f"message {kind}")

    def _tunnel_replied(self, tunnel: Tunnel, avps: dict[int, bytes]) -> None:
        tunnel.peer = int.from_bytes(avps[A_TUNNEL], "big")
        theirs = int.from_bytes(avps.get(A_WINDOW, b"\0\4"), "big")
        tunnel.window = min(theirs, self.window)
        response = b""
        if self.secret and avps.get(A_RESPONSE) != md5(b"\x02" + self.secret + tunnel.challenge).digest():
            self._complain("wrong Challenge Response")
        if A_CHALLENGE in avps:
            response = avp(A_RESPONSE, md5(b"\x03" + self.secret + avps[A_CHALLENGE]).digest())
        tunnel.queue.append((0, message(SCCCN, response), None))
        self.tunnels_up += 1
        self._fill(tunnel)
        following = tunnel.id - 1 + self.options.lacs
        if following < len(self.tunnels):
            self._open(following)

    def _replied(self, tunnel: Tunnel, sid: int, peer: int) -> None:
        session = tunnel.sessions[sid] if sid < len(tunnel.sessions) else None
        if session is None:
            self._complain(f"ICRP for session {sid}")
            return
        session.peer = peer
        tunnel.queue.append((peer, ICCN_BODY, session))

    def _connected(self, session: Session) -> None:
        """ICCN is out: the subscriber begins with LCP."""
        session.head = struct.pack(">HHH", 0x0002, session.tunnel.peer, session.peer) + b"\xff\x03"
        self._ppp(session, LCP_REQUEST + u32(0x5A000000 + session.number))

    # -- PPP

    def _ppp(self, session: Session, frame: bytes) -> None:
        """Send a frame that wants an answer."""
        session.last = frame
        session.last_at = self.now
        self.count["out"] += 1
        session.tunnel.sock.send(session.head + frame)

    def _reply(self, session: Session, frame: bytes) -> None:
        self.count["out"] += 1
        session.tunnel.sock.send(session.head + frame)

    def _data(self, data: bytes) -> None:
        flags = data[0]
        at = 2
        if flags & 0x40:
            at = 4
        tid, sid = unpack_ids(data, at)
        at += 4
        if flags & 0x08:
            at += 4
        if flags & 0x02:
            at += 2 + int.from_bytes(data[at : at + 2], "big")
        try:
            session = self.tunnels[tid - 1].sessions[sid]
        except IndexError:
            session = None
        if session is None:
            self.count["unexpected"] += 1
            return
        if data[at : at + 2] == b"\xff\x03":
            at += 2
        handler = self.frames.get(data[at : at + 3])
        if handler is not None:
            handler(session, data[at:])
        else:
            self._other(session, data[at:])

    def _lcp_request(self, session: Session, frame: bytes) -> None:
        if self.wanted not in frame:
            self.count["auth_nak"] += 1
            self._reply(session, b"\xc0\x21\x03" + frame[3:4] + u16(4 + len(self.wanted)) + self.wanted)
            return
        session.lcp |= 1
        self._reply(session, b"\xc0\x21\x02" + frame[3:])
        if session.lcp == 3 and self.method == "pap":
            self._send_pap(session)

    def _lcp_ack(self, session: Session, frame: bytes) -> None:
        session.lcp |= 2
        session.last_at = self.now
        if session.lcp == 3 and self.method == "pap":
            self._send_pap(session)

    def _lcp_echo(self, session: Session, frame: bytes) -> None:
        self._reply(session, b"\xc0\x21\x0a" + frame[3:6] + u32(0x5A000000 + session.number) + frame[10:])

    def _send_pap(self, session: Session) -> None:
        name = b"user%d" % session.number
        length = 6 + len(name) + len(self.password)
        self._ppp(
            session,
            b"\xc0\x23\x01\x01"
            + u16(length)
            + bytes((len(name),))
            + name
            + bytes((len(self.password),))
            + self.password,
        )

    def _challenged(self, session: Session, frame: bytes) -> None:
        if self.method == "chap":
            size = frame[6]
            value = b"\x10" + md5(frame[3:4] + self.password + frame[7 : 7 + size]).digest()
        else:
            value = b"\x31" + bytes(range(49))  # the canned server takes any response
        name = b"user%d" % session.number
        self._ppp(
            session, b"\xc2\x23\x02" + frame[3:4] + (4 + len(value) + len(name)).to_bytes(2, "big") + value + name
        )

    def _authenticated(self, session: Session, frame: bytes) -> None:
        if not session.ncp & 4:
            session.ncp |= 4
            self._ppp(session, IPCP_REQUEST)

    def _ipcp_request(self, session: Session, frame: bytes) -> None:
        self._reply(session, b"\x80\x21\x02" + frame[3:])
        session.ncp |= 1
        if session.ncp & 3 == 3:
            self._ready(session)

    def _ipcp_nak(self, session: Session, frame: bytes) -> None:
        """Ask for what was offered, keeping the options that were not named."""
        options = _options(session.request)
        options.update(_options(frame[6 : 2 + int.from_bytes(frame[4:6], "big")]))
        self._ask_again(session, options)

    def _ask_again(self, session: Session, options: dict[int, bytes]) -> None:
        session.request = b"".join(options.values())
        session.ip_id += 1
        self._ppp(session, b"\x80\x21\x01" + bytes((session.ip_id,)) + u16(4 + len(session.request)) + session.request)

    def _ipcp_ack(self, session: Session, frame: bytes) -> None:
        session.ncp |= 2
        if session.ncp & 3 == 3:
            self._ready(session)

    def _ready(self, session: Session) -> None:
        if session.up or session not in self.starting:
            return
        session.up = True
        self.up += 1
        self.addresses.add(session.request[2:6])
        self.starting.discard(session)
        self.setup_times.append(self.now - session.began)
        session.last = b""
        tunnel = session.tunnel
        if tunnel.calls_left and len(tunnel.unacked) < tunnel.window:
            self._fill(tunnel)

    def _other(self, session: Session, frame: bytes) -> None:
        """What a subscriber does not meet every time."""
        kind = frame[:3]
        if kind == b"\x80\x21\x04":
            options = _options(session.request)
            for rejected in _options(frame[6:]):
                options.pop(rejected, None)
            self._ask_again(session, options)
        elif kind in (b"\xc0\x21\x03", b"\xc0\x21\x04"):
            self._ppp(session, b"\xc0\x21\x01\x02\x00\x04")
        elif kind == b"\xc0\x21\x05":
            self._reply(session, b"\xc0\x21\x06" + frame[3:4] + b"\x00\x04")
        elif kind in (b"\xc0\x23\x03", b"\xc2\x23\x04"):
            self._complain(f"refused: {frame[6:]!r}")
            self.count["refused"] += 1
        elif frame[:1] == b"\x80" and frame[1:2] != b"\x21":
            self._reply(session, b"\xc0\x21\x08\x01" + u16(4 + len(frame)) + frame)
        else:
            self.count["unexpected"] += 1

    # -- time and ends

    def tick(self) -> None:
        """Send again what was not answered."""
        now = self.now
        for tunnel in self.tunnels:
            if tunnel.unacked and now - tunnel.sent_at >= RETRANSMIT_S * min(1 << tunnel.tries, 8):
                tunnel.tries += 1
                if tunnel.tries > MAX_RETRANSMISSIONS:
                    self._tunnel_lost(tunnel, "no answer")
                    continue
                tunnel.sent_at = now
                self.count["resent_control"] += len(tunnel.unacked)
                for waiting in tunnel.unacked:
                    self._send_control(tunnel, *waiting)
            elif tunnel.queue or tunnel.calls_left:
                self._fill(tunnel)
        for session in self.starting:
            if session.last and now - session.last_at >= PPP_RESTART_S:
                self.count["resent_ppp"] += 1
                self._ppp(session, session.last)

    def _lost(self, session: Session, why: str) -> None:
        self.starting.discard(session)
        session.tunnel.sessions[session.id] = None
        self.gone += 1
        self._complain(f"call {session.number}: {why}")

    def _tunnel_lost(self, tunnel: Tunnel, why: str) -> None:
        self._complain(f"tunnel {tunnel.id}: {why}")
        tunnel.dead = True
        tunnel.unacked.clear()
        tunnel.queue.clear()
        self.gone += tunnel.calls_left
        tunnel.calls_left = 0
        for session in list(tunnel.sessions):
            if session is not None:
                self._lost(session, why)

    def _complain(self, words: str) -> None:
        if len(self.complaints) < 20:
            self.complaints.append(words)

    def run_until(self, done, limit_s: float) -> float:
        """Turn until ``done()`` or the limit; return the seconds that it took."""
        began = self.now = time.monotonic()
        tick_at = began
        while not done() and self.now - began < limit_s:
            self.turn(0.05)
            if self.now >= tick_at:
                self.tick()
                tick_at = self.now + 0.1
        return self.now - began

    # -- the measured phases

    def await_announcement(self) -> float:
        """Wait for Accounting-On: until it is answered all Starts wait, and then come at the pace of a drain."""
        return self.run_until(lambda: self.responder.announced, 60)

    def open_tunnels(self) -> float:
        """Open all tunnels, one after the other from each address (l2tpns takes two at once for one)."""
        for index in range(min(self.options.lacs, len(self.tunnels))):
            self._open(index)
        return self.run_until(lambda: self.tunnels_up + sum(t.dead for t in self.tunnels) >= len(self.tunnels), 60)

    def _open(self, index: int) -> None:
        tunnel = self.tunnels[index]
        avps = [avp(2, b"\x01\x00"), avp(3, u32(3)), avp(4, u32(0)), avp(A_HOSTNAME, b"lac%d" % tunnel.id)]
        avps += [avp(A_TUNNEL, u16(tunnel.id)), avp(A_WINDOW, u16(self.window))]
        if self.secret:
            avps.append(avp(A_CHALLENGE, tunnel.challenge))
        tunnel.queue.append((0, message(SCCRQ, *avps), None))
        self._fill(tunnel)

    def set_up(self) -> float:
        self.may_call = True
        for tunnel in self.tunnels:
            self._fill(tunnel)
        wanted = self.options.sessions
        return self.run_until(lambda: self.up + self.gone >= wanted, self.options.limit)

    def await_starts(self) -> float:
        return self.run_until(lambda: len(self.responder.started) >= self.up, 30)

    def tear_down(self) -> float:
        for tunnel in self.tunnels:
            if tunnel.dead:
                continue
            for session in tunnel.sessions:
                if session is not None:
                    body = message(CDN, avp(A_RESULT, u16(3)), avp(A_SESSION, u16(session.id)))
                    tunnel.queue.append((session.peer, body, None))
            tunnel.sessions = [None]
            self._fill(tunnel)
        wanted = len(self.responder.started)
        return self.run_until(lambda: len(self.responder.stopped) >= wanted and self._idle(), self.options.limit)

    def _idle(self) -> bool:
        return not any(tunnel.queue or tunnel.unacked for tunnel in self.tunnels)

    def close_tunnels(self) -> None:
        for tunnel in self.tunnels:
            if not tunnel.dead:
                tunnel.queue.append((0, message(STOPCCN, avp(A_TUNNEL, u16(tunnel.id)), avp(A_RESULT, u16(1))), None))
                self._fill(tunnel)
        self.run_until(self._idle, 5)


def _options(body: bytes) -> dict[int, bytes]:
    options = {}
    while len(body) >= 2 and body[1] >= 2:
        options[body[0]] = body[: body[1]]
        body = body[body[1] :]
    return options


# -- what the kernel tells of the daemon


def cpu_s(pid: int) -> float:
    """User and system time of the process, all threads, in seconds (ticks of 10 ms)."""
    with open(f"/proc/{pid}/stat", "rb") as stat:
        fields = stat.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) * CPU_TICK_S


def memory_octets(pid: int) -> int:
    """Resident set size."""
    with open(f"/proc/{pid}/statm", "rb") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def percentile(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))] if sorted_values else 0.0


def measure(options: argparse.Namespace) -> dict[str, object]:
    generator = Generator(options)
    pid = options.pid
    result: dict[str, object] = {"sessions_asked": options.sessions, "tunnels_asked": options.tunnels}
    if options.announced:
        result["announced_s"] = generator.await_announcement()
    result["tunnels_s"] = generator.open_tunnels()
    result["tunnels_up"] = generator.tunnels_up
    generator.run_until(lambda: False, 0.3)  # let the acknowledgements of SCCCN settle
    memory, cpu, own = memory_octets(pid), cpu_s(pid), time.process_time()
    if options.signals:
        os.kill(pid, signal.SIGUSR1)
    wall = generator.set_up()
    starts = generator.await_starts()
    if options.signals:
        os.kill(pid, signal.SIGUSR2)
    spent, own = cpu_s(pid) - cpu, time.process_time() - own
    up = max(generator.up, 1)
    times = sorted(generator.setup_times)
    result |= {
        "up": generator.up,
        "addresses": len(generator.addresses),
        "accounting_starts": len(generator.responder.started),
        "setup_wall_s": wall,
        "setups_per_s": generator.up / wall if wall else 0.0,
        "starts_lag_s": starts,
        "daemon_cpu_s": spent,
        "daemon_us_per_setup": spent / up * 1e6,
        "generator_us_per_setup": own / up * 1e6,
        "datagrams_in_per_setup": generator.count["out"] / up,
        "datagrams_out_per_setup": generator.count["in"] / up,
        "setup_p50_ms": percentile(times, 0.5) * 1e3,
        "setup_p99_ms": percentile(times, 0.99) * 1e3,
        "memory_before_octets": memory,
        "memory_after_octets": memory_octets(pid),
        "memory_octets_per_session": (memory_octets(pid) - memory) / up,
    }
    cpu = cpu_s(pid)
    result["teardown_wall_s"] = generator.tear_down()
    result["teardown_us_per_session"] = (cpu_s(pid) - cpu) / up * 1e6
    result["accounting_stops"] = len(generator.responder.stopped)
    result["records_match"] = generator.responder.started == generator.responder.stopped
    generator.close_tunnels()
    result["memory_end_octets"] = memory_octets(pid)
    result["counts"] = generator.count | {
        "radius_requests": generator.responder.requests,
        "radius_resent": generator.responder.resent,
    }
    result["complaints"] = generator.complaints + sorted(set(generator.responder.faults))
    result["complete"] = generator.up == options.sessions == len(generator.responder.started)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lns", required=True, help="address of the LNS")
    parser.add_argument("--pid", type=int, required=True, help="process whose CPU time and memory are measured")
    parser.add_argument("--lac", default="198.18.0.2", help="first LAC address; the others follow it")
    parser.add_argument("--lacs", type=int, default=10, help="number of LAC addresses")
    parser.add_argument("--radius", default="198.18.1.2", help="address of the canned RADIUS server")
    parser.add_argument("--radius-secret", default="radsecret")
    parser.add_argument("--secret", default="tunsecret", help="tunnel secret; empty: none")
    parser.add_argument("--password", default="pass")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--tunnels", type=int, default=100)
    parser.add_argument("--window", type=int, default=4)
    parser.add_argument("--concurrency", type=int, default=400, help="calls in set-up at once, at most")
    parser.add_argument("--method", choices=sorted(AUTHENTICATIONS), default="chap")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds that a phase may take")
    parser.add_argument("--announced", action="store_true", help="the LNS sends Accounting-On: wait for it")
    parser.add_argument("--signals", action="store_true", help="SIGUSR1 and SIGUSR2 to the process around the set-ups")
    options = parser.parse_args()
    json.dump(measure(options), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
