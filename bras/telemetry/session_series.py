"""The series of each session, as text: hand-made, for the labels of 50,000 sessions.

Nine families share one label, ``session`` (Acct-Session-Id); ``bras_session_info`` says whose it is, for
joins such as ``rate(bras_session_bytes_total[5m]) * on (session) group_left (user) bras_session_info``.
Nothing is kept of a session between two scrapes.  Who has no IPv6 has no samples of it: they would be 0 for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bras.forwarding.entry import Counters
from bras.telemetry.text import clean, dotted_quad

Reading = Sequence[Any]
"""A row of TakeReadings."""
SLOT, GENERATION = 11, 12
"""Where in it the data plane's names for the session are."""


class Series(NamedTuple):
    """A family of ``/metrics/sessions``."""

    name: str
    kind: str
    text: str

    def head(self, *, openmetrics: bool) -> str:
        """Return the lines that come before the samples; OpenMetrics names counters and infos without their ends."""
        name, kind = self.name, self.kind
        if openmetrics:
            name = name.removesuffix("_total").removesuffix("_info") if kind != "gauge" else name
        elif kind == "info":
            kind = "gauge"
        return f"# HELP {name} {self.text}\n# TYPE {name} {kind}\n"


SERIES = (
    Series("bras_session_info", "info", "Whose a session is."),
    Series("bras_session_start_time_seconds", "gauge", "Since when a session forwards, as Unix time."),
    Series("bras_session_bytes_total", "counter", "IP packets of a session as forwarded, in bytes."),
    Series("bras_session_packets_total", "counter", "IP packets of a session as forwarded."),
    Series("bras_session_policed_packets_total", "counter", "Packets of a session that were above its rate."),
    Series("bras_session_echo_round_trip_seconds", "gauge", "Round-trip time of the last LCP echo."),
    Series("bras_session_echo_round_trip_max_seconds", "gauge", "Longest round trip of the last 30 to 60 LCP echoes."),
    Series("bras_session_echoes_total", "counter", "LCP echoes that met their fate: answered or lost."),
    Series("bras_session_echoes_lost_total", "counter", "LCP echoes that nobody answered."),
)
"""In the order in which they are told; up is from the subscriber."""


def rendered(
    readings: Iterable[Reading], carried: dict[int, Counters], wall_offset_s: float, lacs: dict[tuple[str, ...], str]
) -> tuple[str, ...]:
    """Return the samples of some sessions, a text for each of ``SERIES``.

    ``carried``: by generation, what the data plane says now.  ``lacs`` remembers labels of LACs for the next slice.
    """
    infos, starts, octets, packets, policed, echoes = list[str](), list[str](), list[str](), list[str](), [""], [""]
    longest, fates, losses = [""], [""], [""]
    for row in readings:
        session, user, method, group, name, remote, calling, called, address, up_at, echo_s, _, number, *rest = row
        has6, base, last, quality = rest
        counters = carried.get(number) or last or _NOTHING
        if base is not None:
            counters = list(map(int.__add__, counters, base))
        up4, upp4, down4, downp4, up6, upp6, down6, downp6, _, policed_up, policed_down, _ = counters
        lac = lacs.get((group, name, remote)) or _lac(lacs, group, name, remote)
        infos.append(
            f'bras_session_info{{session="{session}",user="{label(user)}",{lac},address="{dotted_quad(address) or ""}",'
            f'calling_number="{label(calling)}",called_number="{label(called)}",method="{method}"}} 1\n'
        )
        starts.append(f'bras_session_start_time_seconds{{session="{session}"}} {up_at + wall_offset_s:.3f}\n')
        octets.append(_ways("bras_session_bytes_total", session, "ipv4", up4, down4))
        packets.append(_ways("bras_session_packets_total", session, "ipv4", upp4, downp4))
        if has6 or upp6 or downp6:
            octets.append(_ways("bras_session_bytes_total", session, "ipv6", up6, down6))
            packets.append(_ways("bras_session_packets_total", session, "ipv6", upp6, downp6))
        policed.append(
            f'bras_session_policed_packets_total{{session="{session}",direction="up"}} {policed_up}\n'
            f'bras_session_policed_packets_total{{session="{session}",direction="down"}} {policed_down}\n'
        )
        if echo_s:
            echoes.append(f'bras_session_echo_round_trip_seconds{{session="{session}"}} {echo_s:.6f}\n')
        if quality is not None:
            most, answered, lost = quality[4:]
            longest.append(f'bras_session_echo_round_trip_max_seconds{{session="{session}"}} {most:.6f}\n')
            fates.append(f'bras_session_echoes_total{{session="{session}"}} {answered + lost}\n')
            losses.append(f'bras_session_echoes_lost_total{{session="{session}"}} {lost}\n')
    return tuple(map("".join, (infos, starts, octets, packets, policed, echoes, longest, fates, losses)))


def _ways(name: str, session: str, family: str, up: int, down: int) -> str:
    return (
        f'{name}{{session="{session}",direction="up",family="{family}"}} {up}\n'
        f'{name}{{session="{session}",direction="down",family="{family}"}} {down}\n'
    )


_NOTHING = (0,) * len(Counters())


def _lac(lacs: dict[tuple[str, ...], str], group: str, name: str, remote: str) -> str:
    made = lacs[group, name, remote] = (
        f'lac="{label(group)}",lac_hostname="{label(name)}",lac_address="{label(remote)}"'
    )
    return made


def label(text: str) -> str:
    r"""Return a label's value as it stands between the quotes.

    What does not print is an escape already (as in the log: ``\x00``, ``\udcff``), so that no octet of a client's is
    anything but text to whoever reads the page.
    """
    return clean(text).replace("\\", "\\\\").replace('"', '\\"')
