"""LCP's options, judged and asked for (RFC 1661 section 6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.ids import Entropy
from bras.ppp import option, packet
from bras.ppp.lcp import Lcp
from bras.ppp.link import ClientIdentity, LinkConfig
from bras.secret import Secret
from tests.vectors import ppp_frames

SERVER = LinkConfig(mru=1460, methods=("mschapv2", "chap", "pap"), hostname=b"lns")
CLIENT = replace(SERVER, mru=1500, methods=("chap", "pap"), client=ClientIdentity(b"joe", Secret(b"pw")))
MAGIC = bytes.fromhex("01020304")


def entropy(count: int) -> bytes:
    return bytes(range(1, count + 1))


def asking(config: LinkConfig, entropy: Entropy) -> Lcp:
    lcp = Lcp(config, entropy)
    lcp.restart()
    return lcp


def judge(lcp: Lcp, octets: str, may_nak: bool = True) -> tuple[int, str]:
    code, answer = lcp.judge(option.parse(bytes.fromhex(octets)), may_nak)
    return code, answer.hex()


def test_a_server_asks_for_mru_proof_and_magic() -> None:
    assert asking(SERVER, entropy).request().hex() == "010405b4" + "0305c22381" + "050601020304"


def test_a_client_asks_for_magic_and_compression() -> None:
    assert asking(CLIENT, entropy).request().hex() == "050601020304" + "0702" + "0802"


def test_the_default_mru_is_not_asked_for() -> None:
    assert asking(replace(SERVER, mru=1500), entropy).request().hex() == "0305c22381" + "050601020304"


def test_a_magic_number_is_never_zero() -> None:
    assert asking(SERVER, bytes).magic != bytes(4)


@pytest.mark.parametrize(
    ("frame", "facts"),
    [
        (ppp_frames.PPPD_LCP_REQUEST, (1500, True, True)),
        (ppp_frames.ROUTEROS_LCP_REQUEST, (1450, False, False)),
    ],
)
def test_what_real_clients_ask_is_granted(frame: bytes, facts: tuple[int, bool, bool]) -> None:
    lcp = asking(SERVER, entropy)
    _, _, data = packet.parse(frame, 4)
    assert lcp.judge(option.parse(data), True) == (2, b"")
    assert (lcp.peer_mru, lcp.acfc, lcp.pfc) == facts


@pytest.mark.parametrize(
    ("frame", "reject"),
    [
        (ppp_frames.PPPD_MULTILINK_REQUEST, ppp_frames.PPPD_MULTILINK_REJECT),
        (ppp_frames.WINDOWS_LCP_REQUEST, ppp_frames.WINDOWS_CALLBACK_REJECT),
    ],
)
def test_what_we_do_not_do_is_rejected_alone(frame: bytes, reject: bytes) -> None:
    _, _, data = packet.parse(frame, 4)
    assert asking(SERVER, entropy).judge(option.parse(data), True) == (4, reject[4:])


@pytest.mark.parametrize(
    ("octets", "code", "answer"),
    [
        ("", 2, ""),
        ("01040080", 2, ""),
        ("0104ffff", 2, ""),
        ("0104007f", 3, "01040080"),
        ("010305", 3, "010405dc"),
        ("02060000ffff", 2, ""),
        ("020400ff", 4, "020400ff"),
        ("0304c023", 4, "0304c023"),  # nobody asks the server for proof
        ("0408c02500000000", 4, "0408c02500000000"),
        ("050600000000", 3, "0506" + "00020304"),
        ("050601020304", 3, "0506" + "00020304"),
        ("0503aa", 3, "0506" + "00020304"),
        ("07030a", 4, "07030a"),
        ("0704aabb" + "0802", 4, "0704aabb"),
        ("0104007f" + "1104 05dc", 4, "1104 05dc"),  # a reject goes before a hint
        ("0104007f" + "050600000000" + "0702", 3, "01040080" + "050600020304"),
        ("00020e02", 4, "00020e02"),
        ("0102" * 3 + "0702", 4, "0102" * 2),  # a hint for each would be twice as long
        ("0104ffff" * 2, 2, ""),  # what can be granted is
    ],
)
def test_each_option_is_judged(octets: str, code: int, answer: str) -> None:
    assert judge(asking(SERVER, entropy), octets) == (code, answer.replace(" ", ""))


def test_without_naks_left_the_peers_own_options_are_rejected() -> None:
    assert judge(asking(SERVER, entropy), "0104007f0702", may_nak=False) == (4, "0104007f")


def test_a_server_may_grant_no_compression() -> None:
    lcp = asking(replace(SERVER, acfc=False, pfc=False), entropy)
    assert judge(lcp, "07020802") == (4, "07020802")


def test_only_what_was_acknowledged_counts() -> None:
    lcp = asking(SERVER, entropy)
    assert judge(lcp, "0104057807020802")[0] == 2
    assert judge(lcp, "010405aa1102")[0] == 4
    assert (lcp.peer_mru, lcp.acfc, lcp.pfc) == (1400, True, True)
    assert judge(lcp, "")[0] == 2
    assert (lcp.peer_mru, lcp.acfc, lcp.pfc) == (1500, False, False)


def test_our_own_magic_is_counted_until_another_comes() -> None:
    lcp = asking(SERVER, entropy)
    for loops in (1, 2):
        assert judge(lcp, "050601020304")[0] == 3
        assert lcp.loops == loops
    judge(lcp, "0506aaaaaaaa")
    assert lcp.loops == 0


@pytest.mark.parametrize(
    ("octets", "granted", "answer"),
    [
        ("0304c023", "pap", ""),
        ("0305c22305", "chap", ""),
        ("0305c22381", "", "0305c22305"),
        ("0304c227", "", "0305c22305"),
    ],
)
def test_a_client_grants_what_it_can_do_or_names_its_favourite(octets: str, granted: str, answer: str) -> None:
    lcp = asking(CLIENT, entropy)
    assert judge(lcp, octets) == (3 if answer else 2, answer)
    assert lcp.peer_method == lcp.agreed_method == granted


def test_a_client_without_methods_rejects_proof() -> None:
    assert judge(asking(replace(CLIENT, methods=()), entropy), "0304c023") == (4, "0304c023")


def test_fall_back_follows_the_peers_hint_then_our_list() -> None:
    lcp = asking(SERVER, entropy)
    assert lcp.naked([(3, bytes.fromhex("c023"))])
    assert lcp.method == "pap"
    assert lcp.naked([(3, bytes.fromhex("c227"))])  # EAP: we do not; so the first one not tried yet
    assert lcp.method == "chap"
    assert not lcp.rejected([(3, b"")])
    assert lcp.methods_exhausted
    lcp.restart()
    assert lcp.method == "mschapv2"


def test_a_hint_for_what_was_tried_is_no_progress() -> None:
    lcp = asking(SERVER, entropy)
    assert lcp.naked([(3, bytes.fromhex("c22381"))])
    assert lcp.method == "chap"


def test_hints_on_mru_lower_it_only() -> None:
    lcp = asking(SERVER, entropy)
    for hint, request in (("05dc", "05b4"), ("0578", "0578"), ("0010", "0578")):
        assert lcp.naked([(1, bytes.fromhex(hint))])
        assert lcp.request().hex().startswith("0104" + request)


def test_rejected_options_are_left_out() -> None:
    lcp = asking(SERVER, entropy)
    assert lcp.rejected([(1, b"\x05\xb4"), (5, lcp.magic), (99, b"")])
    assert lcp.request().hex() == "0305c22381"
    assert lcp.magic == bytes(4)
    client = asking(CLIENT, entropy)
    assert client.rejected([(7, b""), (8, b"")])
    assert client.request().hex() == "050601020304"


def test_a_hinted_magic_is_not_taken_but_thrown_anew() -> None:
    thrown = iter([bytes((1, 1, 1, 1)), bytes((2, 2, 2, 2))])
    lcp = asking(SERVER, lambda count: next(thrown))
    assert lcp.naked([(5, bytes((9, 9, 9, 9)))])
    assert lcp.magic == bytes((2, 2, 2, 2))


def test_echoes_bear_our_magic_and_the_peers_data() -> None:
    lcp = asking(SERVER, entropy)
    assert lcp.echo_reply(7, bytes.fromhex("0a0b0c0d") + b"data") == packet.build(10, 7, MAGIC + b"data")
    assert lcp.echo_reply(7, MAGIC) is None
    assert lcp.loops == 1
    assert judge(lcp, "01040080")[0] == 2
    reply = lcp.echo_reply(7, bytes(500))
    assert reply is not None
    assert len(reply) == 128


def test_a_protocol_reject_fits_the_peers_mru() -> None:
    lcp = asking(SERVER, entropy)
    assert lcp.protocol_reject(3, 0x80FD, b"abc") == packet.build(8, 3, b"\x80\xfdabc")
    assert len(lcp.protocol_reject(3, 0x80FD, bytes(3000))) == 1500


@pytest.mark.parametrize("config", [SERVER, CLIENT])
def test_saved_and_restored_it_is_the_same(config: LinkConfig) -> None:
    lcp = asking(config, entropy)
    judge(lcp, "0104057807020802" + ("0304c023" if config is CLIENT else ""))
    lcp.naked([(3, b"\xc0\x23")])
    lcp.rejected([(1, b"")])
    twin = Lcp.restore(lcp.save(), config, entropy)
    assert twin.save() == lcp.save()
    assert (twin.request(), twin.agreed_method, twin.peer_mru) == (lcp.request(), lcp.agreed_method, 1400)
