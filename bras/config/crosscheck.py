"""What must hold between sections: names that refer, addresses that must not meet.

It is done after every single value was read, with stand-ins for those that were wrong
(empty names and lists), about which nothing more is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from bras.config.coa_check import check_coa
from bras.config.findings import Findings
from bras.config.grant import Grant
from bras.config.listen_check import check_listen
from bras.config.model import Config, LacConfig, PoolConfig
from bras.config.radius_checks import check_radius, named_groups
from bras.wire import ipv4_of, ipv4_text

SHORTEST_INTERIM_S = 60.0


def crosscheck(config: Config, findings: Findings) -> None:
    """Note every contradiction between the sections of a configuration."""
    check_listen(config.lns.listen, "lns.listen", findings)
    _check_names(config, findings)
    _check_timers(config, findings)
    _check_references(config, findings)
    _check_chains(config.pool, findings)
    _check_overlaps(config.pool, findings)
    _check_fixed_addresses(config, findings)
    check_radius(config, findings)
    check_coa(config.radius.coa, findings)
    _check_lacs(config.lac, findings)
    _check_local(config, findings)
    _check_hiding(config.lac, findings)
    _check_dataplane(config, findings)


def _grants(config: Config) -> Iterator[tuple[str, Grant]]:
    """Yield every place where policy is given, with its key path."""
    for index, lac in enumerate(config.lac):
        yield f"lac[{index}]", lac.grant
    for index, profile in enumerate(config.profile):
        yield f"profile[{index}]", profile.grant
    for index, user in enumerate(config.user):
        yield f"user[{index}]", user.grant
    yield "defaults", config.defaults


def _check_names(config: Config, findings: Findings) -> None:
    """See that names are unique, each among its own kind."""
    for section, names in (
        ("lac", [lac.name for lac in config.lac]),
        ("radius.server", [server.name for server in config.radius.server]),
        ("realm", [realm.name.casefold() for realm in config.realm]),
        ("pool", [pool.name for pool in config.pool]),
        ("profile", [profile.name for profile in config.profile]),
        ("user", [user.name for user in config.user]),
    ):
        seen: dict[str, int] = {}
        for index, name in enumerate(names):
            if name and name in seen:
                wrong = f'"{name}" is the name of {section}[{seen[name]}] too'
                findings.wrong(f"{section}[{index}].name", wrong, "give each a name of its own")
            seen.setdefault(name, index)


def _check_timers(config: Config, findings: Findings) -> None:
    """See that no cap is below what it caps, and accounting no more frequent than RADIUS allows."""
    for index, lac in enumerate(config.lac):
        if lac.retransmit_cap_s < lac.retransmit_initial_s:
            wrong = f"{lac.retransmit_cap_s:g} is below retransmit_initial_s ({lac.retransmit_initial_s:g})"
            findings.wrong(f"lac[{index}].retransmit_cap_s", wrong, "give at least as much")
    lns = config.lns
    if lns.lockout_cap_s < lns.lockout_initial_s:
        wrong = f"{lns.lockout_cap_s:g} is below lockout_initial_s ({lns.lockout_initial_s:g})"
        findings.wrong("lns.lockout_cap_s", wrong, "give at least as much")
    if config.ppp.restart_cap_s < config.ppp.restart_timer_s:
        wrong = f"{config.ppp.restart_cap_s:g} is below restart_timer_s ({config.ppp.restart_timer_s:g})"
        findings.wrong("ppp.restart_cap_s", wrong, "give at least as much")
    for at, grant in _grants(config):
        shortest_s = config.radius.interim_min_s
        if grant.interim_interval_s and grant.interim_interval_s < shortest_s:
            wrong = f"{grant.interim_interval_s:g} is below interim_min_s of [radius]: it counts as {shortest_s:g}"
            findings.doubtful(f"{at}.interim_interval_s", wrong, "give at least 60, better 600")
    if config.radius.interim_min_s < SHORTEST_INTERIM_S:
        wrong = f"{config.radius.interim_min_s:g} is below what RFC 2869 section 5.16 allows"
        findings.doubtful("radius.interim_min_s", wrong, "give at least 60")


def _check_references(config: Config, findings: Findings) -> None:
    """See that every name that refers to something refers to something that is there."""
    pools = [pool.name for pool in config.pool]
    for at, grant in _grants(config):
        _refer(f"{at}.pool", grant.pool, "pool", pools, findings)
    for index, pool in enumerate(config.pool):
        _refer(f"pool[{index}].next", pool.next, "pool", pools, findings)
    profiles = [profile.name for profile in config.profile]
    for index, user in enumerate(config.user):
        _refer(f"user[{index}].profile", user.profile, "profile", profiles, findings)
    groups = sorted({server.group for server in config.radius.server if server.group})
    for at, group in named_groups(config):
        _refer(at, group, "group of RADIUS servers", groups, findings)


def _refer(at: str, name: str | None, what: str, known: list[str], findings: Findings) -> None:
    if name is not None and name not in known:
        findings.unknown(at, name, what, filter(None, known))


def _check_chains(pools: tuple[PoolConfig, ...], findings: Findings) -> None:
    """See that following ``next`` comes to an end; each loop is told once, at its first pool of the file."""
    after = {pool.name: pool.next for pool in pools}
    told: set[str] = set()
    for index, pool in enumerate(pools):
        chain = [pool.name]
        name = pool.next
        while name in after and name not in chain:
            chain.append(name)
            name = after[name]
        if name == pool.name and name not in told:
            told.update(chain)
            wrong = f"the chain comes back: {' > '.join([*chain, name])}"
            findings.wrong(f"pool[{index}].next", wrong, 'leave "next" out of the last pool')


def _check_overlaps(pools: tuple[PoolConfig, ...], findings: Findings) -> None:
    """See that no address of a VRF is in two ranges."""
    ranges = sorted((pool.vrf, first, last, index) for index, pool in enumerate(pools) for first, last in pool.ranges)
    widest: tuple[int, int, int, int] | None = None
    for one in ranges:
        if widest is not None and widest[0] == one[0] and one[1] <= widest[2]:
            earlier, later = sorted((widest, one), key=lambda held: held[3])
            wrong = f"{_written(later)} overlaps {_written(earlier)} of pool[{earlier[3]}]"
            findings.wrong(f"pool[{later[3]}].ranges", wrong, "give each address to one pool, once")
        if widest is None or (one[0], one[2]) > (widest[0], widest[2]):
            widest = one


def _written(one: tuple[int, int, int, int]) -> str:
    return f"{ipv4_text(one[1])}-{ipv4_text(one[2])}"


def _check_fixed_addresses(config: Config, findings: Findings) -> None:
    """See that a fixed address is one subscriber's, and not our own."""
    own = ipv4_of(config.dataplane.local_address)
    users: dict[int, int] = {}
    for at, grant in _grants(config):
        if grant.address is not None and grant.address == own:
            wrong = f"{ipv4_text(grant.address)} is dataplane.local_address"
            findings.wrong(f"{at}.address", wrong, "give another address")
    for index, user in enumerate(config.user):
        address = user.grant.address
        if address is not None and address in users:
            wrong = f"{ipv4_text(address)} is the address of user[{users[address]}] too"
            findings.wrong(f"user[{index}].address", wrong, "give each user an address of its own")
        elif address is not None:
            users[address] = index


def _check_lacs(lacs: tuple[LacConfig, ...], findings: Findings) -> None:
    """See that every group can be reached: the first that matches is taken."""
    if not lacs:
        findings.doubtful("lac", "there is no [[lac]]: every tunnel is refused", "add a [[lac]]")
    for index, lac in enumerate(lacs):
        if lac.proxy != "renegotiate" and not lac.secrets:
            wrong = "a LAC that proves nothing is not believed what it says of a client"
            findings.wrong(f"lac[{index}].proxy", wrong, 'add a secret, or give "renegotiate"')
        for before, earlier in enumerate(lacs[:index]):
            wider = not earlier.local or (lac.local and set(lac.local) <= set(earlier.local))
            wider = wider and earlier.hostname in ("*", lac.hostname)
            if wider and all(_within(prefix, earlier) for prefix in lac.address):
                wrong = f"lac[{before}] matches first whatever this one would"
                findings.doubtful(f"lac[{index}]", wrong, "put the narrower group first")
                break


def _check_hiding(lacs: tuple[LacConfig, ...], findings: Findings) -> None:
    """See that who hides AVPs has a secret for it; of one that could not be read enough has been said."""
    for index, lac in enumerate(lacs):
        told = any(problem.key.startswith(f"lac[{index}].secret") for problem in findings.problems)
        if lac.hide_avps and not lac.secrets and not told:
            wrong = "there is no secret to hide with"
            findings.wrong(f"lac[{index}].hide_avps", wrong, 'give "secret", or leave it out')


def _check_local(config: Config, findings: Findings) -> None:
    """See that the addresses of ours that a group names are such that we listen on."""
    listens = {listen.address for listen in config.lns.listen}
    for index, lac in enumerate(config.lac):
        for number, address in enumerate(lac.local):
            family = "::" if ":" in address else "0.0.0.0"
            if listens and not listens & {address, family}:
                wrong = f"{address} is not among the addresses of lns.listen"
                findings.wrong(f"lac[{index}].local[{number}]", wrong, "give one of those, or listen on it")


def _check_dataplane(config: Config, findings: Findings) -> None:
    """See that LACs come by interfaces other than ours, and that nothing is asked of `tun` that it cannot do."""
    dataplane = config.dataplane
    named = {f"interfaces[{index}]": name for index, name in enumerate(dataplane.interfaces)}
    named |= {f"xdp.{name}": name for name, _ in dataplane.xdp}
    for key, name in named.items():
        if name == dataplane.interface:
            wrong = f"{name} is dataplane.interface, which carries the subscribers"
            findings.wrong(f"dataplane.{key}", wrong, "give an interface by which LACs come")
    if dataplane.backend != "tun":
        return
    needless = [f"dataplane.{key}" for key in ("interfaces", "xdp") if getattr(dataplane, key)]
    needless += [f"{at}.{key}" for at, grant in _grants(config) for key in ("mark", "priority") if getattr(grant, key)]
    for key in needless:
        findings.doubtful(key, 'it has no effect with backend = "tun"', 'leave it out, or give backend = "auto"')


def _within(prefix: str, lac: LacConfig) -> bool:
    """Return whether one of the group's prefixes has all addresses of this one."""
    network = ip_network(prefix)
    first, last = int(network.network_address), int(network.broadcast_address)
    return any(
        other.version == network.version
        and int(other.network_address) <= first
        and last <= int(other.broadcast_address)
        for other in map(ip_network, lac.address)
    )
