from bras.config.radius import RadiusGroupConfig
from bras.radius.events import Kind
from bras.radius.request import Request
from bras.radius.server import Servers
from tests.support.radius import config, server


def next_names(servers, kind=Kind.AUTH, group=None, tried=0):
    request = Request(1, kind, group, b"", created_at=0.0)
    request.tried = tried
    names = []
    while (found := servers.next_for(request)) is not None:
        assert servers.has_other(request)
        names.append(found.name)
        request.tried |= 1 << found.number
    assert not servers.has_other(request)
    return names


def kill(service):
    service.health.dead_until = 1.0


def test_servers_are_asked_in_order_within_their_group():
    servers = Servers(config(server("a"), server("x", group="g"), server("b", acct_port=0), server("c", auth_port=0)))
    assert next_names(servers) == ["a", "b"]
    assert next_names(servers, Kind.ACCT) == ["a", "c"]
    assert next_names(servers, group="g") == ["x"]
    assert next_names(servers, group="no such") == []
    assert servers.keeps_accounts("g")
    assert not servers.keeps_accounts("no such")


def test_the_dead_are_passed_over_while_another_lives():
    servers = Servers(config(server("a"), server("b")))
    first, second = (service for service in servers.services.values() if service.kind is Kind.AUTH)
    kill(first)
    assert next_names(servers) == ["b"]
    kill(second)
    assert next_names(servers) == ["a", "b"]


def test_a_group_has_its_way_of_choosing():
    groups = (RadiusGroupConfig("g", "weighted"), RadiusGroupConfig(select="least-outstanding"))
    servers = Servers(config(server("a"), server("b", group="g"), server("c", group="h"), group=groups))
    found = {name: servers.group(Kind.AUTH, name).select for name in (None, "g", "h")}
    assert found == {None: "least-outstanding", "g": "weighted", "h": "fail-over"}


# -- another configuration


def numbers(servers):
    return {
        service.name + service.kind.value: (service.server, service.number) for service in servers.services.values()
    }


def test_who_stays_keeps_its_numbers_whatever_the_order():
    servers = Servers(config(server("a"), server("b")))
    before, kept = numbers(servers), servers.of(1, Kind.AUTH)
    gone = servers.reconfigure(config(server("b", secret=b"new", weight=5), server("a", timeout_s=9.0)))
    assert gone == []
    assert numbers(servers) == before
    assert servers.of(1, Kind.AUTH) is kept
    assert kept.config.weight == 5
    assert [service.name for service in servers.services.values()] == ["b", "b", "a", "a"]
    assert next_names(servers) == ["b", "a"]


def test_another_address_or_port_is_another_server():
    servers = Servers(config(server("a"), server("b")))
    servers.of(0, Kind.AUTH).tally.requests = 7
    gone = servers.reconfigure(config(server("a", address="192.0.2.9"), server("b", acct_port=99)))
    assert sorted(service.name for service in gone) == ["a", "a", "b", "b"]
    assert sorted(servers.configs) == [2, 3], "no number comes again"
    assert servers.of(0, Kind.AUTH) is None
    assert servers.of(2, Kind.AUTH).tally.requests == 7, "a counter of a name does not go back"
    assert sorted(servers.services) == [4, 5, 6, 7] or sorted(servers.services) == [0, 1, 2, 3]


def test_numbers_of_services_are_given_again():
    servers = Servers(config(server("a"), server("b")))
    for round_ in range(50):
        servers.reconfigure(config(server("a"), server(f"b{round_}")))
    assert set(servers.services) <= set(range(6))
    assert servers.of(51, Kind.AUTH).name == "b49"


def test_groups_follow():
    servers = Servers(config(server("a", group="g")))
    servers.reconfigure(config(server("a", group="h"), group=(RadiusGroupConfig("h", "weighted"),)))
    assert next_names(servers, group="g") == []
    assert next_names(servers, group="h") == ["a"]
    assert servers.group(Kind.AUTH, "h").select == "weighted"


def test_plain_data_and_back_with_numbers_that_a_reload_has_made():
    groups = (RadiusGroupConfig(select="weighted"),)
    servers = Servers(config(server("a"), server("b"), group=groups))
    now = config(
        server("c"), server("b"), server("d", auth_port=0), server("e", auth_port=0, acct_port=0), group=groups
    )
    servers.reconfigure(now)
    for _ in range(3):
        servers.group(Kind.AUTH, None).choose(0)
    again = Servers(now)
    assert again.take_back(servers.save())
    assert again.save() == servers.save()
    assert numbers(again) == numbers(servers)
    assert again.of(2, Kind.AUTH).name == "c"
    assert not Servers(config(server("a"))).take_back(servers.save())
