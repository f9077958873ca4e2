"""A real FreeRADIUS gets another secret, and the daemon is told: nobody's session and no record is lost.

lac 198.18.0.2 ── 198.18.0.1: bras :192.0.2.1 ── 192.0.2.2: FreeRADIUS
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.freeradius import FreeRadius
from tests.support.lns import changed
from tests.support.site import CALLED, CORE, Site, no_harm, provider

PORT = 21812


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with provider(tmp_path) as made:
        yield made


def _servers(secret: str) -> dict[str, Any]:
    server = {"address": CORE, "auth_port": PORT, "acct_port": PORT + 1, "secret": secret, "timeout_s": 1}
    return {"radius": {"server": [server | {"dead_time_s": 2}], "interim_min_s": 1}}


def _freeradius(site: Site, place: Path, secret: str) -> FreeRadius:
    return FreeRadius(site.core_space, place, address=CORE, port=PORT, secret=secret)


def _users(server: FreeRadius, status: str) -> set[str]:
    return {record["User-Name"] for record in server.records(status)}


@pytest.mark.parametrize("method", ["pap", "chap"])
def test_another_secret(site: Site, tmp_path: Path, method: str) -> None:
    group = {"name": "any", "secret": "tunsecret", "pool": "default", "interim_interval_s": 1}
    configuration = changed(site.configuration("keep"), {"lac": [group], **_servers("radsecret")})
    with _freeradius(site, tmp_path / "first", "radsecret") as server:
        lns = site.run(configuration)
        lac = site.wire.lac("198.18.0.2", calls=CALLED)
        stays, goes = (lac.dial(user, "pass", method=method) for user in ("user1", "user2"))
        site.wire.run(20.0, until=lambda: stays.address and goes.address)
        site.wire.run(10.0, until=lambda: _users(server, "Interim-Update") == {"user1", "user2"})
    with _freeradius(site, tmp_path / "second", "another") as server:
        late = lac.dial("user3", "pass", method=method)
        lac.hang_up(goes)
        site.wire.run(5.0, until=lambda: "unknown client" in server.log() or "invalid" in server.log())
        assert not server.records(), "it believes nobody who has the secret of before"
        lns.rewrite(_servers("another"))
        done = lns.command("reload")
        assert done.returncode == 0, done.stderr
        assert f"changed: radius.server[{CORE}].secret" in done.stdout
        site.wire.run(20.0, until=lambda: late.address)
        site.wire.run(30.0, until=lambda: _users(server, "Stop") == {"user2"})
        site.wire.run(10.0, until=lambda: {"user1", "user3"} <= _users(server, "Interim-Update"))
        no_harm(site, lac, [stays, late])
        for client in (stays, late):
            lac.hang_up(client)
        site.wire.run(30.0, until=lambda: _users(server, "Stop") == {"user1", "user2", "user3"})
        rows = {row["kind"]: row for row in lns.show("radius")["servers"]}
        assert (rows["acct"]["in_flight"], rows["acct"]["queued"]) == (0, 0), "each record is acknowledged"
        assert "user3" in _users(server, "Start")
