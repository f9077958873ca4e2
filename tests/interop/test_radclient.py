"""FreeRADIUS's own decoder reads what our codec encodes: radclient asks, and prints the answers that it gets."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest

from tests.property.test_radius_differential import SENT, encode, value_of
from tests.support.freeradius import values
from tests.support.radius import OWN, SECRET, reply_to

ANSWERS = 60
FREERADIUS = Path("/usr/share/freeradius/dictionary")


def common() -> list[str]:
    """Return the names that mean the same type to FreeRADIUS as to us; ours it gets from our own file."""
    theirs = set()
    for path in FREERADIUS.parent.glob("dictionary.*"):
        theirs |= set(re.findall(r"^ATTRIBUTE\s+(\S+)\s+\S+\s+(\w+)", path.read_text(errors="replace"), re.MULTILINE))
    return sorted(name for name, one in SENT.items() if (name, one.type) in theirs or one.vendor == "Bras")


def dictionary_of(place: Path) -> str:
    """Write a dictionary of FreeRADIUS's and our own attributes; return its directory."""
    own = Path(OWN).with_name("dictionary.bras")
    (place / "dictionary").write_text(f"$INCLUDE {FREERADIUS}\n$INCLUDE {own}\n")
    return str(place)


def answer(server: socket.socket, bodies: list[bytes]) -> None:
    """Answer each request with the attributes of its turn; one that is sent again with the same."""
    given: dict[bytes, bytes] = {}
    while len(given) < len(bodies):
        request, peer = server.recvfrom(4096)
        if request not in given:
            given[request] = reply_to(request, 2, bodies[len(given)], signed=True)
        server.sendto(given[request], peer)


def printed(output: str) -> list[dict[str, str]]:
    """Return the attributes of each answer, as FreeRADIUS prints them."""
    found = []
    for answered in output.split("Received Access-Accept")[1:]:
        pairs = re.findall(r"^\t(\S+) = (.*)$", answered.partition("\nSent ")[0], re.MULTILINE)
        found.append({name.partition(":")[0]: text for name, text in pairs if name != "Message-Authenticator"})
    return found


def meant(name: str, one: Any, text: str) -> Any:
    """Return the value that FreeRADIUS's words stand for."""
    if one.type == "octets":
        return bytes.fromhex(text.removeprefix("0x"))
    if one.type == "date":
        return int(datetime.strptime(text.strip('"'), "%b %d %Y %H:%M:%S UTC").replace(tzinfo=UTC).timestamp())
    if one.type == "integer":
        return int(values().get((name, text), text))
    if one.type == "integer64":
        return int(text)
    if one.type == "ipv6addr":
        return str(IPv6Address(text))
    return text[1:-1] if one.type == "string" else text


@pytest.mark.parametrize("seed", [20261127, 20261128])
def test_freeradius_decodes_what_we_encode(seed: int, tool: Callable[[str], str], tmp_path: Path) -> None:
    print(f"seed={seed}")
    dice = random.Random(seed)
    names = common()
    assert len(names) > 60
    turns = [{name: value_of(SENT[name], dice) for name in dice.sample(names, 7)} for _ in range(ANSWERS)]
    bodies = [b"".join(encode(name, SENT[name], value) for name, value in turn.items()) for turn in turns]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(30)
        thread = threading.Thread(target=answer, args=(server, bodies), daemon=True)
        thread.start()
        done = subprocess.run(
            [
                tool("radclient"), "-x", "-D", dictionary_of(tmp_path), "-p", "1", "-t", "5",
                f"127.0.0.1:{server.getsockname()[1]}", "auth", SECRET.decode(),
            ],
            input="\n".join(f"User-Name = {number}\n" for number in range(ANSWERS)),
            env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )  # fmt: skip
        thread.join(30)
    answers = printed(done.stdout)
    assert len(answers) == ANSWERS, done.stdout[-2000:] + done.stderr
    for number, (turn, found) in enumerate(zip(turns, answers, strict=True)):
        assert found.keys() == turn.keys(), f"answer {number}"
        for name, value in turn.items():
            assert meant(name, SENT[name], found[name]) == value, f"answer {number}: {name} = {found[name]}"
