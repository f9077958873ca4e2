"""handle∘restore∘save = handle: an Lns that is saved and restored all the time does the same.

Each scenario is lived three times with the same seed: plainly, with the Lns replaced by its
restored self after every input, and after every seventh.  All effects must be the same, in order.  Answers
are left out: who asked dies with the process.
"""

from __future__ import annotations

import pytest

from bras.lns.lns import Lns
from bras.lns.state import StateError
from tests.support.lives import LIVES, Life, Watched
from tests.support.world import codec, config


class Restored(Watched):
    every = 1


class SeldomRestored(Watched):
    every = 7


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_a_restored_lns_goes_on_as_if_nothing_had_been(life: Life) -> None:
    plain = life(Watched)
    assert plain.handled > 50, "something has happened"
    for kind in (Restored, SeldomRestored):
        restored = life(kind)
        for expected, found in zip(plain.script, restored.script, strict=False):
            assert found == expected, kind
        assert len(restored.script) == len(plain.script), kind
        assert restored.lns.save() == plain.lns.save(), kind


def test_state_of_another_version_is_refused_in_words() -> None:
    saved = Watched().lns.save() | {"version": 99}
    with pytest.raises(StateError, match="99"):
        Lns.restore(saved, config(), codec(), bytes)
