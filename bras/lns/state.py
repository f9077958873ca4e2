"""The whole LNS as plain data, and the LNS again.

Everything that decides what comes next is in it: handling the same inputs after
``restore(save())`` gives the same effects, as long as ``entropy`` goes on.  What is not:
who waits for the Answer to a Command, for the answer goes to a process that asked this
one; both die together; and secrets of LACs that the configuration has no more, by which a
tunnel of before may still hide its AVPs.

``save`` holds what clients offered as proof while it is judged, so it is for tests, for
replays and for passing on between processes, not for a disk; the journal
(``bras.lns.commit``) is for that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from bras.accounting.ledger import Ledger
from bras.addressing.pools import Pools
from bras.config.grant import Grant
from bras.config.model import Config, LacConfig
from bras.errors import BrasError
from bras.ids import Entropy
from bras.l2tp.endpoint import Endpoint
from bras.lns.core import Backlog, Books, Core, Verdict
from bras.lns.desk import Desk
from bras.lns.operate import Operations, Stage
from bras.lns.policy import Policy
from bras.lns.registry import Registry
from bras.lns.tunnel_account import TunnelBooks
from bras.plain import Saved, restore_fields, save_fields
from bras.ppp import events as ppp
from bras.radius.accounting import AccountingRecords
from bras.radius.attributes import IdentityEncoder
from bras.radius.codec import Codec
from bras.radius.exchange import Exchanges
from bras.subscriber.settings import Settings
from bras.subscriber.subscriber import Subscriber
from bras.wire import ipv4_of

VERSION = 5
_CREDENTIALS: dict[str, Callable[..., ppp.Credentials]] = {
    kind.__name__: kind
    for kind in (ppp.PapCredentials, ppp.ChapCredentials, ppp.MsChapCredentials, ppp.MsChap2Credentials)
}


class StateError(BrasError):
    """Saved state is of a version that this program does not know."""


def reserved_addresses(config: Config) -> tuple[int, ...]:
    """Return the addresses that are nobody's: our own end of the links."""
    local = ipv4_of(config.dataplane.local_address)
    return () if local is None else (local,)


def save(core: Core, operations: Operations) -> Saved:
    """Return plain data."""
    return {
        "version": VERSION,
        "epoch": core.policy.epoch,
        "path_mtu": dict(core.policy.path_mtu),
        "raised_told": sorted(core.policy.resolver.told),
        "former_groups": [save_fields(group) for group in core.policy.former],
        "former_settings": _former_settings(core),
        "endpoint": core.endpoint.save(),
        "exchanges": core.exchanges.save(),
        "pools": core.pools.save(),
        "registry": core.registry.save(),
        "waiting": [
            [number, [[waiter, save_fields(verdict)] for waiter, verdict in waiters]]
            for number, waiters in core.backlog.waiting.items()
        ],
        "offered": [
            [number, type(credentials).__name__, save_fields(credentials)]
            for number, credentials in core.backlog.offered.items()
        ],
        "moved": list(core.backlog.moved),
        "tunnel_books": core.tunnel_books.save(),
        "wall_offset_s": core.books.wall_offset_s,
        "closing": core.closing,
        "ledger": core.ledger.save(),
        "coa": core.coa.save() if core.coa is not None else None,
        "operations": _save_operations(operations),
    }


def _former_settings(core: Core) -> Saved:
    """Return settings that subscribers keep from before the configuration became another, and who has which."""
    kinds: list[Settings] = []  # not many
    whose: list[list[int]] = []
    for number, subscriber in core.registry.by_number.items():
        settings = subscriber.settings
        if settings is not core.policy.settings_of(settings.group, settings.link.mru):
            if settings not in kinds:
                kinds.append(settings)
            whose.append([number, kinds.index(settings)])
    return {"settings": [settings.save() for settings in kinds], "whose": whose}


def _save_operations(operations: Operations) -> Saved:
    return {
        "stage": operations.stage.value,
        "stage_ends_at": operations.stage_ends_at,
        "poll_at": operations.poll_at,
        "alive_at": operations.alive_at,
        "announced": operations.announced,
    }


def restore(saved: Saved, config: Config, codec: Codec, entropy: Entropy) -> tuple[Core, Operations]:
    """Return the machines that ``save`` was called on; raises StateError."""
    if saved["version"] != VERSION:
        raise StateError(f"the state is of version {saved['version']}, this is version {VERSION}")
    policy = Policy(config, saved["epoch"], map(_group, saved["former_groups"]))
    policy.path_mtu.update(saved["path_mtu"])
    policy.resolver.told.update(saved["raised_told"])
    former = [Settings.restore(one) for one in saved["former_settings"]["settings"]]
    kept = {number: former[index] for number, index in saved["former_settings"]["whose"]}
    subscribers = [
        Subscriber.restore(
            one, kept.get(one["number"]) or policy.settings_of(one["line"]["group"], one["mru"]), entropy
        )
        for one in saved["registry"]["subscribers"]
    ]
    core = Core(
        config=config,
        endpoint=Endpoint.restore(saved["endpoint"], lns=config.lns, groups=config.lac, entropy=entropy),
        exchanges=Exchanges.restore(saved["exchanges"], config.radius, codec, entropy),
        pools=Pools.restore(config.pool, reserved_addresses(config), saved["pools"]),
        policy=policy,
        books=Books(
            IdentityEncoder(codec, config.radius),
            AccountingRecords(codec, config.radius.ipv6_counters),
            saved["wall_offset_s"],
        ),
        ledger=Ledger.restore(saved["ledger"], config.radius.spool),
        registry=Registry.restore(saved["registry"], subscribers),
        entropy=entropy,
        coa=Desk.restore(saved["coa"], config.radius, codec),
        tunnel_books=TunnelBooks.restore(saved["tunnel_books"]),
        closing=saved["closing"],
        backlog=_backlog(saved),
    )
    core.endpoint.census.holds = core.ledger.refuses_calls
    return core, _operations(saved["operations"])


def _group(saved: Saved) -> LacConfig:
    """Return a group of before, without its secrets: no new tunnel is in it."""
    grant = Grant(**_tuples(saved["grant"]))
    return LacConfig(**(_tuples(saved) | {"grant": grant}))


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields of the configuration out of a file, where tuples are lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _backlog(saved: Saved) -> Backlog:
    return Backlog(
        waiting={
            number: [(waiter, Verdict.restore(verdict)) for waiter, verdict in waiters]
            for number, waiters in saved["waiting"]
        },
        moved=deque(saved["moved"]),
        offered={number: restore_fields(_CREDENTIALS[kind], fields) for number, kind, fields in saved["offered"]},
    )


def _operations(saved: Saved) -> Operations:
    stage = Stage(saved["stage"])
    return Operations(
        stage=stage,
        stage_ends_at=saved["stage_ends_at"],
        poll_at=saved["poll_at"],
        alive_at=saved["alive_at"],
        announced=saved["announced"],
        is_busy=stage is not Stage.RUNNING,
    )
