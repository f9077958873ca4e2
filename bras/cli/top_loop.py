"""The loop of ``bras top``: read, draw, listen to keys."""

from __future__ import annotations

import time

from bras.cli.client import AdminClient, Refused, Unreachable
from bras.cli.columns import SESSIONS, fields
from bras.cli.screen import GONE, RESIZED, Screen
from bras.cli.top_view import KEYS, State, page
from bras.cli.watch import Connection
from bras.query.lexer import QueryError
from bras.query.match import understand

SHORTEST_S, LONGEST_S = 0.5, 60.0
_MOST = 200
"""Talkers that are asked for, however large the terminal is."""
_MOST_TYPED = 500


class Loop:
    """The screen, the daemon, and what was chosen."""

    def __init__(self, screen: Screen, connection: Connection, state: State) -> None:
        """Begin with what the command line says."""
        self._screen = screen
        self._connection = connection
        self._state = state
        self._ended = False

    def run(self, count: int | None) -> None:
        """Read, draw and listen to keys until the end."""
        drawn = 0
        while not self._ended:
            if not self._state.paused:
                self._read()
            self._draw()
            drawn += 1
            if count is not None and drawn >= count:
                return
            self._listen()

    def _draw(self) -> None:
        width, height = self._screen.size
        self._screen.show(page(self._state, width, height, time.strftime("%H:%M:%S")))

    def _read(self) -> None:
        """Ask the daemon; what goes wrong is shown, and tried again."""
        state = self._state
        try:
            client = self._connection.client()
            state.rates.take(client.ask("show overview"))
            state.talkers = self._talkers(client)
            if state.rates.is_new:  # who looks at rates first waits for them, so that there is something to compare
                state.rates.take(client.ask("show overview"))
            state.trouble = ""
        except (Unreachable, Refused) as wrong:
            self._connection.close()
            state.trouble = str(wrong)

    def _talkers(self, client: AdminClient) -> dict[str, object]:
        _, height = self._screen.size
        most = min(_MOST, height)
        wishes = {"match": self._state.match, "sort": self._state.sort, "rates": True}
        answer: dict[str, object] = client.ask("show sessions", after=-1, limit=most, most=most, **wishes)
        return answer

    def _listen(self) -> None:
        """Listen to keys for an interval; one that changes what is shown ends it at once."""
        for key in self._screen.keys(self._state.interval_s):
            if key == GONE:
                self._ended = self._ended or self._screen.is_live
            elif key == RESIZED:
                self._draw()
                continue
            elif self._state.typed is None:
                again = self._pressed(key)
            else:
                again = self._typed(key)
            if self._ended:
                return
            if key != GONE and again:
                return
            self._draw_if_live()

    def _draw_if_live(self) -> None:
        if self._screen.is_live:
            self._draw()

    def _pressed(self, key: str) -> bool:
        """Do what a key means; tell whether the daemon is to be asked again."""
        state = self._state
        if key in KEYS:
            state.sort_by(KEYS[key])
            return not state.paused
        match key:
            case "q" | "Q" | "\x04":
                self._ended = True
            case "h" | "?":
                state.helps = not state.helps
            case "escape":
                state.helps = False
            case "p":
                state.paused = not state.paused
                return not state.paused
            case "i":
                state.turn_round()
                return not state.paused
            case "+" | "=":
                state.interval_s = max(SHORTEST_S, state.interval_s / 2)
            case "-":
                state.interval_s = min(LONGEST_S, state.interval_s * 2)
            case "/" | "f":
                state.typed = state.match
            case " ":
                self._read()
        return False

    def _typed(self, key: str) -> bool:
        """Take a key of an expression; tell whether it is one that is to be asked."""
        state = self._state
        assert state.typed is not None
        match key:
            case "\n" | "\r":
                return self._wished(state.typed)
            case "escape":
                state.typed, state.trouble = None, ""
            case "\x7f" | "\x08":
                state.typed = state.typed[:-1]
            case "\x15":
                state.typed = ""
            case _ if len(key) == 1 and key.isprintable() and len(state.typed) < _MOST_TYPED:
                state.typed += key
        return False

    def _wished(self, text: str) -> bool:
        try:
            if text.strip():
                understand(text, fields(SESSIONS))
        except QueryError as wrong:
            self._state.trouble = str(wrong)
            return False
        self._state.match, self._state.typed, self._state.trouble = text.strip(), None, ""
        return True
