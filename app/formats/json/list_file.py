r"""JSON lists of any size: cut into elements first, so that one broken element breaks no other.

The cutter looks at nothing but quotes and brackets; each element is then parsed alone, as a line
of JSON lines is. A streaming parser (ijson) was tried first and would not do: it gives up the
whole file at the first NaN, and makes ``?`` of half a surrogate pair without saying so.
"""

import codecs
import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from app.errors import Fault, InvalidInput
from app.formats.broken_rows import BrokenRow, Numbered
from app.formats.files import joined
from app.formats.json.layout import Layout, other_lists, several_lists
from app.formats.json.lines import Convert, converted
from app.formats.json.members import SPACE, UP_TO_BRACKET, UP_TO_COMMA, members_of
from app.formats.json.values import MOST_VALUES
from app.formats.limits import ReadLimits, with_setting

_CHUNK = 1024 * 1024


class _Cutter:
    """Takes bytes in pieces and gives a list's elements, each when it is whole."""

    def __init__(self, limits: ReadLimits, *, is_wrapped: bool = False) -> None:
        self._limits = limits
        self._is_wrapped = is_wrapped
        self._held = b""
        self._at = 0
        """Position in `_held` to continue at; the text before it belongs to the current element."""
        self._depth = 0
        self._opened = 0
        """Brackets that the current element has opened."""
        self._rows = 0
        self.ended = False
        """True when the closing bracket of the list was read."""

    @property
    def rows(self) -> int:
        """Number of complete elements so far."""
        return self._rows

    @property
    def behind(self) -> bytes:
        """The bytes that were read behind the end of the list."""
        return self._held

    def take(self, piece: bytes) -> Iterator[bytes]:
        """Read on.

        Raises:
            InvalidInput: when an element grows too large, or something follows the list.
        """
        self._held += piece
        start = 0
        while not self.ended and (stop := self._next_border()) is not None:
            element = self._held[start:stop].strip(SPACE)
            mark = self._held[stop : stop + 1]
            if mark == b"}":
                raise _broken("a brace closes what none has opened", self._rows)
            self.ended = mark == b"]"
            self._opened = 0
            start = self._at = stop + 1
            # Only an empty list has nothing before its end.
            if element or self._rows or not self.ended:
                self._rows += 1
                yield element
        self._held = self._held[start:]
        self._at -= start
        self._refuse_what_cannot_go_on()

    def _next_border(self) -> int | None:
        """Return where the element under way ends: at its comma or at the list's bracket."""
        while True:
            pattern = UP_TO_BRACKET if self._depth else UP_TO_COMMA
            found = pattern.match(self._held, self._at)
            self._at = found.end() if found else self._at
            mark = self._held[self._at : self._at + 1]
            if mark in (b"", b'"'):
                # What was read so far ends here, or inside a string that begins here.
                return None
            if self._depth == 0 and mark in b",]}":
                return self._at
            self._at += 1
            if mark not in b"[{":
                self._depth -= 1
                continue
            self._depth += 1
            self._opened += 1
            if self._opened > MOST_VALUES:
                raise _broken(f"a row has more than {MOST_VALUES:,} values", self._rows)

    def _refuse_what_cannot_go_on(self) -> None:
        if self.ended and not self._is_wrapped and self._held.strip(SPACE):
            raise _broken("something follows the end of the list", self._rows)
        if len(self._held) > self._limits.row_bytes + _CHUNK:
            what = f"a row is larger than {self._limits.row_bytes:,} bytes"
            raise _broken(with_setting(what, "row_bytes"), self._rows)


def _broken(what: str, rows: int) -> InvalidInput:
    where = f"after row {rows:,}" if rows else "before the first row"
    return InvalidInput("The file is not a whole JSON list.", [Fault(f"{what}, {where}")])


def read_list(source: BinaryIO, limits: ReadLimits, convert: Convert) -> Iterator[Numbered]:
    """Read a JSON list element by element, in constant memory.

    Raises:
        InvalidInput: when it is no list, is cut off, has something behind it, or has an element so
            large that nothing behind it can be found.
    """
    cutter = _Cutter(limits)
    piece = _opened(source)
    while piece:
        for element in cutter.take(piece):
            yield from converted(element, limits, convert, (cutter.rows, None))
        piece = source.read(_CHUNK)
    if not cutter.ended:
        raise _broken("it is cut off", cutter.rows)


def read_wrapped(
    source: BinaryIO, limits: ReadLimits, convert: Convert, layout: Layout
) -> Iterator[Numbered]:
    """Read the rows of a list that is inside an object.

    Args:
        source: the file, from its beginning.
        limits: what it may hold.
        convert: makes records of a row.
        layout: says where the list begins, and how many objects are around it.

    Raises:
        InvalidInput: as `read_list`, or the object has other lists of rows.
    """
    source.read(layout.start + 1)
    cutter = _Cutter(limits, is_wrapped=True)
    while not cutter.ended and (piece := source.read(_CHUNK)):
        for element in cutter.take(piece):
            yield from converted(
                element, limits, lambda row: convert(_row_of(row)), (cutter.rows, None)
            )
    if not cutter.ended:
        raise _broken("it is cut off", cutter.rows)
    _check_behind(cutter.behind + source.read(_CHUNK), cutter.rows, layout.depth)
    if source.read(1):
        raise _broken("the object has more members than can be looked at", cutter.rows)


def _check_behind(rest: bytes, rows: int, depth: int) -> None:
    """Check what follows a list inside objects: a second list of rows must not get lost.

    Raises:
        InvalidInput: there is one, or the object is broken.
    """
    around = b'{"": ' * depth
    data = around + b"0" + rest
    inner = data[len(around) - len(b'{"": ') :]
    begun = [name for name, at in members_of(inner) if _begins_rows(inner[at:])]
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        if begun:
            raise several_lists(begun) from None
        raise _broken("the object is not whole", rows) from None
    if others := other_lists(found, depth):
        raise several_lists(others)


def _begins_rows(data: bytes) -> bool:
    return data.startswith(b"[") and data[1:_CHUNK].lstrip(SPACE)[:1] in (b"{", b"[")


_OF_VIEWER = frozenset({"row_idx", "row", "truncated_cells"})


def _row_of(element: object) -> object:
    """Return the row of an element as the Hub's viewer wraps it; others are rows themselves.

    Raises:
        BrokenRow: truncated.
    """
    if not isinstance(element, dict) or "row" not in element or not element.keys() <= _OF_VIEWER:
        return element
    if cut := element.get("truncated_cells"):
        raise BrokenRow("truncated", f"the Hub's viewer has cut off the text of {str(cut)[:100]}")
    return element["row"]


def _opened(source: BinaryIO) -> bytes:
    """Read up to the list's opening bracket, and a piece behind it."""
    piece = source.read(_CHUNK).removeprefix(codecs.BOM_UTF8).lstrip(SPACE)
    if not piece:
        raise _broken("it is empty", 0)
    if not piece.startswith(b"["):
        raise _broken(_hint(piece), 0)
    return piece[1:] or source.read(_CHUNK)


def _hint(piece: bytes) -> str:
    if piece.startswith(b"{"):
        return "it begins with an object; read JSON lines as such (alpaca_jsonl, jsonl)"
    return "it does not begin with a bracket"


def list_pieces(texts: Iterable[str]) -> Iterator[str]:
    """Yield a JSON list, one element per line; valid JSON only when exhausted.

    An empty text among them says that there is no more for now: what is there is handed on.
    """
    return joined(_separated(texts))


def _separated(texts: Iterable[str]) -> Iterator[str]:
    separator = "[\n"
    for text in texts:
        if not text:
            yield ""
            continue
        yield separator + text
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def write_list(texts: Iterable[str], sink: BinaryIO) -> None:
    """Write JSON texts as a list."""
    for piece in list_pieces(texts):
        sink.write(piece.encode())
