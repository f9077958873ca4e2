from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from bras.forwarding.entry import Counters
from bras.telemetry.session_series import SERIES, Reading, label, rendered

ROW = [
    "68E1",
    "alice",
    "chap",
    "any",
    "lac1",
    "198.18.0.2",
    "0123",
    "0456",
    0x0A400001,
    100.5,
    0.0125,
    0,
    7,
    False,
    None,
    None,
    [30, 2, 0.01, 0.02, 0.25, 400, 5],
]
NOW = Counters(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)


def reading(**changes: object) -> Reading:
    places = {
        "user": 1,
        "group": 3,
        "name": 4,
        "calling": 6,
        "address": 8,
        "echo": 10,
        "has6": 13,
        "base": 14,
        "last": 15,
        "quality": 16,
    }
    row = list(ROW)
    for name, value in changes.items():
        row[places[name]] = value
    return row


def page(*rows: Reading, carried: dict[int, Counters] | None = None, openmetrics: bool = False) -> str:
    texts = rendered(rows, {7: NOW} if carried is None else carried, 1000.0, {})
    parts = [series.head(openmetrics=openmetrics) + text for series, text in zip(SERIES, texts, strict=True)]
    return "".join(parts) + ("# EOF\n" if openmetrics else "")


def samples(text: str, *, openmetrics: bool = False) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    parse = parse_openmetrics if openmetrics else text_string_to_metric_families
    return {(one.name, frozenset(one.labels.items())): one.value for family in parse(text) for one in family.samples}


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("bytes_total", {"direction": "up", "family": "ipv4"}, 1),
        ("packets_total", {"direction": "up", "family": "ipv4"}, 2),
        ("bytes_total", {"direction": "down", "family": "ipv4"}, 3),
        ("packets_total", {"direction": "down", "family": "ipv4"}, 4),
        ("bytes_total", {"direction": "up", "family": "ipv6"}, 5),
        ("packets_total", {"direction": "up", "family": "ipv6"}, 6),
        ("bytes_total", {"direction": "down", "family": "ipv6"}, 7),
        ("packets_total", {"direction": "down", "family": "ipv6"}, 8),
        ("policed_packets_total", {"direction": "up"}, 10),
        ("policed_packets_total", {"direction": "down"}, 11),
        ("start_time_seconds", {}, 1100.5),
        ("echo_round_trip_seconds", {}, 0.0125),
        ("echo_round_trip_max_seconds", {}, 0.25),
        ("echoes_total", {}, 405),
        ("echoes_lost_total", {}, 5),
        (
            "info",
            {
                "user": "alice",
                "lac": "any",
                "lac_hostname": "lac1",
                "lac_address": "198.18.0.2",
                "address": "10.64.0.1",
                "calling_number": "0123",
                "called_number": "0456",
                "method": "chap",
            },
            1,
        ),
    ],
)
def test_a_sample(name: str, labels: dict[str, str], value: float, openmetrics: bool) -> None:
    found = samples(page(reading(), openmetrics=openmetrics), openmetrics=openmetrics)
    assert found[f"bras_session_{name}", frozenset({**labels, "session": "68E1"}.items())] == value
    assert len(found) == 16


def bytes_up(*rows: Reading, carried: dict[int, Counters]) -> float:
    key = {"session": "68E1", "direction": "up", "family": "ipv4"}
    return samples(page(*rows, carried=carried))["bras_session_bytes_total", frozenset(key.items())]


def test_what_earlier_entries_carried_is_in_it() -> None:
    """LCP was renegotiated, or the data plane does not say: a counter must not go back."""
    base, last = list(Counters(100)), list(Counters(10))
    assert bytes_up(reading(), carried={}) == 0
    assert bytes_up(reading(last=last), carried={}) == 10
    assert bytes_up(reading(last=last), carried={7: Counters(12)}) == 12
    assert bytes_up(reading(base=base, last=last), carried={}) == 110
    assert bytes_up(reading(base=base, last=last), carried={7: Counters(12)}) == 112


def test_what_is_not_known_has_no_sample() -> None:
    names = {name for name, _ in samples(page(reading(echo=0.0, quality=None)))}
    assert not [name for name in names if "echo" in name]
    assert 'address=""' in page(reading(address=0))


HOSTILE = [
    "<script>alert(1)</script>",
    'quo"te',
    "back\\slash",
    "line\nfeed",
    "tab\tand\x00null\x1b[2J",
    "x" * 253,
    '"' * 253,
    "\\" * 253,
    "octets \udcff\udc80",
    "right \u202e to left",
    "\\n",
    'end"} 1\nbras_session_info{session="forged',
    "müller@ísp.example",
    "# HELP",
    "{}",
]


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_client_calls_itself_is_text_in_a_label(text: str, openmetrics: bool) -> None:
    made = page(reading(user=text, calling=text, name=text, group=text), openmetrics=openmetrics)
    made.encode("utf-8")
    assert made.count("\n") == 16 + 2 * len(SERIES) + openmetrics
    found = samples(made, openmetrics=openmetrics)
    (info,) = [dict(labels) for name, labels in found if name == "bras_session_info"]
    if text.isprintable():
        assert info["user"] == info["calling_number"] == info["lac_hostname"] == info["lac"] == text
    else:
        assert info["user"].isprintable()
        assert info["user"] == info["calling_number"]
    assert len(found) == 16


def test_who_has_no_ipv6_has_no_samples_of_it() -> None:
    only4 = Counters(1, 2, 3, 4)
    assert "ipv6" not in page(reading(), carried={7: only4})
    for shown in (page(reading(has6=True), carried={7: only4}), page(reading(), carried={7: Counters(up_packets6=1)})):
        assert shown.count('family="ipv6"') == 4


def test_a_label_that_needs_nothing_is_as_it_is() -> None:
    assert label("user1@isp.example") == "user1@isp.example"
    assert label('a"b\\c\nd') == 'a\\"b\\\\c\\\\nd'


def test_the_labels_of_a_lac_are_made_once() -> None:
    lacs: dict[tuple[str, ...], str] = {}
    rendered([reading(), reading()], {}, 0.0, lacs)
    assert lacs == {("any", "lac1", "198.18.0.2"): 'lac="any",lac_hostname="lac1",lac_address="198.18.0.2"'}
