"""What may be asked of a format, of its writing and of its reading; values that never change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict

from app.formats.columns import FieldName

_MEBIBYTE = 1024 * 1024
CHAT_COLUMNS: frozenset[FieldName] = frozenset({"system", "history"})


class WriteOptions(BaseModel):
    """What may be chosen when a format is written; a format with choices has a subclass of this.

    The API and the command line offer the fields of all subclasses, so no two of them share a name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def of(cls, options: "WriteOptions") -> Self:
        """Return options as those of this format; the options of another format change nothing."""
        return options if isinstance(options, cls) else cls()

    @property
    def file_part(self) -> str:
        """What these options add to the name of a file; empty for the defaults."""
        return ""

    @property
    def added_columns(self) -> frozenset[FieldName]:
        """The fields that these options add to those that the format carries."""
        return frozenset()


class ParquetOptions(WriteOptions):
    """Options of Parquet; here because its own module loads Arrow, which takes 50 MB."""

    chat_columns: bool = False
    """Parquet: add columns for the system message and the earlier turns."""

    @property
    def file_part(self) -> str:
        """What these options add to the name of a file."""
        return "chat" if self.chat_columns else ""

    @property
    def added_columns(self) -> frozenset[FieldName]:
        """The columns of chats, when asked for."""
        return CHAT_COLUMNS if self.chat_columns else frozenset()


@dataclass(frozen=True, slots=True)
class VicunaOptions:
    """How ShareGPT conversations are cleaned; see `app.formats.vicuna`."""

    most_characters: int | None = None
    """The longest conversation; a longer one is split between rounds. None: nothing is split."""
    count: Callable[[str], int] = len
    """Measures a turn; give a tokenizer's count, and `most_characters` is in tokens."""
    html: bool = True
    """Whether turns may be HTML, which becomes Markdown."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read; an option that a format does not have is refused, never passed over."""

    columns: Mapping[str, str | None] | None = None
    """Which column holds a field: ``{"instruction": "prompt", "output": "response", "input":
    None}``. None says that there is none; a field that is left out has its own name."""
    vicuna: VicunaOptions | None = None
    """ShareGPT: clean conversations Vicuna's way; None: take them as they are."""
    most_bytes: int = 16 * _MEBIBYTE
    """The largest row; a larger one is not read, so that no file can fill the memory."""


WRITTEN_PLAINLY = WriteOptions()
READ_PLAINLY = ReadOptions()
