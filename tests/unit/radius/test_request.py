from bras.radius.codec import SharedSecret
from bras.radius.events import Kind
from bras.radius.request import NOWHERE, Attempt, Request, RequestState, new_round, restore_request, save_request

SECRET = SharedSecret(b"geheim")


OF_REQUEST = ["attributes", "authenticator", "created_at", "due_at", "group", "kind", "number"]
OF_REQUEST += ["password", "rounds", "state", "tried"]
OF_ATTEMPT = ["delay_s", "interval_s", "packet", "secret", "service", "slots", "started_at", "tries"]


def fields(request):
    own = {name: getattr(request, name) for name in OF_REQUEST}
    return own | {f"attempt.{name}": getattr(request.attempt, name) for name in OF_ATTEMPT}


def test_no_field_is_forgotten_here():
    assert getattr(Request, "__slots__", tuple(sorted([*OF_REQUEST, "attempt"]))) == tuple(
        sorted([*OF_REQUEST, "attempt"])
    )
    assert getattr(Attempt, "__slots__", tuple(OF_ATTEMPT)) == tuple(OF_ATTEMPT)  # compiled classes have no __slots__


def sent_request():
    request = Request(7, Kind.AUTH, "g", b"attributes", created_at=1.0)
    request.authenticator = bytes(range(16))
    request.password = b"passwort\0\0"
    request.state = RequestState.SENT
    request.due_at, request.tried, request.rounds = 4.0, 3, 2
    attempt = request.attempt = Attempt(1)
    attempt.slots, attempt.packet, attempt.tries = [5, 300], b"packet", 2
    attempt.interval_s, attempt.started_at, attempt.delay_s = 3.1, 1.5, 1
    attempt.secret = SECRET
    return request


def test_numbers_keep_the_two_kinds_apart():
    assert (
        Request(7, Kind.AUTH, None, b"", created_at=0.0).number
        != Request(7, Kind.ACCT, None, b"", created_at=0.0).number
    )


def test_plain_data_and_back_without_a_readable_password():
    request = sent_request()
    sent = {5: (14, b"a" * 16, SECRET), 300: (14, b"b" * 16, SECRET)}
    saved, again = save_request(request, sent, SECRET), {}
    assert b"passwort" not in repr(saved).encode()
    assert fields(restore_request(saved, SECRET, again)) == fields(request)
    assert again == sent


def test_what_was_sent_under_an_older_secret_keeps_it():
    older = SharedSecret(b"older than that, and longer than one block of sixteen octets")
    saved, again = save_request(sent_request(), {5: (14, b"a" * 16, older), 300: (14, b"b" * 16, SECRET)}, SECRET), {}
    assert b"older" not in repr(saved).encode()
    restore_request(saved, SECRET, again)
    assert again[5][2].reveal() == older.reveal()
    assert again[300][2] is SECRET


def test_a_request_that_is_with_no_server():
    request = Request(7, Kind.ACCT, None, b"", created_at=0.0)
    restored = restore_request(save_request(request, {}, SECRET), SECRET, {})
    assert restored.attempt is NOWHERE
    assert fields(restored) == fields(request)


def test_a_new_round_keeps_what_is_to_be_told_and_forgets_who_was():
    request = sent_request()
    request.kind = Kind.ACCT
    again = new_round(save_request(request, {5: (14, b"", SECRET), 300: (14, b"", SECRET)}, SECRET))
    assert (again.key, again.attributes, again.created_at, again.due_at) == (7, b"attributes", 1.0, 4.0)
    assert (again.state, again.tried, again.attempt) == (RequestState.RESTING, 0, NOWHERE)
