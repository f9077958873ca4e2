"""All RADIUS servers: their numbers, their services, and the groups that they are in.

A server has a number as long as it is reached in the same way; whoever has another address,
port or transport is another server and has another number, which none had before it.  So
what comes from a server's sockets is never taken for another one's, whatever a reload makes
of the list.  Numbers of services are given again: nothing refers to one that is gone.
"""

from __future__ import annotations

from dataclasses import replace

from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.plain import Saved
from bras.radius.codec import SharedSecret
from bras.radius.events import Kind
from bras.radius.request import Request, restore_request, save_request
from bras.radius.selection import FAIL_OVER, Group
from bras.radius.service import Service

CHANGED_IN_PLACE = (
    "secret", "timeout_s", "timeout_cap_s", "max_tries", "fail_count", "dead_time_s", "message_authenticator",
    "weight", "max_in_flight", "status_server", "probe_interval_s", "probe_answers",
)  # fmt: skip
"""Keys whose change leaves a server the same."""

NOBODYS = SharedSecret(b"")
"""Of a record whose group is configured no more: there is no password in it to hide."""
Groups = dict[str | None, Group]


class Servers:
    """The services of all servers."""

    __slots__ = ("_by_server", "_groups", "_next_server", "_selects", "configs", "services")

    def __init__(self, config: RadiusConfig) -> None:
        """Make them; a port of 0 means that the server has no such service."""
        self.services: dict[int, Service] = {}
        """By number, in the order of the file."""
        self.configs: dict[int, RadiusServerConfig] = {}
        """Servers by number."""
        self._next_server = 0
        self._by_server: dict[int, Service] = {}
        self._groups: tuple[Groups, Groups] = ({}, {})
        self._selects: dict[str | None, str] = {}
        self.reconfigure(config)

    def reconfigure(self, config: RadiusConfig) -> list[Service]:
        """Go by another configuration; return the services that are no more."""
        before = {(server.name or server.address): number for number, server in self.configs.items()}
        configs: dict[int, RadiusServerConfig] = {}
        for server in config.server:
            number = before.pop(server.name or server.address, -1)
            if number < 0 or not _is_same(self.configs[number], server):
                number, self._next_server = self._next_server, self._next_server + 1
            configs[number] = server
        self._selects = {group.name: group.select for group in config.group}
        return self._take(configs)

    def _take(self, configs: dict[int, RadiusServerConfig]) -> list[Service]:
        """Have the services of these servers; those that were there before go on as they are."""
        before, old = self._by_server, list(self.services.values())
        gone = [service for service in old if service.server not in configs]
        taken = {service.number for service in old if service.server in configs}
        self.configs, self.services, self._by_server, self._groups = configs, {}, {}, ({}, {})
        for number, server in configs.items():
            for kind, port in ((Kind.AUTH, server.auth_port), (Kind.ACCT, server.acct_port)):
                if not port:
                    continue
                service = before.get(number << 1 | (kind is Kind.ACCT))
                if service is None:
                    service = Service(_least_free(taken), number, kind, server)
                    taken.add(service.number)
                    _inherit(service, gone)
                else:
                    service.apply(server)
                self._enter(service)
        return gone

    def _enter(self, service: Service) -> None:
        name = service.config.group
        self.services[service.number] = service
        self._by_server[service.server << 1 | (service.kind is Kind.ACCT)] = service
        groups = self._groups[service.kind is Kind.ACCT]
        if name not in groups:
            groups[name] = Group(self._selects.get(name, FAIL_OVER))
        groups[name].services.append(service)

    def of(self, server: int, kind: Kind) -> Service | None:
        """Return the service ``kind`` of the server with a number."""
        return self._by_server.get(server << 1 | (kind is Kind.ACCT))

    def group(self, kind: Kind, name: str | None) -> Group | None:
        """Return the services of a kind in a group."""
        return self._groups[kind is Kind.ACCT].get(name)

    def keeps_accounts(self, name: str | None) -> bool:
        """Return whether anybody in the group takes accounting records."""
        return name in self._groups[1]

    def next_for(self, request: Request) -> Service | None:
        """Return whom to ask next in this round; dead ones only when all are dead."""
        group = self._groups[request.kind is Kind.ACCT].get(request.group)
        return None if group is None else group.choose(request.tried)

    def has_other(self, request: Request) -> bool:
        """Return whether there is somebody to ask in this round."""
        group = self._groups[request.kind is Kind.ACCT].get(request.group)
        return group is not None and group.has_other(request.tried)

    def save_request(self, request: Request) -> Saved:
        """Return a request as plain data."""
        service = self.services.get(request.attempt.service)
        secret = self._keeper(request.kind, request.group, service)
        return save_request(request, {} if service is None else service.sent, secret)

    def restore_request(self, saved: Saved) -> Request:
        """Return a saved request, its slots in use again."""
        service = self.services.get(saved["attempt"][0])
        secret = self._keeper(Kind(saved["kind"]), saved["group"], service)
        return restore_request(saved, secret, {} if service is None else service.sent)

    def _keeper(self, kind: Kind, name: str | None, service: Service | None) -> SharedSecret:
        """Return the secret with which a request's password is hidden while it is saved."""
        if service is not None:
            return service.secret
        group = self.group(kind, name)
        return NOBODYS if group is None else group.services[0].secret

    def save(self) -> Saved:
        """Return plain data."""
        return {
            "services": [service.save() for service in self.services.values()],
            "next_server": self._next_server,
            "balances": [[[name, group.save()] for name, group in groups.items()] for groups in self._groups],
        }

    def take_back(self, saved: Saved) -> bool:
        """Put what ``save`` returned into force; false, and nothing is done, when it is of other servers."""
        services = list(self.services.values())
        mine = [(service.name, service.kind.value, service.config.group) for service in services]
        if mine != [(state["name"], state["kind"], state["group"]) for state in saved["services"]]:
            return False
        numbers: dict[int, int] = {}
        for service, state in zip(services, saved["services"], strict=True):
            numbers[service.server] = state["server"]
            service.take_back(state)
        self._next_server = saved["next_server"]
        self.configs = {numbers.get(number, -1 - number): server for number, server in self.configs.items()}
        self.services = {service.number: service for service in services}
        self._by_server = {service.server << 1 | (service.kind is Kind.ACCT): service for service in services}
        for groups, balances in zip(self._groups, saved["balances"], strict=True):
            for name, balance in balances:
                groups[name].balance = dict(balance)
        return True


def _is_same(before: RadiusServerConfig, after: RadiusServerConfig) -> bool:
    return replace(before, **{key: getattr(after, key) for key in CHANGED_IN_PLACE}) == after


def _least_free(taken: set[int]) -> int:
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _inherit(service: Service, gone: list[Service]) -> None:
    """Count on from where a server of the same name, reached in another way, has ended."""
    for before in gone:
        if (before.name, before.kind) == (service.name, service.kind):
            service.tally = before.tally
