from __future__ import annotations

import pytest

from bras.config.model import AuthConfig
from bras.config.story import StoryConfig
from bras.lns import admission
from bras.lns.core import Core
from bras.lns.told import NOTES, Noted, SessionBegun
from bras.ppp.events import Credentials, CredentialsOffered
from bras.subscriber.subscriber import Subscriber
from bras.telemetry.story import FIELDS
from tests.support.lacs import SimulatedLac
from tests.support.rim import option
from tests.support.world import SimulatedRadius, World, config

PASSWORD = "correct horse battery"


def dialled(story: StoryConfig) -> World:
    world = World(config(story=story))
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", PASSWORD, method="pap")
    world.run(20.0)
    return world


def test_notes_have_the_values_that_they_should() -> None:
    world = dialled(StoryConfig())
    notes = [fact for fact in world.facts if isinstance(fact, Noted)]
    assert {note.word for note in notes} >= {"lcp_open", "credentials", "address"}
    for note in notes:
        assert len(note.values) == len(NOTES[note.word])
    assert all(FIELDS[word] == names for word, names in NOTES.items())


def test_enabled_says_whether_anything_is_noted() -> None:
    world = dialled(StoryConfig(enabled=False))
    assert not [fact for fact in world.facts if isinstance(fact, (Noted, SessionBegun))]
    assert world.lns.core.registry.by_number, "and all else is as ever"


def _secrets(credentials: Credentials) -> list[bytes]:
    """Return what proves something."""
    names = ("password", "challenge", "response")
    return [value for value in (getattr(credentials, name, b"") for name in names) if value]


@pytest.mark.interpreted  # what is compiled calls itself, not what stands in its place
def test_secrets_are_in_no_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords, challenges and responses, shared secrets, Class, State: none of them, in any form."""
    for method in ("pap", "chap", "mschapv1", "mschapv2"):
        server = SimulatedRadius(
            reply=lambda _: (3, option(18, b"no") + option(24, b"a state") + option(25, b"a class"))
        )
        world = World(config(auth=AuthConfig(methods=(method,))), radius=server)
        lac = SimulatedLac(world)
        lac.open()
        world.run(2.0)
        take, offered = admission.credentials_offered, list[bytes]()

        def watch(core: Core, one: Subscriber, event: CredentialsOffered, *, now: float) -> None:
            offered.extend(_secrets(event.credentials))  # noqa: B023  # it is called within this turn of the loop
            take(core, one, event, now=now)  # noqa: B023  # it is called within this turn of the loop

        monkeypatch.setattr(admission, "credentials_offered", watch)
        lac.dial("user1", PASSWORD, method=method)
        world.run(30.0)
        stories = (*world.stories.live.values(), *world.stories.failed)
        told = b"".join(bytes(story._octets) for story in stories)
        monkeypatch.undo()
        assert offered
        assert b"user1" in told, "it is there, packed"
        secrets = [b"tunsecret", b"radsecret", PASSWORD.encode(), b"a state", b"a class", *offered]
        for secret in secrets:
            assert secret not in told
            assert secret.hex().encode() not in told
