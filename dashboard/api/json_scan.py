"""Counts the depth and size of a JSON text while its bytes arrive, so that a hostile one is refused before it is held."""

import re
from typing import Final

MAX_DEPTH: Final = 64
MAX_NODES: Final = 10_000

_OUTSIDE = re.compile(rb'[\[\]{},"]')
# Everything of a text up to its closing quote; possessive, so that it never looks at a byte twice.
_INSIDE = re.compile(rb'(?:[^"\\]++|\\[\s\S])*+')


class TooMuch(Exception):
    """The text passed a limit. `code` is a key of the error tables."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class JsonScan:
    """Feed it the pieces of one JSON text. It judges limits only; whether the text is JSON is the parser's business.

    The count of nodes never exceeds the true number of values, so nothing is refused here that a parser with the same
    limits would take: a text of n values holds at most n commas, n opening brackets and 2n strings (keys included).
    """

    def __init__(self, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> None:
        self._max_depth, self._max_nodes = max_depth, max_nodes
        self._in_string = False
        self._escaped = False
        self._broken = False
        self._depth = self._commas = self._openings = self._strings = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes. Raises TooMuch (`too_deep`, `too_many_nodes`) at the byte that passes a limit."""
        at, end = 0, len(piece)
        while at < end and not self._broken:
            at = self._through_string(piece, at) if self._in_string else self._to_token(piece, at)

    def _through_string(self, piece: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _INSIDE.match(piece, at)
        stop = found.end() if found else at
        if stop == len(piece):
            return stop
        if piece[stop] == ord("\\"):
            self._escaped = True
        else:
            self._in_string = False
        return stop + 1

    def _to_token(self, piece: bytes, at: int) -> int:
        found = _OUTSIDE.search(piece, at)
        if not found:
            return len(piece)
        self._count(found.group())
        return found.end()

    def _count(self, token: bytes) -> None:
        if token in b"[{":
            self._depth += 1
            self._openings += 1
            if self._depth > self._max_depth:
                raise TooMuch("too_deep")
        elif token in b"]}":
            self._depth -= 1
            # Closed more than it opened: not JSON, so there is nothing to measure. The parser will say so.
            self._broken = self._depth < 0
        elif token == b",":
            self._commas += 1
        else:
            self._in_string = True
            self._strings += 1
        if max(self._commas + 1, self._openings, self._strings // 2) > self._max_nodes:
            raise TooMuch("too_many_nodes")
