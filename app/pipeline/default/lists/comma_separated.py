"""Tasks in lines of values parted by commas or semicolons, as in a CSV file."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from app.pipeline.default.lists.tidy import TASK_LABELS, titles_of, untitled

_TASK_COLUMN = re.compile(rf"(?:{TASK_LABELS})s?(?: text| description)?", re.I)
_NAME = re.compile(r"[^\W\d_][\w -]{0,30}|#")
_NUMBERED = re.compile(r"[ \t]*(?:\"\d{1,4}\"|\d{1,4})(?P<delimiter>[,;])[ \t]?\"")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_FEWEST_ROWS = 2
_MOST_OPENING = 6
"""Lines before the first row."""


def tasks_in_values(text: str) -> list[str | None] | None:
    """Return the tasks of rows, None for a row without a clear one; None without such rows.

    Rows begin below names of columns, one of which is that of the tasks, or each of them has a
    number and a text in quotation marks.
    """
    lines = text.splitlines()
    starts = [n for n, line in enumerate(lines) if line.strip() and not _FENCE.match(line)]
    for n in starts[:_MOST_OPENING]:
        head = _head(lines[n])
        if head is not None:
            delimiter, names = head
            column = next(i for i, name in enumerate(names) if _TASK_COLUMN.fullmatch(name))
            return _tasks(lines[n + 1 :], delimiter, column, len(names))
        numbered = _NUMBERED.match(lines[n])
        if numbered is not None:
            delimiter = numbered.group("delimiter")
            width = len(_cells(lines[n], delimiter))
            return _tasks(lines[n:], delimiter, 1, width) if width > 1 else None
    return None


def _head(line: str) -> tuple[str, Sequence[str]] | None:
    """Return the delimiter and the names of columns; None for another line."""
    for delimiter in (",", ";"):
        names = [cell.strip() for cell in _cells(line, delimiter)]
        is_head = all(map(_NAME.fullmatch, names)) and any(map(_TASK_COLUMN.fullmatch, names))
        if is_head and (len(names) > 1 or line.strip() == line.strip().casefold()):
            return delimiter, names
    return None


def _tasks(
    lines: Sequence[str], delimiter: str, column: int, width: int
) -> list[str | None] | None:
    rows = list(_rows(lines, delimiter))
    if width == 1 and not all(line.lstrip().startswith('"') for line, _ in rows):
        return None
    texts = [_task(line, cells, delimiter, column, width) for line, cells in rows]
    for n, (line, cells) in enumerate(rows):
        if n and texts[n] is None and len(cells) == 1 and '"' not in line:
            # The text before it may go on here.
            texts[n - 1] = None
    if sum(text is not None for text in texts) < _FEWEST_ROWS:
        return None
    titles = titles_of([text or "" for text in texts])
    return [untitled(text, titles) if text else None for text in texts]


def _rows(lines: Sequence[str], delimiter: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield rows, up to a line that is none behind an empty one, or the end of a fence."""
    reader = csv.reader(
        (f"{line.strip()}\n" for line in takewhile(lambda line: not _FENCE.match(line), lines)),
        delimiter=delimiter,
        skipinitialspace=True,
    )
    after_blank, begun = False, 0
    for cells in reader:
        raw, begun = "\n".join(lines[begun : reader.line_num]), reader.line_num
        if not raw.strip():
            after_blank = True
        elif len(cells) > 1 or raw.lstrip().startswith('"'):
            yield raw, [" ".join(cell.split()) for cell in cells]
        elif after_blank:
            return
        else:
            yield raw, cells


def _task(line: str, cells: Sequence[str], delimiter: str, column: int, width: int) -> str | None:
    if len(cells) == width:
        return cells[column].strip() or None
    if '"' not in line and len(cells) > width and column == width - 1:
        # The task itself has commas, and nothing follows it.
        return line.split(delimiter, width - 1)[-1].strip()
    return None


def _cells(line: str, delimiter: str) -> Sequence[str]:
    try:
        return next(csv.reader([line.strip()], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
