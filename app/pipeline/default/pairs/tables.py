"""Pairs in tables, whose head names an input and an output."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from app.pipeline.default.pairs.content import unwrapped_column
from app.pipeline.default.pairs.names import field_of
from app.pipeline.default.pairs.pairs import Pairs

_RULE_CELL = re.compile(r":?-+:?|")
_BAR = re.compile(r"(?<!\\)\|")
_DECORATION = " \t*_`\"'"
# Columns that are neither.
_OTHER_COLUMNS = re.compile(
    r"|#|no\.?|nr\.?|n\u00ba|id|\u5e8f\u53f7|\u756a\u53f7|example(?: \d{1,2})?|case"
    r"|explanation|reason(?:ing)?|rationale|notes?|comment|category|erkl\u00e4rung|nummer|beispiel|explication|exemple|\u89e3\u91ca",
    re.I,
)
_BREAK = re.compile(r"\s?<br\s?/?>\s?", re.I)
_ASKS_FOR_TABLE = re.compile(
    r"\b(?:table|csv|tsv|spreadsheet|columns?|tabelle|tableau|tabla)\b|\u8868", re.I
)
_MOST_ROWS = 500


_Parted: TypeAlias = Callable[[str], Sequence[str] | None]


class _Table(NamedTuple):
    start: int
    rows: Sequence[Sequence[str]]
    given: int
    output: int


def pairs_in_table(text: str, before: int, *, about: str, cut_off: bool) -> Pairs | None:
    """Return the pairs of a table that begins before `before`; None without one.

    Args:
        text: The answer of the model.
        before: Where another form begins.
        about: The task. Where it asks for a table, one is an answer.
        cut_off: True when the reply was truncated; the last row is then left out.
    """
    table = None if _ASKS_FOR_TABLE.search(about) else _table(text)
    if table is None or table.start >= before:
        return None
    width = len(table.rows[0])
    rows = [row for row in table.rows[1:] if len(row) == width]
    is_whole = len(rows) == len(table.rows) - 1
    if cut_off:
        rows = rows[: len(table.rows) - 2]
    if not rows:
        return None
    inputs = unwrapped_column([row[table.given] for row in rows])
    outputs = unwrapped_column([row[table.output] for row in rows])
    items = [{"input": given, "output": out} for given, out in zip(inputs, outputs, strict=True)]
    return Pairs(items, is_whole)


def _table(text: str) -> _Table | None:
    lines = text.splitlines(keepends=True)[:_MOST_ROWS]
    start = 0
    for n, line in enumerate(lines):
        for parted in (_by_bars, _by_tabs, _by_commas):
            head = parted(line)
            columns = _columns(head) if head else None
            if head is None or columns is None:
                continue
            rows = list(_rows(lines[n + 1 :], parted))
            if rows:
                return _Table(start, [head, *rows], *columns)
        start += len(line)
    return None


def _columns(head: Sequence[str]) -> tuple[int, int] | None:
    """Return the columns of inputs and of outputs; None where they are unclear."""
    names = [cell.strip(_DECORATION) for cell in head]
    known = [field_of(name) for name in names]
    inputs = [n for n, field in enumerate(known) if field and field[0] == "input"]
    outputs = [n for n, field in enumerate(known) if field and field[0] == "output"]
    others = [name for name, field in zip(names, known, strict=True) if field is None]
    is_clear = len(inputs) == len(outputs) == 1 and all(map(_OTHER_COLUMNS.fullmatch, others))
    return (inputs[0], outputs[0]) if is_clear else None


def _rows(lines: Sequence[str], parted: _Parted) -> Iterator[Sequence[str]]:
    """Yield the rows of a table, up to the first line that is none."""
    for line in lines:
        if not line.strip() or (parted is not _by_bars and line.lstrip().startswith("```")):
            return
        cells = parted(line)
        if cells is None:
            return
        if not all(map(_RULE_CELL.fullmatch, cells)):
            yield cells


def _by_bars(line: str) -> Sequence[str] | None:
    if len(_BAR.findall(line)) < 1:
        return None
    body = line.strip().removeprefix("|")
    if body.endswith("|") and not body.endswith("\\|"):
        body = body[:-1]
    cells = [cell.strip().replace("\\|", "|") for cell in _BAR.split(body)]
    return [_BREAK.sub("\n", cell) for cell in cells]


def _by_tabs(line: str) -> Sequence[str] | None:
    cells = [cell.strip() for cell in line.strip("\r\n").split("\t")]
    return cells if len(cells) > 1 else None


def _by_commas(line: str) -> Sequence[str] | None:
    try:
        cells = next(csv.reader([line.strip()], strict=True, skipinitialspace=True), [])
    except csv.Error:
        return None
    return cells if len(cells) > 1 else None
