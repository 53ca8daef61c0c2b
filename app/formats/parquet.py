"""Parquet, by pyarrow: written by row groups, and read in pieces."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet as pq

from app.dataset_row import Record, Unreadable
from app.errors import Fault, InvalidInput
from app.formats.broken_rows import BrokenRow, Numbered, refuse_if_too_large, too_large
from app.formats.options import ParquetOptions, ReadOptions, WriteOptions
from app.formats.parquet_pieces import ParquetPieces
from app.formats.table_rows import row_reader

_MOST_ROWS = 10_000
_MOST_CHARACTERS = 16 * 1024 * 1024
"""Of a row group: what is held before it is written."""
_TEXTS = [(name, pa.string()) for name in ("instruction", "input", "output")]
_CHAT = [("system", pa.string()), ("history", pa.list_(pa.list_(pa.string())))]
_MARK = [("is_classification", pa.bool_())]

_CELLS: Mapping[str, Callable[[Record], object]] = {
    "instruction": lambda record: record.instruction,
    "input": lambda record: record.input,
    "output": lambda record: record.output,
    "system": lambda record: record.system,
    "history": lambda record: [[one.user, one.assistant] for one in record.history],
    "is_classification": lambda record: record.is_classification,
}


def write_parquet(records: Iterable[Record], sink: BinaryIO, options: WriteOptions) -> None:
    """Write the columns instruction, input and output, and those that the options add."""
    chosen = ParquetOptions.of(options)
    added = (_CHAT if chosen.chat_columns else []) + (_MARK if chosen.classification_column else [])
    schema = pa.schema([*_TEXTS, *added])
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for group in _groups(records):
            writer.write_table(_table(group, schema))


def _groups(records: Iterable[Record]) -> Iterator[list[Record]]:
    group: list[Record] = []
    characters = 0
    for record in records:
        group.append(record)
        characters += record.characters
        if len(group) == _MOST_ROWS or characters >= _MOST_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _table(group: list[Record], schema: pa.Schema) -> pa.Table:
    arrays = [pa.array(map(_CELLS[field.name], group), field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def read_parquet(source: BinaryIO, options: ReadOptions) -> Iterator[Numbered]:
    """Read text columns, or the turns of chats; the source must be seekable.

    Raises:
        InvalidInput: when it is no whole Parquet file, or lacks a column.
        TooLarge: when it has more rows, or decodes to more bytes, than the limits allow.
    """
    if not source.seekable():
        raise _unreadable("it is compressed once more; unpack it first")
    try:
        yield from _read(source, options)
    except MemoryError:
        # One of Arrow's is both.
        raise
    except (pa.ArrowException, OSError) as error:
        # Arrow's words may run over several lines; the first says what is wrong.
        raise _unreadable(str(error).partition("\n")[0]) from error


def _read(source: BinaryIO, options: ReadOptions) -> Iterator[Numbered]:
    pieces = ParquetPieces(source, options.limits)
    convert, names = row_reader(pieces.names, options)
    wanted = [name for name in pieces.names if name in names]
    if options.passed_over is not None:
        for name, rows in pieces.filled(set(pieces.names) - names):
            options.passed_over.add([name], rows)
    row = 0
    for cells in pieces.read(wanted):
        if cells is None:
            row += 1
            yield row, too_large(options.limits).at(row, None, "")
            continue
        for values in zip(*cells, strict=True):
            row += 1
            yield row, _record(dict(zip(wanted, values, strict=True)), row, options, convert)


def _record(
    values: dict[str, object],
    row: int,
    options: ReadOptions,
    convert: Callable[[object], Record],
) -> Record | Unreadable:
    try:
        refuse_if_too_large(_characters(values), options.limits)
        return convert(values)
    except BrokenRow as broken:
        # A person needs the beginning only, and a value may have millions of characters.
        short = {n: v[:80] if isinstance(v, str) else v for n, v in values.items()}
        return broken.at(row, None, str(short))


def _characters(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, list) else 0


def _unreadable(why: str) -> InvalidInput:
    return InvalidInput("The file is no Parquet file that can be read.", [Fault(why)])
