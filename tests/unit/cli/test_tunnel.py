from __future__ import annotations

from bras.cli.tunnel import sections
from tests.unit.cli.rows import LAC, tunnel_detail


def _facts(**changes: object) -> dict[str, str]:
    return {f"{title}/{name}": value for title, facts in sections(tunnel_detail(**changes)) for name, value in facts}


def test_who_it_is() -> None:
    facts = _facts()
    assert facts["tunnel 1234/state"] == "established"
    assert facts["tunnel 1234/tunnel id"] == "1234, the LAC's 77"
    assert facts["tunnel 1234/authenticated"] == "the LAC by secret 2, we too"
    assert facts["tunnel 1234/calls"] == "2 established, 1 wait connect"
    assert facts["said of itself/Protocol Version"] == "1.0"
    assert facts["said of itself/Vendor Name"] == "Vendor, Inc.  (hidden)"


def test_a_tunnel_that_nobody_authenticates() -> None:
    facts = _facts(authenticated=False, peer_secret=None, challenged_us=False, calls_by_state={}, replaces=77)
    assert facts["tunnel 1234/authenticated"] == "the LAC not, we were not asked"
    assert facts["tunnel 1234/calls"] == "none"
    rotated = _facts(peer_secret=None)["tunnel 1234/authenticated"]
    assert rotated == "the LAC by a secret that is configured no more, we too"
    assert facts["tunnel 1234/takes the place of"] == "tunnel 77"


def test_where_its_control_connection_stands() -> None:
    facts = _facts()
    assert facts["control connection/round trip"] == "10.2 ms, last 12.5 ms"
    assert facts["control connection/window"] == "4 of the LAC's 8, doubles up to 4; ours 16"
    assert facts["control connection/next"] == "Ns 17, Nr 23"
    assert facts["control connection/queued"] == "5"
    assert facts["control connection/sent again"] == "2 in all"
    assert _facts(round_trip_ms=None, smoothed_round_trip_ms=None)["control connection/round trip"] == ""
    again = _facts(retries=3, resend_in_s=4.0)["control connection/sent again"]
    assert again == "2 in all, the oldest 3 times, again in 4s"


def test_whether_it_lives() -> None:
    facts = _facts()
    assert facts["keep-alive/last heard"] == "3s ago"
    assert facts["keep-alive/hello"] == "after 1m 00s of silence"
    assert facts["keep-alive/next hello in"] == "57s"
    facts = _facts(hello_interval_s=0.0, hello_outstanding=True, idle_s=30.0, idle_timeout_left_s=31.0)
    assert facts["keep-alive/hello"] == "never"
    assert facts["keep-alive/hello on its way"] == "yes"
    assert facts["keep-alive/closes in"] == "31s"


def test_what_became_of_its_lac() -> None:
    facts = _facts()
    title = "this LAC since it was first seen"
    assert facts[f"{title}/tunnels"] == "1 now, 4 ever"
    assert facts[f"{title}/tunnels refused"] == "7 wrong secret, 2 limit"
    assert facts[f"{title}/last refusal"] == "tunnel authentication failed, 1h 01m ago"
    assert _facts(lac_history=LAC | {"last_refusal": None})[f"{title}/last refusal"] == ""
    assert f"{title}/tunnels" not in _facts(lac_history=None)
