"""The operator's files: any text becomes a configuration or problems in words, none of them with a secret in it."""

from __future__ import annotations

import atexit
import logging
import re
import shutil
import tempfile
from pathlib import Path

from bras.config import dictionary
from bras.config.load import check
from bras.config.model import Config
from bras.config.sections import SECTIONS
from bras.errors import ConfigError
from tests.fuzz.harness import Harness

_VALUES = (
    "true", "false", '"auto"', '["192.0.2.1"]', '"10.0.0.0/8"', '"::1"', "1e9", "nan", "-1", '"10.0.0.1-10.0.0.9"',
    '"s3cr3t"', "1979-05-27", '["chap", "pap"]', '"radius"', '"local"', "{}", "[[]]", "0x7fffffffffffffff",
)  # fmt: skip
_WORDS = (
    "ATTRIBUTE", "VALUE", "VENDOR", "BEGIN-VENDOR", "END-VENDOR", "BEGIN-TLV", "END-TLV", "$INCLUDE", "tlv", "string",
    "integer", "ipaddr", "octets", "encrypt=1", "has_tag", "concat", "vsa", "struct", "format=2,2",
)  # fmt: skip


_OF_SECRETS = re.compile(rb"\s*(secret|password)\s*=[^=]*$")


def _folder() -> Path:
    """Make a folder in memory, if the machine has one there, for the text that is looked at."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _leads_elsewhere(text: bytes) -> bool:
    """Tell whether a text names files of this machine: some never end, and none is the fuzzer's business."""
    return b"/dev" in text or b"/proc" in text or b"/sys" in text


def _is_secret(text: bytes) -> bool:
    """Tell whether the word stands where secrets do, and nowhere else: names, and values of other keys, are told."""
    lines = [line for line in text.splitlines() if b"s3cr3t" in line]
    return all(_OF_SECRETS.match(line) for line in lines)


def _check(path: Path, text: bytes) -> None:
    if _leads_elsewhere(text):
        return
    path.write_bytes(text)
    checked = check(path)
    assert isinstance(checked.config, Config) != bool(checked.problems)
    for problem in checked.problems + checked.warnings:
        assert problem.key
        assert problem.wrong
        assert problem.right
        assert "\n" not in str(problem)
        assert len(str(problem)) < 2000, "a problem longer than anybody reads"
        told = f"{problem.wrong} {problem.right}"
        assert "s3cr3t" not in told or not _is_secret(text), "a secret in a message"


def _load(path: Path, text: bytes) -> None:
    if _leads_elsewhere(text):
        return
    path.write_bytes(text)
    try:
        dictionary.load(str(path))
    except ConfigError as error:
        assert 0 < len(error.problems) <= dictionary.MAX_PROBLEMS + 20
        assert all(problem.wrong and problem.right for problem in error.problems)


def harness(name: str) -> Harness:
    path = _folder() / "text"
    if name == "dictionary":
        logging.getLogger("pyrad").setLevel(logging.CRITICAL)  # it warns of values of attributes that are not there
        return Harness(lambda text: _load(path, text), 200, tuple(word.encode() for word in _WORDS))
    sections = [one for section in SECTIONS for one in (section, *section.inner)]
    words = {one.title.encode() + b"\n" for one in sections}
    words |= {f"{key} = ".encode() for one in sections for key in one.known}
    words |= {value.encode() for value in _VALUES}
    return Harness(lambda text: _check(path, text), 700, tuple(sorted(words)))
