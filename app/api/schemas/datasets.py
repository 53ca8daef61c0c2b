"""What the API answers with about data sets."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from app.curation.comparison import ChangeKind, RowChange
from app.record import DatasetRow, SplitName
from app.services.datasets.compare import Comparison
from app.services.datasets.reports import Known
from app.services.datasets.sources import all_of
from app.store.tables.datasets import Dataset


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class DatasetView(_View):
    """A version of a data set."""

    id: str
    name: str
    version: int
    state: Literal["reading", "queued", "making", "ready", "failed"]
    is_import: bool
    message: str | None
    """Why it failed."""
    row_count: int
    dropped_count: int
    content_sha256: str | None
    """Equal rows in equal order, equal hash; null until it is ready."""
    recipe: dict[str, Any]
    created_at: datetime
    ended_at: datetime | None


class FileView(_View):
    """A file that was made of a version."""

    name: str
    sha256: str
    size_bytes: int
    row_count: int


class Manifest(_View):
    """All that is known of what a version is and what made it."""

    id: str
    name: str
    version: int
    row_count: int
    splits: dict[str, int]
    content_sha256: str
    files: list[FileView]
    """Made so far; ask for a download, and it is among them."""
    recipe: dict[str, Any]
    sources: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    """Models, prompt versions, calls, tokens and cost of each run that gave rows."""
    licences: list[str]
    """Of the sources and of the version itself, each once."""
    licence_unknown: bool
    """Whether of some source nothing is known."""
    dropped: dict[str, dict[str, int]]
    """By filter and reason."""
    mended: dict[str, int]
    """By reason."""
    test_overlap: dict[str, Any] | None
    created_at: datetime

    @classmethod
    def of(cls, found: Known) -> Self:
        """Put together what is known of it."""
        dataset, facts = found.dataset, found.facts
        known, unknown = _licences(dataset, facts["sources"])
        return cls(
            **{name: getattr(dataset, name) for name in _COLUMNS},
            splits=found.statistics.splits,
            files=[FileView.model_validate(file) for file in found.files],
            sources=facts["sources"],
            runs=facts["runs"],
            licences=known,
            licence_unknown=unknown,
            dropped=facts["dropped"],
            mended=found.statistics.mended,
            test_overlap=facts.get("test_overlap"),
        )


_COLUMNS = ("id", "name", "version", "row_count", "content_sha256", "recipe", "created_at")


def _licences(dataset: Dataset, sources: list[dict[str, Any]]) -> tuple[list[str], bool]:
    # A version's own licence stands for its rows; what it was made of may bind them all the same.
    of_sources = [
        fact.get("seed_set", fact).get("licence")
        for fact in all_of(sources)
        if not fact.get("sources")
    ]
    known = [dataset.recipe.get("licence"), *of_sources]
    return list(dict.fromkeys(filter(None, known))), None in of_sources


class DatasetRowView(_View):
    """A row in its place, with where it came from."""

    position: int
    split: SplitName
    instruction: str
    input: str
    output: str
    system: str
    history: list[tuple[str, str]]
    """Earlier turns of a chat: the user's and the assistant's."""
    is_classification: bool | None
    origin: dict[str, Any]
    changes: list[str]
    """The filters' reasons for which it was mended."""

    @classmethod
    def of(cls, row: DatasetRow) -> Self:
        """Lay the record flat."""
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


class DropView(_View):
    """A row that was left out, with the reason."""

    id: int
    filter: str
    reason: str
    detail: str
    text: str
    origin: dict[str, Any]


class ChangeView(_View):
    """A row that differs."""

    kind: ChangeKind
    old_position: int | None
    new_position: int | None
    instruction: str
    input: str
    output: str
    """As it is in the new version; of a removed row as it was."""

    @classmethod
    def of(cls, change: RowChange) -> Self:
        """Lay the record flat."""
        record = change.record
        return cls(
            kind=change.kind,
            old_position=change.old_position,
            new_position=change.new_position,
            instruction=record.instruction,
            input=record.input,
            output=record.output,
        )


class ComparisonView(_View):
    """What differs between two versions."""

    old_id: str
    new_id: str
    added: int
    removed: int
    changed: int
    """Rows that ask the same and have another answer."""
    same: int
    changes: list[ChangeView]
    """The first ones."""

    @classmethod
    def of(cls, found: Comparison) -> Self:
        """Show the counts and the first differences."""
        summary = found.summary
        return cls(
            old_id=found.old.id,
            new_id=found.new.id,
            added=summary.added,
            removed=summary.removed,
            changed=summary.changed,
            same=summary.same,
            changes=[ChangeView.of(change) for change in found.changes],
        )


class PushedView(_View):
    """What the hub has now."""

    url: str
    commit: str
