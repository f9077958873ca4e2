"""A LAC that has done LCP and authentication itself tells the truth of both (RFC 2661 section 4.4.5)."""

from __future__ import annotations

import hashlib
import random

import pytest

from bras.l2tp import proxy
from bras.lab.predial import Predial
from bras.ppp import option
from bras.ppp.constants import AUTHENTICATION, AUTHENTICATION_PROTOCOL, MAGIC_NUMBER, MRU
from bras.ppp.link import Link, LinkState
from bras.ppp.settings import ClientIdentity, LinkConfig
from bras.secret import Secret

KINDS = {"chap": proxy.CHAP, "pap": proxy.PAP, "mschapv1": proxy.MSCHAPV1, "mschapv2": None}


@pytest.mark.parametrize("method", KINDS)
def test_what_is_told(method: str) -> None:
    entropy = random.Random(3).randbytes
    identity = ClientIdentity(b"user1", Secret(b"pass"))
    client = Link(LinkConfig(mru=1400, methods=(method,), hostname=b"", client=identity), entropy)
    told = Predial(client, method, 1492, entropy).run(now=0.0)
    assert client.state is LinkState.AUTHENTICATE, "it waits for the answer"
    assert told.last_sent is not None
    assert told.last_received is not None
    sent, received = dict(option.parse(told.last_sent)), dict(option.parse(told.last_received))
    assert (sent[MRU], received[MRU]) == ((1492).to_bytes(2, "big"), (1400).to_bytes(2, "big"))
    assert sent[AUTHENTICATION_PROTOCOL] == AUTHENTICATION[method]
    assert int.from_bytes(received[MAGIC_NUMBER], "big") == client.facts.magic
    assert told.type == KINDS[method]
    assert not told.authenticated
    if method == "chap":
        proof = hashlib.md5(bytes((told.identifier or 0,)) + b"pass" + (told.challenge or b"")).digest()
        assert told.response == Secret(proof)
    elif method == "pap":
        assert (told.name, told.identifier, told.response) == (b"user1", 1, Secret(b"pass"))
    elif method == "mschapv2":
        assert told.response is None
