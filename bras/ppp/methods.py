"""From the name of a method to the machine that does it, in either role."""

from __future__ import annotations

from typing import Any, TypeAlias

from bras.ids import Entropy
from bras.ppp.chap import ChapClient, ChapServer
from bras.ppp.pap import PapClient, PapServer
from bras.ppp.settings import LinkConfig

Method: TypeAlias = PapServer | ChapServer | PapClient | ChapClient


def begin(name: str, config: LinkConfig, entropy: Entropy) -> Method:
    """Return a fresh machine of the role that the configuration says."""
    identity, attempts = config.client, config.auth_attempts
    if identity is None:
        return PapServer(attempts) if name == "pap" else ChapServer(name, config.hostname, attempts, entropy)
    return PapClient(identity, attempts) if name == "pap" else ChapClient(name, identity, attempts, entropy)


def begin_server(name: str, config: LinkConfig, entropy: Entropy) -> PapServer | ChapServer:
    """Return a fresh machine that demands proof."""
    attempts = config.auth_attempts
    return PapServer(attempts) if name == "pap" else ChapServer(name, config.hostname, attempts, entropy)


def restore(name: str, data: list[Any], config: LinkConfig, entropy: Entropy) -> Method:
    """Return the machine that its ``save`` described."""
    identity = config.client
    if identity is None:
        return PapServer.restore(data) if name == "pap" else ChapServer.restore(data, config.hostname, entropy)
    return PapClient.restore(data, identity) if name == "pap" else ChapClient.restore(data, identity, entropy)
