"""Nobody can make us flood a third one: of what a forger gets sent to a victim less comes out than it has put in.

Counted are octets of UDP payload.  For a single SCCRQ the answer may be larger: by no more
than our own SCCRP is larger than it, out of the one allowance.
"""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bras.config.model import LacConfig
from bras.l2tp import avp, messages
from bras.l2tp.constants import MessageType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import Path
from bras.l2tp.lobby import ALLOWANCE_OCTETS, ALLOWANCE_S
from bras.secret import Secret
from tests.support.l2tp import LNS_ADDRESS, control, filled, lns_endpoint, sent

GROUPS = (LacConfig("secret", hostname="s*", secrets=(Secret(b"x"),)), LacConfig("open", hostname="o*"))
HOSTNAMES = ("s", "o", "nobody", "s" * 40)


def forged(dice: random.Random, hostname: str) -> bytes:
    """Return a datagram of a forger: mostly SCCRQs, also guesses, StopCCNs, and octets."""
    number = dice.randrange(1, 65536)
    which = dice.randrange(12)
    if which < 5:
        small = avp.number16(0, 1) + avp.number16(2, 0x0100) + avp.octets(7, hostname.encode()) + avp.number32(3, 3)
        return control(0, 0, 0, small + avp.number16(9, number))
    if which < 7:
        return control(0, 0, 0, messages.start(MessageType.SCCRQ, hostname, "", number, 4) + avp.octets(11, b"c"))
    if which == 7:
        return control(0, 0, 0, avp.number16(0, 1) + avp.number16(9, number))  # as little as can be answered
    if which == 8:
        return control(number & 0xFFF, 1, 1, messages.scccn() + avp.octets(13, bytes(16)))
    if which == 9:
        return control(0, 1, 0, filled(MessageType.STOPCCN))
    if which == 10:
        return control(number & 0xFFF, dice.randrange(4), dice.randrange(3), filled(dice.choice(list(MessageType))))
    return dice.randbytes(dice.randrange(60))


def attack(endpoint: Endpoint, dice: random.Random, count: int, rate: float, victims: int) -> tuple[int, int, float]:
    """Send forged datagrams at a rate; return octets in, octets out, and how long it took."""
    came = went = 0
    now = 0.0
    earlier: list[tuple[Path, bytes]] = []
    for _ in range(count):
        now += dice.expovariate(rate)
        if earlier and dice.random() < 0.2:
            path, data = dice.choice(earlier)
        else:
            victim = f"203.{dice.randrange(victims) >> 8}.113.{dice.randrange(victims) & 255}"
            path = Path(0, *LNS_ADDRESS, victim, dice.choice((1701, 5000)))
            data = forged(dice, dice.choice(HOSTNAMES))
        earlier.append((path, data))
        del earlier[:-20]
        came += len(data)
        went += sum(map(len, sent(endpoint.receive(path, data, now=now))))
        deadline = endpoint.deadline
        if deadline is not None and deadline <= now:
            went += sum(map(len, sent(endpoint.handle_timeout(now=now))))
        assert went <= came + ALLOWANCE_OCTETS * (1 + now / ALLOWANCE_S)
    for _ in range(10_000):  # and what comes of it later
        deadline = endpoint.deadline
        if deadline is None:
            break
        now = max(now, deadline)
        went += sum(map(len, sent(endpoint.handle_timeout(now=now))))
    return came, went, now


@given(st.integers(0, 1 << 32), st.sampled_from([1.0, 100.0, 50_000.0]), st.sampled_from([1, 300, 1 << 16]))
def test_no_stream_gets_more_out_than_it_puts_in_and_the_allowance(seed: int, rate: float, victims: int) -> None:
    endpoint = lns_endpoint(*GROUPS)
    attack(endpoint, random.Random(seed), 300, rate, victims)


def test_a_flood_gets_less_out_than_it_puts_in() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    for victims in (1, 300, 1 << 16):
        for rate in (500.0, 5000.0, 50_000.0):
            came, went, _ = attack(lns_endpoint(*GROUPS), random.Random(seed), 8000, rate, victims)
            print(f"{victims} victims, {rate:g}/s: {came} octets came, {went} went")
            assert went < came


def test_a_single_sccrq_is_answered_by_one_datagram_and_only_once() -> None:
    smallest = control(
        0, 0, 0, avp.number16(0, 1) + avp.number16(2, 0x0100) + avp.octets(7, b"s") + avp.number32(3, 3)
        + avp.number16(9, 7),
    )  # fmt: skip
    endpoint = lns_endpoint(*GROUPS)
    path = Path(0, *LNS_ADDRESS, "203.0.113.1", 1701)
    (answer,) = sent(endpoint.receive(path, smallest, now=0.0))
    assert len(answer) <= 2 * len(smallest)
    while (deadline := endpoint.deadline) is not None:
        assert sent(endpoint.handle_timeout(now=deadline)) == [], "nothing is sent unasked"


def test_a_refusal_is_no_longer_than_what_was_refused_once_the_allowance_is_used_up() -> None:
    endpoint = lns_endpoint(*GROUPS)
    endpoint._door.lobby._allowance.take(now=0.0, tokens=ALLOWANCE_OCTETS)
    for number, hostname in enumerate(("x", "nobody" * 9)):
        request = control(0, 0, 0, messages.start(MessageType.SCCRQ, hostname, "", 9, 4))
        for octets in range(28, len(request)):
            short = control(0, 0, 0, request[12:octets])
            path = Path(0, *LNS_ADDRESS, f"203.0.{number}.{octets}", 1701)
            for answer in sent(endpoint.receive(path, short, now=0.0)):
                assert len(answer) <= len(short)
