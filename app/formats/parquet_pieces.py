"""Reading of Parquet in pieces of bounded size, whatever its encodings make of a few bytes.

A dictionary-encoded column of a kilobyte may stand for gigabytes: each row names a long value by
its number. So text columns are read as dictionaries, each batch is measured before any of its
values is decoded, and it is cut until each piece fits. What the footer claims is checked before.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import BinaryIO, TypeAlias

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import parquet as pq

from app.errors import Fault, InvalidInput
from app.formats.files import size_of
from app.formats.limits import BYTES_PER_VALUE, DecodedBytes, ReadLimits

_MOST_ROWS = 10_000
_PIECE_BYTES = 4 * 1024 * 1024
_BUFFER = 256 * 1024


def parquet_columns(source: BinaryIO) -> Mapping[str, bool]:
    """Return the columns of a file, each with True when it holds true and false.

    Raises:
        InvalidInput: it is no whole Parquet file.
    """
    if not source.seekable():
        raise InvalidInput("The file is compressed once more; unpack it first.")
    try:
        schema = pq.read_metadata(source).schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        why = str(error).partition("\n")[0]
        raise InvalidInput("The file is no Parquet file that can be read.", [Fault(why)]) from error
    return {field.name: pa.types.is_boolean(field.type) for field in schema}


Cells: TypeAlias = list[list[object]]
"""The values of some rows, by column."""


class ParquetPieces:
    """A Parquet file that is read a few megabytes at a time.

    Args:
        source: a seekable file.
        limits: what it may decode to.

    Raises:
        InvalidInput: it has too many columns.
        TooLarge: its footer claims more rows than the limits allow.
        pyarrow.ArrowException, OSError: it is no whole Parquet file; also while reading.
    """

    def __init__(self, source: BinaryIO, limits: ReadLimits) -> None:
        self._source = source
        self._limits = limits
        self._decoded = DecodedBytes(limits, size_of(source))
        self._metadata = pq.read_metadata(source)
        limits.refuse_columns(self._metadata.num_columns)
        limits.refuse_rows(self._metadata.num_rows)
        self.names: Sequence[str] = self._metadata.schema.to_arrow_schema().names

    def read(self, wanted: Sequence[str]) -> Iterator[Cells | None]:
        """Read some columns, a few rows at a time; None for one row that is too large to decode.

        Raises:
            TooLarge: the rows decode to more than the limits allow.
        """
        columns = self._leaves(wanted)
        schema = self._metadata.schema
        texts = [schema.column(n) for n in columns]
        # Without a buffer of its own Arrow reads whole column chunks, however large they are.
        with pq.ParquetFile(
            self._source,
            metadata=self._metadata,
            read_dictionary=[one.path for one in texts if one.physical_type == "BYTE_ARRAY"],
            buffer_size=_BUFFER,
            pre_buffer=False,
        ) as file:
            for batch in file.iter_batches(self._batch_rows(columns), columns=list(wanted)):
                self._decoded.add(sum(map(_decoded_bytes, batch.columns)))
                yield from self._cells(batch)

    def filled(self, names: Set[str]) -> Iterator[tuple[str, int]]:
        """Count the rows in which columns hold something, by the figures of the file.

        Yields:
            A column and a number of rows, for each group of rows.
        """
        for number in range(self._metadata.num_row_groups):
            group = self._metadata.row_group(number)
            rows: dict[str, int] = {}
            for place in range(group.num_columns):
                part = group.column(place)
                # A column of lists or objects is stored as several.
                name = _column_of(part.path_in_schema, names)
                if name is not None:
                    rows[name] = max(rows.get(name, 0), min(group.num_rows, _values_in(part)))
            yield from rows.items()

    def _leaves(self, wanted: Sequence[str]) -> list[int]:
        """Return the numbers of the stored columns that make up the wanted ones."""
        schema = self._metadata.schema
        paths = [(n, schema.column(n).path) for n in range(self._metadata.num_columns)]
        return [
            number
            for number, path in paths
            if any(path == name or path.startswith(f"{name}.") for name in wanted)
        ]

    def _batch_rows(self, columns: Sequence[int]) -> int:
        """Return how many rows to read at once: few when the footer says that they are large.

        Raises:
            TooLarge: the columns claim to have more bytes or values than the limits allow.
        """
        per_row = 1
        claimed = 0
        for number in range(self._metadata.num_row_groups):
            group = self._metadata.row_group(number)
            chunks = [group.column(column) for column in columns]
            values = sum(chunk.num_values for chunk in chunks) * BYTES_PER_VALUE
            size = values + sum(chunk.total_uncompressed_size for chunk in chunks)
            claimed += size
            per_row = max(per_row, size // max(1, group.num_rows))
        self._decoded.refuse(claimed)
        return max(1, min(_MOST_ROWS, _PIECE_BYTES // per_row))

    def _cells(self, batch: pa.RecordBatch) -> Iterator[Cells | None]:
        """Cut a batch until each piece is small enough to be decoded."""
        size = sum(map(_decoded_bytes, batch.columns))
        if batch.num_rows > 1 and size > _PIECE_BYTES:
            half = batch.num_rows // 2
            yield from self._cells(batch.slice(0, half))
            yield from self._cells(batch.slice(half))
        elif size > self._limits.row_bytes + _PIECE_BYTES:
            yield None
        else:
            yield [_python_values(column) for column in batch.columns]


def _column_of(path: str, names: Set[str]) -> str | None:
    """Return the column that a stored column is part of; a name may have dots of its own."""
    ends = [at for at, mark in enumerate(path) if mark == "."]
    return next((path[:end] for end in (len(path), *reversed(ends)) if path[:end] in names), None)


def _values_in(part: pq.ColumnChunkMetaData) -> int:
    figures = part.statistics
    if figures is None:
        return int(part.num_values)
    has_texts = figures.has_min_max and isinstance(figures.max, str)
    return 0 if has_texts and not figures.max else int(figures.num_values)


def _decoded_bytes(array: pa.Array) -> int:
    """Return how many bytes the values of an array take when no two of them share any."""
    own = BYTES_PER_VALUE * len(array)
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _decoded_bytes(array.storage)
    if pa.types.is_dictionary(kind):
        sizes = pc.binary_length(array.dictionary).cast(pa.int64())
        texts: int | None = pc.sum(sizes.take(array.indices)).as_py()
        return own + (texts or 0)
    if pa.types.is_struct(kind):
        return own + sum(map(_decoded_bytes, array.flatten()))
    if pa.types.is_nested(kind):
        return own + _decoded_bytes(array.flatten())
    size: int = array.nbytes
    return own + size


def _python_values(column: pa.Array) -> list[object]:
    values: list[object]
    plain = _plain_type(column.type)
    if plain != column.type:
        # A slice of a nested array still has all values; what is taken has its own only.
        nested = pa.types.is_nested(column.type)
        column = (column.take(pa.array(range(len(column)))) if nested else column).cast(plain)
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        # Nothing in Parquet keeps a writer from putting other bytes into a text column.
        raw = column.cast(pa.large_binary())
        return [
            None if c is None else c.decode("utf-8", "surrogateescape") for c in raw.to_pylist()
        ]
    return values


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type without dictionaries in it."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in kind])
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_plain_type(kind.value_type)))
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain_type(kind.value_type)))
    return kind
