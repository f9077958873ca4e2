"""A RADIUS server of a few lines, and what the RADIUS tests have in common."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from typing import Any

import bras
from bras.config import dictionary
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.radius.codec import Codec
from bras.secret import Secret

SECRET = b"radsecret"
OWN = dictionary.find(bras.__path__[0])


@cache
def own_dictionary() -> Any:
    return dictionary.load(OWN)


@cache
def codec() -> Codec:
    return Codec(own_dictionary())


def server(name: str = "one", secret: bytes = SECRET, **more: Any) -> RadiusServerConfig:
    """Make a server; one that does not know Status-Server, unless told otherwise."""
    more = {"address": "192.0.2.1", "status_server": False, **more}
    return RadiusServerConfig(secret=Secret(secret), name=name, **more)


def config(*servers: RadiusServerConfig, **more: Any) -> RadiusConfig:
    return RadiusConfig(servers or (server(),), **more)


def attribute(code: int, value: bytes | int) -> bytes:
    octets = value.to_bytes(4, "big") if isinstance(value, int) else value
    return bytes((code, len(octets) + 2)) + octets


def vendor_attribute(vendor: int, code: int, value: bytes | int) -> bytes:
    return attribute(26, vendor.to_bytes(4, "big") + attribute(code, value))


def reply_to(
    request: bytes, code: int, attributes: bytes = b"", *, secret: bytes = SECRET, signed: bool | None = None
) -> bytes:
    """Answer a request; ``signed``: with Message-Authenticator (as a matter of course to an Access-Request)."""
    if signed is None:
        signed = request[0] == 1
    body = (attribute(80, bytes(16)) if signed else b"") + attributes
    head = bytes((code, request[1])) + (20 + len(body)).to_bytes(2, "big")
    if signed:
        body = attribute(80, hmac.digest(secret, head + request[4:20] + body, "md5")) + attributes
    return head + hashlib.md5(head + request[4:20] + body + secret).digest() + body


def attributes_of(packet: bytes) -> list[tuple[int, bytes]]:
    """Take a packet apart, in order."""
    found: list[tuple[int, bytes]] = []
    offset = 20
    while offset < len(packet):
        found.append((packet[offset], packet[offset + 2 : offset + packet[offset + 1]]))
        offset += packet[offset + 1]
    return found


class Dice:
    """Entropy that is the same in each run, with a state that can be copied."""

    def __init__(self, seed: int = 0) -> None:
        self.drawn = seed

    def __call__(self, count: int) -> bytes:
        self.drawn += 1
        return hashlib.sha256(self.drawn.to_bytes(8, "big")).digest()[:count]
