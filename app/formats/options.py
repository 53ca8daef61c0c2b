"""Options for reading and writing formats, as frozen values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from app.dataset_row import FieldName
from app.formats.foreign.passed_over import PassedOver
from app.formats.limits import DEFAULT_LIMITS, ReadLimits

CHAT_COLUMNS: frozenset[FieldName] = frozenset({"system", "history"})
MARK_COLUMN: frozenset[FieldName] = frozenset({"is_classification"})


class WriteOptions(BaseModel):
    """Options for writing; a format with options has a subclass of this.

    The API and the command line offer the fields of all subclasses, so no two of them share a name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def of(cls, options: "WriteOptions") -> Self:
        """Return options as those of this format; the options of another format change nothing."""
        return options if isinstance(options, cls) else cls()

    @property
    def file_part(self) -> str:
        """Return the part that these options add to a file name; empty for the defaults."""
        return ""

    @property
    def has_free_values(self) -> bool:
        """True when the options may have any number of values, as a random seed has."""
        return False

    @property
    def added_columns(self) -> frozenset[FieldName]:
        """The fields that these options add to those that the format carries."""
        return frozenset()


class TableOptions(WriteOptions):
    """Options of the formats with one column for each field."""

    classification_column: bool = False
    """Alpaca, CSV and Parquet: add the column is_classification."""

    @property
    def file_part(self) -> str:
        """Return the part that these options add to a file name."""
        return "classification" if self.classification_column else ""

    @property
    def added_columns(self) -> frozenset[FieldName]:
        """The column of marks, when asked for."""
        return MARK_COLUMN if self.classification_column else frozenset()


class CsvOptions(TableOptions):
    """Options of CSV."""

    formulas: Literal["plain", "guarded"] = "plain"
    """CSV: `guarded` puts an apostrophe before a cell that a spreadsheet could run as a formula; it
    stays when the file is imported again."""

    @property
    def file_part(self) -> str:
        """Return the part that these options add to a file name."""
        parts = [super().file_part, "" if self.formulas == "plain" else self.formulas]
        return ".".join(filter(None, parts))


class ParquetOptions(TableOptions):
    """Options of Parquet; here because its own module loads Arrow, which takes 50 MB."""

    chat_columns: bool = False
    """Parquet: add columns for the system message and the earlier turns."""

    @property
    def file_part(self) -> str:
        """Return the part that these options add to a file name."""
        parts = ["chat"] if self.chat_columns else []
        return ".".join([*parts, *filter(None, [super().file_part])])

    @property
    def added_columns(self) -> frozenset[FieldName]:
        """The columns of chats and of marks, when asked for."""
        return super().added_columns | (CHAT_COLUMNS if self.chat_columns else frozenset())


@dataclass(frozen=True, slots=True)
class VicunaOptions:
    """Options for cleaning ShareGPT conversations; see `app.formats.chat.vicuna`."""

    most_characters: int | None = None
    """Maximum length of a conversation; longer ones are split between rounds. None: no split."""
    count: Callable[[str], int] = len
    """Length of a turn; with a tokenizer's count, `most_characters` is in tokens."""
    html: bool = True
    """Convert turns in HTML to Markdown."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options for reading; a format refuses options that it does not have."""

    columns: Mapping[str, str | None] | None = None
    """Which column holds a field: ``{"instruction": "prompt", "output": "response", "input":
    None}``. None says that there is none; a field that is left out has its own name."""
    vicuna: VicunaOptions | None = None
    """ShareGPT: clean conversations as Vicuna did; None: read them unchanged."""
    roles: Mapping[str, str] | None = None
    """Chats: more names of speakers, ``{"customer": "user"}``; None: the known names only."""
    as_text: bool = False
    """Read numbers, true and false as text."""
    ignored: frozenset[str] = frozenset()
    """Columns to pass over even if they say that a row is not to be learnt, or more than text."""
    passed_over: PassedOver | None = None
    """Counts the columns that are not read; None: they are not counted."""
    limits: ReadLimits = DEFAULT_LIMITS
    """Sizes and counts beyond which a row or a file is refused."""


WRITTEN_PLAINLY = WriteOptions()
READ_PLAINLY = ReadOptions()
