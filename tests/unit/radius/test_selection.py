from bras.radius.events import Kind
from bras.radius.selection import LEAST_OUTSTANDING, WEIGHTED, Group
from bras.radius.service import Service
from tests.support.radius import server


def group(select, *servers):
    found = Group(select)
    for number, (name, weight) in enumerate(servers):
        found.services.append(Service(number, number, Kind.AUTH, server(name, weight=weight, max_in_flight=10)))
    return found


def names(found, count, tried=0):
    return "".join(one.name if (one := found.choose(tried)) else "-" for _ in range(count))


def load(service, count):
    service.sent = dict.fromkeys(range(count), (0, b"", service.secret))


def kill(service):
    service.health.dead_until = 1.0


def test_fail_over_asks_the_first_that_lives_and_was_not_asked():
    found = group("fail-over", ("a", 1), ("b", 9), ("c", 1))
    assert names(found, 3) == "aaa"
    assert names(found, 2, tried=0b001) == "bb"
    load(found.services[0], 10)
    assert names(found, 1) == "a", "a full one has a queue"
    kill(found.services[0])
    assert names(found, 1) == "b"
    assert names(found, 1, tried=0b110) == "-"


def test_weighted_spreads_as_evenly_as_can_be():
    assert names(group(WEIGHTED, ("a", 5), ("b", 1), ("c", 1)), 14) == "aabacaa" * 2
    assert names(group(WEIGHTED, ("a", 1), ("b", 1)), 4) == "abab"


def test_weighted_leaves_out_who_was_asked_is_dead_or_full():
    found = group(WEIGHTED, ("a", 1), ("b", 1), ("c", 1))
    assert set(names(found, 6, tried=0b010)) == {"a", "c"}
    kill(found.services[0])
    assert set(names(found, 6)) == {"b", "c"}
    load(found.services[1], 10)
    assert set(names(found, 6)) == {"c"}
    load(found.services[2], 10)
    assert set(names(found, 6)) == {"b", "c"}, "when all are full, their queues share"


def test_the_dead_are_asked_when_nobody_lives():
    for select in (WEIGHTED, LEAST_OUTSTANDING):
        found = group(select, ("a", 1), ("b", 1))
        kill(found.services[0])
        assert names(found, 1, tried=0b10) == "-"
        kill(found.services[1])
        assert set(names(found, 2)) == {"a", "b"} or select == LEAST_OUTSTANDING
        assert names(found, 1, tried=0b10) == "a"
        assert found.has_other(0b10)
        assert not found.has_other(0b11)


def test_least_outstanding_is_by_weight():
    found = group(LEAST_OUTSTANDING, ("a", 1), ("b", 3))
    load(found.services[0], 1)
    load(found.services[1], 2)
    assert names(found, 1) == "b"
    load(found.services[1], 4)
    assert names(found, 1) == "a"
    load(found.services[1], 3)
    assert names(found, 8).count("b") == 6, "of equals by weight"


def test_a_queue_counts():
    found = group(LEAST_OUTSTANDING, ("a", 1), ("b", 1))
    for one in found.services:
        load(one, 10)
    found.services[0].queue[1] = None
    assert names(found, 2) == "bb"


def test_whoever_is_alone_is_asked():
    for select in (WEIGHTED, LEAST_OUTSTANDING):
        assert names(group(select, ("a", 7)), 2) == "aa"
        assert names(group(select), 1) == "-"
