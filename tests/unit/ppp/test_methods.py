"""From a method's name to its machine."""

from __future__ import annotations

import pytest

from bras.ppp import methods
from bras.ppp.chap import ChapClient, ChapServer
from bras.ppp.constants import AUTHENTICATION, METHODS
from bras.ppp.pap import PapClient, PapServer
from tests.scenario.ppp_pair import SERVER, client_config, seeded


@pytest.mark.parametrize("name", AUTHENTICATION)
def test_each_method_in_each_role(name: str) -> None:
    entropy = seeded(1)
    for config, pap, chap in ((SERVER, PapServer, ChapServer), (client_config(name), PapClient, ChapClient)):
        machine = methods.begin(name, config, entropy)
        assert type(machine) is (pap if name == "pap" else chap)
        assert methods.restore(name, machine.save(), config, entropy).save() == machine.save()
        assert machine.protocol == int.from_bytes(AUTHENTICATION[name][:2], "big")
        assert METHODS[AUTHENTICATION[name]] == name
