"""Stories of sessions that have ended: the last ones of each owner, and not more than so many in all."""

from __future__ import annotations

from collections.abc import Iterator

from bras.telemetry.story import Story


class Shelf:
    """Has room for some stories; who puts one more there pushes out the owner's oldest, or the oldest of all."""

    __slots__ = ("_most", "_most_of_one", "_of_owner", "_serial", "_stories")

    def __init__(self, most: int, most_of_one: int) -> None:
        """Begin empty."""
        self._most = most
        self._most_of_one = most_of_one
        self._serial = 0
        self._stories: dict[int, Story] = {}
        """The oldest first."""
        self._of_owner: dict[tuple[str, str], list[int]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._stories)

    def __iter__(self) -> Iterator[Story]:
        """Go over a copy, the oldest first: it may change meanwhile."""
        return iter(list(self._stories.values()))

    def put(self, story: Story) -> None:
        """Take one more."""
        self._serial += 1
        self._stories[self._serial] = story
        own = self._of_owner.setdefault(story.owner, [])
        own.append(self._serial)
        if len(own) > self._most_of_one:
            self._drop(own[0])
        if len(self._stories) > self._most:
            self._drop(next(iter(self._stories)))

    def _drop(self, serial: int) -> None:
        owner = self._stories.pop(serial).owner
        own = self._of_owner[owner]
        own.remove(serial)
        if not own:
            del self._of_owner[owner]
