from __future__ import annotations

from bras.cli.group import sections
from tests.unit.cli.rows import GROUP_DETAIL


def test_every_value_has_its_source() -> None:
    facts = {f"{title}/{name}": value for title, facts in sections(GROUP_DETAIL) for name, value in facts}
    assert facts["group any/sessions"] == "3 / 100, 2 up"
    assert facts["group any/secret"] == "yes"
    assert facts["settings/secrets"] == "2 (not shown)  (lac)"
    assert facts["settings/methods"] == "chap, pap  (auth)"
    assert facts["settings/radius"] == "none  (built-in)"
    assert facts["settings/hello_interval_s"] == "1m 30s  (lac)"
    assert facts["settings/retransmit_initial_s"] == "0.5s  (lac)"
    assert facts["profile of its subscribers/pool"] == "default  (defaults)"
    open_group = GROUP_DETAIL | {"secret": False}
    assert ("secret", "no: tunnels are not authenticated") in sections(open_group)[0][1]
