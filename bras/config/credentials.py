"""Secrets and passwords: given in the configuration, or in a file of their own.

No message ever shows one, whatever is wrong with it.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bras.config.findings import Findings
from bras.secret import Secret


@dataclass(frozen=True, slots=True)
class Credential:
    """The keys that give a section its secret: ``name``, ``name_file``, perhaps ``names``."""

    field: str
    """The field of the model that takes it."""
    name: str
    required: bool
    several: bool = False
    """Whether there is a list, whose first is sent and any accepted; the field is then a tuple."""
    spared: tuple[str, str, bytes] | None = None
    """(key, value, secret): with that value of that key of the section it may be left out, and is this one.

    An empty value stands for any.
    """

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys, of which one may be given."""
        return (self.name, f"{self.name}_file", *([f"{self.name}s"] if self.several else []))

    def read(self, table: Mapping[str, object], at: str, directory: Path, findings: Findings) -> object:
        """Return the field's value; what is wrong is noted, and an empty value stands in."""
        given = [key for key in self.keys if key in table]
        found: list[Secret] = []
        if len(given) > 1:
            findings.wrong(f"{at}.{given[1]}", f'"{given[0]}" is given too', "give one of the two")
        elif given:
            found = self._read_key(given[0], table[given[0]], f"{at}.{given[0]}", directory, findings)
        elif self.spared is not None and self.spared[0] in table and self.spared[1] in ("", table[self.spared[0]]):
            found = [Secret(self.spared[2])]
        elif self.required:
            findings.wrong(f"{at}.{self.name}", "it is missing", f'give "{self.name}" or "{self.name}_file"')
        return tuple(found) if self.several else (found[0] if found else Secret(b""))

    def _read_key(self, key: str, value: object, at: str, directory: Path, findings: Findings) -> list[Secret]:
        if key == f"{self.name}s":
            if not isinstance(value, list) or not value:
                findings.wrong(at, "it is not a list of texts", 'give a list such as ["new", "old"]')
                return []
            read = [_inline(item, f"{at}[{index}]", findings) for index, item in enumerate(value)]
            return [secret for secret in read if secret is not None]
        one = _inline(value, at, findings)
        if one is None:
            return []
        if key == self.name:
            return [one]
        secret = _from_file(directory / one.reveal().decode(), at, findings)
        return [] if secret is None else [secret]


def _inline(value: object, at: str, findings: Findings) -> Secret | None:
    if not isinstance(value, str):
        findings.wrong(at, "it is not text", "put it in quotes")
    elif not value:
        findings.wrong(at, "it is empty", "give at least one character")
    else:
        return Secret(value.encode())
    return None


def _from_file(path: Path, at: str, findings: Findings) -> Secret | None:
    """Read the one line of a file."""
    try:
        octets = path.read_bytes()
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        findings.wrong(at, f"{path} cannot be read ({reason})", "give a file that this user can read")
        return None
    if mode & stat.S_IROTH:
        findings.doubtful(at, f"{path} can be read by every user of this machine", f"chmod o= {path}")
    octets = octets.rstrip(b"\r\n")
    if not octets or b"\n" in octets:
        wrong = "has more than one line" if octets else "is empty"
        findings.wrong(at, f"{path} {wrong}", "give a file with the secret on its only line")
        return None
    return Secret(octets)
