from __future__ import annotations

from bras.cli.detail import sections
from tests.unit.cli.rows import data, detail


def _facts(**changes: object) -> dict[str, str]:
    return {f"{title}/{name}": value for title, facts in sections(detail(**changes)) for name, value in facts}


def test_every_value_of_the_profile_has_its_source() -> None:
    facts = _facts()
    assert facts["profile/address"] == "10.64.0.1  (radius)"
    assert facts["profile/rate_down_bps"] == "50.0 Mbit/s  (profile gold)"
    assert facts["profile/rate_up_bps"] == "none  (defaults)"
    assert facts["profile/session_timeout_s"] == "1d 00h  (lac)"
    assert facts["profile/dns"] == "192.0.2.1, 192.0.2.2  (defaults)"
    assert facts["profile/source_check"] == "yes  (defaults)"


def test_who_where_how_much_until_when() -> None:
    facts = _facts()
    assert facts["session 6560F00D00000001/user"] == "user1@isp.example"
    assert facts["tunnel/tunnel"] == "1234, the LAC's 77"
    assert facts["tunnel/connect speed"] == "100 Mbit/s down, 40.0 Mbit/s up"
    assert facts["traffic/down ipv4"] == "988 MB in 700000 packets"
    assert facts["traffic/up spoofed"] == "3 packets dropped"
    assert facts["time/session timeout in"] == "1h 00m"
    assert facts["time/idle timeout in"] == ""
    assert facts["accounting/next interim in"] == "1m 01s"
    assert facts["accounting/class"] == "deadbeef"


def test_who_let_it_in_and_under_which_name() -> None:
    facts = _facts()
    assert facts["session 6560F00D00000001/let in by"] == "radius1"
    assert facts["session 6560F00D00000001/called itself"] == "user1"
    assert _facts(claimed="user1@isp.example")["session 6560F00D00000001/called itself"] == ""


def test_what_is_left_of_quotas() -> None:
    assert _facts(quota_left_octets={"up": 1536000})["traffic/quota left up"] == "1.54 MB"


def test_ipv6_that_radius_granted_is_told_to_be_without_effect() -> None:
    profile = {
        "ipv6_pool": {"value": "six", "source": "radius"},
        "ipv6_routes": {"value": [], "source": "built-in"},
    }
    facts = _facts(profile=profile)
    assert facts["profile/ipv6_pool"] == "six  (radius, not in use: there is no IPv6 yet)"
    assert facts["profile/ipv6_routes"] == "none  (built-in)"


def test_what_became_of_the_link_that_the_lac_had_negotiated() -> None:
    name = "session 6560F00D00000001/proxy"
    assert _facts()[name] == "renegotiated (mru)"
    assert _facts(proxy="accepted", proxy_reason="none")[name] == "accepted"
    assert _facts(proxy=None, proxy_reason=None)[name] == ""


def test_how_data_are_numbered_and_what_was_wrong_with_them() -> None:
    assert _facts()["tunnel/data numbered"] == "no"
    assert _facts(data=data(numbered_down=True))["tunnel/data numbered"] == "down"
    facts = _facts(data=data(numbered_down=True, numbered_up=True, numbers_required=True, lost=7, late=2))
    assert facts["tunnel/data numbered"] == "down and up, required"
    assert (facts["tunnel/data lost"], facts["tunnel/data late"]) == ("7", "2")
    assert "tunnel/data duplicates" not in facts
    assert "tunnel/data numbered" not in _facts(data={})


def test_ipv6_is_shown_when_there_was_any() -> None:
    assert "traffic/up ipv6" not in _facts()
    assert _facts(up_packets6=1, up_octets6=40)["traffic/up ipv6"] == "40 B in 1 packets"


def test_a_lac_that_tells_one_speed_means_both() -> None:
    assert _facts(rx_speed_bps=0)["tunnel/connect speed"] == "100 Mbit/s down, 100 Mbit/s up"
    assert _facts(tx_speed_bps=0, rx_speed_bps=0)["tunnel/connect speed"] == ""


def test_a_session_on_its_way_up() -> None:
    facts = _facts(profile={}, mtu=None, address=None, uptime_s=None, session_timeout_left_s=None, echo_ms=None)
    assert facts["session 6560F00D00000001/address"] == ""
    assert facts["time/up for"] == ""


def test_what_the_lac_told_of_the_line() -> None:
    facts = _facts(
        sub_address="7",
        physical_channel=0,
        private_group="red",
        access_line={"agent_circuit_id": "dslam1", "actual_data_rate_upstream_bps": 1_024_000, "iwf_session": True},
        line_errors={"crc": 3, "hardware_overruns": 0},
        accm={"send": "000a0000", "receive": "ffffffff"},
        speed_changes=2,
    )
    assert {name: text for name, text in facts.items() if name.startswith("line/")} == {
        "line/sub-address": "7",
        "line/physical channel": "0",
        "line/private group": "red",
        "line/agent circuit id": "dslam1",
        "line/actual data rate upstream": "1.02 Mbit/s",
        "line/iwf session": "yes",
        "line/errors": "3 crc, 0 hardware overruns",
        "line/accm": "000a0000 sent, ffffffff received",
        "line/speed changes": "2",
    }


def test_a_line_of_which_nothing_was_told_has_no_section() -> None:
    assert not [name for name in _facts() if name.startswith("line/")]
    assert _facts()["session 6560F00D00000001/calling station"] == "0301234567"


def test_what_radius_was_told_is_shown() -> None:
    assert _facts()["session 6560F00D00000001/nas port id"] == "lns1:1234:5"
    assert _facts()["session 6560F00D00000001/chargeable identity"] == ""
