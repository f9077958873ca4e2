"""Why a session ended, in a sentence, and what to do about it: one entry for each word of the table of ends."""

from __future__ import annotations

from typing import Final, NamedTuple


class Verdict(NamedTuple):
    """How an end is explained."""

    why: str
    advice: str
    """Empty: there is nothing to do."""


_LINE = "look at the line and at the client's modem"
_LAC = "ask who runs the LAC; bras show lacs says what else it does"
_PPP = "the LAC ended it for what it saw of PPP; compare with the events below, and ask who runs the LAC"
_CLIENT = "look at the client's settings"
_DEFECT = "this is a defect of bras: the log has a line `defect` at this time; please report it"

VERDICTS: Final[dict[str, Verdict]] = {
    "client_terminated": Verdict("the client hung up", ""),
    "closed": Verdict("it was closed from here", ""),
    "authentication_refused": Verdict("its authentication was refused", "see the verdict below"),
    "authentication_timeout": Verdict(
        "the client never answered when it was asked to prove itself", _CLIENT + ": has it a user name and a password?"
    ),
    "no_common_authentication": Verdict(
        "the client refuses every way of authentication that is offered",
        "allow one that it can do: `methods` of [auth] or of its [[lac]]",
    ),
    "lcp_failed": Verdict(
        "LCP found no agreement", "see which options were refused; `mru` of [ppp] and `methods` of [auth] decide"
    ),
    "ipcp_failed": Verdict(
        "IPCP found no agreement", "the client does not take its address, or closed IPCP: look at its settings"
    ),
    "protocol_rejected": Verdict(
        "the client does not understand a protocol that the link cannot be without", "look at the client's software"
    ),
    "setup_timeout": Verdict(
        "it was not up in time", "see where the time went; `setup_timeout_s` of [lns] is the bound"
    ),
    "echo_timeout": Verdict("the client answered no echo any more: its line is gone", _LINE),
    "loopback": Verdict("the line is looped: what we sent came back", _LINE),
    "authentication_rejected": Verdict(
        "its user name or password was refused", "compare both with what the server has for this user"
    ),
    "authentication_unanswered": Verdict(
        "no RADIUS server answered", "bras show radius says which are dead; look at the way to them and at their log"
    ),
    "authentication_no_address": Verdict(
        "there was no free address for it",
        "give the pool more addresses, or another one as `next`; see bras show pools",
    ),
    "authentication_denied_single_session": Verdict(
        "the user was connected already", "`single_session` of [auth] decides; see bras show sessions --user"
    ),
    "authentication_denied_address_conflict": Verdict(
        "its address was another session's", "RADIUS gives one address to two; `address_conflict` of [auth] decides"
    ),
    "authentication_unknown_pool": Verdict(
        "it was to get an address of a pool that does not exist", "configure the [[pool]], or correct who names it"
    ),
    "authentication_unknown_profile": Verdict(
        "RADIUS named a profile that does not exist", "configure the [[profile]], or correct Bras-Profile at the server"
    ),
    "authentication_unsupported": Verdict(
        "RADIUS granted something that cannot be done",
        "have the server leave it out, or let it be ignored by its name in [radius.unsupported]",
    ),
    "authentication_denied_port_limit": Verdict(
        "the user had as many sessions as it may have", "Port-Limit of the server decides"
    ),
    "authentication_denied_route_conflict": Verdict(
        "a network that is to be behind it is another session's", "correct Framed-Route or Framed-IP-Netmask"
    ),
    "session_timeout": Verdict("its time was over", "Session-Timeout or `session_timeout_s` decides"),
    "session_terminate_time": Verdict("the hour had come at which it was to end", ""),
    "idle_timeout": Verdict("nothing was sent for too long", "Idle-Timeout or `idle_timeout_s` decides"),
    "quota_exhausted": Verdict("its quota was used up", 'a CoA or `at_quota = "throttle"` would keep it up'),
    "accounting_unanswered": Verdict(
        "no accounting server took its records", "`on_silence` of [radius.spool] decides; see bras show radius"
    ),
    "user_changed": Verdict("the client came back under another user name", ""),
    "address_changed": Verdict("RADIUS gave it another address when it proved itself again", "it may dial anew"),
    "replaced_by_new_session": Verdict(
        "the same user connected again, and the newer session counts", "`single_session` of [auth] decides"
    ),
    "address_given_to_new_session": Verdict(
        "its address was given to a newer session", "RADIUS gives one address to two; `address_conflict` decides"
    ),
    "disconnected_by_operator": Verdict("an operator disconnected it", ""),
    "disconnected_by_radius": Verdict("RADIUS disconnected it (Disconnect-Request)", "ask who sent it: see below"),
    "shutdown": Verdict("bras was shut down", '`on_stop = "keep"` of [state] keeps sessions over a restart'),
    "data_plane_refused": Verdict(
        "the data plane could not forward for it", "see bras show dataplane, and the log at this time"
    ),
    "internal_error": Verdict("something went wrong in bras", _DEFECT),
    "call_lost": Verdict(
        "after a restart its call was not there any more", "an address or port of `listen` has changed, or is taken"
    ),
    "reboot": Verdict("the machine was started anew", ""),
    "call_closed": Verdict("its call was closed from here", ""),
    "lac_protocol_error": Verdict("the LAC broke the rules of L2TP", _LAC),
    "lac_lost_carrier": Verdict("the LAC lost the client: its line is gone", _LINE),
    "lac_error": Verdict("the LAC ended the call for an error", _LAC),
    "lac_hung_up": Verdict("the LAC hung up", "most often the client did"),
    "lac_no_facilities": Verdict("the LAC had no room for the call", _LAC),
    "tunnel_closed": Verdict("its tunnel was closed from here", ""),
    "tunnel_idle": Verdict("its tunnel had no session for too long", ""),
    "tunnel_lost": Verdict(
        "its LAC did not answer any more: the tunnel is lost", "look at the way to the LAC, and whether it runs"
    ),
    "lac_closed_tunnel": Verdict("the LAC closed the tunnel with all its sessions", _LAC),
    "lac_began_anew": Verdict("the LAC was started anew", "its clients dial again by themselves"),
    "lac_tunnel_error": Verdict("the LAC ended the tunnel for an error", _LAC),
    "lac_shutting_down": Verdict("the LAC was shut down", _LAC),
    "lac_ppp_administrative": Verdict("the LAC's operator ended it", _LAC),
    "lac_ppp_proxy_lcp_expected": Verdict("the LAC wanted its negotiation to be taken over", "`proxy` of its [[lac]]"),
    "lac_ppp_normal": Verdict("the client hung up, says the LAC", ""),
    "lac_ppp_encryption_refused": Verdict("the LAC saw the client refuse encryption", _CLIENT),
    "lac_ppp_lcp_timeout": Verdict("the LAC saw LCP come to no end", _PPP),
    "lac_ppp_no_lcp_packets": Verdict("the LAC saw no LCP from the client at all", _LINE),
    "lac_ppp_loopback": Verdict("the LAC saw the line looped", _LINE),
    "lac_ppp_echo_timeout": Verdict("the LAC saw the client answer no echo any more", _LINE),
    "lac_ppp_unexpected_endpoint_discriminator": Verdict("the LAC did not expect the client's discriminator", _PPP),
    "lac_ppp_unexpected_mrru": Verdict("the LAC did not expect the client to ask for multilink", _PPP),
    "lac_ppp_unexpected_short_sequence_number": Verdict("the LAC did not expect short sequence numbers", _PPP),
    "lac_ppp_callback_refused": Verdict("the client wanted to be called back", _CLIENT),
    "lac_ppp_authentication_timeout": Verdict("the LAC saw the client's authentication come to no end", _PPP),
    "lac_ppp_unexpected_name": Verdict("the LAC saw a name that it did not expect", _PPP),
    "lac_ppp_authentication_protocol_refused": Verdict(
        "the LAC saw the client refuse the way of authentication", "allow one that it can do: `methods`"
    ),
    "lac_ppp_authentication_failed": Verdict("the LAC saw the client's authentication fail", _PPP),
    "lac_ppp_ncp_timeout": Verdict("the LAC saw IPCP come to no end", _PPP),
    "lac_ppp_no_ncp": Verdict("the LAC saw no network protocol agreed on", _PPP),
    "lac_ppp_no_acceptable_address": Verdict("the LAC saw no address that the client takes", _CLIENT),
    "lac_ppp_no_permitted_address": Verdict("the LAC saw no address that the client may have", _PPP),
}

UNKNOWN: Final = Verdict("it ended", "")
