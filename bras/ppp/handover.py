"""A link that an access concentrator has begun is taken over as it stands, or begun anew.

Theory of operation.  The concentrator tells which Configure-Requests it and the client have
agreed to, and what the client offered as proof (for L2TP: RFC 2661 section 4.4.5).  To take
it over means three things: LCP counts as open with those options, though we never sent a
Configure-Request; the proof is judged as if the client had just given it to us; and the
client is answered under the identifier that it knows.

What would not work is never taken over, whatever the policy: an option that we cannot do, a
method that we do not want, a concentrator that has not proven who it is.  What works but is
not what we would have agreed to (a larger MRU, a compression that is off) is for the policy
to decide.  A client that agreed to CHAP and whose proof is missing or of no use is challenged
anew; one that agreed to PAP cannot be asked again but by LCP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from bras.errors import WireError
from bras.ppp import frame as framing
from bras.ppp import option
from bras.ppp.chap import ChapServer
from bras.ppp.constants import (
    ACCM,
    ACFC,
    AUTHENTICATION_PROTOCOL,
    CONFIGURE_ACK,
    CONFIGURE_REQUEST,
    DEFAULT_MRU_OCTETS,
    ENDPOINT_DISCRIMINATOR,
    MAGIC_NUMBER,
    METHODS,
    MRU,
    NO_MAGIC,
    PFC,
)
from bras.ppp.events import (
    ChapCredentials,
    Credentials,
    CredentialsOffered,
    HandoverJudged,
    HandoverReason,
    HandoverResult,
    LinkEvent,
    MsChapCredentials,
    PapCredentials,
)
from bras.ppp.lcp import Lcp
from bras.ppp.link import Link
from bras.ppp.option import Option
from bras.ppp.packet import HEADER_OCTETS
from bras.ppp.pap import PapServer
from bras.ppp.phases import LinkState
from bras.ppp.settings import HandoverPolicy, LinkConfig
from bras.secret import Secret

MOST_CHALLENGE_OCTETS: Final = 253
"""What a RADIUS attribute can carry (RFC 2865 section 5.40); a longer challenge would be cut."""
_MOST_NAME_OCTETS: Final = 253
_MOST_PASSWORD_OCTETS: Final = 255
_RESPONSE_OCTETS: Final = {"chap": 16, "mschapv1": 49}
_MS_CHALLENGE_OCTETS: Final = 8


@dataclass(frozen=True, slots=True)
class Handover:
    """What a concentrator tells of a link; what it does not tell is ``None``."""

    trusted: bool = False
    """Whether the concentrator has proven who it is."""
    last_sent: bytes | None = None
    """Options to which the client agreed."""
    last_received: bytes | None = None
    """The client's own options, to which the concentrator agreed."""
    method: str = ""
    """By which the client proved itself: `chap`, `pap`, `mschapv1`; empty when it did not, or otherwise."""
    name: bytes | None = None
    challenge: bytes | None = None
    identifier: int | None = None
    """Of the Challenge, or of the PAP request."""
    response: Secret | None = None
    """The password for PAP."""


class Options(NamedTuple):
    """LCP as it stands."""

    magic: bytes
    """Ours from now on."""
    method: str
    received: list[Option]
    """The client's own options, without those that we need not honour."""


class Verdict(NamedTuple):
    """What becomes of a handover."""

    result: HandoverResult
    reason: HandoverReason
    options: Options | None = None
    """Given unless LCP is begun anew."""
    credentials: Credentials | None = None
    """Given if the proof is taken over too."""


class _UnusableError(Exception):
    """It cannot be taken over."""

    def __init__(self, reason: HandoverReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def open_link(link: Link, told: Handover, *, now: float) -> list[LinkEvent]:
    """The call is up: go on from where the concentrator stood, or begin with a Configure-Request."""
    verdict = judge(told, link.config)
    judged = HandoverJudged(verdict.result, verdict.reason)
    options, credentials = verdict.options, verdict.credentials
    if options is None:
        _expect(link, told)
        return [judged, *link.open(now=now)]
    auth = _take_over(link, options)
    if credentials is None:
        return [judged, *link._send_proof(link.proof.challenge(now=now))]
    auth.handed_over(told.identifier or 0)
    return [judged, CredentialsOffered(credentials)]


def _take_over(link: Link, options: Options) -> PapServer | ChapServer:
    """Put LCP where the concentrator left it, and return who is to judge the client's proof."""
    policy = link._options
    policy.adopt(options.magic, options.method)
    policy.judge(options.received, may_nak=True)
    link._lcp.adopt()
    link._headers = framing.headers(policy.acfc, policy.pfc)
    link.state = LinkState.AUTHENTICATE
    return link.proof.take_over(options.method)


def _expect(link: Link, told: Handover) -> None:
    """Know how the client takes our frames, should it not begin LCP anew with us (bngblaster issue 388)."""
    try:
        received = _parse(told.last_received) if told.last_received is not None else None
    except WireError:
        return
    if received is not None:
        link._options.judge([one for one in received if _honoured(one, link.config)], may_nak=True)
        link._lcp.patience = 1


def judge(told: Handover, config: LinkConfig) -> Verdict:
    """Decide by policy and by what is possible."""
    if config.handover is HandoverPolicy.RENEGOTIATE:
        return Verdict(HandoverResult.RENEGOTIATED, HandoverReason.POLICY)
    try:
        if not told.trusted:
            raise _UnusableError(HandoverReason.UNTRUSTED)
        options, flaw = _judge_options(told, config)
        if flaw is not HandoverReason.NONE and config.handover is HandoverPolicy.RENEGOTIATE_ON_MISMATCH:
            raise _UnusableError(flaw)
        credentials, flaw = _judge_proof(told, options.method)
        if credentials is None and options.method == "pap":
            raise _UnusableError(flaw)
    except _UnusableError as why:
        return Verdict(HandoverResult.RENEGOTIATED, why.reason)
    result = HandoverResult.ACCEPTED if credentials is not None else HandoverResult.CHALLENGED
    return Verdict(result, flaw, options, credentials)


# -- LCP


def _judge_options(told: Handover, config: LinkConfig) -> tuple[Options, HandoverReason]:
    """Return LCP as it stands, and what of it we would not have agreed to; raises ``_UnusableError``."""
    if told.last_sent is None or told.last_received is None:
        raise _UnusableError(HandoverReason.NO_LCP)
    try:
        sent, received = _parse(told.last_sent), _parse(told.last_received)
    except WireError:
        raise _UnusableError(HandoverReason.BAD_LCP) from None
    magic, method, flaw = _judge_sent(sent, config)
    kept = [one for one in received if _honoured(one, config)]
    if len(kept) < len(received):
        flaw = flaw if flaw is not HandoverReason.NONE else HandoverReason.OPTION
    # The same judgement as if the client asked us now, by a policy that is thrown away after it.
    probe = Lcp(config, bytes)
    probe.magic = magic
    if probe.judge(kept, may_nak=True)[0] != CONFIGURE_ACK:
        raise _UnusableError(HandoverReason.OPTION)
    return Options(magic, method, kept), flaw


def _judge_sent(options: list[Option], config: LinkConfig) -> tuple[bytes, str, HandoverReason]:
    """Judge what the client was asked for in our name: magic number, method, and what is amiss."""
    magic, method, mru, flaw = NO_MAGIC, "", DEFAULT_MRU_OCTETS, HandoverReason.NONE
    for kind, value in options:
        if kind == MRU and len(value) == 2:
            mru = int.from_bytes(value, "big")
        elif kind == AUTHENTICATION_PROTOCOL:
            method = METHODS.get(value, "")
        elif kind == MAGIC_NUMBER and len(value) == 4:
            magic = value
        elif kind == ENDPOINT_DISCRIMINATOR:
            flaw = HandoverReason.OPTION
        elif not ((kind == ACCM and len(value) == 4) or (kind in (PFC, ACFC) and not value)):
            raise _UnusableError(HandoverReason.OPTION)
    if method not in config.methods:
        raise _UnusableError(HandoverReason.METHOD)
    return magic, method, HandoverReason.MRU if mru > config.mru else flaw


def _honoured(one: Option, config: LinkConfig) -> bool:
    """Return whether an option of the client means something to us.

    What it lets us do we need not do: compress headers, or bundle links by its discriminator.
    """
    kind, value = one
    if kind == PFC and not value:
        return config.pfc
    if kind == ACFC and not value:
        return config.acfc
    return kind != ENDPOINT_DISCRIMINATOR and (kind, value) != (MAGIC_NUMBER, NO_MAGIC)


def _parse(data: bytes) -> list[Option]:
    """Read options; raises ``WireError``.

    Some concentrators do not leave the packet's header out.  It cannot be mistaken: as an
    option it would be an MRU as small as the packet is short.
    """
    if data[:1] == bytes((CONFIGURE_REQUEST,)) and data[2:HEADER_OCTETS] == len(data).to_bytes(2, "big"):
        data = data[HEADER_OCTETS:]
    return option.parse(data)


# -- authentication


def _judge_proof(told: Handover, method: str) -> tuple[Credentials | None, HandoverReason]:
    """Return the client's credentials, if they can be judged, else why not."""
    name, response, challenge = told.name, told.response, told.challenge or b""
    if not told.method:
        return None, HandoverReason.NO_PROOF
    if told.method != method or name is None or response is None or told.identifier is None:
        return None, HandoverReason.BAD_PROOF
    octets = response.reveal()
    if len(name) > _MOST_NAME_OCTETS:
        return None, HandoverReason.BAD_PROOF
    if method == "pap":
        if len(octets) > _MOST_PASSWORD_OCTETS:
            return None, HandoverReason.BAD_PROOF
        return PapCredentials(name, octets), HandoverReason.NONE
    if len(octets) != _RESPONSE_OCTETS[method] or not 0 < len(challenge) <= MOST_CHALLENGE_OCTETS:
        return None, HandoverReason.BAD_PROOF
    if method == "chap":
        return ChapCredentials(name, told.identifier, challenge, octets), HandoverReason.NONE
    if len(challenge) != _MS_CHALLENGE_OCTETS:
        return None, HandoverReason.BAD_PROOF
    return MsChapCredentials(name, told.identifier, challenge, octets), HandoverReason.NONE
