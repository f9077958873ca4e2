"""A real pppd proves who it is, in each way, to a real FreeRADIUS; or fails to, and is told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.interop.conftest import TSHARK, Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.lac import Client, KernelLac, Session, Xl2tpd

# What pppd calls it, what bras calls it, what FreeRADIUS was shown.
METHODS = [
    pytest.param("pap", "pap", "User_Password", id="PAP"),
    pytest.param("chap", "chap", "CHAP_Password", id="CHAP"),
    pytest.param("mschap-v2", "mschapv2", "MS_CHAP2_Response", id="MS-CHAPv2"),
]


def dial(lab: Lab, client: Client) -> tuple[Xl2tpd, Session]:
    lac = Xl2tpd(lab.guest, [client])
    lac.dial("198.18.0.1", "tunsecret")
    return lac, lac.wait_up()[0]


@pytest.mark.parametrize(("method", "ours", "attribute"), METHODS)
def test_a_client_of_one_method_comes_up(lab: Lab, bench: Bench, method: str, ours: str, attribute: str) -> None:
    """The daemon asks for MS-CHAPv2 first; who cannot do it says so with a Configure-Nak."""
    lac, session = dial(lab, Client("user1", method=method))
    assert session.address.startswith("10.64.")
    assert session.peer == "10.255.255.1"
    assert session.dns == ("198.18.1.2",)
    (row,) = bench.lns.sessions()
    assert (row["user"], row["method"], row["address"], row["state"]) == ("user1", ours, session.address, "up")
    assert [done.status for done in lac.ping("198.18.1.2", session)] == [0]
    bench.radius.stop()
    (request,) = bench.radius.trees("radius.code == 1", "radius", TSHARK)
    assert f"radius.{attribute}" in json.dumps(request)


@pytest.mark.parametrize("method", ["pap", "chap", "mschap-v2"])
def test_the_only_method_that_we_offer(
    lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench], method: str
) -> None:
    bench = start(auth={"methods": [method.replace("mschap-v2", "mschapv2")]})
    lac, _session = dial(lab, Client("user2"))
    assert "<auth " in lac.said()
    assert bench.lns.sessions()[0]["method"] == method.replace("mschap-v2", "mschapv2")


@pytest.mark.parametrize(
    ("method", "told"),
    [
        pytest.param("pap", r"rcvd \[PAP AuthNak id=\S+ \"no such subscriber\"\]", id="PAP"),
        pytest.param("chap", r"rcvd \[CHAP Failure id=\S+ \"no such subscriber\"\]", id="CHAP"),
        pytest.param("mschap-v2", r"rcvd \[CHAP Failure id=\S+ \"E=691 R=0 C=[0-9A-Fa-f]{32} V=3 ", id="MS-CHAPv2"),
    ],
)
def test_a_wrong_password_is_told_to_the_client(lab: Lab, bench: Bench, method: str, told: str) -> None:
    lac = Xl2tpd(lab.guest, [Client("user1", password="wrong", method=method)])
    lac.dial("198.18.0.1", "tunsecret")
    lac.wait_said(r"(PAP|CHAP) authentication failed")
    lac.wait_said(told)
    lac.wait_said(r"rcvd \[LCP TermReq")
    lac.wait_logged(r"result_code_avp|Call-Disconnect-Notify|call_close")
    bench.lns.wait_sessions(0)
    assert not lac.up()


def test_an_unknown_user_gets_no_stop_record(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    """Accounting begins with a session; who never had one is not billed."""
    lac = Xl2tpd(lab.guest, [Client("stranger")])
    lac.dial("198.18.0.1", "tunsecret")
    lac.wait_said(r"CHAP authentication failed")
    bench.lns.wait_sessions(0)
    assert not freeradius.records("Start")
    assert not freeradius.records("Stop")


def test_a_client_without_a_common_method(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    bench = start(auth={"methods": ["mschapv2"]})
    lac = Xl2tpd(lab.guest, [Client("user1", method="pap")])
    lac.dial("198.18.0.1", "tunsecret")
    lac.wait_said(r"Connection terminated|Modem hangup")
    assert not lac.up()
    bench.lns.wait_sessions(0)


def test_a_wrong_tunnel_secret_of_xl2tpd(lab: Lab, bench: Bench) -> None:
    """xl2tpd finds our response wrong, too, and is the first to say so."""
    lac = Xl2tpd(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "not the secret")
    lac.wait_logged(r"(?i)invalid challenge authentication|challenge .* fail|mismatch")
    assert not bench.lns.sessions()
    assert not lac.up()


def test_a_lac_without_the_secret_is_told(lab: Lab, bench: Bench) -> None:
    """The small LAC does not challenge us, and answers our challenge wrongly: StopCCN, result 4."""
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "wrong", options=("--trusting",))
    (told,) = lac.wait_event("StopCCN")
    assert told["result"] == 4
    assert bench.lns.wait_logged("tunnel_refused")["lac"] == "any"


def test_a_lac_that_nobody_expects_is_refused(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    bench = start(lac=[{"name": "other", "address": ["198.18.0.0/24"], "hostname": "other-*", "pool": "default"}])
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1")
    (told,) = lac.wait_event("StopCCN")
    assert told["result"] == 4
    assert bench.lns.wait_logged("tunnel_refused")["lac_hostname"] == "kernel-lac"
