"""Names and data types of the attributes that are understood in what a RADIUS server authorises.

They stand here, because the configuration may name them (`[radius.unsupported]`); what each
of them means is the business of ``bras.radius.authorization`` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ORDINARY: Final[Mapping[str, str]] = {
    "User-Name": "string",
    "Service-Type": "integer",
    "Framed-Protocol": "integer",
    "Framed-IP-Address": "ipaddr",
    "Framed-Pool": "string",
    "Session-Timeout": "integer",
    "Idle-Timeout": "integer",
    "Acct-Interim-Interval": "integer",
    "Class": "octets",
    "Chargeable-User-Identity": "octets",
    "State": "octets",
    "Reply-Message": "string",
    "MS-Primary-DNS-Server": "ipaddr",
    "MS-Secondary-DNS-Server": "ipaddr",
    "MS-Primary-NBNS-Server": "ipaddr",
    "MS-Secondary-NBNS-Server": "ipaddr",
    "Bras-Profile": "string",
}
"""What nearly every Access-Accept has some of: read on the shortest way."""

REPEATED: Final = ("Class", "Reply-Message")
"""Those of them of which each one counts, in order; of the others the first."""

FURTHER: Final[Mapping[str, str]] = {
    "Framed-IP-Netmask": "ipaddr",
    "Framed-Route": "string",
    "Framed-MTU": "integer",
    "Filter-Id": "string",
    "Termination-Action": "integer",
    "Port-Limit": "integer",
    "Framed-Interface-Id": "ifid",
    "Framed-IPv6-Prefix": "ipv6prefix",
    "Framed-IPv6-Route": "string",
    "Framed-IPv6-Pool": "string",
    "Delegated-IPv6-Prefix": "ipv6prefix",
    "Framed-IPv6-Address": "ipv6addr",
    "DNS-Server-IPv6-Address": "ipv6addr",
    "Delegated-IPv6-Prefix-Pool": "string",
    "Stateful-IPv6-Address-Pool": "string",
    "MS-MPPE-Encryption-Policy": "integer",
    "Bras-Rate-Up": "integer64",
    "Bras-Rate-Down": "integer64",
    "Bras-Burst-Up": "integer",
    "Bras-Burst-Down": "integer",
    "Bras-Quota-Total": "integer64",
    "Bras-Quota-Up": "integer64",
    "Bras-Quota-Down": "integer64",
    "Bras-Quota-Action": "integer",
    "Bras-Quota-Rate-Up": "integer64",
    "Bras-Quota-Rate-Down": "integer64",
    "Bras-Idle-Direction": "integer",
    "Bras-Source-Check": "integer",
    "Bras-Mark": "integer",
    "Bras-Priority": "integer",
    "Cisco-AVPair": "string",
    "Cisco-Policy-Up": "string",
    "Cisco-Policy-Down": "string",
    "Cisco-Sub-QoS-Pol-In": "string",
    "Cisco-Sub-QoS-Pol-Out": "string",
    "Cisco-Account-Info": "string",
    "Cisco-Service-Info": "string",
    "Cisco-In-ACL": "string",
    "Cisco-Out-ACL": "string",
    "ERX-Virtual-Router-Name": "string",
    "ERX-Address-Pool-Name": "string",
    "ERX-Primary-Dns": "ipaddr",
    "ERX-Secondary-Dns": "ipaddr",
    "ERX-Primary-Wins": "ipaddr",
    "ERX-Secondary-Wins": "ipaddr",
    "ERX-Ingress-Policy-Name": "string",
    "ERX-Egress-Policy-Name": "string",
    "ERX-Qos-Profile-Name": "string",
    "ERX-Sa-Validate": "integer",
    "ERX-Ipv6-Primary-Dns": "ipv6addr",
    "ERX-Ipv6-Secondary-Dns": "ipv6addr",
    "ERX-Service-Activate": "string",
    "Alc-Primary-Dns": "ipaddr",
    "Alc-Secondary-Dns": "ipaddr",
    "Alc-Primary-Nbns": "ipaddr",
    "Alc-Secondary-Nbns": "ipaddr",
    "Alc-SLA-Prof-Str": "string",
    "Alc-Ipv6-Primary-Dns": "ipv6addr",
    "Alc-Ipv6-Secondary-Dns": "ipv6addr",
    "Alc-Subscriber-QoS-Override": "string",
    "Alc-Delegated-IPv6-Pool": "string",
    "Mikrotik-Rate-Limit": "string",
    "Mikrotik-Recv-Limit": "integer",
    "Mikrotik-Xmit-Limit": "integer",
    "Mikrotik-Recv-Limit-Gigawords": "integer",
    "Mikrotik-Xmit-Limit-Gigawords": "integer",
    "Mikrotik-Total-Limit": "integer",
    "Mikrotik-Total-Limit-Gigawords": "integer",
    "Mikrotik-Delegated-IPv6-Pool": "string",
    "WISPr-Session-Terminate-Time": "string",
    "WISPr-Bandwidth-Max-Up": "integer",
    "WISPr-Bandwidth-Max-Down": "integer",
    "ChilliSpot-Max-Input-Octets": "integer",
    "ChilliSpot-Max-Output-Octets": "integer",
    "ChilliSpot-Max-Total-Octets": "integer",
    "ChilliSpot-Max-Input-Gigawords": "integer",
    "ChilliSpot-Max-Output-Gigawords": "integer",
    "ChilliSpot-Max-Total-Gigawords": "integer",
    "ChilliSpot-Bandwidth-Max-Up": "integer",
    "ChilliSpot-Bandwidth-Max-Down": "integer",
    "Ascend-Client-Primary-DNS": "ipaddr",
    "Ascend-Client-Secondary-DNS": "ipaddr",
    "Ascend-Data-Rate": "integer",
    "Ascend-Xmit-Rate": "integer",
}
"""What only some have, with a meaning that takes longer to find."""

SEVERAL: Final = frozenset((
    "Framed-Route", "Framed-IPv6-Route", "Framed-IPv6-Prefix", "Delegated-IPv6-Prefix", "Framed-IPv6-Address",
    "DNS-Server-IPv6-Address", "Cisco-AVPair", "Cisco-Account-Info", "Cisco-Service-Info",
    "Alc-Subscriber-QoS-Override", "ERX-Ipv6-Primary-Dns", "ERX-Ipv6-Secondary-Dns",
))  # fmt: skip
"""Those of them of which each one counts, in order; of the others the first."""

CAN_LACK: Final = frozenset(("Service-Type", "Framed-Protocol", "Framed-IP-Address", *FURTHER))
"""Those that can authorise what we lack, or have a value that makes no sense."""
ANY: Final = "*"
"""In the configuration: all that are not named."""
IGNORE: Final = "ignore"
REJECT: Final = "reject"


def ignored(unsupported: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Return the names of those that are ignored where they authorise what we lack."""
    named = dict(unsupported)
    other = named.get(ANY, REJECT)
    return frozenset(name for name in CAN_LACK if named.get(name, other) == IGNORE)
