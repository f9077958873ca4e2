from __future__ import annotations

from typing import get_args

import pytest
from structlog.testing import capture_logs

from bras.config.daemon import LogConfig
from bras.config.model import Config, LacConfig, Listen, LnsConfig
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.lns.effects import Fact
from bras.radius.events import Answered, Kind
from bras.secret import Secret
from bras.telemetry.counts import Counts
from bras.telemetry.observer import make_observer
from tests.unit.telemetry.facts import ENDED, FACTS, OF_STORIES

CONFIG = Config(
    LnsConfig((Listen("0.0.0.0", 1701),)),
    lac=(LacConfig("any"),),
    radius=RadiusConfig((RadiusServerConfig("192.0.2.1", Secret(b"x"), name="r1"),)),
)


def test_every_fact_is_counted() -> None:
    assert set(Counts().handlers()) == set(get_args(Fact)) - {type(fact) for fact in OF_STORIES}


def test_the_examples_have_every_fact() -> None:
    assert {type(fact) for fact in (*FACTS, *OF_STORIES)} == set(get_args(Fact))


@pytest.mark.parametrize("level", ["info", "debug"])
def test_every_fact_can_be_observed(level: str) -> None:
    config = Config(CONFIG.lns, CONFIG.lac, log=LogConfig(level=level))
    with capture_logs() as lines:
        observer = make_observer(config, lambda: 0.0)
        for fact in FACTS:
            observer.observe(fact)
    levels = {line["log_level"] for line in lines}
    assert ("debug" in levels) == (level == "debug")
    assert {"session_ended", "tunnel_up", "authentication_rejected"} <= {line["event"] for line in lines}


def test_names_come_from_the_configuration() -> None:
    observer = make_observer(CONFIG, lambda: 0.0)
    assert ("any", "established", "none") in observer.counts.tunnels.calls
    assert ("r1", "auth") in observer.counts.radius.resent


def test_a_fact_without_a_line_makes_none() -> None:
    with capture_logs() as lines:
        observer = make_observer(CONFIG, lambda: 0.0)
        observer.observe(Answered("r1", Kind.ACCT, 5, 0.004))
        assert not lines
        observer.observe(ENDED)
        assert [line["event"] for line in lines] == ["session_ended"]
    assert observer.counts.radius.acknowledged == {("r1",): 1}
