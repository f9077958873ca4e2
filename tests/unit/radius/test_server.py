from bras.errors import DropReason
from bras.radius.events import Kind, ReplyDropped
from bras.radius.request import Request
from bras.radius.server import MAX_IN_FLIGHT, PROBES, SPARE_SLOTS, Health, Servers, Service, Slots
from tests.support.radius import config, server


def service(kind=Kind.AUTH, **more):
    return Service(0, 0, kind, server(fail_count=2, dead_time_s=30.0, **more))


def test_slots_come_longest_unused_first():
    slots = Slots()
    first = slots.take()
    slots.give(first)
    rest = [slots.take() for _ in range(256)]
    assert first not in rest[: 256 - SPARE_SLOTS]


def test_another_socket_is_opened_before_the_identifiers_run_out_and_none_is_given_twice():
    slots = Slots()
    taken = [slots.take() for _ in range(256 - SPARE_SLOTS)]
    assert slots.sockets == 1
    taken.append(slots.take())
    taken.append(slots.take())
    assert slots.sockets == 2
    taken += [slots.take() for _ in range(MAX_IN_FLIGHT - len(taken))]
    assert sorted(taken) == list(range(MAX_IN_FLIGHT))
    assert slots.take() == -1
    slots.give(300)
    assert slots.take() == 300


def test_a_server_is_dead_after_enough_failures_in_a_row():
    one = service()
    assert not one.fail(now=0.0)
    one.answer()
    assert not one.fail(now=0.0)
    assert one.fail(now=5.0)
    assert one.health.dead_until == 35.0
    assert not one.fail(now=6.0)
    assert one.health.dead_until == 35.0
    assert one.answer()
    assert not one.is_dead


def test_a_dead_accounting_server_gets_probes_and_more_with_each_answer():
    one = service(Kind.ACCT)
    assert one.health.window == MAX_IN_FLIGHT
    one.fail(now=0.0)
    one.fail(now=0.0)
    assert one.health.window == PROBES
    one.answer()
    assert one.health.window == PROBES + 1


def test_only_access_requests_ask_for_signed_replies():
    assert service().signed
    assert not service(Kind.ACCT).signed
    assert not service(message_authenticator="if-present").signed


def test_rows_are_those_of_the_contract():
    one = service()
    one.drop(DropReason.RADIUS_SHORT)
    assert one.drop(DropReason.RADIUS_SHORT) == ReplyDropped("one", Kind.AUTH, DropReason.RADIUS_SHORT)
    row = one.row(now=0.0)
    expected = {"server": "one", "address": "192.0.2.1", "port": 1812, "kind": "auth", "group": None, "state": "up"}
    assert expected.items() <= row.items()
    assert (row["dead_left_s"], row["dropped"], row["requests"], row["in_flight"]) == (None, 2, 0, 0)
    one.fail(now=0.0)
    one.fail(now=0.0)
    assert (one.row(now=10.0)["state"], one.row(now=10.0)["dead_left_s"]) == ("dead", 20.0)
    assert one.census() == {"server": "one", "kind": "auth", "up": False, "requests": 0, "in_flight": 0}
    assert service(Kind.ACCT).row(now=0.0)["port"] == 1813


def test_plain_data_and_back():
    slots = Slots()
    [slots.take() for _ in range(300)]
    slots.give(4)
    assert Slots.restore(slots.save()).save() == slots.save()
    health = Health()
    health.dead_until, health.failures, health.window = 5.0, 3, 17
    assert Health.restore(health.save()).save() == health.save()


def next_names(servers, kind=Kind.AUTH, group=None, tried=0):
    request = Request(1, kind, group, b"", created_at=0.0)
    request.tried = tried
    names = []
    while (found := servers.next_for(request)) is not None:
        names.append(found.name)
        request.tried |= 1 << found.number
    return names


def test_servers_are_asked_in_order_within_their_group():
    servers = Servers(config(server("a"), server("x", group="g"), server("b", acct_port=0), server("c", auth_port=0)))
    assert next_names(servers) == ["a", "b"]
    assert next_names(servers, Kind.ACCT) == ["a", "c"]
    assert next_names(servers, group="g") == ["x"]
    assert next_names(servers, group="no such") == []
    assert servers.keeps_accounts("g")
    assert not servers.keeps_accounts("no such")


def test_the_dead_are_passed_over_while_another_lives():
    servers = Servers(config(server("a", fail_count=1), server("b", fail_count=1)))
    first, second = (service for service in servers.services if service.kind is Kind.AUTH)
    first.fail(now=0.0)
    assert next_names(servers) == ["b"]
    second.fail(now=0.0)
    assert next_names(servers) == ["a", "b"]
