"""Answers of RADIUS servers: any octets are a reply or a counted drop, and what is granted makes a Profile.

The signature is right unless the input says otherwise: a server that knows the secret is
what stands between the network and the walk over the attributes.
"""

from __future__ import annotations

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, LnsConfig, ProfileConfig
from bras.config.understood import FURTHER
from bras.errors import DropReason
from bras.plain import decode, encode
from bras.radius.answer import ANSWER_ATTRIBUTES, AnswerReader
from bras.radius.codec import SharedSecret, access_request
from bras.radius.events import Accepted
from bras.radius.profile import Profile, Resolver
from tests.fuzz.harness import Cursor, Harness
from tests.support.radius import SECRET, attribute, codec, reply_to, vendor_attribute

KEY = SharedSecret(SECRET)
AUTHENTICATOR = bytes(range(16))
REQUEST = access_request(7, AUTHENTICATOR, attribute(1, b"user"), KEY)
READER = AnswerReader(codec())
KNOWN = [codec().code(name, kind) for name, kind in (ANSWER_ATTRIBUTES | FURTHER).items()]
RESOLVER = Resolver(
    Config(
        lns=LnsConfig(()),
        lac=(LacConfig("any", grant=Grant(pool="default", session_timeout_s=9.0)),),
        profile=(ProfileConfig("gold", grant=Grant(rate_up_bps=1000, dns=("192.0.2.1",))),),
    )
)
CODES = (2, 2, 2, 3, 11, 5)


def _attributes(cursor: Cursor) -> bytes:
    body = b""
    while cursor.more and len(body) < 3000:
        how = cursor.u8()
        value = cursor.take(4) if how & 0x40 else cursor.string()
        if how & 0x80:
            vendor, code = cursor.of(KNOWN)
        else:
            vendor, code = (0, 9, 311, 32473)[how & 3], cursor.u8()
        one = vendor_attribute(vendor, code, value) if vendor else attribute(code, value)
        if how & 0x20:  # a length that is not true
            one = one[:1] + bytes((cursor.u8(),)) + one[2:]
        body += one
    return body


def _run(data: bytes) -> None:
    cursor = Cursor(data)
    form = cursor.u8()
    if form & 3 == 3:
        answer = cursor.rest()
    else:
        body = cursor.rest() if form & 3 == 2 else _attributes(cursor)
        answer = reply_to(REQUEST, CODES[(form >> 2) % 6], body[:4000], signed=bool(form & 0x40))
        if form & 0x80:
            answer = answer[: len(answer) - 1 - len(body) % 7]
    found = READER.read(answer, AUTHENTICATOR, KEY, bool(form & 0x40), key=1, server="one")
    if not isinstance(found, Accepted):
        assert not isinstance(found, DropReason) or found.value.startswith("radius_")
        return
    assert found.authorization.address is None or 0 < found.authorization.address < 1 << 32
    assert all(isinstance(one, bytes) for one in found.authorization.classes)
    profile = RESOLVER.resolve(
        "any", None, found.authorization.grant, found.authorization.profile, found.authorization.address
    )
    if profile is None:
        assert found.authorization.profile not in (None, "gold")
        return
    assert Profile.restore(decode(encode(profile.save()))) == profile
    assert Accepted.restore(decode(encode(_saved(found)))) == found


def _saved(found: Accepted) -> object:
    from bras.plain import save_fields

    return save_fields(found)


def harness(_name: str) -> Harness:
    return Harness(_run, largest_octets=300)
