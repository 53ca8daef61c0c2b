"""Recipes of versions: their sources and the rules that rows pass; options of imports."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.curation.options import Recipe, SourceOptions
from app.storable_text import StorableText, check_name

Id = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[!-~]+$")]
DatasetName = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=r"^[\w.-]+$"),
    AfterValidator(check_name),
]
Licence = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Source(SourceOptions):
    """A run or an earlier data set whose rows are used, and how many of them."""

    run_id: Id | None = None
    """The rows of this run; if it has not ended, those that are complete when this is posted."""
    dataset_id: Id | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.run_id is None) == (self.dataset_id is None):
            raise ValueError("give either run_id or dataset_id")
        return self


class RowRecipe(Recipe):
    """The rules that rows pass, and the data sets they are compared with."""

    nothing_near: tuple[Id, ...] = Field(default=(), max_length=50)
    """Data sets whose near-duplicates are dropped, by `nearness`; their own rows are not used."""
    test_sets: tuple[Id, ...] = Field(default=(), max_length=50)
    """Test sets, imported as data sets; rows that overlap with them are dropped, by
    `decontamination`."""
    licence: Licence | None = None
    """Licence of this version, as the hub writes it, such as ``cc-by-4.0``; null: its card says
    unknown."""


class VersionRecipe(RowRecipe):
    """The recipe of a version: equal recipes and equal sources make equal rows, byte for byte."""

    sources: tuple[Source, ...] = Field(min_length=1, max_length=50)


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Vicuna(_Values):
    """Cleaning of ShareGPT conversations, as Vicuna did it."""

    most_characters: int | None = Field(default=None, ge=1, le=10**9)
    """Longer conversations are split between rounds; null: none is split."""
    html: bool = True
    """True: turns may be HTML, which becomes Markdown."""


class Import(_Values):
    """Options of an import."""

    format: StorableText | None = None
    """Null: recognised by the content of the file."""
    vicuna: Vicuna | None = None
    """Clean conversations and leave out those that cannot be repaired, with reasons; null: keep
    them unchanged."""
    columns: dict[StorableText, StorableText | None] | None = None
    """Which of the file's columns is the instruction, the input, the output."""
    roles: dict[StorableText, StorableText] | None = None
    """Chats: more names of speakers, each with ``system``, ``user`` or ``assistant``."""
    as_text: bool = False
    """Read numbers, true and false as text."""
    ignore: tuple[StorableText, ...] = Field(default=(), max_length=100)
    """Columns to pass over even if they say that a row is not to be learnt, or hold more than
    text, such as ``tools`` or ``images``."""
    classification: bool = False
    """Mark every row as a classification row, whatever the file says."""
    skip_unreadable: bool = False
    """Leave out rows that cannot be read, with reasons, instead of refusing the file."""
    licence: Licence | None = None
    source: StorableText | None = Field(default=None, max_length=500)
    """Where the file comes from, in the importer's words."""
