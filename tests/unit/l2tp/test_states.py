"""The state tables, row by row against RFC 2661 section 7.

The rows are transcribed below: states, event, action, new state.  Events that our tables
divide (acceptable or not) and "clean up", which belongs to every end, are spelled out by
``INPUTS`` and ``ACTIONS``.
"""

from __future__ import annotations

import pytest

from bras.l2tp.states import (
    LAC_TABLE,
    LNS_TABLE,
    TUNNEL_TABLE,
    CallAction,
    CallInput,
    CallState,
    TunnelAction,
    TunnelInput,
    TunnelState,
)

# Section 7.2.1. Not here: what idle does with SCCRQ not acceptable, SCCRP, SCCCN and StopCCN
# (there is no tunnel then: the endpoint answers), and "new call" in established (calls).
CONTROL = """
idle                                       | open                      | SCCRQ     | wait-ctl-reply
idle                                       | SCCRQ acceptable          | SCCRP     | wait-ctl-conn
wait-ctl-reply                             | SCCRP acceptable          | SCCCN     | established
wait-ctl-reply                             | SCCRP not acceptable      | StopCCN   | idle
wait-ctl-reply                             | lose tie                  | clean up  | idle
wait-ctl-reply                             | SCCCN                     | StopCCN   | idle
wait-ctl-conn                              | SCCCN acceptable          | open calls| established
wait-ctl-conn                              | SCCCN not acceptable      | StopCCN   | idle
wait-ctl-conn                              | SCCRP, SCCRQ              | StopCCN   | idle
established                                | close                     | StopCCN   | idle
established                                | SCCRQ, SCCRP, SCCCN       | StopCCN   | idle
wait-ctl-reply, wait-ctl-conn, established | StopCCN                   | clean up  | idle
"""
# Section 7.1: an invalid message clears the connection in any state.
CONTROL += """
wait-ctl-reply, wait-ctl-conn              | close                     | StopCCN   | idle
wait-ctl-reply                             | SCCRQ                     | StopCCN   | idle
"""
# Section 7.4.1. Idle and wait-tunnel receive nothing: there is no call, or nothing was sent for it.
LAC = """
idle                      | open                | nothing  | wait-tunnel
wait-tunnel               | close               | clean up | idle
wait-tunnel               | tunnel open         | ICRQ     | wait-reply
wait-reply                | ICRP acceptable     | ICCN     | established
wait-reply                | ICRP not acceptable | CDN      | idle
wait-reply                | ICRQ                | CDN      | idle
wait-reply                | CDN, ICCN           | clean up | idle
wait-reply                | close               | CDN      | idle
established               | CDN                 | clean up | idle
established               | ICRQ, ICRP, ICCN    | CDN      | idle
established               | close               | CDN      | idle
"""
# Section 7.4.2. What idle does with ICRP, ICCN and CDN is up to the owner of the calls.
LNS = """
idle                      | ICRQ acceptable     | ICRP     | wait-connect
idle                      | ICRQ not acceptable | CDN      | idle
wait-connect              | ICCN acceptable     | prepare  | established
wait-connect              | ICCN not acceptable | CDN      | idle
wait-connect              | ICRQ, ICRP          | CDN      | idle
wait-connect, established | CDN                 | clean up | idle
wait-connect, established | close               | CDN      | idle
established               | ICRQ, ICRP, ICCN    | CDN      | idle
"""
TUNNEL_INPUTS = {
    "open": (TunnelInput.OPEN,),
    "SCCRQ acceptable": (TunnelInput.RECEIVE_SCCRQ_ACCEPTABLE,),
    "SCCRQ": (TunnelInput.RECEIVE_SCCRQ,),
    "lose tie": (TunnelInput.LOSE_TIE,),
    "SCCRP acceptable": (TunnelInput.RECEIVE_SCCRP_ACCEPTABLE,),
    "SCCRP not acceptable": (TunnelInput.RECEIVE_SCCRP_NOT_ACCEPTABLE,),
    "SCCRP": (TunnelInput.RECEIVE_SCCRP_ACCEPTABLE, TunnelInput.RECEIVE_SCCRP_NOT_ACCEPTABLE),
    "SCCCN acceptable": (TunnelInput.RECEIVE_SCCCN_ACCEPTABLE,),
    "SCCCN not acceptable": (TunnelInput.RECEIVE_SCCCN_NOT_ACCEPTABLE,),
    "SCCCN": (TunnelInput.RECEIVE_SCCCN_ACCEPTABLE, TunnelInput.RECEIVE_SCCCN_NOT_ACCEPTABLE),
    "StopCCN": (TunnelInput.RECEIVE_STOPCCN,),
    "close": (TunnelInput.CLOSE,),
}
TUNNEL_ACTIONS = {
    "SCCRQ": TunnelAction.SEND_SCCRQ,
    "SCCRP": TunnelAction.SEND_SCCRP,
    "SCCCN": TunnelAction.SEND_SCCCN,
    "StopCCN": TunnelAction.SEND_STOPCCN,
    "open calls": TunnelAction.OPEN_CALLS,
    "clean up": TunnelAction.CLEAN_UP,
}
CALL_INPUTS = {
    "open": (CallInput.OPEN,),
    "tunnel open": (CallInput.TUNNEL_OPEN,),
    "ICRQ acceptable": (CallInput.RECEIVE_ICRQ_ACCEPTABLE,),
    "ICRQ not acceptable": (CallInput.RECEIVE_ICRQ_NOT_ACCEPTABLE,),
    "ICRQ": (CallInput.RECEIVE_ICRQ,),
    "ICRP acceptable": (CallInput.RECEIVE_ICRP_ACCEPTABLE,),
    "ICRP not acceptable": (CallInput.RECEIVE_ICRP_NOT_ACCEPTABLE,),
    "ICRP": (CallInput.RECEIVE_ICRP_ACCEPTABLE, CallInput.RECEIVE_ICRP_NOT_ACCEPTABLE),
    "ICCN acceptable": (CallInput.RECEIVE_ICCN_ACCEPTABLE,),
    "ICCN not acceptable": (CallInput.RECEIVE_ICCN_NOT_ACCEPTABLE,),
    "ICCN": (CallInput.RECEIVE_ICCN_ACCEPTABLE, CallInput.RECEIVE_ICCN_NOT_ACCEPTABLE),
    "CDN": (CallInput.RECEIVE_CDN,),
    "close": (CallInput.CLOSE,),
}
CALL_ACTIONS = {
    "nothing": CallAction.NONE,
    "ICRQ": CallAction.SEND_ICRQ,
    "ICRP": CallAction.SEND_ICRP,
    "ICCN": CallAction.SEND_ICCN,
    "prepare": CallAction.PREPARE_FOR_DATA,
    "CDN": CallAction.SEND_CDN,
    "clean up": CallAction.CLEAN_UP,
}


def rows(text: str, states: type, inputs: dict, actions: dict) -> dict:
    table = {}
    for line in text.strip().splitlines():
        if not line:
            continue
        befores, events, action, after = (cell.strip() for cell in line.split("|"))
        for before in befores.split(", "):
            for event in events.split(", "):
                for happening in inputs[event]:
                    key = (states[before.upper().replace("-", "_")], happening)
                    assert key not in table
                    table[key] = (actions[action], states[after.upper().replace("-", "_")])
    return table


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (TUNNEL_TABLE, rows(CONTROL, TunnelState, TUNNEL_INPUTS, TUNNEL_ACTIONS)),
        (LAC_TABLE, rows(LAC, CallState, CALL_INPUTS, CALL_ACTIONS)),
        (LNS_TABLE, rows(LNS, CallState, CALL_INPUTS, CALL_ACTIONS)),
    ],
    ids=["section 7.2.1", "section 7.4.1", "section 7.4.2"],
)
def test_the_table_is_the_rfcs(table: dict, expected: dict) -> None:
    assert table == expected
