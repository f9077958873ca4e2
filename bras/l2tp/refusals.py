"""Why a tunnel or a call never came up: one word for each ``Cause``."""

from __future__ import annotations

from typing import Final

from bras.l2tp.constants import CdnResult, ErrorCode, StopResult
from bras.l2tp.events import By, Cause, Refusal

_ERRORS: Final[dict[int, Refusal]] = {
    ErrorCode.WRONG_LENGTH: Refusal.BAD_MESSAGE,
    ErrorCode.OUT_OF_RANGE: Refusal.BAD_MESSAGE,
    ErrorCode.UNKNOWN_MANDATORY_AVP: Refusal.BAD_MESSAGE,
    ErrorCode.INSUFFICIENT_RESOURCES: Refusal.LIMIT,
    ErrorCode.INVALID_SESSION_ID: Refusal.OUT_OF_SEQUENCE,
    ErrorCode.TRY_ANOTHER: Refusal.SHUTTING_DOWN,
}
_OF_TUNNEL: Final[dict[int, Refusal]] = {
    StopResult.VERSION_NOT_SUPPORTED: Refusal.BAD_VERSION,
    StopResult.FSM_ERROR: Refusal.OUT_OF_SEQUENCE,
    StopResult.SHUTTING_DOWN: Refusal.SHUTTING_DOWN,
}
_OF_CALL: Final[dict[int, Refusal]] = {
    CdnResult.NO_FACILITIES_TEMPORARY: Refusal.LIMIT,
    CdnResult.NO_FACILITIES_PERMANENT: Refusal.NO_SERVICE,
    CdnResult.TIMED_OUT: Refusal.TIMEOUT,
}


NOT_RECORDED: Final = Cause(
    By.LOCAL, CdnResult.NO_FACILITIES_TEMPORARY, 0, "accounting cannot be kept", refusal=Refusal.ACCOUNTING
)
"""Of a new call, while the accounting of no more can be kept."""


def of_tunnel(cause: Cause) -> Refusal:
    """Return why a tunnel never came up."""
    return _word(cause, _OF_TUNNEL)


def of_call(cause: Cause) -> Refusal:
    """Return why a call never came up."""
    return Refusal.TUNNEL_ENDED if cause.of_tunnel else _word(cause, _OF_CALL)


def _word(cause: Cause, results: dict[int, Refusal]) -> Refusal:
    if cause.refusal is not None:
        return cause.refusal
    if cause.by is By.PEER:
        return Refusal.BY_LAC
    if cause.by is By.TIMEOUT:
        return Refusal.TIMEOUT
    if cause.result == StopResult.GENERAL_ERROR:  # the same number for a call
        return _ERRORS.get(cause.error, Refusal.OTHER)
    return results.get(cause.result, Refusal.OTHER)
