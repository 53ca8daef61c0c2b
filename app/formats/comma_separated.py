"""CSV with a header, as spreadsheets and pandas read it: every text is quoted, lines end in LF."""

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Set
from io import StringIO
from typing import TYPE_CHECKING, BinaryIO

from app.dataset_row import Record
from app.errors import Fault, InvalidInput
from app.formats.broken_rows import BrokenRow, Numbered
from app.formats.columns import Columns
from app.formats.files import joined, peeked
from app.formats.limits import ReadLimits, with_setting
from app.formats.options import CsvOptions, ReadOptions, TableOptions, WriteOptions
from app.formats.table_rows import row_reader

if TYPE_CHECKING:
    import _csv

HEADER = ("instruction", "input", "output")
HEAD_BYTES = 64 * 1024
"""As much of a file is looked at for its separator."""
_SEPARATORS = (",", ";", "\t", "|")
# Excel's own way to say which separator follows.
_SEPARATOR_LINE = re.compile(rb"(?:\xef\xbb\xbf)?sep=([,;\t|])\r?\n")
_LONGEST_SEPARATOR_LINE = 16
_MARKS = {True: "true", False: "false", None: ""}
_LONGEST_EXCERPT = 4_000
# Also the wide forms, which spreadsheets in East Asia take for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# The limit is the process's; ours is `ReadLimits.row_bytes`, on whole rows.
csv.field_size_limit(2**31 - 1)


def write_csv(records: Iterable[Record], sink: BinaryIO, options: WriteOptions) -> None:
    """Write a header and one row a record."""
    marks = TableOptions.of(options).classification_column
    guarded = CsvOptions.of(options).formulas == "guarded"
    for piece in joined(_lines(records, marks=marks, guarded=guarded)):
        sink.write(piece.encode())


def _lines(records: Iterable[Record], *, marks: bool, guarded: bool) -> Iterator[str]:
    line = StringIO(newline="")
    # All is quoted: a lone carriage return outside quotes would end a row.
    writer = csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow((*HEADER, "is_classification") if marks else HEADER)
    for record in records:
        yield line.getvalue()
        line.seek(0)
        line.truncate()
        texts = (record.instruction, record.input, record.output)
        if guarded:
            texts = (_guarded(texts[0]), _guarded(texts[1]), _guarded(texts[2]))
        writer.writerow((*texts, _MARKS[record.is_classification]) if marks else texts)
    yield line.getvalue()


def _guarded(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula, by the rule of OWASP."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class _Lines:
    """A CSV file's lines, with a limit on how many may make one row."""

    def __init__(self, source: BinaryIO, limits: ReadLimits) -> None:
        self._source = source
        self._limits = limits
        self._bytes = 0
        self._of_row: list[str] = []
        self._empty = 0
        self.row = 0
        """Of the row under way, without empty lines; 0 is the header."""

    def __iter__(self) -> Iterator[str]:
        start = codecs.BOM_UTF8
        most_bytes = self._limits.row_bytes
        while raw := self._source.readline(most_bytes + 1):
            self._bytes += len(raw)
            if self._bytes > most_bytes:
                what = f"row {self.row:,} is larger than {most_bytes:,} bytes"
                fault = Fault(with_setting(f"{what}: an open quote?", "row_bytes"))
                raise InvalidInput("The file is no CSV that can be read.", [fault])
            # What is no UTF-8 is kept as surrogates and found in its row.
            line = raw.removeprefix(start).decode("utf-8", "surrogateescape")
            start = b""
            # An excerpt is all that is shown of it, and a row may have millions of lines.
            if self._bytes - len(raw) <= _LONGEST_EXCERPT:
                self._of_row.append(line)
            yield line

    def begin_row(self) -> None:
        self._of_row.clear()
        self._bytes = 0
        self.row += 1

    def count_empty(self) -> None:
        """Count the current row as an empty line instead.

        Raises:
            TooLarge: there are many more empty lines than rows.
        """
        self.row -= 1
        self._empty += 1
        self._limits.refuse_empty_lines(self._empty, self.row)

    @property
    def text(self) -> str:
        """The text of the current row."""
        return "".join(self._of_row)


def read_csv(source: BinaryIO, options: ReadOptions) -> Iterator[Numbered]:
    """Read rows below a header.

    Raises:
        InvalidInput: when there is no header, it lacks a column, or a row never ends.
    """
    head, source = peeked(source, HEAD_BYTES)
    refuse_lone_returns(head)
    separator = separator_of(head, Columns(options).wanted)
    lines = _Lines(source, options.limits)
    skipped = 1 if _SEPARATOR_LINE.match(head) else 0
    if skipped:
        source.readline(_LONGEST_SEPARATOR_LINE)
    reader = csv.reader(iter(lines), strict=True, delimiter=separator)
    header = named(_header(reader))
    convert, _ = row_reader(header, options)
    yield from _rows(reader, lines, header, convert, skipped)


def refuse_lone_returns(head: bytes) -> None:
    """Check how the lines of a file end.

    Raises:
        InvalidInput: with a carriage return alone.
    """
    if b"\r" in head and b"\n" not in head:
        what = "its lines end with CR alone; write them with LF (tr '\\r' '\\n' < FILE > OTHER)"
        raise InvalidInput("The file is no CSV that can be read.", [Fault(what)])


def separator_of(head: bytes, wanted: Set[str]) -> str:
    """Return the separator of a file: comma, semicolon, tab or vertical bar.

    Args:
        head: its first bytes.
        wanted: columns that its header should have.
    """
    if found := _SEPARATOR_LINE.match(head):
        return found[1].decode()
    headers = {separator: header_of(head, separator) for separator in _SEPARATORS}
    fitting = [one for one, names in headers.items() if wanted <= set(names)]
    return fitting[0] if fitting else max(headers, key=lambda one: len(headers[one]))


def header_of(head: bytes, separator: str) -> list[str]:
    """Return the names in the first row of a file; empty: it has none."""
    data = _SEPARATOR_LINE.sub(b"", head.removeprefix(codecs.BOM_UTF8), count=1)
    text = data.decode("utf-8", "replace")
    try:
        return next(csv.reader(StringIO(text, newline=""), delimiter=separator), [])
    except csv.Error:
        return []


def named(header: list[str]) -> list[str]:
    """Return a header whose columns all have a name; spreadsheets leave some without."""
    return [name or f"(column {number})" for number, name in enumerate(header, start=1)]


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise InvalidInput("The file has no header.", [Fault(str(error), line=1)]) from None
    if not header:
        raise InvalidInput("The file has no header.", [Fault("it is empty", line=1)])
    return header


def _rows(
    reader: "_csv.Reader",
    lines: _Lines,
    header: list[str],
    convert: Callable[[object], Record],
    skipped: int,
) -> Iterator[Numbered]:
    while True:
        line = reader.line_num + skipped + 1
        lines.begin_row()
        try:
            values = next(reader)
            if values:
                yield lines.row, convert(_row(header, values))
            else:
                lines.count_empty()
        except StopIteration:
            return
        except csv.Error as error:
            yield lines.row, BrokenRow("not_csv", str(error)).at(lines.row, line, lines.text)
        except BrokenRow as broken:
            yield lines.row, broken.at(lines.row, line, lines.text)


def _row(header: list[str], values: list[str]) -> dict[str, str]:
    if len(values) > len(header):
        raise BrokenRow("surplus_columns", f"{len(values)} values under {len(header)} columns")
    return dict(zip(header, values, strict=False))
