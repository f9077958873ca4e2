from __future__ import annotations

import pytest

from bras.runtime.negotiation import gzip_accepted, openmetrics_wanted

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS_2_42, True),
        (PROMETHEUS_3, True),
        ("application/openmetrics-text", True),
        ('Application/OpenMetrics-Text; Version="1.0.0"', True),
        ("application/openmetrics-text, text/plain", True),
        ("application/openmetrics-text;q=0.4, text/plain;q=0.5", False),
        ("text/plain;q=0.4, application/openmetrics-text;q=0.5", True),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0, */*", False),
        ("application/openmetrics-text;version=2.0.0, text/plain;q=0.1", False),
        ("application/openmetrics-text;q=0.5, */*;q=0.9", False),
        ("application/openmetrics-text;q=0.5, text/plain;q=0.1, */*;q=0.9", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("*/*", False),
        ("text/plain", False),
        ("", False),
        (",;,;q=,=", False),
        ("application/openmetrics-text;q=much", False),
        ("application/openmetrics-text;q=nan", False),
        ("application/openmetrics-text;q=7", False),
    ],
)
def test_openmetrics_is_for_who_would_rather_have_it(accept: str, wanted: bool) -> None:
    assert openmetrics_wanted(accept) is wanted


@pytest.mark.parametrize(
    ("accept", "understood"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=0.1", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("gzip;q=0.0", False),
        ("identity", False),
        ("br, *;q=0", False),
        ("", False),
    ],
)
def test_gzip_is_for_who_understands_it(accept: str, understood: bool) -> None:
    assert gzip_accepted(accept) is understood
