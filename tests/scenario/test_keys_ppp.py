"""The effect of each key of ``[ppp]`` and of those of ``[dataplane]`` that the core knows, seen from outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, DataplaneConfig, LacConfig, LnsConfig, PppConfig
from bras.lns.commands import Disconnect
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, TerminateCause
from bras.wire import ipv4_of
from tests.support.rim import (
    ACFC,
    CDN,
    CONFIGURE_ACK,
    CONFIGURE_NAK,
    CONFIGURE_REJECT,
    CONFIGURE_REQUEST,
    ECHO_REQUEST,
    IPCP,
    LCP,
    MRU,
    PFC,
    TERMINATE_REQUEST,
    Frame,
    Line,
    Rim,
    gaps,
    option,
)
from tests.support.world import config

ADDRESS, DNS1, NBNS1, DNS2, NBNS2 = 3, 129, 130, 131, 132
ANY = bytes(4)


def ppp(**keys: object) -> Config:
    keys = {"mru": 1460, **keys}
    section = PppConfig(**keys)  # type: ignore[arg-type]  # keys of [ppp]
    return config(ppp=section, auth=AuthConfig(methods=("pap",)))


def open_line(rim: Rim, own: bytes = b"") -> Line:
    """Bring a hand-made client as far as IPCP."""
    line = rim.line()
    rim.run(0.2)
    line.agree(own)
    line.login()
    return line


@pytest.mark.parametrize(
    ("mru", "path", "told"),
    [(1460, 1500, 1460), (1400, 1500, 1400), (1500, 1500, None), ("auto", 1500, 1460), ("auto", 1400, 1360)],
)
def test_mru(mru: int | str, path: int, told: int | None) -> None:
    rim = Rim(ppp(mru=mru), path_mtu=path)
    lac = rim.lac()
    rim.run(1.0)
    lac.dial("user1", "pass", method="pap", mru=1500)
    rim.run(3.0)
    value = rim.frames(LCP, CONFIGURE_REQUEST)[0].options.get(MRU)
    assert value == (told.to_bytes(2, "big") if told else None), "1500 need not be said"
    assert rim.entry.mtu == (told or 1500), "nor do we send what we could not receive"


@pytest.mark.parametrize("kind", ["dns", "nbns"])
@pytest.mark.parametrize("servers", [(), ("192.0.2.53",), ("192.0.2.53", "192.0.2.54")])
def test_dns_and_nbns(kind: str, servers: tuple[str, ...]) -> None:
    rim = Rim(ppp(**{kind: servers}))
    line = open_line(rim)
    first, second = (DNS1, DNS2) if kind == "dns" else (NBNS1, NBNS2)
    answer = line.addresses(option(first, ANY), option(second, ANY))
    told = [ipv4_of(server) for server in servers]
    if len(servers) < 2:
        assert answer[0] == bytes((CONFIGURE_REJECT,))
        assert set(answer) - {0} == ({first, second} if not servers else {second})
        answer = line.addresses(*(option(first, ANY) for _ in servers))
    assert answer[0] == bytes((CONFIGURE_NAK,)), "it must take its address at least"
    assert [int.from_bytes(answer[code], "big") for code in (first, second)[: len(servers)]] == told


@pytest.mark.parametrize(("interval_s", "failures"), [(20.0, 4), (5.0, 4), (5.0, 1), (0.0, 4)])
def test_echo_interval_s_and_echo_failures(interval_s: float, failures: int) -> None:
    rim = Rim(ppp(echo_interval_s=interval_s, echo_failures=failures))
    lac, client = rim.up(method="pap")
    del lac.clients[client.key]  # type: ignore[arg-type]  # it has one
    lac.deadlines.set(client.key, None)  # type: ignore[arg-type]  # it has one
    rim.run(200.0)
    requests = rim.frames(LCP, ECHO_REQUEST)
    if not interval_s:
        assert not requests
        assert not rim.of(SubscriberEnded)
        return
    assert gaps(one.at for one in requests) == [interval_s] * (failures - 1)
    (end,) = rim.of(SubscriberEnded)
    assert (end.reason, end.cause) == ("echo_timeout", TerminateCause.LOST_CARRIER)
    assert rim.controls(CDN)[0].at - requests[-1].at == pytest.approx(interval_s, abs=0.01)


@pytest.mark.parametrize(
    ("keys", "waits"),
    [
        ({}, [1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]),
        ({"restart_timer_s": 0.5}, [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]),
        ({"restart_cap_s": 1.5, "max_configure": 4}, [1.0, 1.5, 1.5]),
        ({"max_configure": 2}, [1.0]),
        ({"restart_timer_s": 3.0, "restart_cap_s": 3.0, "max_configure": 3}, [3.0, 3.0]),
    ],
)
def test_restart_timer_s_and_restart_cap_s_and_max_configure(keys: dict[str, float], waits: list[float]) -> None:
    rim = Rim(replace(ppp(**keys), lns=LnsConfig(listen=(), setup_timeout_s=300.0)))
    rim.line()
    rim.run(100.0)
    assert gaps(one.at for one in rim.frames(LCP, CONFIGURE_REQUEST)) == waits
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "lcp_failed"


def test_the_restart_timer_is_that_of_ipcp_too() -> None:
    rim = Rim(ppp(restart_timer_s=0.5, restart_cap_s=0.5, max_configure=5))
    open_line(rim)
    rim.run(10.0)
    assert gaps(one.at for one in rim.frames(IPCP, CONFIGURE_REQUEST)) == [0.5] * 4
    assert rim.of(SubscriberEnded)[0].reason == "ipcp_failed"


@pytest.mark.parametrize("most", [1, 2, 5])
def test_max_terminate(most: int) -> None:
    rim = Rim(ppp(max_terminate=most, restart_cap_s=1.0))
    open_line(rim)
    rim.ask(Disconnect("user1"))
    rim.run(30.0)
    goodbyes = rim.frames(LCP, TERMINATE_REQUEST)
    assert gaps(one.at for one in goodbyes) == [1.0] * (most - 1)
    assert rim.controls(CDN)[0].at - goodbyes[-1].at == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_max_failure(most: int) -> None:
    """A client that insists on an MRU that cannot carry IP."""
    rim = Rim(ppp(max_failure=most))
    line = rim.line()
    rim.run(0.5)
    for number in range(most + 2):
        line.say(LCP, CONFIGURE_REQUEST, number, option(MRU, b"\0\x10"))
    answers: list[Frame] = [one for one in rim.frames(LCP) if one.code != CONFIGURE_REQUEST]
    assert [one.code for one in answers] == [CONFIGURE_NAK] * most + [CONFIGURE_REJECT] * 2


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize("key", ["acfc", "pfc"])
def test_acfc_and_pfc(key: str, granted: bool) -> None:
    rim = Rim(ppp(**{key: granted}))
    line = rim.line()
    rim.run(0.5)
    wish = option(ACFC if key == "acfc" else PFC)
    line.say(LCP, CONFIGURE_REQUEST, 1, wish)
    answer = [one for one in rim.frames(LCP) if one.code != CONFIGURE_REQUEST][-1]
    assert (answer.code, answer.data) == (CONFIGURE_ACK if granted else CONFIGURE_REJECT, wish)

    rim = Rim(ppp(**{key: granted}))
    rim.up(method="pap")  # our client asks for both
    (leg,) = rim.entry.legs
    assert leg.acfc is (granted or key == "pfc")
    assert leg.pfc is (granted or key == "acfc")


# -- [dataplane]


@pytest.mark.parametrize("address", ["10.255.255.1", "10.64.0.1"])
def test_local_address(address: str) -> None:
    rim = Rim(config(dataplane=DataplaneConfig(local_address=address), auth=AuthConfig(methods=("pap",))))
    _, client = rim.up(method="pap")
    told = rim.frames(IPCP, CONFIGURE_REQUEST)[0].options[ADDRESS]
    assert int.from_bytes(told, "big") == ipv4_of(address)
    assert client.address == (0x0A400002 if address == "10.64.0.1" else 0x0A400001), "it is no client's"


@pytest.mark.parametrize("seconds", [10.0, 2.5, 100.0])
def test_counter_interval_s(seconds: float) -> None:
    lac = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default", idle_timeout_s=10000.0))
    rim = Rim(config(lac=(lac,), dataplane=DataplaneConfig(counter_interval_s=seconds)))
    rim.up()
    rim.run(1000.0)
    assert set(gaps(at for at, _ in rim.reads)) == {seconds}
    assert len(rim.reads) >= 900 // seconds


def test_counters_are_not_read_for_those_without_an_idle_timeout() -> None:
    rim = Rim()
    rim.up()
    rim.run(100.0)
    assert not rim.reads


@pytest.mark.parametrize("clamp", [True, False])
def test_clamp_mss(clamp: bool) -> None:
    rim = Rim(config(dataplane=DataplaneConfig(clamp_mss=clamp)))
    rim.up()
    assert rim.entry.clamp_mss is clamp
