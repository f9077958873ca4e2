"""What an HTTP client would rather have (RFC 9110 section 12)."""

from __future__ import annotations

from collections.abc import Iterator

OPENMETRICS = "application/openmetrics-text"
_VERSIONS = ("", "1.0.0", "0.0.1")


def openmetrics_wanted(accept: str) -> bool:
    """Return whether a client would rather have OpenMetrics than Prometheus text; ``accept`` is its header.

    Of two that are as good the one is taken that says more: OpenMetrics, if it is named.
    """
    openmetrics = text = anything = 0.0
    named = False
    for kind, parameters, quality in _choices(accept):
        if kind == OPENMETRICS and parameters.get("version", "").strip('"') in _VERSIONS:
            openmetrics = max(openmetrics, quality)
        elif kind == "text/plain":
            text, named = max(text, quality), True
        elif kind in ("text/*", "*/*"):
            anything = max(anything, quality)
    return openmetrics > 0.0 and openmetrics >= (text if named else anything)


def gzip_accepted(accept_encoding: str) -> bool:
    """Return whether a client understands gzip; ``accept_encoding`` is its header."""
    qualities = {coding: quality for coding, _, quality in _choices(accept_encoding)}
    return qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0))) > 0.0


def _choices(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield (what, parameters, quality) of each element; a quality that is none is 0."""
    for element in header.split(","):
        what, *rest = (part.strip() for part in element.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if what:
            yield what.lower(), parameters, _quality(parameters.get("q", "1"))


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
