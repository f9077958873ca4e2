"""Changes and disconnections through ``kill -9``: what was acknowledged holds, the rest is done whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.config.grant import Grant
from bras.config.model import ProfileConfig
from bras.forwarding.entry import Route
from bras.lns.commands import Disconnect
from bras.lns.inputs import CoaReceived
from bras.radius.coa_events import Origin
from bras.radius.dynauth import COA_ACK, COA_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK, DISCONNECT_REQUEST
from tests.support.crash import Mortal
from tests.support.dac import DAC, DAC_SECRET, OURS, with_coa
from tests.support.dynauth import dynamic_request
from tests.support.lacs import SimulatedLac
from tests.support.radius import attribute, vendor_attribute
from tests.support.world import config

HOW = ("unwritten", "unsent", "unheard")
GOLD = vendor_attribute(32473, 1, b"gold")
CHANGE = attribute(1, b"user1") + GOLD + attribute(27, 9000) + attribute(25, b"new")


def world(place: Path, *, pinned: bool = True) -> Mortal:
    """Return a world in which user1 and user2 are up."""
    profile = (ProfileConfig("gold", Grant(rate_down_bps=50_000_000)),)
    made = Mortal(place, with_coa(config(profile=profile)), pinned=pinned)
    lac = SimulatedLac(made)
    lac.open()
    clients = [lac.dial(user, "pass") for user in ("user1", "user2")]
    made.run(3.0)
    assert all(client.address for client in clients)
    return made


def ask(world: Mortal, code: int, attributes: bytes, identifier: int = 1) -> list[int]:
    """Ask, and return the codes of the answers that came."""
    data = dynamic_request(code, attributes, identifier=identifier, secret=DAC_SECRET)
    before = len(world.coa_replies)
    world.give(CoaReceived(Origin(0, OURS, DAC, 40000), data))
    return [reply[0] for _, _, reply in world.coa_replies[before:]]


def rate(world: Mortal) -> tuple[int, int, float, tuple[bytes, ...]]:
    """Return what user1 has: in the data plane, and in the books."""
    (one,) = world.lns.core.registry.of_user("user1")
    entry = world.plane.entries[one.forwarding.slot]
    assert isinstance(entry, Route)
    assert one.profile is not None
    return entry.rate_down_bps, one.profile.rate_down_bps, one.profile.session_timeout_s, one.who.classes


BEFORE = (0, 0, 0.0, ())
AFTER = (50_000_000, 50_000_000, 9000.0, (b"new",))


@pytest.mark.parametrize("pinned", [True, False])
def test_what_was_acknowledged_holds(tmp_path: Path, pinned: bool) -> None:
    made = world(tmp_path, pinned=pinned)
    assert ask(made, COA_REQUEST, CHANGE) == [COA_ACK]
    for how in HOW:
        made.kill(how)
        made.run(5.0)
        assert rate(made) == AFTER


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("how", HOW)
def test_what_was_not_is_done_or_not_and_can_be_asked_again(tmp_path: Path, how: str, pinned: bool) -> None:
    made = world(tmp_path, pinned=pinned)
    made.kill_at = how
    assert ask(made, COA_REQUEST, CHANGE) == []
    assert not made.alive
    made.run(1.0)
    made.revive()
    made.run(5.0)
    assert rate(made) == (BEFORE if how == "unwritten" else AFTER), "the journal decides"
    assert ask(made, COA_REQUEST, CHANGE) == [COA_ACK]
    assert rate(made) == AFTER
    assert ask(made, COA_REQUEST, attribute(1, b"user2") + GOLD, 2) == [COA_ACK], "the next one has its turn"


@pytest.mark.parametrize("how", HOW)
def test_a_disconnect_has_one_stop(tmp_path: Path, how: str) -> None:
    made = world(tmp_path)
    made.kill_at = how
    assert ask(made, DISCONNECT_REQUEST, attribute(1, b"user1")) == []
    made.run(1.0)
    made.revive()
    made.run(5.0)
    again = ask(made, DISCONNECT_REQUEST, attribute(1, b"user1"))
    made.run(5.0)
    assert again == ([DISCONNECT_ACK] if how == "unwritten" else [DISCONNECT_NAK]), "it has ended meanwhile"
    stops = [record for record in made.radius.accounting if record[40][-1] == 2]
    assert [record[1] for record in stops] == [b"user1"]
    assert not made.lns.core.registry.of_user("user1")


def test_session_ids_of_the_version_before_stay_and_are_found(tmp_path: Path) -> None:
    """They had 16 digits; who has one keeps it to its Stop."""
    made = Mortal(tmp_path, with_coa(config()))
    made.lns.core.policy.origin = "68E00001"
    lac = SimulatedLac(made)
    lac.open()
    for user in ("user1", "user2"):
        lac.dial(user, "pass")
    made.run(3.0)
    made.kill("unheard")
    made.run(3.0)
    old = [made.lns.core.registry.of_user(user)[0].session_id for user in ("user1", "user2")]
    assert old == ["68E0000100000001", "68E0000100000002"]
    lac.dial("user3", "pass")
    made.run(3.0)
    (new,) = made.lns.core.registry.of_user("user3")
    assert len(new.session_id) == 20
    assert ask(made, DISCONNECT_REQUEST, attribute(44, old[0].encode())) == [DISCONNECT_ACK]
    assert ask(made, DISCONNECT_REQUEST, attribute(44, b"0000" + old[1].encode()), 2) == [DISCONNECT_NAK]
    made.ask(Disconnect(old[1].lower()))
    made.ask(Disconnect(new.session_id))
    made.run(3.0)
    assert not made.lns.core.registry.by_number
    stops = [one[44].decode() for one in made.radius.accounting if one[40][-1] == 2]
    assert stops == [*old, new.session_id]
