from __future__ import annotations

import json
import stat
from pathlib import Path

from bras.telemetry.story import Story
from bras.telemetry.story_file import StoryFile
from tests.unit.telemetry.test_story import LINE


def story(number: int) -> Story:
    one = Story(number, f"{number:020X}", LINE, 1000.0)
    one.user = "ali\nce"
    one.add(1001.0, "lcp_again")
    return one


def sessions(path: Path) -> list[int]:
    return [int(json.loads(line)["session"], 16) for line in path.read_text(encoding="utf-8").splitlines()]


def written(path: Path, numbers: range, most_octets: int = 1 << 20) -> None:
    for number in numbers:
        file = StoryFile(str(path), most_octets)
        file.put(story(number))
        file.close()


def test_a_line_for_each_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "stories"
    written(path, range(1, 4))
    assert sessions(path) == [1, 2, 3]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_file_octets_bounds_it(tmp_path: Path) -> None:
    path = tmp_path / "stories"
    written(path, range(1, 2))
    size = path.stat().st_size
    written(path, range(2, 20), file_octets := 4 * size)
    assert path.stat().st_size <= file_octets
    assert sessions(path.with_name("stories.1")) + sessions(path) == list(range(13, 20))


def test_it_goes_on_where_it_cannot_be_renamed(tmp_path: Path) -> None:
    path = tmp_path / "stories"
    (tmp_path / "stories.1").mkdir()
    (tmp_path / "stories.1" / "in the way").touch()
    written(path, range(1, 5), 500)
    assert sessions(path) == [1, 2, 3, 4]
