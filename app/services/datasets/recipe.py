"""What a version of a data set is made of: its sources, and what is held against them."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.curation.options import Recipe, SourceOptions

Id = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[!-~]+$")]
Licence = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Source(SourceOptions):
    """A run or an earlier data set whose rows are taken, and how many of them."""

    run_id: Id | None = None
    """What a run has made; of one that has not ended, what is complete when this is posted."""
    dataset_id: Id | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.run_id is None) == (self.dataset_id is None):
            raise ValueError("give either run_id or dataset_id")
        return self


class RowRecipe(Recipe):
    """What is done to rows, and what they are held against."""

    nothing_near: tuple[Id, ...] = Field(default=(), max_length=50)
    """Data sets that rows must not be near to, by `nearness`; their rows are not taken."""
    test_sets: tuple[Id, ...] = Field(default=(), max_length=50)
    """Test sets, imported as data sets, that rows must not overlap with, by `decontamination`."""
    licence: Licence | None = None
    """Of this version, as a hub writes it, such as ``cc-by-4.0``; null: its card says unknown."""


class VersionRecipe(RowRecipe):
    """Equal recipe and equal sources make equal rows, byte for byte."""

    sources: tuple[Source, ...] = Field(min_length=1, max_length=50)


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Vicuna(_Values):
    """How ShareGPT conversations are cleaned, Vicuna's way."""

    most_characters: int | None = Field(default=None, ge=1)
    """Longer conversations are split between rounds; null: none is."""
    html: bool = True
    """Whether turns may be HTML, which becomes Markdown."""


class Import(_Values):
    """How a file was read."""

    format: str
    vicuna: Vicuna | None = None
    """Clean conversations and leave out what cannot be mended, with its reasons; null: take them as
    they are."""
    columns: dict[str, str | None] | None = None
    """Which of the file's columns is the instruction, the input, the output."""
    skip_unreadable: bool = False
    """Whether rows that cannot be read are left out, with their reasons, instead of failing it."""
    licence: Licence | None = None
    source: str | None = Field(default=None, max_length=500)
    """Where it comes from, in the importer's words."""
