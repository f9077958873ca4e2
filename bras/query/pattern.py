"""Search in time that grows with the text and with nothing else.

A backtracking engine can be made to try for ever by a pattern of ten characters, and the loop that forwards control
messages would wait for it.  So all ways of matching are followed at once: a set of places in the pattern, an integer
with a bit for each.  A set that was met is remembered with where each character leads from it, so that what is searched
often costs one look into a dictionary a character.  What is remembered is bounded, and begins anew when it is full;
a pattern that always leads elsewhere costs some microseconds a character.
"""

from __future__ import annotations

from typing import Final

from bras.query.lexer import QueryError
from bras.query.pattern_syntax import Chars, Choice, Edge, Reader, Repeat, Row, Tree

MOST_NODES: Final = 400
MOST_CLASSES: Final = 32
"""Different ``[ ]`` in a pattern."""
MOST_REMEMBERED: Final = 10_000
"""Steps that are remembered."""
_ACCEPT: Final = 0
_CHARS: Final = 1
_FORK: Final = 2
_BEGIN: Final = 3
_END: Final = 4


class _TooLarge(Exception):
    """More nodes than a pattern may have."""


class _Graph:
    """The nodes of a pattern: characters to read, forks, the two ends of the text, and the end of the pattern."""

    __slots__ = ("chars", "kinds", "others", "ways")

    def __init__(self) -> None:
        self.kinds: list[int] = [_ACCEPT]
        self.ways: list[int] = [0]
        self.others: list[int] = [0]
        self.chars: list[Chars | None] = [None]

    def node(self, kind: int, way: int, other: int = 0, chars: Chars | None = None) -> int:
        """Add a node that leads to ``way`` (a fork: or to ``other``)."""
        if len(self.kinds) >= MOST_NODES:
            raise _TooLarge
        self.kinds.append(kind)
        self.ways.append(way)
        self.others.append(other)
        self.chars.append(chars)
        return len(self.kinds) - 1

    def emit(self, tree: Tree, after: int) -> int:
        """Add the nodes of a tree that goes on at ``after``; return where it begins."""
        if isinstance(tree, Chars):
            return self.node(_CHARS, after, chars=tree)
        if isinstance(tree, Edge):
            return self.node(_BEGIN if tree.begins else _END, after)
        if isinstance(tree, Row):
            for item in reversed(tree.items):
                after = self.emit(item, after)
            return after
        if isinstance(tree, Choice):
            begin = self.emit(tree.items[-1], after)
            for item in reversed(tree.items[:-1]):
                begin = self.node(_FORK, self.emit(item, after), begin)
            return begin
        return self._repeat(tree, after)

    def _repeat(self, tree: Repeat, after: int) -> int:
        begin = after
        if tree.most is None:
            begin = self.node(_FORK, 0, after)
            self.ways[begin] = self.emit(tree.item, begin)
        else:
            for _ in range(tree.most - tree.least):
                begin = self.node(_FORK, self.emit(tree.item, begin), after)
        for _ in range(tree.least):
            begin = self.emit(tree.item, begin)
        return begin

    def reach(self, seed: int, *, begins: bool, ends: bool) -> tuple[set[int], bool]:
        """Return the nodes that wait for a character, and whether the end of the pattern is reached."""
        places, seen = set[int](), set[int]()
        accepts = False
        to_do = [seed]
        while to_do:
            here = to_do.pop()
            if here in seen:
                continue
            seen.add(here)
            kind = self.kinds[here]
            if kind == _ACCEPT:
                accepts = True
            elif kind == _CHARS:
                places.add(here)
            elif kind == _FORK:
                to_do += (self.ways[here], self.others[here])
            elif begins if kind == _BEGIN else ends:
                to_do.append(self.ways[here])
        return places, accepts


class _Readers:
    """Which places take a character."""

    __slots__ = ("_classes", "_folds", "_literals")

    def __init__(self, places: list[Chars], folds: bool) -> None:
        self._folds = folds
        self._literals: dict[str, int] = {}
        classes: dict[Chars, int] = {}
        for bit, chars in enumerate(places):
            low, high = chars.ranges[0]
            if len(chars.ranges) == 1 and low == high and not chars.negated:
                self._literals[chr(low)] = self._literals.get(chr(low), 0) | 1 << bit
            else:
                classes[chars] = classes.get(chars, 0) | 1 << bit
        if len(classes) > MOST_CLASSES:
            raise _TooLarge
        self._classes = list(classes.items())

    def of(self, char: str) -> int:
        """Return the places that take it."""
        forms = {char, char.lower(), char.upper()} if self._folds else {char}
        taken = 0
        for form in forms:
            taken |= self._literals.get(form, 0)
        codes = [ord(form) for form in forms if len(form) == 1]
        for chars, places in self._classes:
            if any(low <= code <= high for code in codes for low, high in chars.ranges) != chars.negated:
                taken |= places
        return taken


class _State:
    """A set of places that can be reached together."""

    __slots__ = ("accepts", "accepts_at_end", "after", "places")

    def __init__(self, places: int, accepts: bool, accepts_at_end: bool) -> None:
        self.places = places
        self.accepts = accepts
        self.accepts_at_end = accepts_at_end
        self.after: dict[str, _State] = {}


class Pattern:
    """A regular expression that can be searched for."""

    __slots__ = ("_ends", "_first", "_follow", "_joined", "_readers", "_remembered", "_restart", "_states", "size")

    def __init__(self, text: str, at: int = 0) -> None:
        """Understand ``text``, which stands at ``at`` in a larger one; QueryError says what is wrong and where."""
        reader = Reader(text, at)
        tree = reader.read()
        graph = _Graph()
        try:
            start = graph.emit(tree, 0)
            nodes = [node for node, kind in enumerate(graph.kinds) if kind == _CHARS]
            self._readers = _Readers([chars for chars in graph.chars if chars is not None], reader.folds)
        except _TooLarge:
            raise QueryError("regular expression: too large", at) from None
        bits = {node: bit for bit, node in enumerate(nodes)}
        self.size = len(graph.kinds)
        """Of how many nodes it is made."""
        self._ends = len(nodes)
        """The bit that stands for the end of the pattern; the next: the same if the text ends here, too."""
        self._follow = [self._mask(graph, bits, graph.ways[node], begins=False) for node in nodes]
        self._restart = self._mask(graph, bits, start, begins=False)
        self._joined: dict[int, int] = {}
        self._states: dict[int, _State] = {}
        self._remembered = 0
        self._first = self._state(self._mask(graph, bits, start, begins=True))

    def found(self, text: str) -> bool:
        """Tell whether it matches anywhere in ``text``."""
        state = self._first
        for char in text:
            if state.accepts:
                return True
            following = state.after.get(char)
            state = following if following is not None else self._step(state, char)
        return state.accepts or state.accepts_at_end

    def _mask(self, graph: _Graph, bits: dict[int, int], seed: int, *, begins: bool) -> int:
        places, accepts = graph.reach(seed, begins=begins, ends=False)
        _, accepts_at_end = graph.reach(seed, begins=begins, ends=True)
        mask = accepts << self._ends | accepts_at_end << self._ends + 1
        for node in places:
            mask |= 1 << bits[node]
        return mask

    def _state(self, mask: int) -> _State:
        state = self._states.get(mask)
        if state is None:
            places = mask & ((1 << self._ends) - 1)
            state = _State(places, bool(mask >> self._ends & 1), bool(mask >> self._ends + 1))
            self._states[mask] = state
        return state

    def _step(self, state: _State, char: str) -> _State:
        """Return where a character leads, and remember it."""
        if self._remembered >= MOST_REMEMBERED:
            self._remembered = 0
            self._states.clear()
            self._first.after.clear()
        taken, mask, index = state.places & self._readers.of(char), self._restart, 0
        while taken:
            if taken & 0xFF:
                mask |= self._join(index << 8 | taken & 0xFF)
            taken >>= 8
            index += 1
        following = state.after[char] = self._state(mask)
        self._remembered += 1
        return following

    def _join(self, which: int) -> int:
        """Return where eight places lead together: ``which`` has the number of the eight, and a bit for each."""
        mask = self._joined.get(which)
        if mask is None:
            mask = 0
            for bit in range(8):
                if which >> bit & 1:
                    mask |= self._follow[(which >> 8) * 8 + bit]
            self._joined[which] = mask
        return mask
