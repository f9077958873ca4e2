"""A RADIUS server for demos, tests and acceptance: RFC 2865, 2866, 2869 section 5.14, 2548, 2759, 5997.

``LabRadius`` is one request in, one reply out; ``serve`` puts it behind two UDP sockets.
pyrad encodes and decodes; who may come is in ``bras.lab.users``.  Every request becomes a
line for the log: an authentication with its outcome, an accounting record with all its
attributes.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import signal
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from typing import Any, TextIO

from pyrad import packet as radius
from pyrad.dictionary import Dictionary

from bras.config.model import Listen
from bras.lab.users import LabUser, LabUsers
from bras.ppp import mschap

Peer = tuple[Any, ...]
MICROSOFT = 311
MS_CHAP_RESPONSE = (MICROSOFT, 1)
MS_CHAP_ERROR = (MICROSOFT, 2)
MS_CHAP_CHALLENGE = (MICROSOFT, 11)
MS_CHAP2_RESPONSE = (MICROSOFT, 25)
MS_CHAP2_SUCCESS = (MICROSOFT, 26)
USER_NAME, USER_PASSWORD, CHAP_PASSWORD, REPLY_MESSAGE, CHAP_CHALLENGE = 1, 2, 3, 18, 60
DUPLICATES_KEPT = 16384
DRAINED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of a request."""

    reply: bytes | None
    """``None``: nothing is sent (RFC 2865 section 3: silently discarded)."""
    line: dict[str, Any] | None
    """For the log; ``None`` for a retransmission."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    accepted: bool
    method: str
    attributes: tuple[tuple[Any, tuple[bytes, ...]], ...] = ()


class LabRadius:
    """The server without its sockets."""

    def __init__(self, users: LabUsers, secret: bytes, dictionary: Dictionary) -> None:
        """Know the users and the secret that all clients share."""
        self._users = users
        self._secret = secret
        self._dictionary = dictionary
        self._answered: OrderedDict[tuple[Peer, int], tuple[bytes, bytes]] = OrderedDict()

    def handle(self, data: bytes, peer: Peer, *, accounting: bool = False) -> Handled:
        """Answer one datagram from ``peer`` (address and port); ``accounting``: it came to the port for that."""
        if len(data) < 20:
            return Handled(None, {"type": "dropped", "peer": peer[0], "why": "shorter than a header"})
        key = (peer, data[1])
        known = self._answered.get(key)
        if known is not None and known[0] == data:
            return Handled(known[1], None)
        try:
            handled = self._answer(data, peer, accounting)
        except (radius.PacketError, ValueError, KeyError, IndexError) as error:
            return Handled(None, {"type": "dropped", "peer": peer[0], "why": str(error)})
        if handled.reply is not None:
            self._answered[key] = (data, handled.reply)
            self._answered.move_to_end(key)
            if len(self._answered) > DUPLICATES_KEPT:
                self._answered.popitem(last=False)
        return handled

    def _answer(self, data: bytes, peer: Peer, accounting: bool) -> Handled:
        if data[0] == radius.AccessRequest:
            return self._access(data, peer)
        if data[0] == radius.AccountingRequest:
            return self._accounting(data, peer)
        if data[0] == radius.StatusServer:
            return self._status(data, peer, accounting)
        return Handled(None, {"type": "dropped", "peer": peer[0], "why": f"code {data[0]} is not served"})

    def _access(self, data: bytes, peer: Peer) -> Handled:
        request = radius.AuthPacket(packet=data, secret=self._secret, dict=self._dictionary)
        if request.message_authenticator and not request.verify_message_authenticator():
            return Handled(None, {"type": "dropped", "peer": peer[0], "why": "wrong Message-Authenticator or secret"})
        name = _raw(request, USER_NAME)
        user = self._users.find(name.decode(errors="replace"))
        verdict = _judge(request, name, user)
        reply = request.CreateReply()  # with a Message-Authenticator, which comes first
        reply.code = radius.AccessAccept if verdict.accepted else radius.AccessReject
        if verdict.accepted and user is not None:
            for key, values in user.reply:
                reply[key] = list(values)
        for key, values in verdict.attributes:
            reply[key] = list(values)
        line = {
            "type": "access",
            "peer": peer[0],
            "user": name.decode(errors="replace"),
            "method": verdict.method,
            "accepted": verdict.accepted,
        }
        return Handled(reply.ReplyPacket(), line)

    def _status(self, data: bytes, peer: Peer, accounting: bool) -> Handled:
        """Say that we live, by the code of the port's other answers (RFC 5997 section 3)."""
        request = radius.AuthPacket(packet=data, secret=self._secret, dict=self._dictionary)
        if not request.message_authenticator or not request.verify_message_authenticator():
            return Handled(None, {"type": "dropped", "peer": peer[0], "why": "a Status-Server not signed right"})
        reply = request.CreateReply()
        reply.code = radius.AccountingResponse if accounting else radius.AccessAccept
        return Handled(reply.ReplyPacket(), {"type": "status", "peer": peer[0]})

    def _accounting(self, data: bytes, peer: Peer) -> Handled:
        request = radius.AcctPacket(packet=data, secret=self._secret, dict=self._dictionary)
        length = int.from_bytes(data[2:4], "big")
        expected = md5(data[:4] + bytes(16) + data[20:length] + self._secret).digest()
        if not hmac.compare_digest(expected, data[4:20]):
            return Handled(None, {"type": "dropped", "peer": peer[0], "why": "wrong request authenticator or secret"})
        line = {"type": "accounting", "peer": peer[0], "attributes": _attributes(request)}
        return Handled(request.CreateReply().ReplyPacket(), line)


def _raw(request: Any, key: Any) -> bytes:
    """Return the first value of an attribute as octets, empty when absent."""
    values: list[bytes] = request.get(key, [])
    return values[0] if values else b""


def _judge(request: Any, name: bytes, user: LabUser | None) -> _Verdict:
    """Decide by whatever credentials the request carries; an unknown user is refused like a wrong password."""
    password = user.password if user is not None else os.urandom(16)
    if USER_PASSWORD in request:
        given = request.PwDecrypt(_raw(request, USER_PASSWORD)).encode()
        return _verdict("pap", hmac.compare_digest(given, password))
    if CHAP_PASSWORD in request:
        response = _raw(request, CHAP_PASSWORD)
        challenge = _raw(request, CHAP_CHALLENGE) or request.authenticator
        expected = md5(response[:1] + password + challenge).digest()
        return _verdict("chap", hmac.compare_digest(expected, response[1:]))
    challenge = _raw(request, MS_CHAP_CHALLENGE)
    if MS_CHAP2_RESPONSE in request:
        return _judge_mschapv2(_raw(request, MS_CHAP2_RESPONSE), challenge, name, password)
    if MS_CHAP_RESPONSE in request:
        response = _raw(request, MS_CHAP_RESPONSE)
        # Identifier, flags, LM response, NT response: PPP has the flags last (RFC 2548 section 2.1.3)
        accepted = mschap.verify_v1(challenge, response[2:50] + response[1:2], password)
        return _verdict("mschapv1", accepted, b"" if accepted else response[:1] + b"E=691 R=0 V=2")
    return _verdict("none", False)


def _judge_mschapv2(response: bytes, challenge: bytes, name: bytes, password: bytes) -> _Verdict:
    # Identifier, flags, peer challenge, reserved, NT response: PPP has the flags last (RFC 2548 section 2.3.2)
    identifier = response[:1]
    success = mschap.verify_v2(challenge, response[2:50] + response[1:2], name, password)
    if success is None:
        return _verdict("mschapv2", False, identifier + b"E=691 R=0 C=" + os.urandom(16).hex().encode() + b" V=3")
    return _Verdict(True, "mschapv2", ((MS_CHAP2_SUCCESS, (identifier + success,)),))


def _verdict(method: str, accepted: bool, error: bytes = b"") -> _Verdict:
    if accepted:
        return _Verdict(True, method)
    attributes: tuple[tuple[Any, tuple[bytes, ...]], ...] = ((REPLY_MESSAGE, (b"wrong user name or password",)),)
    if error:
        attributes += ((MS_CHAP_ERROR, (error,)),)
    return _Verdict(False, method, attributes)


def _attributes(request: Any) -> dict[str, Any]:
    """Decode all attributes by name; octets that are no text become hexadecimal."""
    found: dict[str, Any] = {}
    for key in request.keys():  # noqa: SIM118 (iteration would give codes, keys() gives names)
        values = [value.hex() if isinstance(value, bytes) else value for value in request[key]]
        found[str(key)] = values[0] if len(values) == 1 else values
    return found


class RadiusSockets:
    """Two UDP sockets (authentication, accounting) on the running loop, answered by a ``LabRadius``."""

    def __init__(
        self, server: LabRadius, listen: tuple[Listen, Listen], record: Callable[[dict[str, Any]], None]
    ) -> None:
        """Bind; every line for the log goes to ``record``."""
        self._server = server
        self._record = record
        self.sockets: list[socket.socket] = []
        try:
            for where in listen:
                self.sockets.append(_bind(where))
        except OSError:
            for sock in self.sockets:
                sock.close()
            raise

    def start(self) -> None:
        """Serve on the running loop."""
        for sock in self.sockets:
            asyncio.get_running_loop().add_reader(sock, self._drain, sock)

    def close(self) -> None:
        """Serve no longer."""
        for sock in self.sockets:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(DRAINED_AT_ONCE):
            try:
                data, peer = sock.recvfrom(4096)
            except BlockingIOError:
                return
            handled = self._server.handle(data, peer, accounting=sock is self.sockets[1])
            if handled.line is not None:
                self._record(handled.line)  # before the reply: whoever has that finds its line in the log
            if handled.reply is not None:
                sock.sendto(handled.reply, peer)


def _bind(where: Listen) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in where.address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.setblocking(False)
    try:
        sock.bind((where.address, where.port))
    except OSError as error:
        sock.close()
        raise OSError(f"{where.address} port {where.port}: {error.strerror}") from None
    return sock


def line_writer(file: TextIO) -> Callable[[dict[str, Any]], None]:
    """Return what writes one JSON line with the time to ``file``."""

    def write(line: dict[str, Any]) -> None:
        file.write(json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds")} | line) + "\n")
        file.flush()

    return write


async def serve(
    server: LabRadius,
    listen: tuple[Listen, Listen],
    record: Callable[[dict[str, Any]], None],
    ready: Callable[[], None],
) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` is called once requests are taken."""
    sockets = RadiusSockets(server, listen, record)
    sockets.start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ready()
    try:
        await stop.wait()
    finally:
        sockets.close()
