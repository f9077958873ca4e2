from bras.radius.codec import SharedSecret
from bras.radius.slots import MAX_IN_FLIGHT, SPARE_SLOTS, Slots

SECRET, OTHER = SharedSecret(b"geheim"), SharedSecret(b"anders")


def sent(number=14, secret=SECRET):
    return number, b"a" * 16, secret


def test_slots_come_longest_unused_first():
    slots = Slots()
    first = slots.take()
    slots.give(first, sent())
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
    slots.give(300, sent())
    assert slots.take() == 300


def test_what_a_slot_was_used_for_is_remembered_until_its_next_use_ends():
    slots = Slots()
    for number in range(3 * MAX_IN_FLIGHT):
        slots.give(slots.take(), sent(number))
    assert len(slots.ended) <= 256 * slots.sockets
    slots.give(5, sent(7))
    slots.give(5, sent(8))
    assert slots.ended[5] == sent(8)


def test_plain_data_and_back_and_older_secrets_too():
    slots = Slots()
    [slots.take() for _ in range(300)]
    slots.give(4, sent())
    slots.give(5, sent(secret=OTHER))
    assert "anders" not in repr(slots.save(SECRET))
    again = Slots.restore(slots.save(SECRET), SECRET)
    assert again.save(SECRET) == slots.save(SECRET)
    assert again.ended[4] == sent()
    assert again.ended[5][2].reveal() == b"anders"
