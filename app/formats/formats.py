"""The formats by name: what each carries, and how it is written and read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import BinaryIO, TypeAlias

from pydantic import ValidationError, create_model

from app.dataset_row import Exchange, FieldName, Record, Unreadable
from app.errors import Fault, InvalidInput, faults_from
from app.formats.alpaca import (
    read_alpaca,
    write_alpaca,
    write_alpaca_lines,
)
from app.formats.broken_rows import Numbered, excerpt
from app.formats.chat.messages import read_messages, write_messages
from app.formats.chat.sharegpt import read_sharegpt, write_sharegpt
from app.formats.comma_separated import read_csv, write_csv
from app.formats.files import peeked
from app.formats.limits import ReadLimits, beyond
from app.formats.options import (
    CHAT_COLUMNS,
    MARK_COLUMN,
    READ_PLAINLY,
    WRITTEN_PLAINLY,
    CsvOptions,
    ParquetOptions,
    ReadOptions,
    TableOptions,
    WriteOptions,
)
from app.formats.prompt_completion import (
    PromptCompletionOptions,
    read_prompt_completion,
    write_prompt_completion,
)
from app.formats.recognise.kinds import HEAD_BYTES, refuse_other_format, refuse_other_kinds
from app.formats.seedbed_jsonl import write_jsonl

Writer: TypeAlias = Callable[[Iterable[Record], BinaryIO, WriteOptions], None]
Reader: TypeAlias = Callable[[BinaryIO, ReadOptions], Iterator[Numbered]]

_PAIR: frozenset[FieldName] = frozenset({"instruction", "output"})
_TASK: frozenset[FieldName] = _PAIR | {"input"}
_CHAT: frozenset[FieldName] = _PAIR | {"system", "history"}
_ALL: frozenset[FieldName] = _TASK | _CHAT | MARK_COLUMN


@dataclass(frozen=True, slots=True)
class Format:
    """One way of writing records down."""

    name: str
    suffix: str
    media_type: str
    writer: Writer
    reader: Reader
    carries: frozenset[FieldName]
    """The fields that are read back as they were written."""
    merges: frozenset[FieldName] = frozenset()
    """The fields that are written into another's text, so that nothing is lost but the border."""
    carries_if_asked: frozenset[FieldName] = frozenset()
    """The fields that some of the options add."""
    write_options: type[WriteOptions] = WriteOptions
    """Options for writing."""
    takes_columns: bool = False
    """True when `ReadOptions.columns` is allowed."""
    takes_vicuna: bool = False
    """True when `ReadOptions.vicuna` is allowed."""

    def lost(self, record: Record, options: WriteOptions = WRITTEN_PLAINLY) -> list[FieldName]:
        """Name the fields of a record that this format has no place for; ask before writing."""
        there: list[FieldName] = ["input"] if record.input else []
        there += ["system"] if record.system else []
        there += ["history"] if record.history else []
        places = self.carries | self.merges | (self.carries_if_asked & options.added_columns)
        return [name for name in there if name not in places]

    def keeps_marks(self, options: WriteOptions = WRITTEN_PLAINLY) -> bool:
        """Return True when it says which rows are classification rows."""
        return self.carries | (self.carries_if_asked & options.added_columns) >= MARK_COLUMN

    def write(
        self,
        records: Iterable[Record],
        sink: BinaryIO,
        options: WriteOptions = WRITTEN_PLAINLY,
    ) -> None:
        """Write records as a stream, in constant memory; the same records give the same bytes.

        Raises:
            InvalidInput: at the first record that this format cannot carry; what was written
                before it is no whole file.
        """
        try:
            self.writer(self._checked(records, options), sink, options)
        except UnicodeEncodeError as error:
            what = f"half of a surrogate pair in {excerpt(error.object)!r}"
            raise InvalidInput("A record's text cannot be written.", [Fault(what)]) from None

    def _checked(self, records: Iterable[Record], options: WriteOptions) -> Iterator[Record]:
        homeless = self.lost(_FULL, options)
        of = attrgetter(*homeless) if homeless else None
        for number, record in enumerate(records, start=1):
            if of is not None and any(of(record)):
                raise _cannot_carry(self, self.lost(record, options), number)
            yield record

    def read(
        self,
        source: BinaryIO,
        options: ReadOptions = READ_PLAINLY,
    ) -> Iterator[Record | Unreadable]:
        """Read row by row, in constant memory; a broken row is reported, and reading continues.

        Each row becomes one of the two; only Vicuna's cleaning makes several of one.

        Raises:
            InvalidInput: at once for an option that this format does not have, or a file of another
                kind; while reading, when the file is broken as a whole.
            TooLarge: while reading, when it has more rows than the limits allow.
        """
        return (item for _, item in self.rows(source, options))

    def rows(self, source: BinaryIO, options: ReadOptions = READ_PLAINLY) -> Iterator[Numbered]:
        """Read as `read` does, each with the number of its row in the file.

        Raises:
            InvalidInput: as `read`.
        """
        refused = []
        if options.columns is not None and not self.takes_columns:
            refused.append(Fault(f"{self.name} has columns of its own", field="columns"))
        if options.vicuna is not None and not self.takes_vicuna:
            refused.append(Fault(f"{self.name} has no conversations to clean", field="vicuna"))
        if refused:
            raise InvalidInput(f"The format {self.name} does not have these options.", refused)
        head, source = peeked(source, HEAD_BYTES)
        refuse_other_kinds(head)
        refuse_other_format(head, self.name)
        return _limited(self.reader(source, options), options.limits)


def _limited(rows: Iterator[Numbered], limits: ReadLimits) -> Iterator[Numbered]:
    """Hand on rows up to the limits."""
    unreadable = 0
    for number, row in rows:
        if number > limits.rows:
            limits.refuse_rows(number)
        if isinstance(row, Unreadable):
            unreadable += 1
            if unreadable > limits.unreadable_rows:
                what = f"more than {limits.unreadable_rows:,} of its rows cannot be read"
                raise beyond(what, "unreadable_rows")
        yield number, row


def _write_parquet(records: Iterable[Record], sink: BinaryIO, options: WriteOptions) -> None:
    # Arrow takes 50 MB of memory, for those who ask for it only.
    from app.formats.parquet import write_parquet  # noqa: PLC0415

    write_parquet(records, sink, options)


def _read_parquet(source: BinaryIO, options: ReadOptions) -> Iterator[Numbered]:
    from app.formats.parquet import read_parquet  # noqa: PLC0415

    return read_parquet(source, options)


_FULL = Record("-", "-", "-", "-", (Exchange("-", "-"),))


def _formats(*formats: Format) -> Mapping[str, Format]:
    return MappingProxyType({one.name: one for one in formats})


FORMATS = _formats(
    Format(
        "alpaca",
        ".json",
        "application/json",
        write_alpaca,
        read_alpaca,
        _TASK,
        carries_if_asked=MARK_COLUMN,
        write_options=TableOptions,
        takes_columns=True,
    ),
    Format(
        "alpaca_jsonl",
        ".jsonl",
        "application/jsonl",
        write_alpaca_lines,
        read_alpaca,
        _TASK,
        carries_if_asked=MARK_COLUMN,
        write_options=TableOptions,
        takes_columns=True,
    ),
    Format(
        "jsonl",
        ".jsonl",
        "application/jsonl",
        write_jsonl,
        read_alpaca,
        _ALL,
        takes_columns=True,
    ),
    Format(
        "messages",
        ".jsonl",
        "application/jsonl",
        write_messages,
        read_messages,
        _CHAT,
        merges=frozenset({"input"}),
    ),
    Format(
        "sharegpt",
        ".json",
        "application/json",
        write_sharegpt,
        read_sharegpt,
        _CHAT,
        merges=frozenset({"input"}),
        takes_vicuna=True,
    ),
    Format(
        "prompt_completion",
        ".jsonl",
        "application/jsonl",
        write_prompt_completion,
        read_prompt_completion,
        _PAIR,
        merges=frozenset({"input"}),
        write_options=PromptCompletionOptions,
    ),
    Format(
        "csv",
        ".csv",
        "text/csv",
        write_csv,
        read_csv,
        _TASK,
        carries_if_asked=MARK_COLUMN,
        write_options=CsvOptions,
        takes_columns=True,
    ),
    Format(
        "parquet",
        ".parquet",
        "application/vnd.apache.parquet",
        _write_parquet,
        _read_parquet,
        _TASK,
        carries_if_asked=CHAT_COLUMNS | MARK_COLUMN,
        write_options=ParquetOptions,
        takes_columns=True,
    ),
)


def format_named(name: str) -> Format:
    """Return the format of a name.

    Raises:
        InvalidInput: There is no format of this name; the error lists the known ones.
    """
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        fault = Fault(f"unknown format {name[:50]!r}", field="format")
        raise InvalidInput(f"The known formats are {known}.", [fault]) from None


def _is_below(kind: type[WriteOptions], other: type[WriteOptions]) -> bool:
    return kind is not other and issubclass(kind, other)


_CHOICES = dict.fromkeys(one.write_options for one in FORMATS.values())
EVERY_WRITE_OPTION = create_model(
    "EveryWriteOption",
    __base__=tuple(kind for kind in _CHOICES if not any(_is_below(one, kind) for one in _CHOICES)),
)
"""The options of all formats, from which the API and the command line derive what they offer."""


def options_of(format_: Format, given: Mapping[str, object]) -> WriteOptions:
    """Read the options of a format out of values by name; all other values are ignored.

    Raises:
        InvalidInput: A value is not of its option's type or range.
    """
    known = format_.write_options.model_fields
    try:
        return format_.write_options.model_validate(
            {name: value for name, value in given.items() if name in known}
        )
    except ValidationError as error:
        faults = faults_from(error.errors())
        raise InvalidInput(
            f"The options of the format {format_.name} have faults.", faults
        ) from None


def _cannot_carry(format_: Format, lost: list[FieldName], number: int) -> InvalidInput:
    lost_names = set(lost)
    able = [
        one.name if lost_names <= one.carries | one.merges else f"{one.name} (with chat_columns)"
        for one in FORMATS.values()
        if lost_names <= one.carries | one.merges | one.carries_if_asked
    ]
    what = f"record {number:,} has {' and '.join(lost)}; these formats carry it: {', '.join(able)}"
    return InvalidInput(f"The format {format_.name} cannot carry these records.", [Fault(what)])
