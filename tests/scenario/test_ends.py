"""Every end of the table happens here once to a session that is up, and its Stop says so, octet for octet."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, Listen, LnsConfig, PppConfig
from bras.config.spool import SpoolConfig
from bras.forwarding.entry import AddEntry, Counters, Operation, Outcome
from bras.l2tp.disconnect import Disconnect as PppDisconnect
from bras.l2tp.disconnect import DisconnectCode
from bras.l2tp.events import By, Cause
from bras.lns import defect
from bras.lns.commands import Disconnect, Shutdown
from bras.lns.inputs import CoaReceived
from bras.radius.coa_events import Origin
from bras.radius.dynauth import DISCONNECT_REQUEST
from bras.secret import Secret
from bras.subscriber.ends import ENDS
from tests.scenario.test_client_comes_back import again
from tests.scenario.test_client_comes_back import up as take_address
from tests.support.crash import Mortal
from tests.support.dac import DAC, DAC_SECRET, OURS, with_coa
from tests.support.dynauth import dynamic_request
from tests.support.lacs import SimulatedLac
from tests.support.radius import attribute
from tests.support.rim import CONFIGURE_REQUEST, LCP, Line, Rim, option
from tests.support.world import WALL_OFFSET_S, SimulatedRadius, World, config

FOLLOWS = {"closed", "authentication_refused"}
"""Only ever what comes after another end, which is the one that counts."""
BEFORE_IT_IS_UP = {
    "authentication_no_address",
    "authentication_unknown_pool",
    "authentication_denied_address_conflict",
}
"""Who is up has its address, and keeps it when it proves itself again; see test_admission."""
OF_TUNNELS = {"tunnel_idle"}
"""Of a tunnel without sessions: see test_tunnel_accounting."""
ECHOLESS = PppConfig(mru=1460, echo_interval_s=0.0)
CARRIED = Counters(up_octets4=(3 << 32) + 500, up_packets4=5, down_octets4=700, down_packets4=7)
REAUTHENTICATE = option(27, (50).to_bytes(4, "big")) + option(29, (1).to_bytes(4, "big"))
SCENARIOS: dict[str, Callable[[Path], World]] = {}


def _played(what: Callable[..., World], reason: str) -> Callable[[Path], World]:
    return lambda _: what(reason) if reason else what()


def scenario(*reasons: str) -> Callable[[Callable[..., World]], Callable[..., World]]:
    """Note what makes an end happen; one of several is told which."""

    def note(what: Callable[..., World]) -> Callable[..., World]:
        for reason in reasons:
            SCENARIOS[reason] = _played(what, reason if len(reasons) > 1 else "")
        return what

    return note


def settings(method: str = "chap", grant: Grant | None = None, **sections: object) -> Config:
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=grant or Grant(pool="default"))
    made: dict[str, object] = {"lac": (group,), "auth": AuthConfig(methods=(method,)), "ppp": ECHOLESS}
    return config(**(made | sections))


def up(made: Config | None = None, server: SimulatedRadius | None = None) -> tuple[Rim, SimulatedLac]:
    """Bring up user1, and let it carry something."""
    rim = Rim(made or settings(), servers=(server or SimulatedRadius(),))
    lac, _ = rim.up(method=rim.configuration.auth.methods[0])
    carry(rim)
    return rim, lac


def carry(world: World) -> None:
    (slot,) = world.plane.entries
    world.plane.feed(slot, CARRIED)


def line_up(made: Config) -> Line:
    """Bring up a client whose every packet is ours to say."""
    rim = Rim(made)
    line = rim.line()
    rim.run(0.2)
    line.agree()
    line.login()
    take_address(line)
    carry(rim)
    return line


# -- the client


@scenario("client_terminated")
def _() -> World:
    rim, lac = up()
    lac.hang_up(next(iter(lac.clients.values())))
    rim.run(5.0)
    return rim


@scenario("authentication_timeout")
def _() -> World:
    rim, lac = up(settings(auth=AuthConfig(methods=("chap",), rechallenge_interval_s=40.0, timeout_s=2.0)))
    next(iter(lac.clients.values())).link.proof.method = None  # it hears no challenge any more
    rim.run(80.0)
    return rim


@scenario("no_common_authentication")
def _() -> World:
    line = line_up(settings("pap"))
    line.say(LCP, CONFIGURE_REQUEST, 9)
    request = line.last(LCP, CONFIGURE_REQUEST)
    line.say(LCP, 4, request.identifier, option(3, b"\xc0\x23"))
    line.rim.run(10.0)
    return line.rim


@scenario("lcp_failed")
def _() -> World:
    line = line_up(settings("pap", ppp=replace(ECHOLESS, max_configure=3)))
    line.say(LCP, CONFIGURE_REQUEST, 9)
    line.rim.run(60.0)
    return line.rim


@scenario("setup_timeout")
def _() -> World:
    line = line_up(
        settings("pap", ppp=replace(ECHOLESS, max_configure=200), lns=replace(config().lns, setup_timeout_s=9.0))
    )
    line.say(LCP, CONFIGURE_REQUEST, 9)
    line.rim.run(60.0)
    return line.rim


@scenario("ipcp_failed")
def _() -> World:
    line = line_up(settings("pap", ppp=replace(ECHOLESS, max_configure=3)))
    line.addresses(option(3, bytes(4)))
    line.rim.run(25.0)
    return line.rim


@scenario("protocol_rejected")
def _() -> World:
    line = line_up(settings("pap"))
    line.say(LCP, 8, 3, b"\xc0\x21")
    line.rim.run(10.0)
    return line.rim


@scenario("loopback")
def _() -> World:
    line = line_up(settings("pap", ppp=PppConfig(mru=1460, echo_interval_s=5.0)))
    for _ in range(10):
        line.rim.run(5.0)
        sent = line.rim.frames(LCP, 9)
        if sent:
            line.say(LCP, 9, sent[-1].identifier, sent[-1].data)
    return line.rim


@scenario("echo_timeout")
def _() -> World:
    rim, lac = up(settings(ppp=PppConfig(mru=1460, echo_interval_s=5.0)))
    lac.clients.clear()
    rim.run(60.0)
    return rim


# -- verdicts when it proves itself again


def proves_itself_again(
    reply: Callable[[dict[int, bytes]], tuple[int, bytes]] | None, made: Config, **first: bytes
) -> Rim:
    """Let user1's time be over; the server then says something else, or nothing."""
    server = SimulatedRadius(reply=lambda _: (2, REAUTHENTICATE + b"".join(first.values())))
    rim, _ = up(made, server)
    if reply is None:
        rim.run(40.0)
        server.silent = True
        rim.run(60.0)
        server.silent = False
    else:
        server.reply = reply
    rim.run(60.0)
    return rim


@scenario("authentication_rejected")
def _() -> World:
    return proves_itself_again(lambda _: (3, option(18, b"no more")), settings())


@scenario("authentication_unanswered")
def _() -> World:
    return proves_itself_again(None, settings("pap"))


GRANTED = {
    "authentication_unsupported": option(11, b"a-filter"),
    "authentication_unknown_profile": option(26, struct.pack("!IBB", 32473, 1, 9) + b"nowhere"),
}


@scenario(*GRANTED)
def _(reason: str) -> World:
    return proves_itself_again(lambda _: (2, GRANTED[reason]), settings("pap"))


CONFLICTS = {
    "authentication_denied_single_session": b"",
    "authentication_denied_port_limit": option(62, (1).to_bytes(4, "big")),
    "authentication_denied_route_conflict": option(22, b"192.0.2.64/28"),
}


@scenario(*CONFLICTS)
def _(reason: str) -> World:
    """What another session has had since is denied to who proves himself again as somebody else's equal."""
    auth = AuthConfig(methods=("pap",), single_session="deny" if "single" in reason else "off")
    over: list[bool] = []

    def reply(asked: dict[int, bytes]) -> tuple[int, bytes]:
        name = option(1, b"twin") if "single" in reason or "port" in reason else b""
        if asked[1] == b"other":
            return 2, CONFLICTS[reason] + name
        return 2, REAUTHENTICATE + (CONFLICTS[reason] + name if over else b"")

    rim = Rim(settings("pap", auth=auth), servers=(SimulatedRadius(reply=reply),))
    lac, _ = rim.up(method="pap")
    carry(rim)
    lac.dial("other", "pass", method="pap")
    rim.run(5.0)
    over.append(True)
    rim.run(100.0)
    return rim


# -- time, volume, policy


@scenario("session_timeout", "idle_timeout", "quota_exhausted")
def _(reason: str) -> World:
    grants = {
        "session_timeout": Grant(pool="default", session_timeout_s=60.0),
        "idle_timeout": Grant(pool="default", idle_timeout_s=60.0),
        "quota_exhausted": Grant(pool="default", quota_octets=1000),
    }
    rim, _ = up(settings(grant=grants[reason]))
    rim.run(200.0)
    return rim


@scenario("session_terminate_time")
def _() -> World:
    ends_at = datetime.fromtimestamp(WALL_OFFSET_S + 1100.0, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00").encode()
    said = option(26, struct.pack("!IBB", 14122, 9, 2 + len(ends_at)) + ends_at)
    rim, _ = up(server=SimulatedRadius(reply=lambda _: (2, said)))
    rim.run(200.0)
    return rim


@scenario("replaced_by_new_session")
def _() -> World:
    rim, lac = up(settings(auth=AuthConfig(methods=("chap",), single_session="replace")))
    lac.dial("user1", "pass")
    rim.run(5.0)
    return rim


@scenario("address_given_to_new_session")
def _() -> World:
    rim, lac = up(server=SimulatedRadius(reply=lambda _: (2, option(8, bytes((192, 0, 2, 9))))))
    lac.dial("user2", "pass")
    rim.run(5.0)
    return rim


@scenario("address_changed")
def _() -> World:
    return proves_itself_again(lambda _: (2, option(8, bytes((192, 0, 2, 9)))), settings())


@scenario("user_changed")
def _() -> World:
    line = line_up(settings("pap"))
    again(line, b"user2")
    line.rim.run(5.0)
    return line.rim


# -- operators


@scenario("disconnected_by_operator")
def _() -> World:
    rim, _ = up()
    rim.ask(Disconnect("user1"))
    rim.run(5.0)
    return rim


@scenario("disconnected_by_radius")
def _() -> World:
    rim, _ = up(with_coa(settings()))
    request = dynamic_request(DISCONNECT_REQUEST, attribute(1, b"user1"), identifier=1, secret=DAC_SECRET)
    rim.give(CoaReceived(Origin(0, OURS, DAC, 40000), request))
    rim.run(5.0)
    return rim


@scenario("shutdown")
def _() -> World:
    rim, _ = up()
    rim.ask(Shutdown())
    rim.run(5.0)
    return rim


# -- what failed on our side


@scenario("accounting_unanswered")
def _() -> World:
    radius = replace(config().radius, spool=SpoolConfig(on_silence="disconnect", silence_s=60.0))
    server = SimulatedRadius()
    rim, _ = up(settings(grant=Grant(pool="default", interim_interval_s=60.0), radius=radius), server)
    server.silent = True
    rim.run(250.0)
    server.silent = False
    rim.run(400.0)
    return rim


@scenario("data_plane_refused")
def _() -> World:
    line = line_up(settings("pap"))
    rim = line.rim
    program = rim.plane.program

    def refuse(operation: Operation) -> Outcome:
        if isinstance(operation, AddEntry):
            return Outcome(operation.entry.slot, operation.entry.generation, ok=False, reason="no room")
        return program(operation)

    rim.plane.program = refuse  # type: ignore[method-assign]  # it is full
    again(line)
    take_address(line)
    rim.run(5.0)
    return rim


@scenario("internal_error")
def _() -> World:
    rim, _ = up()
    (one,) = rim.lns.core.registry.by_number.values()
    rim.lns.core.backlog.at_work = one.number
    defect.give_up(rim.lns.core, rim.lns.operations, CoaReceived(Origin(0, OURS, DAC, 1), b""), rim.now)
    rim.run(5.0)
    return rim


def crashed(place: Path) -> Mortal:
    world = Mortal(place, settings())
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(20.0)
    carry(world)
    world.run(20.0)
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    return world


def call_lost(place: Path) -> World:
    world = crashed(place)
    world.configuration = replace(world.configuration, lns=LnsConfig(listen=(Listen("192.0.2.7", 1701),)))
    world.revive()
    world.run(5.0)
    return world


def reboot(place: Path) -> World:
    world = crashed(place)
    world.run(500.0)
    world.revive(boot="boot2")
    world.run(5.0)
    return world


SCENARIOS["call_lost"], SCENARIOS["reboot"] = call_lost, reboot


# -- the call and its tunnel

OF_CALL = {
    "lac_lost_carrier": Cause(By.LOCAL, 1, 0, "said"),
    "lac_error": Cause(By.LOCAL, 2, 4, "said"),
    "lac_hung_up": Cause(By.LOCAL, 3, 0, "said"),
    "lac_no_facilities": Cause(By.LOCAL, 4, 0, "said"),
} | {
    f"lac_ppp_{code.name.lower()}": Cause(By.LOCAL, 1, disconnect=PppDisconnect(code, 0, 1, "said"))
    for code in DisconnectCode
    if code
}
OF_TUNNEL = {
    "lac_closed_tunnel": Cause(By.LOCAL, 1, 0, "said"),
    "lac_tunnel_error": Cause(By.LOCAL, 7, 0, "said"),
    "lac_shutting_down": Cause(By.LOCAL, 6, 0, "said"),
}


@scenario(*OF_CALL)
def _(reason: str) -> World:
    rim, lac = up()
    (client,) = lac.clients.values()
    assert client.key is not None
    lac.take(lac.endpoint.close_call(client.key, OF_CALL[reason], now=rim.now), rim.now)
    rim.run(5.0)
    return rim


@scenario(*OF_TUNNEL)
def _(reason: str) -> World:
    rim, lac = up()
    lac.take(lac.endpoint.close_tunnel(lac.tunnel_id, OF_TUNNEL[reason], now=rim.now), rim.now)
    rim.run(5.0)
    return rim


@scenario("lac_began_anew")
def _() -> World:
    rim, lac = up()
    lac.take(lac.endpoint.close_tunnel(lac.tunnel_id, Cause(By.LOCAL, 3), now=rim.now), rim.now)
    rim.run(5.0)
    return rim


@scenario("tunnel_lost")
def _() -> World:
    rim, lac = up()
    rim.vanish(lac)
    rim.run(300.0)
    return rim


@scenario("tunnel_closed", "lac_protocol_error")
def _(reason: str) -> World:
    """By ourselves: nothing else that we do ends a tunnel with sessions in it."""
    rim, _ = up()
    (tunnel,) = rim.lns.core.endpoint.tunnels()
    cause = Cause(By.LOCAL, 4) if reason == "tunnel_closed" else Cause(By.LOCAL, 7, 0, "out of sequence")
    rim.lns.core.backlog.l2tp.append(rim.lns.core.endpoint.close_tunnel(tunnel.tunnel_id, cause, now=rim.now))
    rim.run(5.0)
    return rim


@scenario("call_closed")
def _() -> World:
    rim, _ = up()
    (key,) = rim.lns.core.registry.by_call
    rim.lns.core.backlog.l2tp.append(rim.lns.core.endpoint.close_call(key, Cause(By.LOCAL, 3), now=rim.now))
    rim.run(5.0)
    return rim


# -- what is told of it


def vendors(record: bytes) -> dict[int, bytes]:
    """Return our own attributes of a record, by their number."""
    found, offset = {}, 20
    while offset < len(record):
        value = record[offset + 2 : offset + record[offset + 1]]
        if record[offset] == 26 and value[:4] == (32473).to_bytes(4, "big"):
            found[value[4]] = value[6:]
        offset += record[offset + 1]
    return found


def stop_of(world: World) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Return the first session's Stop: its attributes, and our own among them."""
    radius = world.radius
    found = [index for index, one in enumerate(radius.accounting) if one[40] == (2).to_bytes(4, "big")]
    session = next(one[44] for one in radius.accounting if one[40][-1] == 1)
    stops = [index for index in found if radius.accounting[index][44] == session]
    assert len(stops) == 1, f"one Stop; facts: {world.facts[-5:]}"
    return radius.accounting[stops[0]], vendors(radius.packets[stops[0]])


@pytest.mark.parametrize("reason", SCENARIOS)
def test_the_stop_tells_it(reason: str, tmp_path: Path) -> None:
    stop, ours = stop_of(SCENARIOS[reason](tmp_path))
    assert ours[17].decode() == reason
    assert stop[49] == ENDS[reason].value.to_bytes(4, "big")
    assert (stop[42], stop[52], stop[43]) == (b"\0\0\1\xf4", b"\0\0\0\3", b"\0\0\2\xbc"), "what it had carried"
    if reason == "tunnel_lost":
        assert ours[18] == b"no answer to Hello"
    if reason in OF_CALL or reason in OF_TUNNEL:
        assert ours[18] == b"said"


def test_every_end_happens() -> None:
    assert set(SCENARIOS) == set(ENDS) - FOLLOWS - BEFORE_IT_IS_UP - OF_TUNNELS
