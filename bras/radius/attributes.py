"""What a session is, as attributes: ``IdentityEncoder`` makes those that stay the same over it, once."""

from __future__ import annotations

from collections.abc import Container
from ipaddress import ip_address
from typing import NamedTuple

from bras.config.radius import RadiusConfig
from bras.radius.codec import MAX_OCTETS, VENDOR_SPECIFIC, Codec
from bras.wire import ipv4_text

SERVICE_FRAMED = 2
"""Service-Type (RFC 2865 section 5.6)."""
PROTOCOL_PPP = 1
"""Framed-Protocol (RFC 2865 section 5.7)."""
PORT_VIRTUAL = 5
"""NAS-Port-Type (RFC 2865 section 5.41)."""
TUNNEL_L2TP = 3
"""Tunnel-Type (RFC 2868 section 3.1)."""
MEDIUM_IPV4, MEDIUM_IPV6 = 1, 2
"""Tunnel-Medium-Type (RFC 2868 section 3.2)."""
STATE = 24
CALLING_STATION_ID = 31
NAS_PORT_ID = 87
CHARGEABLE_USER_IDENTITY = 89
ACCT_SESSION_ID = 44
FRAMED_IP_NETMASK, FRAMED_ROUTE = 9, 22
OF_TUNNEL = frozenset((4, 32, 64, 65, 66, 67, 82, 90, 91, 95))
"""Types of what says who we are and which tunnel it is."""
OF_LINK = OF_TUNNEL | {1, 5, 30, 31, 61, 68, 77, 81, 87}
"""With these it says which call of a tunnel it is, and whose."""
WHICH_IDENTITY = bytes((CHARGEABLE_USER_IDENTITY, 3, 0))
"""A Chargeable-User-Identity of one NUL: the server is asked for the right one (RFC 4372 section 2.1)."""
MAX_SHARED_OCTETS = MAX_OCTETS - 256
"""Attributes that the records of a session may share, with room for what each has of its own."""
MAX_TUNNELS_KEPT = 8192
"""Tunnels whose attributes are kept encoded; twice what a worker can hold."""


def value_of(attributes: bytes, code: int) -> bytes:
    """Return the value of the first attribute of a type among encoded ones; nothing when there is none."""
    offset, end = 0, len(attributes)
    while offset < end:
        after = offset + attributes[offset + 1]
        if attributes[offset] == code:
            return attributes[offset + 2 : after]
        offset = after
    return b""


def without(attributes: bytes, code: int) -> bytes:
    """Return encoded attributes but for those of a type: others are to take their place."""
    kept, offset, end = b"", 0, len(attributes)
    while offset < end:
        after = offset + attributes[offset + 1]
        if attributes[offset] != code:
            kept += attributes[offset:after]
        offset = after
    return kept


def only(attributes: bytes, codes: Container[int]) -> bytes:
    """Return those of encoded attributes that are of certain types."""
    kept, offset, end = b"", 0, len(attributes)
    while offset < end:
        after = offset + attributes[offset + 1]
        if attributes[offset] in codes:
            kept += attributes[offset:after]
        offset = after
    return kept


def returned_state(octets: bytes) -> bytes:
    """Encode the State of an Access-Accept for the next Access-Request (RFC 2865 section 5.24)."""
    return bytes((STATE, 2 + len(octets))) + octets if octets else b""


class TunnelIdentity(NamedTuple):
    """The tunnel through which a session comes: the same for all its sessions."""

    client_endpoint: str
    """The LAC's address (Tunnel-Client-Endpoint)."""
    server_endpoint: str
    """Our address, as the LAC called it (Tunnel-Server-Endpoint)."""
    client_name: str
    """The LAC's Host Name (Tunnel-Client-Auth-Id)."""
    server_name: str
    """Our Host Name (Tunnel-Server-Auth-Id)."""
    assignment: str = ""
    """Name of the tunnel, for accounting (Tunnel-Assignment-Id)."""
    port_type: int = PORT_VIRTUAL
    """NAS-Port-Type of its calls; of a tunnel with calls of several kinds there are as many of these."""
    mtu: int = 1500
    """What we would like to be the client's MTU: the MRU that we offer (Framed-MTU)."""


class Identity(NamedTuple):
    """Who calls, and from where."""

    user_name: bytes
    """As the client gave it; one that no attribute can carry (none, or over 253 octets) is left out."""
    session_id: str
    """Acct-Session-Id."""
    nas_port: int
    nas_port_id: str
    calling: str
    """Calling-Station-Id; the LAC's address stands for none."""
    called: str
    """Called number; our address stands for none."""
    connect_info: str
    """Speeds in bit/s as "transmit/receive"; empty when not known."""
    connection: str
    """Acct-Tunnel-Connection (RFC 2867 section 4.1)."""
    tunnel: TunnelIdentity
    private_group: str = ""
    """Tunnel-Private-Group-Id (RFC 2868 section 3.6)."""
    access_line: bytes = b""
    """What is known of the access line: type, length and value of RFC 4679's attributes, one behind the other."""


class Blobs(NamedTuple):
    """An Identity, encoded."""

    access: bytes
    """For Access-Requests; begins with User-Name."""
    accounting: bytes
    """For accounting records: the same but for what is a wish, and what belongs in no Access-Request."""


class IdentityEncoder:
    """Makes the attributes of an Identity."""

    __slots__ = ("_chargeable", "_config", "_nas", "_session", "_time", "_tunnel", "_tunnels", "_user_name")

    def __init__(self, codec: Codec, config: RadiusConfig) -> None:
        """Take the encoders from the dictionary."""
        self._config = config
        self._user_name = codec.encoder("User-Name", "string")
        self._session = _SessionEncoders(codec)
        self._nas = _NasEncoders(codec)
        self._tunnel = _TunnelEncoders(codec)
        self._chargeable = codec.encoder("Chargeable-User-Identity", "octets")
        self._time = codec.encoder("Event-Timestamp", "date")
        self._tunnels: dict[TunnelIdentity, tuple[bytes, bytes, bytes]] = {}

    def encode(self, identity: Identity) -> Blobs:
        """Encode a session's constant attributes."""
        tunnel = identity.tunnel
        ends = self._tunnels.get(tunnel)
        if ends is None:
            ends = self._encode_tunnel(tunnel)
        session = self._session
        session_id = identity.session_id
        both = (
            self.user_name(identity.user_name)
            + ends[0]
            + session.nas_port(identity.nas_port)
            + session.nas_port_id(identity.nas_port_id)
            + session.session_id(session_id)
            + session.calling(identity.calling or tunnel.client_endpoint)
            + session.called(identity.called or tunnel.server_endpoint)
            + session.connect_info(identity.connect_info)
        )
        if identity.private_group:
            both += session.private_group(identity.private_group)
        if identity.access_line and self._config.access_line:
            both += session.access_line(identity.access_line)
        bundle = session.bundle(session_id)  # of one link: the only session of its bundle
        return Blobs(both + ends[1], both + ends[2] + bundle + session.connection(identity.connection))

    def user_name(self, name: bytes) -> bytes:
        """Encode a User-Name, whole or not at all: a cut one could be somebody else's."""
        return self._user_name(name) if len(name) <= 253 else b""

    def rename(self, accounting: bytes, name: bytes) -> bytes:
        """Put the User-Name of an Access-Accept in the place of the client's (RFC 2865 section 5.1)."""
        rest = accounting[accounting[1] :] if accounting[:1] == b"\x01" else accounting
        return self.user_name(name) + rest

    def reconnect(self, attributes: bytes, connect_info: str) -> bytes:
        """Return encoded attributes with another Connect-Info; too many for a packet, and none, stay as they are."""
        if not attributes:
            return attributes
        kept = without(attributes, self._session.connect_info_code) + self._session.connect_info(connect_info)
        return kept if len(kept) <= MAX_SHARED_OCTETS else attributes

    def with_networks(self, accounting: bytes, prefix_length: int, routes: tuple[tuple[int, int], ...]) -> bytes:
        """Say which networks are behind a subscriber, in place of what was said of it: as many as there is room for.

        ``prefix_length`` is that round its address, 32 for none (Framed-IP-Netmask); ``routes`` are (network,
        length), by way of its own address, which 0.0.0.0 means (Framed-Route, RFC 2865 section 5.22).
        """
        kept = without(without(accounting, FRAMED_IP_NETMASK), FRAMED_ROUTE)
        if prefix_length < 32:
            mask = 0xFFFFFFFF << 32 - prefix_length & 0xFFFFFFFF
            kept += bytes((FRAMED_IP_NETMASK, 6)) + mask.to_bytes(4, "big")
        for network, length in routes:
            text = f"{ipv4_text(network)}/{length} 0.0.0.0 1".encode()
            attribute = bytes((FRAMED_ROUTE, 2 + len(text))) + text
            if len(kept) + len(attribute) <= MAX_SHARED_OCTETS:
                kept += attribute
        return kept

    def charge(self, accounting: bytes, identity: bytes) -> bytes:
        """Add the Chargeable-User-Identity of an Access-Accept, if it had one: all records have it (RFC 4372).

        Once is enough: who had to wait for its address is admitted by the same Accept again.
        """
        if not identity or value_of(accounting, CHARGEABLE_USER_IDENTITY):
            return accounting
        return accounting + self._chargeable(identity)

    def ask_again(self, access: bytes, identity: bytes) -> bytes:
        """Put the Chargeable-User-Identity that a session has in the place of the question for one."""
        if not identity or not self._config.chargeable_user_identity:
            return access
        return access.removesuffix(WHICH_IDENTITY) + self._chargeable(identity)

    def stamp(self, access: bytes, at: float) -> bytes:
        """Add the time to an Access-Request, where it is wanted; ``at`` in seconds since 1970 (UTC)."""
        return access + self._time(int(at)) if self._config.access_timestamp else access

    def nas(self, address: str = "") -> bytes:
        """Encode who we are; ``address``, which the LAC called, stands for both addresses where none is configured.

        So a server knows us by the same addresses whichever way a LAC comes.
        """
        nas, config = self._nas, self._config
        ipv4, ipv6 = config.nas_ip_address or "", config.nas_ipv6_address or ""
        if not ipv4 and not ipv6:
            ipv4, ipv6 = ("", address) if ":" in address else (address, "")
        encoded = nas.identifier(config.nas_identifier) + nas.ip_address(ipv4)
        return encoded + nas.ipv6_address(ip_address(ipv6).packed) if ipv6 else encoded

    def tunnel(self, tunnel: TunnelIdentity, session_id: str, connection: str) -> bytes:
        """Encode what the records of a tunnel share (RFC 2867 section 3); its user is the LAC."""
        ends = self._tunnels.get(tunnel) or self._encode_tunnel(tunnel)
        named = self.user_name(tunnel.client_name.encode()) + only(ends[0] + ends[2], OF_TUNNEL)
        session = self._session
        return named + session.session_id(session_id) + session.bundle(session_id) + session.connection(connection)

    def link(self, record: bytes, session_id: str) -> bytes:
        """Return what the records of a link share, out of what those of its session do (``record``).

        Acct-Multi-Session-Id is the session's own id, so that both are found together.
        """
        session = self._session
        bundle = value_of(record, ACCT_SESSION_ID).decode()
        return only(record, OF_LINK) + session.session_id(session_id) + session.bundle(bundle)

    def _encode_tunnel(self, tunnel: TunnelIdentity) -> tuple[bytes, bytes, bytes]:
        """Encode what the sessions of a tunnel have in common, for both, for requests and for records; keep it."""
        encoders = self._tunnel
        both = (
            self.nas(tunnel.server_endpoint)
            + encoders.service_type(SERVICE_FRAMED)
            + encoders.framed_protocol(PROTOCOL_PPP)
            + encoders.nas_port_type(tunnel.port_type)
            + encoders.type(TUNNEL_L2TP)
            + encoders.medium(MEDIUM_IPV6 if ":" in tunnel.client_endpoint else MEDIUM_IPV4)
            + encoders.client_endpoint(tunnel.client_endpoint)
            + encoders.server_endpoint(tunnel.server_endpoint)
            + encoders.client_name(tunnel.client_name)
            + encoders.server_name(tunnel.server_name)
        )
        question = WHICH_IDENTITY if self._config.chargeable_user_identity else b""
        ends = (both, encoders.mtu(tunnel.mtu) + question, encoders.assignment(tunnel.assignment))
        if len(self._tunnels) >= MAX_TUNNELS_KEPT:
            self._tunnels.clear()
        self._tunnels[tunnel] = ends
        return ends


class _SessionEncoders:
    """Encoders of what differs from session to session."""

    __slots__ = (
        "_line_head",
        "bundle",
        "called",
        "calling",
        "connect_info",
        "connect_info_code",
        "connection",
        "nas_port",
        "nas_port_id",
        "private_group",
        "session_id",
    )

    def __init__(self, codec: Codec) -> None:
        self.nas_port = codec.encoder("NAS-Port", "integer")
        self.nas_port_id = codec.encoder("NAS-Port-Id", "string")
        self.session_id = codec.encoder("Acct-Session-Id", "string")
        self.calling = codec.encoder("Calling-Station-Id", "string")
        self.called = codec.encoder("Called-Station-Id", "string")
        self.connect_info = codec.encoder("Connect-Info", "string")
        self.connect_info_code = codec.code("Connect-Info", "string")[1]
        self.bundle = codec.encoder("Acct-Multi-Session-Id", "string")
        self.connection = codec.encoder("Acct-Tunnel-Connection", "string")
        self.private_group = codec.encoder("Tunnel-Private-Group-Id", "string")
        self._line_head = codec.code("ADSL-Agent-Circuit-Id", "octets")[0].to_bytes(4, "big")

    def access_line(self, line: bytes) -> bytes:
        """Put each sub-attribute into a Vendor-Specific attribute of its own (RFC 2865 section 5.26)."""
        encoded, offset = b"", 0
        while offset < len(line):
            end = offset + line[offset + 1]
            encoded += bytes((VENDOR_SPECIFIC, 6 + end - offset)) + self._line_head + line[offset:end]
            offset = end
        return encoded


class _NasEncoders:
    """Encoders of what says who we are."""

    __slots__ = ("identifier", "ip_address", "ipv6_address")

    def __init__(self, codec: Codec) -> None:
        self.identifier = codec.encoder("NAS-Identifier", "string")
        self.ip_address = codec.encoder("NAS-IP-Address", "ipaddr")
        self.ipv6_address = codec.encoder("NAS-IPv6-Address", "ipv6addr")


class _TunnelEncoders:
    """Encoders of what the sessions of a tunnel have in common."""

    __slots__ = (
        "assignment",
        "client_endpoint",
        "client_name",
        "framed_protocol",
        "medium",
        "mtu",
        "nas_port_type",
        "server_endpoint",
        "server_name",
        "service_type",
        "type",
    )

    def __init__(self, codec: Codec) -> None:
        self.service_type = codec.encoder("Service-Type", "integer")
        self.framed_protocol = codec.encoder("Framed-Protocol", "integer")
        self.nas_port_type = codec.encoder("NAS-Port-Type", "integer")
        self.mtu = codec.encoder("Framed-MTU", "integer")
        self.assignment = codec.encoder("Tunnel-Assignment-Id", "string")
        self.type = codec.encoder("Tunnel-Type", "integer")
        self.medium = codec.encoder("Tunnel-Medium-Type", "integer")
        self.client_endpoint = codec.encoder("Tunnel-Client-Endpoint", "string")
        self.server_endpoint = codec.encoder("Tunnel-Server-Endpoint", "string")
        self.client_name = codec.encoder("Tunnel-Client-Auth-Id", "string")
        self.server_name = codec.encoder("Tunnel-Server-Auth-Id", "string")
