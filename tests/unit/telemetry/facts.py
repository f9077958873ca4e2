"""One of every fact, with the texts that a hostile network would put in."""

from __future__ import annotations

from bras.accounting.events import Forgotten, SpoolAlert
from bras.errors import DropReason
from bras.forwarding.entry import Counters
from bras.ids import call_key
from bras.l2tp import events as l2tp
from bras.l2tp.disconnect import Q931, Disconnect
from bras.l2tp.events import By, CallInfo, Cause, Path
from bras.l2tp.report import Accm, LineErrors
from bras.lns.effects import Fact
from bras.lns.policy import InterimRaised
from bras.lns.stages import SetupTimed
from bras.lns.told import Noted, SessionBegun
from bras.ppp import events as ppp
from bras.ppp.events import HandoverReason, HandoverResult
from bras.ppp.quality import Quality
from bras.radius import events as radius
from bras.radius.coa_events import CoaAnswered, CoaDropped, CoaRepeated
from bras.radius.dynauth import Asked, ErrorCause
from bras.radius.events import Kind
from bras.subscriber.events import (
    Authenticated,
    AuthOutcome,
    Phase,
    ProxyJudged,
    QuotaTold,
    SubscriberEnded,
    SubscriberUp,
    TerminateCause,
)
from bras.subscriber.parts import Line

PATH = Path(0, "198.18.0.1", 1701, "198.18.0.2", 1701)
INFO = CallInfo("any", PATH, "lac1", 7, 8, 9, calling_number="0123")
KEY = call_key(5, 6)
LOST = Cause(By.TIMEOUT, 1, text="no answer")
CLEARED = Cause(By.PEER, 1, disconnect=Disconnect(3, 0, 1, "by\ne"), q931=Q931(16, 0x45, "cle\x1bared"))
REFUSED = Cause(By.LOCAL, 4, text="wrong secret")
SLOWED = QuotaTold("s1", "alice", "any", "quota of 1000 octets up is exhausted", 64_000, 256_000)
UP = SubscriberUp("s1", "alice", "any", "lac1", "198.18.0.2", 0x0A400001, "chap", 0.25)
ENDED = SubscriberEnded(
    session="s1",
    user="alice",
    group="any",
    lac_hostname="lac1",
    lac_address="198.18.0.2",
    calling_number="0123",
    called_number="0456",
    address=0x0A400001,
    method="chap",
    phase=Phase.UP,
    duration_s=12.3456,
    counters=Counters(up_octets4=1, up_packets4=2, down_octets4=30, down_packets4=4, up_octets6=10, down_packets6=40),
    cause=TerminateCause.USER_REQUEST,
    reason="peer_terminated",
    text="bye\nforged",
    echo_round_trip_s=0.0123,
    quality=Quality(30, 2, 0.01, 0.02, 0.25, 400, 5),
)


def authenticated(outcome: AuthOutcome, text: str = "") -> Authenticated:
    return Authenticated("any", "chap", outcome, "r1", "alice", text)


def dropped_reply(reason: DropReason, server: str = "r1") -> radius.ReplyDropped:
    return radius.ReplyDropped(server, Kind.AUTH, reason)


COA_ACKNOWLEDGED = CoaAnswered("aaa", Asked.CHANGE, None, 0.0021, ("68E0000000000001",), 1, "ali\nce", "")
COA_REFUSED = CoaAnswered(
    "aaa", Asked.DISCONNECT, ErrorCause.SESSION_CONTEXT_NOT_FOUND, 0.0001, (), 0, "", "it ended meanwhile"
)

FACTS: tuple[Fact, ...] = (
    l2tp.TunnelUp(5, 7, "any", "lac1", PATH),
    l2tp.TunnelProbed(5, "any", PATH),
    l2tp.TunnelMoved(5, "any", "evil\n\x1b[2J", PATH, 1702),
    l2tp.TunnelDown(5, "any", "lac1", PATH, LOST),
    l2tp.TunnelRefused("any", "evil\n\x1b[2J", PATH, REFUSED),
    l2tp.CallUp(KEY, INFO),
    l2tp.CallDown(KEY, LOST),
    l2tp.CallDown(KEY, CLEARED),
    l2tp.CallRefused("any", PATH, REFUSED),
    l2tp.ErrorsReported(KEY, LineErrors(crc=3, timeouts=1)),
    l2tp.AccmReceived(KEY, Accm(0, 0xFFFFFFFF)),
    l2tp.SpeedChanged(KEY, 8_000_000, 640_000),
    l2tp.Dropped(DropReason.BAD_AVP, PATH),
    l2tp.Dropped(DropReason.SHORT_DATAGRAM),
    l2tp.DataDisordered(KEY, "any", 3, 2),
    l2tp.LockedOut("any", "evil\n", PATH, 3, 40.0),
    l2tp.LockoutEnded("any", "evil\n", "198.18.0.2", 3),
    l2tp.Retransmitted(5, "any", 2),
    l2tp.RoundTripMeasured("any", 0.02),
    ppp.Dropped(DropReason.BAD_FRAME),
    ppp.EchoMeasured(0.02),
    radius.Answered("r1", Kind.AUTH, 2, 0.003),
    radius.Answered("r1", Kind.ACCT, 5, 0.004),
    radius.Resent("r1", Kind.AUTH),
    radius.ServerDead("r1", Kind.ACCT),
    radius.ServerAlive("r1", Kind.ACCT),
    radius.ConnectionUp("r1", Kind.AUTH),
    radius.ConnectionDown("r1", Kind.AUTH, "certificate expired on 2026-01-01"),
    dropped_reply(DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR),
    dropped_reply(DropReason.RADIUS_BAD_AUTHENTICATOR),
    dropped_reply(DropReason.RADIUS_SHORT),
    radius.AccountingUnanswered(4),
    Forgotten(None, "0" * 20, 2),
    SpoolAlert("age", None, True, 901.0),
    SpoolAlert("age", None, False, 0.0),
    COA_ACKNOWLEDGED,
    COA_REFUSED,
    CoaDropped("", "192.0.2.9", DropReason.RADIUS_UNKNOWN_CLIENT),
    CoaDropped("aaa", "198.18.1.9", DropReason.RADIUS_STALE),
    CoaRepeated("aaa", True),
    *(authenticated(outcome, "Sorry\r\nInjected: yes") for outcome in AuthOutcome),
    ProxyJudged("s1", "any", "lac\n1", HandoverResult.RENEGOTIATED, HandoverReason.MRU),
    UP,
    SetupTimed("s1", (0.125, -1.0, -1.0, -1.0, 0.03125)),
    ENDED,
    SLOWED,
    QuotaTold("s1", "alice", "any", "", 5_000_000, 50_000_000),
    InterimRaised("radius", 5.0, 60.0),
)

OF_STORIES: tuple[Fact, ...] = (
    SessionBegun(1, "00100000000000000001", KEY, Line("any", "lac\n1", "198.18.0.2", "0123", "0456")),
    Noted(1, "credentials", ("ali\nce", "chap", "", False)),
)
"""What is for stories alone: it is not counted, and has no line of its own."""
