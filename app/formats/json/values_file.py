"""JSON values one after the other, each over any number of lines, as pretty printers write them."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from app.errors import Fault, InvalidInput
from app.formats.broken_rows import Numbered
from app.formats.json.lines import Convert, converted
from app.formats.json.members import SPACE, UP_TO_BRACKET
from app.formats.json.values import MOST_VALUES
from app.formats.limits import ReadLimits, with_setting

_CHUNK = 1024 * 1024
_SPACES = re.compile(rb"[ \t\r\n]*+")


class _Cutter:
    """Takes bytes in pieces and gives the values, each when it is whole."""

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._held = b""
        self._start = 0
        """Position in `_held` where the current value begins, or the space before it."""
        self._at = 0
        """Position in `_held` to continue at."""
        self._depth = 0
        self._opened = 0
        self._line = 1
        """The line on which the current value begins."""
        self._empty = 0
        self.rows = 0

    def take(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """Read on; yield the line on which each value begins, and the value.

        Raises:
            InvalidInput: a value grows too large.
            TooLarge: there are many more empty lines than values.
        """
        self._held = self._held[self._start :] + piece
        self._at -= self._start
        self._start = 0
        while self._begin_value() and (stop := self._end()) is not None:
            value = self._held[self._start : stop]
            self.rows += 1
            yield self._line, value
            self._line += value.count(b"\n")
            self._start = self._at = stop
            self._depth = self._opened = 0
        if len(self._held) - self._start > self._limits.row_bytes + _CHUNK:
            what = f"a row is larger than {self._limits.row_bytes:,} bytes"
            raise _broken(with_setting(what, "row_bytes"), self._line)

    def rest(self) -> tuple[int, bytes]:
        """Return what is left when the file has ended, and its line."""
        return self._line, self._held[self._start :].strip(SPACE)

    def _begin_value(self) -> bool:
        """Skip the space before a value; return False when nothing follows it yet."""
        if self._at == self._start and (space := _SPACES.match(self._held, self._at)):
            lines = self._held.count(b"\n", self._start, space.end())
            self._line += lines
            self._empty += max(0, lines - 1)
            self._limits.refuse_empty_lines(self._empty, self.rows)
            self._start = self._at = space.end()
        return self._start < len(self._held)

    def _end(self) -> int | None:
        """Return where the value under way ends; None: later."""
        if self._at == self._start and self._held[self._at : self._at + 1] not in (b"{", b"["):
            # No object and no list: broken, up to the end of its line.
            end = self._held.find(b"\n", self._start)
            return None if end < 0 else end
        while True:
            found = UP_TO_BRACKET.match(self._held, self._at)
            self._at = found.end() if found else self._at
            mark = self._held[self._at : self._at + 1]
            if mark in (b"", b'"'):
                return None
            self._at += 1
            if mark in b"[{":
                self._depth += 1
                self._opened += 1
                if self._opened > MOST_VALUES:
                    raise _broken(f"a row has more than {MOST_VALUES:,} values", self._line)
            else:
                self._depth -= 1
                if self._depth <= 0:
                    return self._at


def _broken(what: str, line: int) -> InvalidInput:
    return InvalidInput("The file's JSON cannot be read.", [Fault(what, line=line)])


def read_values(source: BinaryIO, limits: ReadLimits, convert: Convert) -> Iterator[Numbered]:
    """Read JSON values one after the other, in constant memory.

    Raises:
        InvalidInput: a value is so large that nothing behind it can be found.
    """
    cutter = _Cutter(limits)
    piece = source.read(_CHUNK).removeprefix(codecs.BOM_UTF8)
    while piece:
        for line, value in cutter.take(piece):
            yield from converted(value, limits, convert, (cutter.rows, line))
        piece = source.read(_CHUNK)
    line, rest = cutter.rest()
    if rest:
        yield from converted(rest, limits, convert, (cutter.rows + 1, line))
