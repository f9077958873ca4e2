"""A LAC with many subscribers who stay: each sends some packets, and then all is quiet until stdin ends.

Driven by scrape.py: it says how many are up when they are.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys

from generator import Generator

TO = bytes((198, 18, 1, 2))


def packet(source: bytes, octets: int) -> bytes:
    """A UDP packet over IPv4 with so many octets of nothing in it, whose checksums nobody asks for."""
    udp = struct.pack("!HHHH", 5000, 5000, 8 + octets, 0) + bytes(octets)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + source + TO
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", 0xFFFF - (total & 0xFFFF) - (total >> 16)) + head[12:] + udp


def busy(lac: Generator, dice: random.Random) -> None:
    """Let each subscriber send some packets, so that no two have the same counters."""
    for tunnel in lac.tunnels:
        for session in tunnel.sessions:
            if session is not None:
                for _ in range(dice.randrange(1, 4)):
                    lac._reply(session, b"\x00\x21" + packet(session.request[2:6], dice.randrange(1300)))
        lac.run_until(lambda: False, 0.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--tunnels", type=int, default=100)
    options = parser.parse_args()
    options.__dict__ |= {
        "lns": "198.18.0.1", "lac": "198.18.0.2", "lacs": 10, "radius": "198.18.1.2", "radius_secret": "radsecret",
        "secret": "tunsecret", "password": "pass", "window": 4, "concurrency": 400, "method": "chap", "limit": 900.0,
        "signals": False,
    }  # fmt: skip
    lac = Generator(options)
    lac.open_tunnels()
    lac.set_up()
    lac.await_starts()
    busy(lac, random.Random(7))
    print(json.dumps({"up": lac.up, "complaints": lac.complaints[:5]}), flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
