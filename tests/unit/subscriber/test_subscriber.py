from __future__ import annotations

from dataclasses import replace

import pytest

from bras.accounting.rows import KEY_BITS
from bras.errors import DropReason
from bras.forwarding.entry import AddEntry, Counters, Outcome, RemoveEntry, ReplaceEntry
from bras.plain import decode, encode
from bras.ppp.constants import IPCP, LCP
from bras.ppp.events import CredentialsOffered, Dropped, PapCredentials
from bras.ppp.packet import build
from bras.ppp.settings import LinkConfig
from bras.subscriber.events import (
    AddressFree,
    CountersWanted,
    EntryChanged,
    Gone,
    HangUp,
    Phase,
    RecordDue,
    Status,
    SubscriberEnded,
    SubscriberUp,
    TerminateCause,
)
from bras.subscriber.parts import Who
from bras.subscriber.settings import Settings
from bras.subscriber.subscriber import Subscriber
from tests.unit.subscriber.pair import ADDRESS, Pair, profile, settings

CCP = 0x80FD


def frame(protocol: int, code: int, data: bytes = b"", identifier: int = 77) -> bytes:
    return b"\xff\x03" + protocol.to_bytes(2, "big") + build(code, identifier, data)


def up(**keys: object) -> Pair:
    pair = Pair()
    pair.up(**keys)
    assert pair.subscriber.phase is Phase.UP
    pair.events.clear()
    return pair


def test_the_road_of_a_call():
    pair = Pair()
    assert pair.subscriber.phase is Phase.LINK
    pair.begin()
    (offered,) = pair.taken(CredentialsOffered)
    assert offered.credentials == PapCredentials(b"user1", b"pass")
    assert pair.subscriber.phase is Phase.AUTHENTICATING
    pair.subscriber.identify(Who("user1", "pap"))
    pair.admit(rate_up_bps=5)
    assert pair.subscriber.phase is Phase.PROGRAMMING
    (change,) = pair.taken(EntryChanged)
    assert isinstance(change.operation, AddEntry)
    entry = change.operation.entry
    assert (entry.slot, entry.generation, entry.addresses, entry.rate_up_bps) == (3, 7, (ADDRESS,), 5)
    assert (entry.legs[0].acfc, entry.legs[0].pfc) == (True, True), "as the client asked"
    assert not pair.taken(RecordDue), "nothing is billed before it is forwarded"
    pair.programmed()
    assert pair.subscriber.phase is Phase.UP
    (start,) = pair.taken(RecordDue)
    (fact,) = pair.taken(SubscriberUp)
    assert start.status is Status.START
    assert (fact.user, fact.address, fact.session) == ("user1", ADDRESS, "000068E0000000000007")


def test_a_data_plane_that_refuses_ends_it_unbilled():
    pair = Pair()
    pair.begin()
    pair.admit()
    pair.programmed(ok=False)
    (ended,) = pair.taken(SubscriberEnded)
    assert (ended.cause, ended.reason, ended.text) == (TerminateCause.NAS_ERROR, "data_plane_refused", "no room")
    assert not pair.taken(RecordDue)
    assert pair.taken(HangUp), "the client has acknowledged the Terminate-Request"


def test_a_change_that_is_refused_is_told_again_until_it_is_done():
    """Whoever wanted it: a LAC at another port, another proof, a new process."""
    pair = up(rate_up_bps=5)
    pair.take(pair.subscriber.change(profile(rate_up_bps=6), now=pair.now))
    first = pair.operation
    for waits in (1.0, 2.0):
        pair.programmed(ok=False)
        pair.pass_time(waits - 0.1)
        assert pair.operation is None
        pair.pass_time(0.2)
        assert pair.operation == first
    pair.programmed()
    pair.events.clear()
    pair.pass_time(10.0)
    assert not pair.taken(EntryChanged)
    assert pair.subscriber.phase is Phase.UP


def test_what_is_wanted_instead_takes_the_place_of_a_change_that_is_refused():
    pair = up(rate_up_bps=5)
    pair.take(pair.subscriber.change(profile(rate_up_bps=6), now=pair.now))
    pair.programmed(ok=False)
    pair.take(pair.subscriber.change(profile(rate_up_bps=5), now=pair.now))
    assert isinstance(pair.operation, ReplaceEntry)
    assert pair.operation.entry.rate_up_bps == 5
    pair.programmed()
    pair.events.clear()
    pair.pass_time(10.0)
    assert not pair.taken(EntryChanged)


def test_a_change_that_is_refused_for_good_ends_it():
    """Nobody knows what the data plane has of it."""
    pair = up(rate_up_bps=5)
    pair.counters = Counters(up_octets4=500, up_packets4=5)
    pair.take(pair.subscriber.change(profile(rate_up_bps=6), now=pair.now))
    for waits in (1.0, 2.0, 4.0, 8.0, 0.0):
        assert isinstance(pair.operation, ReplaceEntry)
        pair.programmed(ok=False)
        pair.pass_time(waits)
    assert isinstance(pair.operation, RemoveEntry)
    pair.programmed()
    (ended,) = pair.taken(SubscriberEnded)
    assert (ended.cause, ended.reason, ended.text) == (TerminateCause.NAS_ERROR, "data_plane_refused", "no room")
    assert ended.counters == pair.counters


def test_the_order_of_an_end():
    """Entry, then Stop with the final counters, then the address, then the call, then nothing."""
    pair = up()
    pair.counters = Counters(up_octets4=500, up_packets4=5)
    pair.take(pair.subscriber.end("disconnected_by_operator", "why not", now=pair.now))
    assert isinstance(pair.operation, RemoveEntry)
    assert pair.kinds() == ["EntryChanged"], "the rest waits for the final counters"
    pair.now += 3.0
    pair.programmed()
    (stop,) = pair.taken(RecordDue)
    assert (stop.status, stop.cause, stop.session_time_s) == (Status.STOP, TerminateCause.ADMIN_RESET, 3.0)
    assert stop.counters == Counters(up_octets4=500, up_packets4=5)
    assert pair.kinds() == ["RecordDue", "SubscriberEnded", "AddressFree", "HangUp"]
    pair.take(pair.subscriber.call_down("call_closed", "", now=pair.now))
    assert pair.kinds() == ["Gone"]


def test_a_call_that_goes_down_leaves_nobody_to_say_good_bye_to():
    pair = up()
    pair.take(pair.subscriber.call_down("tunnel_lost", "no answer", now=pair.now))
    assert pair.subscriber.phase is Phase.ENDING
    pair.programmed()
    assert pair.kinds() == ["EntryChanged", "RecordDue", "SubscriberEnded", "AddressFree", "Gone"]


def test_the_first_cause_is_the_one_that_counts():
    pair = up()
    pair.take(pair.subscriber.end("idle_timeout", "", now=pair.now))
    pair.take(pair.subscriber.end("disconnected_by_operator", "", now=pair.now))
    pair.take(pair.subscriber.call_down("tunnel_lost", "", now=pair.now))
    pair.programmed()
    (ended,) = pair.taken(SubscriberEnded)
    assert (ended.cause, ended.reason, ended.phase) == (TerminateCause.IDLE_TIMEOUT, "idle_timeout", Phase.UP)
    assert len(pair.taken(AddressFree)) == len(pair.taken(Gone)) == 1


def test_an_end_while_the_entry_is_being_added():
    pair = Pair()
    pair.begin()
    pair.admit()
    pair.take(pair.subscriber.call_down("tunnel_lost", "", now=pair.now))
    assert not pair.taken(Gone)
    pair.programmed()
    assert isinstance(pair.taken(EntryChanged)[-1].operation, RemoveEntry), "it came too late"
    pair.programmed()
    assert not pair.taken(RecordDue), "no Start, no Stop"
    assert pair.taken(Gone)


def test_a_new_profile_replaces_the_entry_and_its_counters_go_on():
    pair = up(rate_up_bps=1000)
    pair.take(pair.subscriber.change(profile(rate_up_bps=2000), now=pair.now))
    (change,) = pair.taken(EntryChanged)
    assert isinstance(change.operation, ReplaceEntry)
    assert change.operation.entry.rate_up_bps == 2000
    pair.programmed()
    assert pair.subscriber.phase is Phase.UP
    assert pair.subscriber.change(profile(rate_up_bps=2000), now=pair.now) == [], "nothing that it changes"


def test_a_new_profile_before_there_is_an_entry_is_kept_for_it():
    pair = Pair()
    pair.begin()
    assert pair.subscriber.change(profile(rate_up_bps=9), now=pair.now) == []
    pair.admit(rate_up_bps=9)
    assert pair.taken(EntryChanged)[0].operation.entry.rate_up_bps == 9


def test_setup_takes_too_long():
    pair = Pair()
    pair.begin()
    pair.pass_time(31.0)
    (ended,) = pair.taken(SubscriberEnded)
    assert (ended.reason, ended.phase) == ("setup_timeout", Phase.AUTHENTICATING)


def test_the_key_of_its_account_is_the_end_of_its_session_id():
    pair = up()
    subscriber = pair.subscriber
    assert subscriber.account == int(subscriber.session_id[-16:], 16)
    assert subscriber.account & (1 << KEY_BITS) - 1 == subscriber.number


def test_session_timeout_and_interims():
    pair = up(session_timeout_s=250.0, interim_interval_s=100.0)
    pair.counters = Counters(down_octets4=7)
    pair.pass_time(300.0)
    records = [(record.status, record.session_time_s) for record in pair.taken(RecordDue)]
    assert records == [(Status.INTERIM, 100.0), (Status.INTERIM, 200.0)]
    assert pair.subscriber.standing.end is not None
    assert pair.subscriber.standing.end.reason == "session_timeout"


def test_an_idle_client_is_asked_about_before_it_is_believed():
    pair = up(idle_timeout_s=60.0)
    pair.counters = Counters(up_packets4=1)
    pair.pass_time(61.0)
    assert len(pair.taken(CountersWanted)) == 1
    assert pair.subscriber.phase is Phase.UP, "it had sent a packet, only nobody had looked"
    pair.pass_time(61.0)
    assert pair.subscriber.standing.end is not None
    assert pair.subscriber.standing.end.reason == "idle_timeout"


def test_counters_that_come_when_there_is_no_entry_any_more_are_nobodys():
    pair = up(idle_timeout_s=60.0)
    pair.take(pair.subscriber.end("disconnected_by_operator", "", now=pair.now))
    assert pair.subscriber.counters_read(Counters(up_octets4=1), now=pair.now) == []
    assert pair.subscriber.forwarding.total == Counters()


def test_counters_during_a_renegotiation_are_kept_without_a_verdict():
    pair = up(idle_timeout_s=60.0)
    pair.subscriber.standing.phase = Phase.NETWORK
    assert pair.subscriber.counters_read(Counters(up_octets4=1), now=pair.now) == []
    assert pair.subscriber.forwarding.total == Counters(up_octets4=1)


def test_lcp_anew_stops_forwarding_at_once_and_keeps_the_session():
    pair = up()
    pair.counters = Counters(up_octets4=100)
    pair.take(pair.subscriber.receive(frame(LCP, 1), now=pair.now))
    assert pair.subscriber.phase is Phase.AUTHENTICATING, "it must prove itself again"
    assert isinstance(pair.operation, RemoveEntry)
    pair.programmed()
    assert pair.subscriber.forwarding.total == Counters(up_octets4=100)
    assert not pair.taken(RecordDue)
    assert pair.subscriber.standing.end is None


def test_ipcp_anew_stops_forwarding_until_it_is_agreed_again():
    pair = up()
    pair.take(pair.subscriber.receive(frame(IPCP, 1, b"\x03\x06" + ADDRESS.to_bytes(4, "big")), now=pair.now))
    assert isinstance(pair.taken(EntryChanged)[0].operation, RemoveEntry)
    pair.programmed()
    assert pair.subscriber.phase is not Phase.LINK
    assert not pair.taken(SubscriberEnded)


@pytest.mark.parametrize("code", [5, 4])
def test_ipcp_that_is_closed_for_good_ends_it(code):
    """By a Terminate-Request, or by a Protocol-Reject of IPCP."""
    pair = up()
    data = frame(IPCP, 5) if code == 5 else frame(LCP, 8, IPCP.to_bytes(2, "big") + b"\1\1\0\4")
    pair.take(pair.subscriber.receive(data, now=pair.now))
    pair.pass_time(10.0)
    pair.programmed()
    (ended,) = pair.taken(SubscriberEnded)
    assert ended.reason == "ipcp_failed"


def test_a_network_packet_and_a_reject_before_there_is_a_network_are_nothing():
    pair = Pair()
    pair.begin()
    before = len(pair.events)
    pair.take(pair.subscriber.receive(frame(IPCP, 1), now=pair.now))
    pair.take(pair.subscriber.receive(frame(LCP, 8, IPCP.to_bytes(2, "big")), now=pair.now))
    assert {type(event) for event in pair.events[before:]} <= {Dropped}
    assert pair.subscriber.assign(ADDRESS, now=pair.now) == []


def test_a_link_without_a_network_stays_without_one():
    """Nobody has been asked for credentials: the configuration has no method."""
    pair = Pair(link=LinkConfig(mru=1460, methods=(), hostname=b"lns1"))
    pair.begin()
    pair.take(pair.subscriber.receive(frame(IPCP, 1), now=pair.now))
    pair.take(pair.subscriber.receive(frame(LCP, 8, IPCP.to_bytes(2, "big") + b"\1\1\0\4"), now=pair.now))
    assert not pair.taken(EntryChanged)
    pair.pass_time(40.0)
    assert pair.taken(SubscriberEnded)[0].reason == "setup_timeout"


def test_what_we_do_not_speak_is_rejected_and_told():
    pair = up()
    pair.take(pair.subscriber.receive(frame(CCP, 1), now=pair.now))
    assert pair.taken(Dropped)[0].reason is DropReason.UNKNOWN_PROTOCOL


def test_a_refusal_is_told_before_the_link_ends():
    pair = Pair()
    pair.begin()
    pair.take(pair.subscriber.refuse(b"unpaid", b"", "authentication_rejected", "unpaid", now=pair.now))
    (ended,) = pair.taken(SubscriberEnded)
    assert (ended.reason, ended.text) == ("authentication_rejected", "unpaid")
    assert pair.link.state.value == "ended"


@pytest.mark.parametrize("stage", ["new", "offered", "admitted", "up", "anew", "ending"])
def test_it_survives_as_plain_data(stage):
    pair = Pair()
    if stage != "new":
        pair.begin()
    if stage not in ("new", "offered"):
        pair.admit(idle_timeout_s=60.0, interim_interval_s=100.0)
    if stage in ("up", "anew", "ending"):
        pair.programmed()
    if stage == "anew":
        pair.take(pair.subscriber.receive(frame(LCP, 1), now=pair.now))
    if stage == "ending":
        pair.take(pair.subscriber.end("disconnected_by_operator", "y", now=pair.now))
    saved = pair.subscriber.save()
    again = Subscriber.restore(decode(encode(saved)), pair.subscriber.settings, pair.subscriber.entropy)
    assert again.save() == saved
    assert again.deadline == pair.subscriber.deadline
    assert again.phase is pair.subscriber.phase


def test_an_operation_that_was_answered_late_is_followed_by_the_next():
    pair = up(rate_up_bps=1)
    pair.take(pair.subscriber.change(profile(rate_up_bps=2), now=pair.now))
    assert pair.subscriber.change(profile(rate_up_bps=3), now=pair.now) == []
    pair.take(pair.subscriber.programmed(Outcome(3, 7, ok=True), now=pair.now))
    assert pair.taken(EntryChanged)[-1].operation.entry.rate_up_bps == 3


def test_settings_share_one_network_among_those_that_are_told_the_same():
    shared: Settings = settings()
    one = shared.network(("192.0.2.1", "nonsense"), (), False)
    assert one is shared.network(("192.0.2.1", "nonsense"), (), False)
    assert one.dns == (0xC0000201,), "what is no address is left out"
    assert one is not shared.network((), (), False)
    assert replace(one, dns=()) == shared.network((), (), False)
