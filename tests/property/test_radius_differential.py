"""Our codec and pyrad's, attribute by attribute of our dictionary: the same octets, values and verdicts, both ways.

Where we are stricter on purpose, it stands here: see ``STRICTER``.
"""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from pyrad.packet import AcctPacket, AuthPacket, Packet, PacketError

from bras.errors import DropReason
from bras.radius.codec import Reply, ReplyReader, SharedSecret, access_request, accounting_request
from tests.support.radius import SECRET, attribute, codec, own_dictionary, reply_to, vendor_attribute

KEY = SharedSecret(SECRET)
RA = bytes(range(16))
REQUEST = access_request(7, RA, attribute(1, b"user"), KEY)
RESERVED = {"Message-Authenticator", "Vendor-Specific", "EAP-Message", "Proxy-State"}
"""Not values but parts of the packet."""
NUMBERS = ("integer", "date", "ipaddr")


def known(*types: str, vendors: bool) -> dict[str, Any]:
    """Return the attributes of our dictionary of these types that are not encrypted."""
    return {
        name: one
        for name, one in own_dictionary().attributes.items()
        if one.type in types and not one.encrypt and not one.is_sub_attribute and name not in RESERVED
        and (vendors or not one.vendor)
    }  # fmt: skip


SENT = known(*NUMBERS, "ipv6addr", vendors=False) | known("string", "octets", vendors=True)
"""What our encoders can encode."""
SENT = {name: one for name, one in SENT.items() if not (one.vendor and one.has_tag)}
READ = {name: one for name, one in known(*NUMBERS, "string", "octets", vendors=True).items() if not one.has_tag}
"""What our reader can read."""
LETTERS = "abcXYZ019 -_.:/@|äß\u20ac\u4e2d"


def value_of(one: Any, dice: random.Random) -> Any:
    """Return a random value as a person would write it."""
    if one.type in ("integer", "date"):
        return dice.choice((0, 1, 0xFFFFFF if one.has_tag else 0xFFFFFFFF, dice.randrange(1 << 24)))
    if one.type == "ipaddr":
        return str(IPv4Address(dice.getrandbits(32)))
    if one.type == "ipv6addr":
        return str(IPv6Address(dice.getrandbits(128)))
    most = 246 if one.vendor else 250
    size = dice.choice((1, 2, 30, most))
    if one.type == "octets":
        return dice.randbytes(size)
    text = "".join(dice.choice(LETTERS) for _ in range(size))
    return text.encode()[:most].decode("utf-8", "ignore") or "x"


def encode(name: str, one: Any, value: Any) -> bytes:
    """Encode by our codec."""
    octets = IPv6Address(value).packed if one.type == "ipv6addr" else value
    return codec().encoder(name, one.type)(octets)


def plain(one: Any, value: Any) -> Any:
    """Return a value without pyrad's names for numbers."""
    named = isinstance(value, str) and one.values.HasForward(value)
    return int.from_bytes(one.values.GetForward(value), "big") if named else value


@pytest.mark.parametrize("seed", range(20261127, 20261131))
def test_what_we_encode_pyrad_decodes_and_would_encode_the_same(seed: int) -> None:
    print(f"seed={seed}")
    dice = random.Random(seed)
    for turn in range(150):
        chosen = dice.sample(sorted(SENT), 8)
        values = {name: value_of(SENT[name], dice) for name in chosen}
        body = b"".join(encode(name, SENT[name], value) for name, value in values.items())
        data = accounting_request(7, body, KEY)
        theirs = AcctPacket(packet=data, secret=SECRET, dict=own_dictionary())
        assert theirs.VerifyAcctRequest(), f"turn {turn}"
        built = AcctPacket(secret=SECRET, dict=own_dictionary())
        for name, value in values.items():
            one = SENT[name]
            (found,) = theirs[name]
            assert plain(one, found) == value, f"turn {turn}: {name}"
            built.AddAttribute(name, IPv6Address(value) if one.type == "ipv6addr" else value)
            code = (own_dictionary().vendors.GetForward(one.vendor), one.code) if one.vendor else one.code
            assert dict.get(built, code)[-1:] == dict.get(theirs, code)[-1:], f"turn {turn}: {name}"


def reader(names: list[str]) -> ReplyReader:
    return ReplyReader(codec(), {name: READ[name].type for name in names})


def as_read(one: Any, value: Any) -> Any:
    """Return a value as our reader gives it."""
    if one.type == "ipaddr":
        return int(IPv4Address(value))
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("seed", range(20261127, 20261130))
def test_what_pyrad_builds_we_read(seed: int, signed: bool) -> None:
    print(f"seed={seed}")
    dice = random.Random(seed)
    for turn in range(150):
        chosen = dice.sample(sorted(READ), 8)
        request = AuthPacket(packet=REQUEST, secret=SECRET, dict=own_dictionary())
        reply = request.CreateReply()
        reply.code = dice.choice((2, 3, 11))
        values = {name: value_of(READ[name], dice) for name in chosen}
        for name, value in values.items():
            reply.AddAttribute(name, value)
        if signed:
            reply.add_message_authenticator()
        mine = reader(chosen).read(reply.ReplyPacket(), RA, KEY, signed)
        assert isinstance(mine, Reply), f"turn {turn}: {mine}"
        assert mine.code == reply.code
        assert mine.numbers | mine.octets == {name: as_read(READ[name], value) for name, value in values.items()}, (
            f"turn {turn}"
        )


def believed_by_pyrad(data: bytes) -> bool:
    """Return whether pyrad takes a reply to our request, signed or not."""
    request = AuthPacket(packet=REQUEST, secret=SECRET, dict=own_dictionary())
    try:
        return bool(request.VerifyReply(Packet(packet=data, secret=SECRET, dict=own_dictionary()), data))
    except PacketError:
        return False


def attributes(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return (type, where it ends, value) of what a packet seems to have."""
    found, offset = [], 20
    while offset + 2 <= len(data) and data[offset + 1] >= 2:
        end = offset + data[offset + 1]
        found.append((data[offset], end, data[offset + 2 : end]))
        offset = end
    return found


SIZES = {one.code: 4 for one in READ.values() if one.type in NUMBERS and not one.vendor}
VENDOR_SIZES = {
    own_dictionary().vendors.GetForward(one.vendor).to_bytes(4, "big") + bytes((one.code,)): 4
    for one in READ.values()
    if one.type in NUMBERS and one.vendor
}


def wrong_size(kind: int, value: bytes) -> bool:
    """Return whether a number has another size than its type, alone or in an attribute of a vendor."""
    if kind != 26:
        return kind in SIZES and len(value) != SIZES[kind]
    rest, offset = value[4:], 0
    while offset + 2 <= len(rest) and rest[offset + 1] >= 2:
        size = rest[offset + 1] - 2
        if value[:4] + rest[offset : offset + 1] in VENDOR_SIZES and size != 4:
            return True
        offset += rest[offset + 1]
    return False


STRICTER = {
    "an attribute runs beyond the packet": lambda data: any(end > len(data) for _, end, _ in attributes(data)),
    "a number has another size than its type (RFC 2865 section 5)": lambda data: any(
        wrong_size(kind, value) for kind, _, value in attributes(data)
    ),
    "more than 4096 octets (RFC 2865 section 3)": lambda data: len(data) > 4096,
    "several Message-Authenticators": lambda data: [kind for kind, _, _ in attributes(data)].count(80) > 1,
}
"""Why we drop what pyrad believes."""


def has_foreign_proxy_state(data: bytes) -> bool:
    """Return whether a signed reply has a Proxy-State, which no request of ours has."""
    kinds = {kind for kind, _, _ in attributes(data)}
    return {33, 80} <= kinds


SPOILED = {
    "an attribute runs beyond the packet": attribute(18, b"hello")[:-2],
    "a number has another size than its type (RFC 2865 section 5)": attribute(27, b"abc"),
    "more than 4096 octets (RFC 2865 section 3)": attribute(18, b"x" * 253) * 17,
}


@pytest.mark.parametrize("why", SPOILED)
def test_where_we_are_stricter(why: str) -> None:
    data = reply_to(REQUEST, 2, SPOILED[why], signed=False)
    assert STRICTER[why](data)
    assert believed_by_pyrad(data), "and pyrad is not"
    assert isinstance(reader(sorted(READ)).read(data, RA, KEY, False), DropReason)


@pytest.mark.parametrize("seed", range(20261127, 20261131))
def test_verdicts_are_the_same_but_where_we_are_stricter(seed: int) -> None:
    """Attributes of every kind, a third of the replies spoiled by one who knows the secret."""
    print(f"seed={seed}")
    dice = random.Random(seed)
    everything = reader(sorted(READ))
    verdicts = {True: 0, False: 0}
    for turn in range(400):
        body = b""
        for name in dice.sample(sorted(READ), dice.randrange(9)):
            one = READ[name]
            octets = dice.randbytes(4 if one.type in NUMBERS else dice.randrange(1, 40))
            vendor = own_dictionary().vendors.GetForward(one.vendor) if one.vendor else 0
            body += vendor_attribute(vendor, one.code, octets) if vendor else attribute(one.code, octets)
        if body and dice.random() < 0.33:
            at = dice.randrange(len(body))
            body = body[:at] + bytes((dice.choice((0, 1, 2, 3, 6, 26, 33, 80, 255)),)) + body[at + 1 :]
        data = bytearray(reply_to(REQUEST, dice.choice((2, 3, 11)), body, signed=dice.random() < 0.5))
        if dice.random() < 0.1:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        mine, theirs = everything.read(bytes(data), RA, KEY, False), believed_by_pyrad(bytes(data))
        if isinstance(mine, Reply) and has_foreign_proxy_state(bytes(data)):
            pass  # the signature covers it; pyrad wants none that was not sent, signed or not
        elif isinstance(mine, Reply) or not theirs:
            assert isinstance(mine, Reply) is theirs, f"turn {turn}: {mine} {data.hex()}"
        else:
            assert any(holds(bytes(data)) for holds in STRICTER.values()), f"turn {turn}: {mine} {data.hex()}"
        verdicts[theirs] += 1
    assert min(verdicts.values()) > 20, verdicts
