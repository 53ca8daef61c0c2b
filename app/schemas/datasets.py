"""Data sets: versions, their rows, dropped rows, manifests and comparisons."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from app.curation.comparison import ChangeKind, RowChange
from app.dataset_row import DatasetRow, SplitName
from app.schemas.schema import Schema


class DatasetView(Schema):
    """A version of a data set."""

    id: str
    name: str
    version: int
    state: Literal["reading", "queued", "making", "ready", "failed"]
    is_import: bool
    """True when its rows were imported from a file."""
    message: str | None
    """Why it failed."""
    row_count: int
    dropped_count: int
    """Rows of the sources that were left out."""
    content_sha256: str | None
    """The same rows in the same order give the same hash; null until the version is ready."""
    recipe: dict[str, Any]
    """Sources and options that the version is made from."""
    made_by: str | None = None
    """The id of the API key that made it, which may change it; null: it was made without one."""
    format: str | None = None
    """Format of the imported file, as given or recognised; null: not an import."""
    passed_over: dict[str, int] = Field(default_factory=dict)
    """Of an import: rows in which a column held something that was not read, by its name."""
    created_at: datetime
    ended_at: datetime | None

    @property
    def at_rest(self) -> bool:
        """Return True when the version is ready or failed."""
        return self.state in {"ready", "failed"}


class FileView(Schema):
    """A file exported from a version."""

    name: str
    sha256: str
    size_bytes: int
    row_count: int


class Manifest(Schema):
    """The provenance of a version: sources, models, prompts, cost, licences, filters, files."""

    id: str
    name: str
    version: int
    row_count: int
    splits: dict[str, int]
    """Rows by split."""
    classification_rows: int
    """Rows known to be classification rows."""
    content_sha256: str
    files: list[FileView]
    """Files exported so far; a download adds one."""
    recipe: dict[str, Any]
    sources: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    """Models, prompt versions, calls, tokens and cost of each run that rows came from."""
    licences: list[str]
    """Licences of the sources and of the version itself, without repeats."""
    licence_unknown: bool
    """True when the licence of some source is not known."""
    dropped: dict[str, dict[str, int]]
    """Dropped rows by filter and reason."""
    mended: dict[str, int]
    """Changed rows by reason."""
    test_overlap: dict[str, Any] | None
    """Result of the decontamination against test sets; null when it was not asked for."""
    created_at: datetime


class DatasetRowView(Schema):
    """A row of a version, with its provenance."""

    position: int
    """0-based."""
    split: SplitName
    instruction: str
    input: str
    output: str
    system: str
    """System message of a chat; empty: none."""
    history: list[tuple[str, str]]
    """Earlier turns of a chat: pairs of user and assistant messages."""
    is_classification: bool | None
    """True when the output is one of a few labels; null: not known."""
    origin: dict[str, Any]
    """Run, reply and seed tasks, or file and row number, that the row came from."""
    changes: list[str]
    """Reasons of the filters that changed the row."""

    @classmethod
    def of(cls, row: DatasetRow) -> Self:
        """Build it from a row."""
        record = row.record
        return cls(
            position=row.position,
            split=row.split,
            instruction=record.instruction,
            input=record.input,
            output=record.output,
            system=record.system,
            history=[(turn.user, turn.assistant) for turn in record.history],
            is_classification=row.is_classification,
            origin=dict(row.origin),
            changes=list(row.changes),
        )


class DropView(Schema):
    """A dropped row, with the reason."""

    id: int
    filter: str
    """The filter that dropped it; `reading`: it could not be read."""
    reason: str
    detail: str
    text: str
    """The beginning of the row."""
    origin: dict[str, Any]


class ChangeView(Schema):
    """A row that differs between two versions."""

    kind: ChangeKind
    old_position: int | None
    new_position: int | None
    instruction: str
    input: str
    output: str
    """Output in the new version; for a removed row, in the old version."""

    @classmethod
    def of(cls, change: RowChange) -> Self:
        """Build it from a difference between two rows."""
        record = change.record
        return cls(
            kind=change.kind,
            old_position=change.old_position,
            new_position=change.new_position,
            instruction=record.instruction,
            input=record.input,
            output=record.output,
        )


class ComparisonView(Schema):
    """The differences between two versions."""

    old_id: str
    new_id: str
    added: int
    removed: int
    changed: int
    """Rows with the same question and another output."""
    same: int
    changes: list[ChangeView]
    """The first differences."""


class PushedView(Schema):
    """A data set pushed to the Hugging Face Hub."""

    url: str
    commit: str
