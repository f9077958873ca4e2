"""Another configuration while calls come and go: what is new goes by it, what there is goes on.

All that can fail is made first; then the machines change over, one after the other, in one
turn.  Nobody's session is touched:

- subscribers keep the settings under which their link began, their Profile and their address;
- tunnels keep what their ends agreed on, and take limits and timers;
- a request or record that waits for an answer goes on with the servers that there are now.
"""

from __future__ import annotations

from bras.addressing.pools import Pools
from bras.config.model import Config
from bras.lns import from_ledger
from bras.lns.core import Core
from bras.lns.desk import Desk
from bras.lns.inputs import ConfigChanged
from bras.lns.state import reserved_addresses
from bras.radius.accounting import AccountingRecords
from bras.radius.attributes import IdentityEncoder


def put_into_force(core: Core, given: ConfigChanged, now: float) -> None:
    """Change over."""
    config, codec = given.config, given.codec
    policy = core.policy.follow(config, _groups_in_use(core))
    pools = _pools(core, config)
    identities, encoder = IdentityEncoder(codec, config.radius), AccountingRecords(codec, config.radius.ipv6_counters)
    core.endpoint.follow(config.lns, config.lac, now=now)
    core.policy, core.pools = policy, pools
    core.books.identities, core.books.encoder = identities, encoder
    core.coa = Desk.follow(core.coa, config.radius, codec)
    core.registry.index_attributes(core.coa is not None)
    core.config = config
    core.ledger.follow(config.radius.spool)
    from_ledger.hold_calls(core)
    core.tunnel_books.is_open |= config.radius.tunnel_accounting != "off"
    core.backlog.radius.append(core.exchanges.reconfigure(config.radius, codec, now=now))


def _groups_in_use(core: Core) -> set[str]:
    """Return the names of the groups that have a session."""
    return {group for (group, _phase), count in core.registry.counts.items() if count}


def _pools(core: Core, config: Config) -> Pools:
    """Return the pools with who has which address; they are made anew only if they differ."""
    reserved = reserved_addresses(config)
    if config.pool == core.config.pool and reserved == reserved_addresses(core.config):
        return core.pools
    return core.pools.follow(config.pool, reserved)
