"""Alpaca's format: objects with exactly instruction, input and output; as a JSON list or as lines.

Reading takes what has grown around it: more columns, a missing input, the columns ``system`` and
``history`` of LLaMA-Factory, and the marks of classification rows.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from app.dataset_row import Record
from app.formats.broken_rows import Numbered
from app.formats.columns import Columns
from app.formats.json.any_layout import read_json
from app.formats.json.lines import Convert, write_lines
from app.formats.json.list_file import list_pieces, write_list
from app.formats.json.values import quoted
from app.formats.options import ReadOptions, TableOptions, WriteOptions


def alpaca_json(rows: Iterable[Record | None]) -> Iterator[str]:
    """Write rows as a stream, in constant memory; characters beyond ASCII are not escaped.

    What was yielded is valid JSON only once the iterator is exhausted. For a None among the rows,
    which says that there are no more for now, it yields an empty text.
    """
    return list_pieces("" if row is None else _object(row) for row in rows)


def _object(record: Record) -> str:
    return (
        f'{{"instruction": {quoted(record.instruction)}, "input": {quoted(record.input)},'
        f' "output": {quoted(record.output)}}}'
    )


def _marked_object(record: Record) -> str:
    return f'{_object(record)[:-1]}, "is_classification": {json.dumps(record.is_classification)}}}'


def _writing(options: WriteOptions) -> Callable[[Record], str]:
    return _marked_object if TableOptions.of(options).classification_column else _object


def write_alpaca(records: Iterable[Record], sink: BinaryIO, options: WriteOptions) -> None:
    """Write a JSON list."""
    write_list(map(_writing(options), records), sink)


def write_alpaca_lines(records: Iterable[Record], sink: BinaryIO, options: WriteOptions) -> None:
    """Write one object a line."""
    write_lines(map(_writing(options), records), sink)


def read_alpaca(source: BinaryIO, options: ReadOptions) -> Iterator[Numbered]:
    """Read rows with columns from JSON in any layout; a mapping may name other columns.

    Raises:
        InvalidInput: it is JSON but not in rows; while reading, when the file is not whole, or no
            row has a column that must be there.
    """
    columns = Columns(options)
    yield from read_json(source, options.limits, of_columns(columns))
    columns.refuse_if_never_met()


def of_columns(columns: Columns) -> Convert:
    """Make records of each row by its columns."""
    return columns.records
