"""A TOML file becomes the configuration, or all that is wrong with it at once.

``load`` is for who wants a Config; ``check`` also tells what is merely doubtful.
Paths in the file that are not absolute begin at the directory of the file.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bras.config import node
from bras.config.crosscheck import crosscheck
from bras.config.findings import Findings
from bras.config.grant import Grant
from bras.config.model import Config
from bras.config.radius import RadiusConfig
from bras.config.radsec import with_tls
from bras.config.section import Required, Section
from bras.config.sections import SECTIONS
from bras.config.values import shown
from bras.errors import ConfigError, ConfigProblem


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration and what there is to say of it; ``config`` is None if there are problems."""

    config: Config | None
    problems: tuple[ConfigProblem, ...]
    warnings: tuple[ConfigProblem, ...]


def load(path: str | Path) -> Config:
    """Read a configuration file; raise ConfigError with every problem of it."""
    checked = check(path)
    if checked.config is None:
        raise ConfigError(checked.problems)
    return checked.config


def check(path: str | Path) -> Checked:
    """Read a configuration file and tell every problem and every warning."""
    findings = Findings(str(path))
    config = None
    table = _read_file(Path(path), findings)
    if table is not None:
        config = _read_config(table, Path(path), findings)
        crosscheck(config, findings)
    problems = tuple(findings.problems)
    return Checked(None if problems else config, problems, tuple(findings.warnings))


def _read_file(path: Path, findings: Findings) -> dict[str, Any] | None:
    """Return the file's tables, or note that it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        findings.wrong("file", f"it cannot be read ({error.strerror})", "give the path of a readable file")
    except UnicodeDecodeError as error:
        findings.wrong("file", f"octet {error.start} is not UTF-8", "save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(?s)(.*) \(at (line \d+, column \d+|end of document)\)", str(error))
        what, where = found.groups() if found else (str(error), "file")
        findings.wrong(where, f"this is not TOML: {what}", "correct the syntax, see https://toml.io")
    return None


def _read_config(table: Mapping[str, object], path: Path, findings: Findings) -> Config:
    """Read every section that the file has, in its order, and those that it must have."""
    parts: dict[str, Any] = {}
    sections = {section.name: section for section in SECTIONS}
    directory = path.resolve().parent
    for name, value in table.items():
        if name not in sections:
            _unknown_section(name, value, findings)
            continue
        read = _read_section(sections[name], value, directory, findings)
        if read is not None:
            parts[name] = read
    if "lns" not in parts:
        if "lns" not in table:
            findings.wrong("lns", "the section is missing", 'give [lns] with listen = ["192.0.2.1"]')
        parts["lns"] = sections["lns"].build(listen=())
    if parts["lns"].node is None:
        parts["lns"] = replace(parts["lns"], node=node.derived())
    if "radius" in parts:
        parts["radius"] = with_tls(_with_dictionaries(parts["radius"], directory, findings), directory, findings)
    config = Config(**parts)
    _look_at_mode(path, config, findings)
    return config


def _unknown_section(name: str, value: object, findings: Findings) -> None:
    """Note a section that there is not, or a key that stands before the first section."""
    homes = [section.title for section in SECTIONS if name in section.known]
    if homes and not isinstance(value, (dict, list)):
        findings.wrong(name, "it stands in no section", f"put it below {' or '.join(homes)}")
    else:
        findings.unknown(_spelled(name), name, "section", (section.name for section in SECTIONS))


def _spelled(name: str) -> str:
    """Write a key as TOML does: in quotes unless it is a bare word."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else shown(name)


def _with_dictionaries(radius: RadiusConfig, directory: Path, findings: Findings) -> RadiusConfig:
    """Make the dictionaries' paths absolute, and see that they can be read."""
    paths = tuple(str(directory / name) for name in radius.dictionaries)
    for index, name in enumerate(paths):
        try:
            with open(name, "rb"):
                pass
        except OSError as error:
            wrong = f"{name} cannot be read ({error.strerror})"
            findings.wrong(f"radius.dictionaries[{index}]", wrong, "give a file that this user can read")
    return replace(radius, dictionaries=paths)


def _look_at_mode(path: Path, config: Config, findings: Findings) -> None:
    """Warn when everybody on this machine can read the file and there may be secrets in it."""
    try:
        mode = path.stat().st_mode
    except OSError:  # it has gone since it was read; the next one is looked at when it is read
        return
    if mode & stat.S_IROTH and (config.lac or config.user or config.radius.server):
        findings.doubtful("file", "every user of this machine can read it, secrets too", f"chmod o= {path}")


def _read_section(section: Section, value: object, directory: Path, findings: Findings, at: str = "") -> Any:
    """Return what the section makes, a tuple of these if it is repeated; ``None`` if it is no section."""
    at = at or section.name
    if not section.repeated:
        if isinstance(value, dict):
            return _read_table(section, value, at, directory, findings)
        findings.wrong(at, "it is not one section", f"write {section.title}, once")
        return None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        findings.wrong(at, "it is not a list of sections", f"write {section.title}, with two brackets")
        return None
    return tuple(_read_table(section, item, f"{at}[{index}]", directory, findings) for index, item in enumerate(value))


def _read_table(section: Section, table: Mapping[str, object], at: str, directory: Path, findings: Findings) -> Any:
    """Read the keys in the order of the file, then see which are missing."""
    parts: dict[str, Any] = {}
    grant: dict[str, Any] = {}
    inner = {one.key: one for one in section.inner}
    credential = section.credential
    for name, value in table.items():
        key = section.keys.get(name)
        if key is not None:
            kind = key.kind if isinstance(key, Required) else key
            parts[name] = kind.read(value, f"{at}.{name}", findings)
        elif name in section.policy:
            grant[name] = section.policy[name].read(value, f"{at}.{name}", findings)
        elif name in inner:
            parts[name] = _read_section(inner[name], value, directory, findings, f"{at}.{name}")
        elif credential is None or name not in credential.keys:
            findings.unknown(f"{at}.{_spelled(name)}", name, f"key of {section.title}", section.known)
    if credential is not None:
        parts[credential.field] = credential.read(table, at, directory, findings)
    if section.policy:
        parts["grant"] = Grant(**grant)
    _see_required(section, table, parts, at, findings)
    return section.build(**{name: part for name, part in parts.items() if part is not None})


def _see_required(
    section: Section, table: Mapping[str, object], parts: dict[str, Any], at: str, findings: Findings
) -> None:
    """Note the required keys that are missing, and let their stand-ins take their place."""
    for name, key in section.keys.items():
        if isinstance(key, Required) and parts.get(name) is None:
            if name not in table:
                findings.wrong(f"{at}.{name}", "it is missing", f"give {key.kind.expects}")
            parts[name] = key.stand_in
