"""What must hold of RADIUS servers, their groups, and who asks them; see ``bras.config.crosscheck``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bras.config.findings import Findings
from bras.config.model import Config
from bras.config.radius import RadiusServerConfig
from bras.config.realm import ANY

MS_CHAP2 = "mschapv2"


def check_radius(config: Config, findings: Findings) -> None:
    """Note every contradiction between the sections that tell of RADIUS, and between them and others."""
    _check_servers(config, findings)
    _check_timers(config, findings)
    _check_groups(config, findings)
    _check_accounting(config, findings)
    _check_sources(config, findings)
    _check_proven_names(config, findings)


def _check_servers(config: Config, findings: Findings) -> None:
    """See that every RADIUS server is good for something, and for something else than the others."""
    seen: dict[tuple[str | None, str, str, int], int] = {}
    for index, server in enumerate(config.radius.server):
        at = f"radius.server[{index}]"
        if not server.auth_port and not server.acct_port:
            findings.wrong(f"{at}.auth_port", "it is 0 and acct_port is 0 too", "give at least one of the two ports")
        if server.source and server.address and (":" in server.source) != (":" in server.address):
            wrong = f"{server.source} and {server.address} are not of one family"
            findings.wrong(f"{at}.source", wrong, f"give an IPv{6 if ':' in server.address else 4} address")
        for use in _uses(server):
            if use in seen and server.address:
                wrong = f"{server.address} port {use[3]} is used by radius.server[{seen[use]}] too"
                findings.wrong(f"{at}.address", wrong, "give each server once in a group")
            seen.setdefault(use, index)


def _uses(server: RadiusServerConfig) -> Iterable[tuple[str | None, str, str, int]]:
    """Return what a server is used for: (group, use, address, port)."""
    for use, port in (("auth", server.auth_port), ("acct", server.acct_port)):
        if port:
            yield server.group, use, server.address, port


def _check_sources(config: Config, findings: Findings) -> None:
    """See that somebody can decide on every subscriber."""
    source = config.auth.source
    if source == "local" and not config.user:
        findings.wrong("auth.source", 'it is "local" and there is no [[user]]', "add a [[user]]")
    if source == "radius-then-local" and not config.user:
        findings.doubtful("auth.source", "there is no [[user]] to fall back on", 'add a [[user]], or give "radius"')
    if source == "local":
        return
    _check_authenticating(config, findings)


def _check_authenticating(config: Config, findings: Findings) -> None:
    """See that every group that is asked to authenticate has a server that does."""
    groups = {server.group for server in config.radius.server if server.auth_port}
    known = {server.group for server in config.radius.server}
    asked = [
        (f"lac[{index}].radius", lac.radius)
        for index, lac in enumerate(config.lac)
        if lac.default_realm is None or not _every_realm_has_servers(config)
    ]
    asked += [(f"realm[{index}].radius", realm.radius) for index, realm in enumerate(config.realm) if realm.radius]
    for at, group in asked:
        if group in groups or (group is not None and group not in known):
            continue  # of an unknown name enough has been said
        wrong = f"no [[radius.server]] {'without' if group is None else 'of this'} group authenticates"
        if group is None and not config.radius.server:
            findings.wrong("radius", wrong, 'add one, or give auth.source = "local"')
            return
        findings.wrong(at, wrong, 'add one, or give auth.source = "local"')


def _every_realm_has_servers(config: Config) -> bool:
    """Return whether nobody with a realm is left to the group of its LAC."""
    return any(realm.name == ANY for realm in config.realm) and all(realm.radius for realm in config.realm)


def _check_accounting(config: Config, findings: Findings) -> None:
    """See that every group that is named for accounting has a server that takes records."""
    groups = {server.group for server in config.radius.server if server.acct_port}
    known = {server.group for server in config.radius.server}
    for at, group in named_groups(config):
        if at.endswith(".radius_accounting") and group in known and group not in groups:
            findings.wrong(
                at, "no [[radius.server]] of this group takes accounting records", "add one, or leave it out"
            )


def _check_groups(config: Config, findings: Findings) -> None:
    """See that every [[radius.group]] is of servers that there are, and of others than the one before."""
    known = {server.group for server in config.radius.server}
    seen: dict[str | None, int] = {}
    for index, group in enumerate(config.radius.group):
        at = f"radius.group[{index}].name"
        if group.name in seen:
            which = "the servers without a group" if group.name is None else f'the servers of "{group.name}"'
            findings.wrong(at, f"{which} are told of in radius.group[{seen[group.name]}] too", "give each group once")
        elif group.name not in known:
            wrong = "there is no [[radius.server]] " + ("without a group" if group.name is None else "of this group")
            findings.wrong(at, wrong, "add one, or leave the group out")
        seen.setdefault(group.name, index)


def _check_proven_names(config: Config, findings: Findings) -> None:
    """See that nobody's name is made another one that is part of the client's proof (RFC 2759 section 8.2)."""
    if config.auth.source == "local":
        return
    stripped = {realm.name.casefold() for realm in config.realm if realm.strip}
    groups = [lac.methods or config.auth.methods for lac in config.lac] or [config.auth.methods]
    changed = [
        (f"lac[{index}].default_realm", MS_CHAP2 in groups[index])
        for index, lac in enumerate(config.lac)
        if lac.default_realm is not None and lac.default_realm.casefold() not in stripped
    ]
    changed += [
        (f"realm[{index}].strip", realm.strip and any(MS_CHAP2 in methods for methods in groups))
        for index, realm in enumerate(config.realm)
    ]
    for at, wrong in changed:
        if wrong:
            text = "the name that RADIUS is told is not the one that clients prove by MS-CHAPv2"
            findings.doubtful(at, text, f'leave "{MS_CHAP2}" out of the methods, or have the server do it')


def _check_timers(config: Config, findings: Findings) -> None:
    """See that no cap is below what it caps, and that every server can have its say in time."""
    for index, server in enumerate(config.radius.server):
        if server.timeout_cap_s and server.timeout_cap_s < server.timeout_s:
            wrong = f"{server.timeout_cap_s:g} is below timeout_s ({server.timeout_s:g})"
            findings.wrong(f"radius.server[{index}].timeout_cap_s", wrong, "give at least as much, or 0")
        if config.radius.patience_s and server.timeout_s > config.radius.patience_s:
            wrong = f"{server.timeout_s:g} is above radius.patience_s ({config.radius.patience_s:g})"
            findings.doubtful(f"radius.server[{index}].timeout_s", wrong, "give less, or more patience")


def named_groups(config: Config) -> Iterator[tuple[str, str | None]]:
    """Yield every place where a group of servers is named."""
    sections = [(f"lac[{index}]", lac.radius, lac.radius_accounting) for index, lac in enumerate(config.lac)]
    sections += [(f"realm[{index}]", one.radius, one.radius_accounting) for index, one in enumerate(config.realm)]
    for at, radius, accounting in sections:
        yield f"{at}.radius", radius
        yield f"{at}.radius_accounting", accounting
