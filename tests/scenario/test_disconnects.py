"""Why PPP ended, told in CDN both ways (RFC 3145): from the client's last packet to the octets, the record and the log.

The AVP is taken apart here by hand; tests/interop has tshark look at it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, PoolConfig, PppConfig
from bras.l2tp.disconnect import Disconnect
from bras.l2tp.events import By, CallDown, Cause
from bras.lns.commands import Disconnect as DisconnectCommand
from bras.lns.commands import Shutdown
from bras.subscriber.events import SubscriberEnded, TerminateCause
from tests.support.rim import CDN, CONFIGURE_REJECT, CONFIGURE_REQUEST, IPCP, LCP, TERMINATE_REQUEST, Line, Rim, option
from tests.support.world import SimulatedRadius, config

PAP_ONLY = AuthConfig(methods=("pap",), timeout_s=1.0, max_attempts=2)
QUICK = PppConfig(mru=1460, restart_timer_s=1.0, max_configure=2, echo_interval_s=5.0, echo_failures=2)


def told(rim: Rim) -> tuple[int, int, int, str]:
    """Return code, protocol, direction and text of the one CDN that the LNS sent."""
    (cdn,) = rim.controls(CDN)
    code, protocol, direction = struct.unpack_from("!HHB", cdn.avps[46])
    return code, protocol, direction, cdn.avps[46][5:].decode()


def line(rim: Rim) -> Line:
    line = rim.line()
    rim.run(0.5)
    return line


def logged_in(rim: Rim) -> Line:
    one = line(rim)
    one.agree()
    one.login()
    return one


def rejecting(attributes: dict[int, bytes]) -> tuple[int, bytes]:
    return 3, option(18, b"no credit")


def never_answers_lcp(rim: Rim) -> None:
    line(rim)


def never_logs_in(rim: Rim) -> None:
    line(rim).agree()


def rejects_every_method(rim: Rim) -> None:
    one = line(rim)
    request = one.last(LCP, CONFIGURE_REQUEST)
    one.say(LCP, CONFIGURE_REJECT, request.identifier, option(3, request.options[3]))


def says_goodbye(rim: Rim) -> None:
    logged_in(rim).say(LCP, TERMINATE_REQUEST, 9, b"enough")


def speaks_no_ipcp(rim: Rim) -> None:
    logged_in(rim).say(LCP, 8, 3, IPCP.to_bytes(2, "big") + b"\1\1\0\4")


def falls_silent(rim: Rim) -> None:
    one = logged_in(rim)
    request = one.last(IPCP, CONFIGURE_REQUEST)
    one.say(IPCP, 2, request.identifier, request.data)
    given = one.addresses(option(3, bytes(4)))[3]
    one.addresses(option(3, given))


def just_logs_in(rim: Rim) -> None:
    logged_in(rim)


@pytest.mark.parametrize(
    ("does", "changes", "radius", "expected"),
    [
        (never_answers_lcp, {}, SimulatedRadius(), (5, 0xC021, 2)),
        (never_logs_in, {}, SimulatedRadius(), (13, 0xC023, 1)),
        (rejects_every_method, {}, SimulatedRadius(), (15, 0xC023, 1)),
        (says_goodbye, {}, SimulatedRadius(), (3, 0, 1)),
        (speaks_no_ipcp, {}, SimulatedRadius(), (18, 0x8021, 1)),
        (falls_silent, {}, SimulatedRadius(), (8, 0xC021, 1)),
        (just_logs_in, {}, SimulatedRadius(reply=rejecting), (16, 0xC023, 1)),
        (just_logs_in, {}, SimulatedRadius(silent=True), (16, 0xC023, 2)),
        (just_logs_in, {"pool": ()}, SimulatedRadius(), (20, 0x8021, 2)),
        (falls_silent, {"defaults": Grant(session_timeout_s=2.0)}, SimulatedRadius(), (3, 0, 2)),
    ],
)
def test_our_cdn_says_how_ppp_ended(
    does: Callable[[Rim], None],
    changes: dict[str, tuple[PoolConfig, ...] | Grant],
    radius: SimulatedRadius,
    expected: tuple[int, int, int],
) -> None:
    rim = Rim(config(auth=PAP_ONLY, ppp=QUICK, **changes), servers=[radius])
    does(rim)
    rim.run(120.0)
    *found, text = told(rim)
    assert tuple(found) == expected
    (down,) = rim.of(CallDown)
    assert down.cause.disconnect == Disconnect(*expected, text)
    assert text


def test_what_the_server_said_is_told_too() -> None:
    rim = Rim(config(auth=PAP_ONLY, ppp=QUICK), servers=[SimulatedRadius(reply=rejecting)])
    logged_in(rim)
    rim.run(30.0)
    assert told(rim) == (16, 0xC023, 1, "no credit")


@pytest.mark.parametrize("command", [DisconnectCommand("user1"), Shutdown()])
def test_an_operator_is_an_administrative_disconnect(command: DisconnectCommand | Shutdown) -> None:
    rim = Rim()
    rim.up()
    rim.ask(command)
    rim.run(10.0)
    assert told(rim)[:3] == (1, 0, 0)


@pytest.mark.parametrize(
    ("said", "cause", "reason", "text"),
    [
        (None, TerminateCause.LOST_CARRIER, "lac_lost_carrier", "carrier"),
        (Disconnect(0), TerminateCause.LOST_CARRIER, "lac_lost_carrier", "carrier"),
        (Disconnect(3, 0, 1, "bye"), TerminateCause.USER_REQUEST, "lac_ppp_normal", "carrier; bye"),
        (Disconnect(7, 0xC021, 1, "carrier"), TerminateCause.PORT_ERROR, "lac_ppp_loopback", "carrier"),
        (Disconnect(20, 0x8021, 2), TerminateCause.SERVICE_UNAVAILABLE, "lac_ppp_no_permitted_address", "carrier"),
    ],
)
def test_the_lacs_word_is_in_the_record_and_in_the_log(
    said: Disconnect | None, cause: TerminateCause, reason: str, text: str
) -> None:
    rim = Rim()
    lac, client = rim.up()
    assert client.key is not None
    lac.take(
        lac.endpoint.close_call(client.key, Cause(By.LOCAL, 1, 0, "carrier", disconnect=said), now=rim.now), rim.now
    )
    rim.run(5.0)
    (ended,) = rim.of(SubscriberEnded)
    assert (ended.cause, ended.reason, ended.text) == (cause, reason, text)
    stop = rim.radius.accounting[-1]
    assert (stop[40][-1], stop[49][-1]) == (2, cause.value)
    assert rim.controls(CDN) == [], "a CDN is not answered by one"
