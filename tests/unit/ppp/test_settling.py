from __future__ import annotations

from bras.errors import DropReason
from bras.ppp.events import LcpOpened, LcpRefused, LinkEvent, SendFrame
from bras.ppp.lcp import Lcp
from bras.ppp.negotiation import Layer
from bras.ppp.settings import LinkConfig
from bras.ppp.settling import facts, opened, tell_refusals

MRU_1492 = b"\x01\x04\x05\xd4"


def test_what_was_agreed_on() -> None:
    options = Lcp(LinkConfig(mru=1460, methods=("chap",), hostname=b"lns1"), bytes)
    options.restart()
    options.judge([(1, b"\x05\xd4"), (8, b"")], may_nak=True)
    assert opened(options) == LcpOpened("chap", 1460, 1492, acfc=True, pfc=False, magic=True)
    assert facts(options, 0.5).peer_mru == 1492
    options.rejected([(1, b""), (5, b"")])
    assert opened(options) == LcpOpened("chap", 1500, 1492, acfc=True, pfc=False, magic=False)


def test_what_somebody_did_not_want() -> None:
    events: list[LinkEvent] = [SendFrame(b"")]
    tell_refusals(events, 3, MRU_1492, [])
    tell_refusals(events, 1, b"", [bytes((4, 9, 0, 8)) + MRU_1492, Layer.UP, DropReason.BAD_OPTION, b"\x02\x09\0\4"])
    tell_refusals(events, 2, b"", [b"\x03\x09\0\4"])
    assert events == [LcpRefused(True, 3, MRU_1492), SendFrame(b""), LcpRefused(False, 4, MRU_1492)]
