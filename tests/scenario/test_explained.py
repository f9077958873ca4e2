"""What ``bras explain`` says of each end of the table: the words are kept in tests/golden/explain.

``BRAS_GOLDEN=write`` writes them anew; look at what has changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bras.cli.explain import lines
from bras.config.grant import Grant
from bras.config.model import AuthConfig, PoolConfig, PppConfig
from bras.lns.inputs import CoaReceived, TimerFired
from bras.radius.coa_events import Origin
from bras.radius.dynauth import COA_REQUEST
from bras.subscriber.ends import ENDS
from bras.subscriber.events import SubscriberEnded
from bras.telemetry import journald, logs
from bras.telemetry.explanation import explain
from bras.telemetry.stories import Stories
from bras.telemetry.story import Story
from bras.telemetry.verdicts import VERDICTS
from tests.scenario.test_ends import FOLLOWS, OF_TUNNELS, SCENARIOS, settings, up
from tests.support.crash import Mortal
from tests.support.dac import DAC, DAC_SECRET, OURS, with_coa
from tests.support.dynauth import dynamic_request
from tests.support.lacs import SimulatedLac
from tests.support.radius import attribute
from tests.support.rim import CONFIGURE_REQUEST, LCP, Rim, option
from tests.support.world import WALL_OFFSET_S, SimulatedRadius, World

GOLDEN = Path(__file__).parent.parent / "golden" / "explain"


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def told(world: World, *stories: Story) -> str:
    now = world.now + WALL_OFFSET_S
    body = {"stories": [explain(story, now, world.stories.dead) for story in stories], "more": 0}
    return "\n".join(lines("", body)) + "\n"


def the_same(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("BRAS_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def ended(stories: Stories, reason: str) -> Story:
    found = [story for story in (*stories.had_been_up, *stories.failed) if story.events[-1].values["reason"] == reason]
    assert found, [story.events[-1] for story in (*stories.had_been_up, *stories.failed)]
    return found[0]


# -- ends of which nobody is up, and those that only follow another one


def dialled(rim: Rim, user: str = "user1", **wishes: Any) -> World:
    lac = SimulatedLac(rim)
    lac.open()
    rim.run(2.0)
    lac.dial(user, "pass", **wishes)
    rim.run(100.0)
    return rim


def no_address(_: Path) -> World:
    pool = PoolConfig(name="default", ranges=((0x0A400001, 0x0A400001),))
    rim = Rim(settings(pool=(pool,)))
    lac, _client = rim.up(method="chap")
    lac.dial("user2", "pass")
    rim.run(20.0)
    return rim


def unknown_pool(_: Path) -> World:
    return dialled(Rim(settings(), servers=(SimulatedRadius(reply=lambda _: (2, option(88, b"nowhere"))),)))


def address_conflict(_: Path) -> World:
    server = SimulatedRadius(reply=lambda _: (2, option(8, bytes((192, 0, 2, 9)))))
    rim = Rim(settings(auth=AuthConfig(methods=("chap",), address_conflict="deny")), servers=(server,))
    lac, _client = rim.up(method="chap")
    lac.dial("user2", "pass")
    rim.run(20.0)
    return rim


def at_once(reason: str) -> Callable[[Path], World]:
    def play(_: Path) -> World:
        rim, _lac = up()
        (one,) = rim.lns.core.registry.by_number.values()
        rim.lns.core.backlog.subscriber.append((one, one.end(reason, "", now=rim.now)))
        rim.give(TimerFired())
        rim.run(5.0)
        return rim

    return play


ALL = {
    **SCENARIOS,
    "authentication_no_address": no_address,
    "authentication_unknown_pool": unknown_pool,
    "authentication_denied_address_conflict": address_conflict,
    **{reason: at_once(reason) for reason in (*FOLLOWS, *OF_TUNNELS)},
}


def test_every_end_is_explained() -> None:
    assert set(ALL) == set(ENDS) == set(VERDICTS)


@pytest.mark.parametrize("reason", ENDS)
def test_an_end(reason: str, tmp_path: Path) -> None:
    world = ALL[reason](tmp_path)
    the_same(reason, told(world, ended(world.stories, reason)))


def test_no_golden_text_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(ENDS) | set(OTHERS)


# -- other stories


def never_heard() -> World:
    rim = Rim(settings(ppp=PppConfig(mru=1460, max_configure=3)))
    line = rim.line()
    rim.run(120.0)
    assert line
    return rim


def wrong_password() -> World:
    server = SimulatedRadius(reply=lambda _: (3, option(18, b"wrong password")))
    return dialled(Rim(settings(), servers=(server,)))


def nobody_answers() -> World:
    return dialled(Rim(settings("pap"), servers=(SimulatedRadius(silent=True),)), method="pap")


def still_waits() -> World:
    rim = Rim(settings("pap"), servers=(SimulatedRadius(silent=True),))
    lac = SimulatedLac(rim)
    lac.open()
    rim.run(2.0)
    lac.dial("user1", "pass", method="pap")
    rim.run(4.0)
    return rim


def mru_refused() -> World:
    rim = Rim(settings("pap", ppp=PppConfig(mru=1460, echo_interval_s=0.0)))
    line = rim.line()
    for _ in range(30):
        rim.run(0.2)
        request = line.last(LCP, CONFIGURE_REQUEST)
        line.say(LCP, 3, request.identifier, option(1, (1500).to_bytes(2, "big")))
    rim.run(30.0)
    return rim


def changed_and_throttled() -> World:
    made = with_coa(
        settings(grant=Grant(pool="default", quota_octets=1000, at_quota="throttle", quota_rate_down_bps=64000))
    )
    rim, _ = up(made)
    rim.run(30.0)
    session = next(iter(rim.lns.core.registry.by_number.values())).session_id
    request = dynamic_request(
        COA_REQUEST,
        attribute(44, session.encode()) + attribute(28, (600).to_bytes(4, "big")),
        identifier=1,
        secret=DAC_SECRET,
    )
    rim.give(CoaReceived(Origin(0, OURS, DAC, 40000), request))
    rim.run(5.0)
    return rim


OTHERS: dict[str, Callable[[], World]] = {
    one.__name__: one
    for one in (never_heard, wrong_password, nobody_answers, still_waits, mru_refused, changed_and_throttled)
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_story(name: str) -> None:
    world = OTHERS[name]()
    stories = world.stories
    the_same(name, told(world, *stories.live.values(), *stories.had_been_up, *stories.failed))


def test_who_lives_over_a_crash_is_found_again(tmp_path: Path) -> None:
    world = Mortal(tmp_path, settings())
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(20.0)
    world.kill("unheard")
    world.run(5.0)
    (story,) = world.stories.live.values()
    first = told(world, story).splitlines()[1]
    assert "found again after a restart" in first
    assert (story.user, story.up) == ("user1", True)


HOSTILE = (
    b"<script>alert(1)</script>",
    b"a\"b'c\\d",
    b"two\nlines\r\x1b[2J\x00",
    b"x" * 253,
    b"caf\xe9\xff\xfe",
    "\u202egnp.exe \u05d0".encode(),
)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_client_calls_itself_is_harmless(name: bytes) -> None:
    """From the octets on the wire to the terminal, to JSON, to a line of the log and a field of the journal."""
    server = SimulatedRadius(reply=lambda _: (3, option(18, name[:250])))
    rim = Rim(settings("pap"), servers=(server,))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    line.login(name)
    rim.run(10.0)
    (story,) = rim.stories.failed
    assert [[story] for part in rim.stories.search(story.user) if part] == [[story]], "it is found by what is shown"
    text = told(rim, story)
    assert text.isprintable() or set(filter(lambda char: not char.isprintable(), text)) == {"\n"}
    assert text.count("\n") == 2 + len(explain(story, 0.0, {})["events"])  # type: ignore[arg-type]  # a list
    assert b"\n" not in orjson.dumps(explain(story, 0.0, {}))
    (ended_fact,) = (fact for fact in rim.facts if isinstance(fact, SubscriberEnded))
    entry = {"level": "info", "event": "session_ended", "user": ended_fact.user, "text": ended_fact.text}
    cleaned = logs._clean_values(None, "info", dict(entry))
    assert b"\n" not in logs._render_json(None, "info", {"timestamp": "", **cleaned})
    assert journald.encode(cleaned).count(b"\n") == 6
