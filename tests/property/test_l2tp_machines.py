"""Every state meets every input: legal events come out, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bras.config.model import LacConfig, LnsConfig
from bras.ids import call_key
from bras.l2tp import avp, messages
from bras.l2tp.constants import MessageType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import By, Cause, TunnelMoved
from bras.l2tp.messages import CallRequest
from bras.l2tp.reception import Role
from bras.secret import Secret
from tests.support.l2tp import AT_LAC, AT_LNS, Ledger, control, filled, header, sent

CAUSE = Cause(By.LOCAL, 2, 6, "test")
EXTRAS = (
    b"",
    bytes.fromhex("8008 0000 003c 0001"),
    bytes.fromhex("0008 0000 003c 0001"),
    bytes.fromhex("c008 0000 000e 0001"),
    bytes.fromhex("8005 0000 000e"),
    avp.octets(11, b"challenge"),
    avp.octets(13, bytes(16)),
    avp.octets(5, bytes(8)),
)


def bodies() -> list[bytes]:
    """Return every message: complete, with an extra AVP, and empty; and some that are none."""
    found = [filled(kind) + extra for kind in MessageType for extra in EXTRAS]
    found += [avp.number16(0, kind) for kind in range(20)]
    return [*found, b""]


steps = st.tuples(
    st.sampled_from(
        [
            "message",
            "message",
            "message",
            "elsewhere",
            "data",
            "time",
            "close call",
            "close tunnel",
            "open call",
            "close",
        ]
    ),
    st.sampled_from(bodies()),
    st.sampled_from([0, 1, 2]),
    st.integers(-2, 3),
    st.floats(0.0, 40.0),
)


@settings(max_examples=2 * settings.default.max_examples)
@given(st.sampled_from(list(Role)), st.booleans(), st.integers(0, 3), st.lists(steps, max_size=12))
def test_whatever_comes_in_whatever_state(role: Role, secret: bool, start: int, walk: list) -> None:
    group = LacConfig("g", secrets=(Secret(b"s"),) if secret else (), follow_port=True)
    seed = iter(range(1, 1 << 16))
    config = LnsConfig((), max_sessions=3)
    endpoint = Endpoint(lns=config, groups=(group,), entropy=lambda count: next(seed).to_bytes(count, "big"), role=role)
    path = AT_LNS if role is Role.LNS else AT_LAC
    ledger = Ledger()
    now = 0.0
    if role is Role.LAC:
        tunnel_id, events = endpoint.open_tunnel(path, group, now=now)
    else:
        request = control(0, 0, 0, messages.start(MessageType.SCCRQ, "x", "", 9, 4))
        events = endpoint.receive(path, request, now=now)
        tunnel_id = next(iter(endpoint.tunnels())).tunnel_id
    ns = [1, 1]  # what the peer sends next, and what it expects next
    if role is Role.LAC:
        ns[0] = 0
    for event in events:
        ledger.enter(event)
    script = [avp.number16(0, 3), filled(MessageType.ICRQ), filled(MessageType.ICCN)][:start]
    if role is Role.LAC:
        script = [messages.start(MessageType.SCCRP, "x", "", 9, 4)][:start]
    session_id = 0
    for body in script:
        events = endpoint.receive(path, control(tunnel_id, ns[0], ns[1], body, session_id), now=now)
        ns[0] += 1
        for event in events:
            ledger.enter(event)
        for data in sent(events):
            if len(data) > 12:
                ns[1] = header(data)[2] + 1
                session_id = messages.parse(data).numbers.get(14, session_id)
    for action, body, session, jump, pause in walk:
        now += pause / 10
        if action == "message":
            target = (0, session_id, 4321)[session]
            data = control(tunnel_id if jump != 3 else 0, max(ns[0] + jump - (jump > 0), 0), ns[1], body, target)
            events = endpoint.receive(path, data, now=now)
            ns[0] += jump == 1
        elif action == "elsewhere":  # that port may be asked, and once it has answered the peer is there
            other = replace(path, remote_port=40000 + session)
            nr = (ns[1] + jump) & 0xFFFF
            events = endpoint.receive(other, control(tunnel_id, max(ns[0], 0), nr, body, session_id), now=now)
            if any(isinstance(event, TunnelMoved) for event in events):
                path = other
        elif action == "data":
            data = b"\x00\x02" + tunnel_id.to_bytes(2, "big") + session_id.to_bytes(2, "big") + body
            events = endpoint.receive(path, data, now=now)
        elif action == "time":
            now += pause
            events = endpoint.handle_timeout(now=now)
        elif action == "close call":
            events = endpoint.close_call(call_key(tunnel_id, session_id), CAUSE, now=now)
        elif action == "close tunnel":
            events = endpoint.close_tunnel(tunnel_id, CAUSE, now=now)
        elif action == "close":
            events = endpoint.close(CAUSE, now=now)
        elif any(facts.tunnel_id == tunnel_id for facts in endpoint.tunnels()) and role is Role.LAC:
            _, events = endpoint.open_call(tunnel_id, CallRequest(), now=now)
        else:
            continue
        for event in events:
            ledger.enter(event)
        saved = endpoint.save()
        again = Endpoint.restore(saved, lns=config, groups=(group,), entropy=bytes)
        assert again.save() == saved
        established = sum(1 for key in ledger.calls if endpoint.call(key) is not None)
        assert established == len(ledger.calls)
        assert endpoint.census.sessions == sum(facts.calls for facts in endpoint.tunnels())
    for event in endpoint.close(CAUSE, now=now):
        ledger.enter(event)
    assert not ledger.calls
    assert not ledger.tunnels
    for _ in range(60):
        deadline = endpoint.deadline
        if deadline is None:
            break
        now = max(now, deadline)
        for event in endpoint.handle_timeout(now=now):
            ledger.enter(event)
    assert endpoint.deadline is None
    assert endpoint.closed
    assert endpoint.save()["tunnels"] == []
