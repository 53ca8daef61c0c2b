"""JSON lines: one row a line, read and written in constant memory."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, TypeAlias

from app.dataset_row import Record
from app.formats.broken_rows import BrokenRow, Numbered
from app.formats.files import joined
from app.formats.json.values import of_one_line, parsed
from app.formats.limits import ReadLimits

Convert: TypeAlias = Callable[[object], Iterable[Record | BrokenRow]]
"""Returns the records of one parsed row, usually one; may raise `BrokenRow`."""


def read_lines(source: BinaryIO, limits: ReadLimits, convert: Convert) -> Iterator[Numbered]:
    """Read row by row; empty lines count as lines, not as rows.

    Raises:
        TooLarge: it has many more empty lines than rows.
    """
    row = 0
    for line, raw in _lines(source, limits.row_bytes):
        if not raw:
            limits.refuse_empty_lines(line - row, row)
            continue
        row += 1
        yield from converted(raw, limits, convert, (row, line))


def converted(
    raw: bytes, limits: ReadLimits, convert: Convert, place: tuple[int, int | None]
) -> Iterator[Numbered]:
    """Make records of one row's bytes, or keep why there are none."""
    row, line = place
    try:
        for made in convert(parsed(raw, limits)):
            yield row, made.at(row, line, raw) if isinstance(made, BrokenRow) else made
    except BrokenRow as broken:
        yield row, broken.at(row, line, raw)


def _lines(source: BinaryIO, most_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Number the lines; of one that is too long only as much is kept as shows that it is."""
    number = 0
    # Two more for the line's end, one more to see that it is too long.
    longest = most_bytes + 3
    while raw := source.readline(longest):
        number += 1
        while len(raw) == longest and not raw.endswith(b"\n"):
            rest = source.readline(longest)
            if len(rest) < longest or rest.endswith(b"\n"):
                break
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        yield number, raw.strip(b" \t\r\n")


def write_lines(texts: Iterable[str], sink: BinaryIO) -> None:
    """Write one JSON text a line, ended by a line feed."""
    for piece in joined(f"{of_one_line(text)}\n" for text in texts):
        sink.write(piece.encode())
