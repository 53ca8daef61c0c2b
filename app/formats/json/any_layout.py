"""JSON files in any layout: the reader is chosen by how the file begins."""

from collections.abc import Iterator
from typing import BinaryIO

from app.formats.broken_rows import Numbered
from app.formats.files import peeked
from app.formats.json.layout import HEAD_BYTES, layout_of
from app.formats.json.lines import Convert, read_lines
from app.formats.json.list_file import read_list, read_wrapped
from app.formats.json.values_file import read_values
from app.formats.limits import ReadLimits


def read_json(source: BinaryIO, limits: ReadLimits, convert: Convert) -> Iterator[Numbered]:
    """Read the rows of a JSON file: a list, lines, objects over several lines, a wrapped list.

    Raises:
        InvalidInput: it is JSON but not in rows; while reading, when the file is not whole.
    """
    head, source = peeked(source, HEAD_BYTES)
    layout = layout_of(head, whole=len(head) < HEAD_BYTES)
    if layout.kind == "list":
        return read_list(source, limits, convert)
    if layout.kind == "values":
        return read_values(source, limits, convert)
    if layout.kind == "wrapped":
        return read_wrapped(source, limits, convert, layout)
    return read_lines(source, limits, convert)
