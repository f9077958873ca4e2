from __future__ import annotations

from bras.dataplane.base import DATA_PLANE_REASONS
from bras.errors import DropReason
from bras.telemetry import initial
from bras.telemetry.counts import Counts


def test_each_reason_has_its_layer() -> None:
    of_coa = (DropReason.RADIUS_UNKNOWN_CLIENT, DropReason.RADIUS_MISSING_TIMESTAMP, DropReason.RADIUS_STALE)
    layers = (initial.OF_DATAGRAMS, initial.OF_FRAMES, initial.OF_REPLIES, of_coa, DATA_PLANE_REASONS)
    assert sorted(reason.value for layer in layers for reason in layer) == sorted(reason.value for reason in DropReason)


def test_a_configuration_has_its_samples_at_once() -> None:
    counts = Counts(["any"], ["r1"])
    assert len(counts.subscribers.authentications) == 12
    assert counts.subscribers.authentications["any", "mschapv2", "unanswered"] == 0
    assert set(counts.radius.latency) == {("r1", "auth"), ("r1", "acct")}
    assert counts.radius.replies == {
        ("r1", "auth", "access_accept"): 0,
        ("r1", "auth", "access_reject"): 0,
        ("r1", "auth", "access_challenge"): 0,
        ("r1", "acct", "accounting_response"): 0,
    }
    assert counts.radius.replies_dropped["r1", "acct", "radius_late"] == 0
    assert counts.tunnels.dropped[DropReason.BAD_AVP] == 0
    assert len(counts.tunnels.dropped) == len(initial.OF_DATAGRAMS)
    assert len(counts.subscribers.dropped) == len(initial.OF_FRAMES)
