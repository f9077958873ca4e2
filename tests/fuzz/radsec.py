"""What comes by TLS: any stream is packets or its end, any octets are a certificate or refused in words."""

from __future__ import annotations

import contextlib
import ssl

from bras.config.certificate import Certificate, first_of, read
from bras.radius.stream import MAX_PACKET_OCTETS, Frames
from tests.fuzz.harness import Cursor, Harness


def _stream(cursor: Cursor) -> None:
    frames, whole, found = Frames(), b"", b""
    while cursor.more:
        size = 1 + cursor.u8() % 64
        chunk = cursor.take(size)
        whole += chunk
        for packet in frames.feed(chunk):
            assert 20 <= len(packet) == packet[2] << 8 | packet[3] <= MAX_PACKET_OCTETS
            found += packet
    assert whole.startswith(found)
    assert frames.wrong or len(whole) - len(found) < MAX_PACKET_OCTETS


def _certificate(der: bytes) -> None:
    with contextlib.suppress(ValueError):
        found = read(der)
        assert isinstance(found, Certificate)
        assert first_of(ssl.DER_cert_to_PEM_cert(der)) == found


def _run(data: bytes) -> None:
    if data[:1] < b"\x80":
        _stream(Cursor(data[1:]))
    else:
        _certificate(data[1:])


def harness(_name: str) -> Harness:
    return Harness(_run, largest_octets=700)
