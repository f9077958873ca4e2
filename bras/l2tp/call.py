"""One incoming call, at either end (RFC 2661 sections 7.4.1 and 7.4.2).

``Call.step`` runs the tables of ``bras.l2tp.states`` and is the only place where a call's
state changes; whoever owns the call performs the action.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypedDict

from bras.l2tp import line
from bras.l2tp.constants import AvpType
from bras.l2tp.data import PLAIN, DataChannel, DataOptions
from bras.l2tp.events import CallInfo, Path
from bras.l2tp.header import DATA, FLAGS, IDS, PRIORITY_BIT, VERSION_2
from bras.l2tp.messages import CallRequest, Message
from bras.l2tp.proxy import Proxied
from bras.l2tp.report import Reports
from bras.l2tp.sequence import Disorder, Order
from bras.l2tp.states import LAC_TABLE, LNS_TABLE, CallAction, CallInput, CallState
from bras.plain import Saved

_SERIAL: Final = int(AvpType.CALL_SERIAL_NUMBER)
_CALLING: Final = int(AvpType.CALLING_NUMBER)
_CALLED: Final = int(AvpType.CALLED_NUMBER)
_SUB_ADDRESS: Final = int(AvpType.SUB_ADDRESS)
_TX_SPEED: Final = int(AvpType.TX_CONNECT_SPEED)
_RX_SPEED: Final = int(AvpType.RX_CONNECT_SPEED)
_SYNCHRONOUS: Final = 1
_FRAMING: Final = int(AvpType.FRAMING_TYPE)
_BEARER: Final = int(AvpType.BEARER_TYPE)
_CHANNEL: Final = int(AvpType.PHYSICAL_CHANNEL_ID)
_GROUP: Final = int(AvpType.PRIVATE_GROUP_ID)
_PROXY_NAME: Final = int(AvpType.PROXY_AUTHEN_NAME)
_SEQUENCING: Final = int(AvpType.SEQUENCING_REQUIRED)
_TX_SPEED_BPS: Final = int(AvpType.TX_CONNECT_SPEED_BPS)
_RX_SPEED_BPS: Final = int(AvpType.RX_CONNECT_SPEED_BPS)
_SPEED_UPDATES: Final = int(AvpType.CONNECT_SPEED_UPDATE_ENABLE)
_IETF: Final = 0xFFFF
"""The largest attribute of vendor 0; beyond are those of the access line."""
_MODEM_SPEEDS: Final = {int.from_bytes(str(bps).encode(), "big"): bps for bps in (1200, 2400, 4800, 7200, 9600)}
"""Four decimal digits, as a Cisco AS5300 sends them, look like a number of 32 bits that no line has."""
_DIGITS: Final = min(_MODEM_SPEEDS)
_IDLE: Final = CallState.IDLE
_NONE: Final = CallAction.NONE
_ASSIGNED: Final = AvpType.ASSIGNED_SESSION_ID


class SavedCall(TypedDict):
    """A call as plain data."""

    lac: bool
    session_id: int
    peer_session_id: int
    state: int
    request: list[str | bytes | int | bool | None]
    serial_number: int
    proxy_auth_name: str
    proxied: list[Any] | None
    reports: Saved
    sequenced: bool
    data_channel: Saved


class DataFacts(NamedTuple):
    """How the data of a call are numbered, as operators see it."""

    numbered: bool
    """Ours are."""
    required: bool
    """The LAC's must be."""
    arriving: bool
    """The LAC's were, the last time."""
    disorder: Disorder


_NO_DISORDER: Final = Disorder()


class Call:
    """A call: its state, its ids, what the LAC said of it, and its data header."""

    __slots__ = (
        "_header",
        "data_channel",
        "lac",
        "peer_session_id",
        "proxied",
        "proxy_auth_name",
        "reports",
        "request",
        "sequenced",
        "serial_number",
        "session_id",
        "state",
    )

    def __init__(self, lac: bool, session_id: int, serial_number: int, request: CallRequest) -> None:
        """Begin in idle; ``lac`` is our own role."""
        self.lac = lac
        self.session_id = session_id
        self.peer_session_id = 0
        self.state = _IDLE
        self.serial_number = serial_number
        self.request = request
        """What the LAC said, or in the LAC role what we say."""
        self.proxy_auth_name = ""
        self.proxied: Proxied | None = None
        """What goes into our ICCN, or came in the peer's: gone as soon as it was passed on."""
        self.sequenced = False
        """Whether the frames that we send are numbered now."""
        self.reports: Reports | None = None
        """What was told of it since it is up, once something was."""
        self.data_channel: DataChannel | None = None
        """Where a data message is more than a constant header and a frame, or what came was numbered."""
        self._header = b""  # of a PPP control frame, where it is constant

    def step(self, happening: CallInput) -> CallAction:
        """Run the table of our role: move to the next state and return what is to be done."""
        cell = (LAC_TABLE if self.lac else LNS_TABLE).get((self.state, happening))
        if cell is None:
            return _NONE
        self.state = cell[1]
        return cell[0]

    def asked(self, message: Message) -> None:
        """Keep what an ICRQ says; its peer's session id becomes ours to send to."""
        numbers = message.numbers
        octets = message.octets
        self.serial_number = numbers[_SERIAL]
        self.peer_session_id = numbers[_ASSIGNED]
        self.request = CallRequest(
            octets[_CALLING].decode("utf-8", "replace") if _CALLING in octets else "",
            octets[_CALLED].decode("utf-8", "replace") if _CALLED in octets else "",
            octets[_SUB_ADDRESS].decode("utf-8", "replace") if _SUB_ADDRESS in octets else "",
            numbers.get(_BEARER),
            numbers.get(_CHANNEL),
        )
        if octets and (_SPEED_UPDATES in octets or max(octets) > _IETF):
            self.request = self.request._replace(
                access_line=line.gather(octets), speed_updates=_SPEED_UPDATES in octets
            )

    def connected(self, message: Message) -> None:
        """Keep what an ICCN says.

        Without Rx Connect Speed the Tx Connect Speed holds for both directions (RFC 2661
        section 4.4.4).  What an LAC says in 64 bits (RFC 3931) is more exact than in 32.
        """
        numbers = message.numbers
        octets = message.octets
        calling, called, sub_address, bearer, channel, *_, access_line, speed_updates = self.request
        tx_speed = numbers.get(_TX_SPEED, 0)
        rx_speed = numbers.get(_RX_SPEED, tx_speed)
        if _TX_SPEED_BPS in numbers or _RX_SPEED_BPS in numbers:
            tx_speed = numbers.get(_TX_SPEED_BPS, tx_speed)
            rx_speed = numbers.get(_RX_SPEED_BPS, numbers.get(_RX_SPEED, tx_speed))
        if octets and max(octets) > _IETF:
            access_line = access_line or line.gather(octets)
        if tx_speed >= _DIGITS or rx_speed >= _DIGITS:
            tx_speed, rx_speed = _MODEM_SPEEDS.get(tx_speed, tx_speed), _MODEM_SPEEDS.get(rx_speed, rx_speed)
        self.request = CallRequest(
            calling,
            called,
            sub_address,
            bearer,
            channel,
            tx_speed,
            rx_speed,
            numbers.get(_FRAMING, _SYNCHRONOUS),
            message.text(_GROUP) if _GROUP in octets else "",
            _SEQUENCING in octets,
            access_line,
            speed_updates,
        )
        if _PROXY_NAME in octets:
            self.proxy_auth_name = message.text(_PROXY_NAME)

    def prepare_for_data(self, peer_tunnel_id: int, options: DataOptions = PLAIN) -> None:
        """Make the header of our data messages: six octets, more where numbers or length are wanted."""
        if options is PLAIN and not self.request.sequencing_required:
            self._header = DATA.pack(VERSION_2, peer_tunnel_id, self.peer_session_id)
            return
        self.sequenced = self.request.sequencing_required or options.number
        if self.sequenced or options != PLAIN:
            self.data_channel = DataChannel(options, IDS.pack(peer_tunnel_id, self.peer_session_id))
        self._prepare_header(IDS.pack(peer_tunnel_id, self.peer_session_id))

    def _prepare_header(self, ids: bytes) -> None:
        options = PLAIN if self.data_channel is None else self.data_channel.options
        if self.sequenced or options.length_bit:
            self._header = b""
        else:
            flags = PRIORITY_BIT | VERSION_2 if options.priority_bit else VERSION_2
            self._header = FLAGS.pack(flags) + ids

    @property
    def numbers_required(self) -> bool:
        """Return whether data without a number are dropped: the LAC's ICCN, or our policy, requires numbers."""
        return self.request.sequencing_required or (self.data_channel is not None and self.data_channel.options.require)

    def data(self, frame: bytes) -> bytes:
        """Return a PPP control frame as a data message."""
        header = self._header
        if header:
            return header + frame
        assert self.data_channel is not None
        return self.data_channel.pack(frame, numbered=self.sequenced, control=True)

    def packet(self, frame: bytes) -> bytes:
        """Return a frame with a subscriber's packet as a data message."""
        if self.data_channel is None:
            return self._header + frame
        return self.data_channel.pack(frame, numbered=self.sequenced, control=False)

    def arrives(self, ns: int, frame: bytes, *, hold: bool, now: float) -> Order:
        """Judge a frame that carries Ns, or -1 without one, of a call in which either end numbers.

        A LAC numbers its frames when and only when the LNS does (RFC 2661 section 5.4).
        """
        if self.data_channel is None:
            self.data_channel = DataChannel(PLAIN, self._header[FLAGS.size :])
        if self.lac and not self.request.sequencing_required and self.sequenced != (ns >= 0):
            self.sequenced = ns >= 0
            self._prepare_header(self.data_channel.ids)
        return self.data_channel.receive(ns, frame, required=self.numbers_required, hold=hold, now=now)

    def data_facts(self) -> DataFacts:
        """Return what operators see of the data channel."""
        channel = self.data_channel
        if channel is None:
            return DataFacts(False, False, False, _NO_DISORDER)
        return DataFacts(self.sequenced, self.numbers_required, channel.arriving, channel.disorder)

    def info(self, group: str, path: Path, lac_hostname: str, peer_tunnel_id: int) -> CallInfo:
        """Return what the LAC said of the call."""
        request = self.request
        return CallInfo(
            group,
            path,
            lac_hostname,
            peer_tunnel_id,
            self.peer_session_id,
            self.serial_number,
            request[0],
            request[1],
            request[2],
            request[3],
            request[4],
            request[5],
            request[6],
            request[7],
            request[8],
            self.proxy_auth_name,
            request[9],
            self.proxied,
            request[10],
            request[11],
            self.sequenced,
            self.data_channel is not None and self.data_channel.options.length_bit,
        )

    def report(self) -> Reports:
        """Return where to keep what is told of the call from now on."""
        if self.reports is None:
            self.reports = Reports()
        return self.reports

    def tell_speeds(self, tx_bps: int, rx_bps: int) -> bool:
        """Take the present speeds; false when they are the old ones."""
        if (tx_bps, rx_bps) == self.request[5:7]:
            return False
        self.request = self.request._replace(tx_connect_speed_bps=tx_bps, rx_connect_speed_bps=rx_bps)
        self.report().speed_changes += 1
        return True

    def save(self) -> SavedCall:
        """Return plain data."""
        return {
            "lac": self.lac,
            "session_id": self.session_id,
            "peer_session_id": self.peer_session_id,
            "state": int(self.state),
            "request": list(self.request),
            "serial_number": self.serial_number,
            "proxy_auth_name": self.proxy_auth_name,
            "proxied": None if self.proxied is None else self.proxied.save(),
            "reports": None if self.reports is None else self.reports.save(),
            "sequenced": self.sequenced,
            "data_channel": None if self.data_channel is None else self.data_channel.save(),
        }

    @classmethod
    def restore(cls, saved: SavedCall, peer_tunnel_id: int) -> Call:
        """Go on from ``save``."""
        request = CallRequest(*saved["request"])  # type: ignore[arg-type]  # field by field as saved
        call = cls(saved["lac"], saved["session_id"], saved["serial_number"], request)
        call.peer_session_id = saved["peer_session_id"]
        call.state = CallState(saved["state"])
        call.proxy_auth_name = saved["proxy_auth_name"]
        if saved["proxied"] is not None:
            call.proxied = Proxied.restore(saved["proxied"])
        if call.state is CallState.ESTABLISHED:
            ids = IDS.pack(peer_tunnel_id, call.peer_session_id)
            if saved["data_channel"] is not None:
                call.data_channel = DataChannel.restore(saved["data_channel"], ids)
            call.sequenced = saved["sequenced"]
            call._prepare_header(ids)
        if saved["reports"] is not None:
            call.reports = Reports.restore(saved["reports"])
        return call
