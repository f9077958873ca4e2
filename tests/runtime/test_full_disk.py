"""A whole daemon whose `[state] directory` is on a disk of a megabyte that fills up, and has room again.

The disk is a tmpfs in the daemon's own mount namespace; the test reaches it by the process's root.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.guest import until
from tests.support.lacs import Client, SimulatedLac
from tests.support.lns import Lns, changed
from tests.support.site import CORE, START, STOP, Site, dial, metrics, no_harm, ping, provider
from tests.support.world import RADIUS_SECRET

pytestmark = pytest.mark.root
EARLY = 5
TRIED_AGAIN_S = 2.5
"""Within which the disk was tried again, in vain."""
SPOOL_FAILURES = "bras_spool_failures_total"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with provider(tmp_path) as made:
        yield made


def begun(site: Site) -> tuple[Lns, Path]:
    """Start a daemon on a disk of its own; return where the test finds that."""
    place = site.place / "state"
    place.mkdir()
    # Nobody is to ask twice because this machine was slow: who is told twice was told twice.
    server = {"address": CORE, "secret": RADIUS_SECRET.decode(), "timeout_s": 15}
    script = f'mount -t tmpfs -o size=1m none {shlex.quote(str(place))} && exec "$@"'
    configuration = changed(site.configuration("teardown"), {"radius": {"server": [server]}})
    lns = site.run(configuration, ["unshare", "--mount", "sh", "-c", script, "sh"])
    assert lns._process is not None
    return lns, Path(f"/proc/{lns._process.pid}/root{place}")


def fill(disk: Path) -> None:
    """Leave no room."""
    ballast = disk / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for size in (4096, 1):
            while True:
                os.write(descriptor, bytes(size))
    except OSError:
        return
    finally:
        os.close(descriptor)


def spool(lns: Lns) -> dict[str, Any]:
    whole: dict[str, Any] = lns.show("spool")["spool"]
    return whole


def wait_safe(lns: Lns) -> None:
    """Wait until nothing is owed, and the disk has taken that."""
    for _ in until(20):
        whole = spool(lns)
        if (whole["state"], whole["owed"]) == ("safe", 0):
            return
    raise AssertionError(whole)


def told(site: Site, status: int) -> Counter[bytes]:
    """Return how often each session's record of a status was told."""
    return Counter(record[44] for record in site.radius.accounting if record[40][-1] == status)


def crowd(site: Site, lac: SimulatedLac, lns: Lns, disk: Path) -> list[Client]:
    """Dial until the disk refuses for good: the daemon has a reserve, and what that frees is filled up, too."""
    clients: list[Client] = []
    while True:
        fill(disk)
        whole = spool(lns)
        if whole["state"] == "safe":
            assert len(clients) < 400, "the disk is not full"
            clients += [lac.dial(f"late{len(clients) + number}", "pass") for number in range(20)]
            site.wire.run(30.0, until=lambda: len(told(site, START)) == len(lac.all_clients))
        elif whole["since_s"] > TRIED_AGAIN_S:
            return clients
        site.wire.step(0.1)


def test_sessions_live_on_the_risk_is_told_and_all_is_caught_up(site: Site) -> None:
    lns, disk = begun(site)
    lac, early = dial(site, EARLY)
    assert spool(lns)["state"] == "safe"
    assert metrics(site)["bras_spool_at_risk"] == 0
    late = crowd(site, lac, lns, disk)
    line = lns.wait_logged("spool_at_risk")
    assert (line["level"], "full" in line["reason"]) == ("error", True)
    shown = spool(lns)
    assert shown["state"] == "at risk"
    assert "disk" in shown["reason"]
    said = metrics(site)
    assert (said["bras_spool_at_risk"], said[SPOOL_FAILURES] >= 1) == (1, True)
    for sequence, client in enumerate((early[0], late[0]), 1):
        ping(site, lac, client, sequence)
    for client in (early[1], *late[:10]):
        lac.hang_up(client)
    site.wire.run(20.0, until=lambda: len(told(site, STOP)) == 11)
    no_harm(site, lac, [*early[2:], *late[10:]])

    (disk / "ballast").unlink()
    lns.wait_logged("spool_safe")
    wait_safe(lns)
    assert metrics(site)["bras_spool_at_risk"] == 0
    last = lac.dial("last", "pass")
    site.wire.run(20.0, until=lambda: last.address and len(told(site, START)) == EARLY + len(late) + 1)
    for client in list(lac.clients.values()):
        lac.hang_up(client)
    site.wire.run(30.0, until=lambda: told(site, STOP) == told(site, START))
    assert set(told(site, STOP).values()) == {1}, "nothing twice"
    wait_safe(lns)
    lines = [line["event"] for line in lns.log() if line.get("event") in {"spool_at_risk", "spool_safe"}]
    assert lines == ["spool_at_risk", "spool_safe"] * (len(lines) // 2)
