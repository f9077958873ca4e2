"""From credentials and call facts to what RADIUS is told of a subscriber."""

from __future__ import annotations

from typing import assert_never

from bras.lns.core import Core
from bras.ppp.events import (
    ChapCredentials,
    Credentials,
    MsChap2Credentials,
    MsChapCredentials,
    PapCredentials,
)
from bras.radius import credentials as radius
from bras.radius.attributes import Blobs, Identity, TunnelIdentity
from bras.subscriber.parts import Line
from bras.subscriber.subscriber import Subscriber

METHOD = {
    PapCredentials: "pap",
    ChapCredentials: "chap",
    MsChapCredentials: "mschapv1",
    MsChap2Credentials: "mschapv2",
}


def printable(octets: bytes) -> str:
    """Return text from the network as UTF-8; what is none stands as a backslash escape."""
    return octets.decode("utf-8", "backslashreplace")


def request_of(credentials: Credentials) -> radius.Credentials:
    """Put credentials into RADIUS's words."""
    match credentials:
        case PapCredentials():
            return radius.Pap(credentials.password)
        case ChapCredentials():
            return radius.Chap(credentials.identifier, credentials.challenge, credentials.response)
        case MsChapCredentials():
            return radius.MsChap(credentials.identifier, credentials.challenge, credentials.response)
        case MsChap2Credentials():
            return radius.MsChap2(credentials.identifier, credentials.challenge, credentials.response)
        case _:
            assert_never(credentials)


def user_of(credentials: Credentials) -> str:
    """Return the user name for people and look-ups."""
    return printable(credentials.name)


def identity_of(core: Core, subscriber: Subscriber, user_name: bytes) -> Blobs:
    """Encode what stays the same in all requests and records of a session; ``user_name`` is that for RADIUS."""
    line, leg = subscriber.line, subscriber.leg
    names = core.policy.names(line.group)
    tunnel = TunnelIdentity(
        leg.remote,
        leg.local,
        line.peer_name,
        names.host,
        f"{leg.remote}:{leg.peer_tunnel_id}",
        names.port_type(line),
        subscriber.settings.link.mru,
    )
    return core.books.identities.encode(
        Identity(
            user_name,
            subscriber.session_id,
            leg.key,
            names.port_id.of(subscriber),
            names.calling(subscriber),
            line.called_number,
            speeds_of(line),
            names.connection.of(subscriber),
            tunnel,
            line.private_group,
            line.access_line,
        )
    )


def speeds_of(line: Line) -> str:
    """Return Connect-Info: speeds in bit/s as "transmit/receive", nothing when they are not known."""
    return f"{line.tx_speed_bps}/{line.rx_speed_bps or line.tx_speed_bps}" if line.tx_speed_bps else ""
