"""A FreeRADIUS that is reached over TLS only (RFC 6614)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.support.certificates import Pair
from tests.support.freeradius import FreeRadius
from tests.support.namespaces import Namespace

_LISTEN = """\
    listen {{
        type = auth+acct
        proto = tcp
        ipaddr = {address}
        port = {port}
        clients = radsec
        limit {{
            max_connections = 64
            lifetime = 0
            idle_timeout = {idle_s}
        }}
        tls {{
            certificate_file = {certificate}
            private_key_file = {key}
            ca_file = {ca}
            fragment_size = 8192
            cipher_list = "DEFAULT"
            tls_min_version = "1.2"
            tls_max_version = "{version}"
            require_client_cert = yes
            cache {{
                enable = no
            }}
        }}
    }}
"""
_CLIENTS = """\
clients radsec {
    client any {
        ipaddr = 0.0.0.0/0
        proto = tls
        secret = radsec
        limit {
            max_connections = 64
            lifetime = 0
            idle_timeout = 0
        }
    }
}
"""


_ASKS = """\
proxy_requests = yes
proxy server {{
}}
home_server lns {{
    type = coa
    ipaddr = {lns}
    src_ipaddr = {address}
    port = 2083
    proto = tcp
    secret = radsec
    coa {{
        irt = 2
        mrt = 16
        mrc = 5
        mrd = 30
    }}
    tls {{
        certificate_file = {certificate}
        private_key_file = {key}
        ca_file = {ca}
        tls_min_version = "1.2"
        tls_max_version = "{version}"
    }}
}}
home_server_pool lns {{
    home_server = lns
}}
"""
_AT_START = """\
    accounting {
        if (&Acct-Status-Type == Start) {
            update coa {
                &Acct-Session-Id = "%{Acct-Session-Id}"
                &Session-Timeout = 7200
                &Message-Authenticator = 0x00
                &Home-Server-Pool := "lns"
            }
        }
"""


class FreeRadiusTls(FreeRadius):
    """FreeRADIUS with a certificate, behind port 2083; clients must have one that ``ca`` has signed.

    With ``lns``, the address of an LNS, it asks for another Session-Timeout there, over TLS, when a session starts.
    """

    def __init__(
        self,
        namespace: Namespace,
        directory: Path,
        pair: Pair,
        ca: Path,
        *,
        port: int = 2083,
        version: str = "1.3",
        idle_s: int = 0,
        lns: str | None = None,
        **others: Any,
    ) -> None:
        """Write its configuration; ``others`` as for ``FreeRadius``."""
        super().__init__(namespace, directory, **others)
        words = {"address": self.address, "port": port, "idle_s": idle_s, "version": version, "lns": lns}
        words |= {"certificate": pair.certificate, "key": pair.key, "ca": ca}
        listen = _LISTEN.format(**words)
        path = directory / "radiusd.conf"
        plain = re.sub(r"    listen \{\n(?:        .*\n)*    \}\n", "", path.read_text())
        if lns is not None:
            plain = _ASKS.format(**words) + plain.replace("    accounting {\n", _AT_START, 1)
        path.write_text(_CLIENTS + plain.replace("server default {\n", "server default {\n" + listen, 1))
