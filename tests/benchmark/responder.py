"""A canned RADIUS server: accepts everybody, acknowledges every record, counts, and judges a sample.

It knows nothing of bras and shares no code with it.  One answer costs a walk over the
request's attributes, one HMAC-MD5 and one MD5; everything else is prepared.
"""

from __future__ import annotations

import hmac
import socket
import struct
from hashlib import md5

ACCESS_REQUEST, ACCOUNTING_REQUEST = 1, 4
USER_PASSWORD, CHAP_PASSWORD, CHAP_CHALLENGE, MESSAGE_AUTHENTICATOR = 2, 3, 60, 80
STATUS_TYPE, SESSION_ID = 40, 44
START, STOP, ACCOUNTING_ON = 1, 2, 7
JUDGED_IN_FULL_EVERY = 16


class Responder:
    """Sockets for authentication and accounting, and what came in through them."""

    def __init__(self, address: str, secret: bytes, password: bytes, *, method: str) -> None:
        self.secret = secret
        self.password = password
        self.method = method
        self.sockets = [self._socket(address, 1812), self._socket(address, 1813)]
        self.requests = 0
        self.resent = 0
        self.started: set[bytes] = set()
        self.stopped: set[bytes] = set()
        self.announced = False
        """Accounting-On has come."""
        self.faults: list[str] = []
        self._answers: dict[tuple[object, int], tuple[bytes, bytes]] = {}
        self._accept = self._accept_attributes()

    @staticmethod
    def _socket(address: str, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        sock.setblocking(False)
        sock.bind((address, port))
        return sock

    def _accept_attributes(self) -> bytes:
        """Service-Type Framed, Framed-Protocol PPP and, for MS-CHAPv2, an MS-CHAP2-Success."""
        attributes = bytes.fromhex("0606000000020706 00000001")
        if self.method == "mschapv2":
            success = b"\x01S=" + b"0123456789ABCDEF0123456789ABCDEF01234567"
            vendor = struct.pack(">IBB", 311, 26, len(success) + 2) + success
            attributes += struct.pack(">BB", 26, len(vendor) + 2) + vendor
        return attributes

    def drain(self, sock: socket.socket) -> None:
        """Answer what waits, 64 requests at most."""
        receive, send = sock.recvfrom, sock.sendto
        for _ in range(64):
            try:
                data, peer = receive(4096)
            except BlockingIOError:
                return
            answer = self.answer(data, peer)
            if answer:
                send(answer, peer)

    def answer(self, data: bytes, peer: object) -> bytes:
        """Return the reply to one request; a retransmission gets the same octets again."""
        known = self._answers.get((peer, data[1]))
        if known is not None and known[0] == data:
            self.resent += 1
            return known[1]
        self.requests += 1
        code = data[0]
        if code == ACCESS_REQUEST:
            reply = self._access(data)
        elif code == ACCOUNTING_REQUEST:
            reply = self._accounting(data)
        else:
            self.faults.append(f"code {code}")
            return b""
        self._answers[peer, data[1]] = (data, reply)
        return reply

    def _access(self, data: bytes) -> bytes:
        if self.requests % JUDGED_IN_FULL_EVERY == 0:
            self._judge_access(data)
        identifier = data[1:2]
        authenticator = data[4:20]
        accept = self._accept
        head = b"\x02" + identifier + (38 + len(accept)).to_bytes(2, "big")
        signed = hmac.digest(self.secret, head + authenticator + b"\x50\x12" + bytes(16) + accept, "md5")
        attributes = b"\x50\x12" + signed + accept
        return head + md5(head + authenticator + attributes + self.secret).digest() + attributes

    def _accounting(self, data: bytes) -> bytes:
        status = 0
        session = b""
        offset, end = 20, len(data)
        while offset < end:
            kind = data[offset]
            if kind == STATUS_TYPE:
                status = data[offset + 5]
            elif kind == SESSION_ID:
                session = data[offset : offset + data[offset + 1]]
            offset += data[offset + 1] or end
        if status == START:
            self.started.add(session)
        elif status == STOP:
            self.stopped.add(session)
        elif status == ACCOUNTING_ON:
            self.announced = True
        if self.requests % JUDGED_IN_FULL_EVERY == 0:
            expected = md5(data[:4] + bytes(16) + data[20:] + self.secret).digest()
            if expected != data[4:20]:
                self.faults.append("wrong request authenticator of an Accounting-Request")
        head = b"\x05" + data[1:2] + b"\x00\x14"
        return head + md5(head + data[4:20] + self.secret).digest()

    def _judge_access(self, data: bytes) -> None:
        """Hold one Access-Request against RFC 2865 and RFC 2869."""
        attributes: dict[int, bytes] = {}
        offset = 20
        places = {}
        while offset < len(data):
            places[data[offset]] = offset
            attributes[data[offset]] = data[offset + 2 : offset + data[offset + 1]]
            offset += data[offset + 1] or len(data)
        if MESSAGE_AUTHENTICATOR in attributes:
            at = places[MESSAGE_AUTHENTICATOR] + 2
            blank = data[:at] + bytes(16) + data[at + 16 :]
            if hmac.digest(self.secret, blank, "md5") != attributes[MESSAGE_AUTHENTICATOR]:
                self.faults.append("wrong Message-Authenticator")
        if self.method == "chap":
            self._judge_chap(data, attributes)
        elif self.method == "pap" and USER_PASSWORD not in attributes:
            self.faults.append("no User-Password")

    def _judge_chap(self, data: bytes, attributes: dict[int, bytes]) -> None:
        given = attributes.get(CHAP_PASSWORD, b"")
        challenge = attributes.get(CHAP_CHALLENGE, data[4:20])
        if md5(given[:1] + self.password + challenge).digest() != given[1:]:
            self.faults.append("CHAP-Password does not fit CHAP-Challenge")
