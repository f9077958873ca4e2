"""Text from the network made fit for a log, a terminal and JSON."""

from __future__ import annotations

CLIP = 512
"""Characters of one value at most; what is longer came from somebody who plays."""


def clean(text: str) -> str:
    r"""Return ``text`` with everything that does not print escaped, clipped to ``CLIP`` characters.

    Control characters, line and paragraph separators, direction marks and lone surrogates
    (octets that were not UTF-8) become escapes such as ``\n`` or ``\udcff``.
    """
    if len(text) > CLIP:
        text = text[:CLIP] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def clean_deep(value: object) -> object:
    """Clean every text inside lists and dictionaries too; other values stay as they are."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean_deep(key): clean_deep(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_deep(item) for item in value]
    return value


def dotted_quad(address: int) -> str | None:
    """Return an IPv4 address as text; ``None`` for 0, which stands for "none yet"."""
    if not address:
        return None
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
