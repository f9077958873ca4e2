"""What the ends of sessions mean in RFC 3145's codes, row by row, and that no end is without a row."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bras.l2tp import messages
from bras.l2tp.disconnect import Disconnect, DisconnectCode
from bras.l2tp.events import By, Cause
from bras.lns import disconnect
from bras.lns.reasons import of_call
from bras.subscriber.ends import END_OF_LINK, ENDS
from bras.subscriber.events import AuthOutcome, Phase, TerminateCause
from bras.subscriber.parts import End
from tests.support.rim import Rim

BRAS = Path(__file__).resolve().parents[3] / "bras"


def avp46(rim: Rim, end: End, method: str = "chap") -> bytes:
    """Return the AVP that a CDN for such an end of the one subscriber carries, header and all."""
    (subscriber,) = rim.lns.core.registry.by_number.values()
    subscriber.standing.end, subscriber.who.method = end, method
    cause = Cause(By.LOCAL, 3, disconnect=disconnect.told(subscriber))
    return messages.cdn(1, cause).removeprefix(messages.cdn(1, Cause(By.LOCAL, 3)))


@pytest.fixture(scope="module")
def rim() -> Rim:
    rim = Rim()
    rim.up()
    return rim


ROWS = [
    ("client_terminated", "0003 0000 01"),
    ("closed", "0003 0000 02"),
    ("authentication_refused", "0010 c223 01"),
    ("authentication_timeout", "000d c223 01"),
    ("no_common_authentication", "000f c223 01"),
    ("lcp_failed", "0005 c021 02"),
    ("echo_timeout", "0008 c021 01"),
    ("loopback", "0007 c021 01"),
    ("protocol_rejected", "000f c223 01"),
    ("ipcp_failed", "0012 8021 01"),
    ("authentication_rejected", "0010 c223 01"),
    ("authentication_unanswered", "0010 c223 02"),
    ("authentication_no_address", "0014 8021 02"),
    ("authentication_denied_single_session", "0001 0000 00"),
    ("authentication_denied_address_conflict", "0014 8021 02"),
    ("authentication_unknown_pool", "0014 8021 02"),
    ("authentication_unknown_profile", "0010 c223 02"),
    ("authentication_unsupported", "0010 c223 02"),
    ("authentication_denied_port_limit", "0001 0000 00"),
    ("authentication_denied_route_conflict", "0014 8021 02"),
    ("session_timeout", "0003 0000 02"),
    ("session_terminate_time", "0003 0000 02"),
    ("idle_timeout", "0003 0000 02"),
    ("quota_exhausted", "0001 0000 00"),
    ("data_plane_refused", "0000 0000 00"),
    ("accounting_unanswered", "0000 0000 00"),
    ("user_changed", "0001 0000 00"),
    ("address_changed", "0001 0000 00"),
    ("replaced_by_new_session", "0001 0000 00"),
    ("address_given_to_new_session", "0001 0000 00"),
    ("disconnected_by_operator", "0001 0000 00"),
    ("disconnected_by_radius", "0001 0000 00"),
    ("shutdown", "0001 0000 00"),
]


@pytest.mark.parametrize(("reason", "value"), ROWS)
def test_a_reason_in_octets(rim: Rim, reason: str, value: str) -> None:
    octets = bytes.fromhex(value) + b"what was said"
    head = (6 + len(octets)).to_bytes(2, "big") + bytes.fromhex("0000 002e")
    assert avp46(rim, End(TerminateCause.NAS_ERROR, reason, "what was said", Phase.UP)) == head + octets


def test_the_rows_are_all_there() -> None:
    assert [reason for reason, _ in ROWS] == list(disconnect.SENT)


@pytest.mark.parametrize(
    ("phase", "value"),
    [
        (Phase.LINK, "0005 c021 01"),
        (Phase.AUTHENTICATING, "000d c223 02"),
        (Phase.ADDRESSING, "0014 8021 02"),
        (Phase.NETWORK, "0011 8021 01"),
        (Phase.PROGRAMMING, "0000 0000 00"),
        (Phase.UP, "0000 0000 00"),
    ],
)
def test_a_slow_set_up_is_told_by_how_far_it_came(rim: Rim, phase: Phase, value: str) -> None:
    found = avp46(rim, End(TerminateCause.USER_ERROR, "setup_timeout", "", phase))
    assert found[6:] == bytes.fromhex(value) + b"setup timeout"


@pytest.mark.parametrize(
    ("cause", "value"),
    [
        (TerminateCause.USER_REQUEST, "0003 0000 01"),
        (TerminateCause.ADMIN_RESET, "0001 0000 00"),
        (TerminateCause.ADMIN_REBOOT, "0001 0000 00"),
        (TerminateCause.NAS_REQUEST, "0001 0000 00"),
        (TerminateCause.PORT_ERROR, "0000 0000 00"),
    ],
)
def test_a_reason_without_a_row_is_told_by_its_cause(rim: Rim, cause: TerminateCause, value: str) -> None:
    assert avp46(rim, End(cause, "a_new_one", "", Phase.UP))[6:] == bytes.fromhex(value) + b"a new one"


@pytest.mark.parametrize(
    ("method", "protocol"), [("pap", "c023"), ("chap", "c223"), ("mschapv2", "c223"), ("", "c223")]
)
def test_authentication_has_the_number_of_its_protocol(rim: Rim, method: str, protocol: str) -> None:
    end = End(TerminateCause.USER_ERROR, "authentication_rejected", "", Phase.AUTHENTICATING)
    assert avp46(rim, end, method)[8:10] == bytes.fromhex(protocol)


def _reasons() -> set[str]:
    """Return every reason for an end that stands in a call of the source."""
    found = set()
    for path in (*(BRAS / "subscriber").glob("*.py"), *(BRAS / "lns").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                "end",
                "_end",
            ):
                words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                found.update(words[:1])
    return found


def test_no_end_is_without_a_row() -> None:
    reasons = _reasons() | set(END_OF_LINK.values())
    reasons |= {f"authentication_{outcome.value}" for outcome in AuthOutcome if outcome is not AuthOutcome.ACCEPTED}
    assert reasons >= {"idle_timeout", "shutdown", "address_changed"}, "the walk finds them"
    assert reasons - {"setup_timeout", ""} == set(disconnect.SENT)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (1, TerminateCause.ADMIN_RESET),
        (2, TerminateCause.NAS_ERROR),
        (3, TerminateCause.USER_REQUEST),
        (4, TerminateCause.USER_ERROR),
        (5, TerminateCause.PORT_ERROR),
        (6, TerminateCause.PORT_ERROR),
        (7, TerminateCause.PORT_ERROR),
        (8, TerminateCause.LOST_CARRIER),
        (9, TerminateCause.USER_ERROR),
        (10, TerminateCause.USER_ERROR),
        (11, TerminateCause.USER_ERROR),
        (12, TerminateCause.USER_ERROR),
        (13, TerminateCause.USER_ERROR),
        (14, TerminateCause.USER_ERROR),
        (15, TerminateCause.USER_ERROR),
        (16, TerminateCause.USER_ERROR),
        (17, TerminateCause.USER_ERROR),
        (18, TerminateCause.SERVICE_UNAVAILABLE),
        (19, TerminateCause.USER_ERROR),
        (20, TerminateCause.SERVICE_UNAVAILABLE),
    ],
)
def test_what_a_lac_says_is_believed(code: int, cause: TerminateCause) -> None:
    said = Disconnect(code, 0, 1, "")
    word = DisconnectCode(code).name.lower()
    assert of_call(Cause(By.PEER, 1, disconnect=said)) == f"lac_ppp_{word}"
    assert ENDS[f"lac_ppp_{word}"] is cause


@pytest.mark.parametrize("code", [0, 21, 0xFFFF])
def test_what_says_nothing_leaves_the_result_code(code: int) -> None:
    said = Disconnect(code, 0, 1, "")
    assert of_call(Cause(By.PEER, 3, disconnect=said)) == "lac_hung_up"


def test_a_tunnels_end_is_its_own_reason() -> None:
    cause = Cause(By.PEER, 1, of_tunnel=True, disconnect=Disconnect(3))
    assert of_call(cause) == "lac_closed_tunnel"
