"""Shapes of JSON columns: typed dictionaries that are stored, exported and read as they are.

A key that is renamed, or put in another place, changes what users have downloaded before: don't.
"""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, final

from app.dataset_row import Origin


class PoolPlace(TypedDict):
    """The place of an instruction in the pool that a run compares with."""

    origin: Literal["seed", "dataset", "machine"]
    """``machine``: accepted by the run itself."""
    position: int
    """Of a seed in its seed set, of a row in its data set, or the sequence number."""
    dataset_id: NotRequired[str]
    """Of the origin ``dataset`` only."""


class PoolNeighbour(PoolPlace):
    """An instruction of the pool that is similar to another one."""

    score: float
    """ROUGE-L F-measure, 0 to 1."""


class SeedSetSource(TypedDict):
    """The seed set that a run grew."""

    id: str
    name: str
    tasks: int
    content_sha256: str
    licence: str | None


@final
class RunSource(TypedDict):
    """A run whose rows are a source, as far as it was when the version was requested."""

    run_id: str
    instructions: int
    """The rows of this many instructions are taken; of a review: the rows at these positions."""
    ended: bool
    profile: str
    model: str
    models: NotRequired[list[str]]
    """All models it asked, in order, where it was resumed with another one."""
    seed_set: NotRequired[SeedSetSource]
    """Of a run that grew seeds."""
    sources: NotRequired[list["SourceFact"]]
    """Of a review: the version that it reviewed."""


@final
class DatasetSource(TypedDict):
    """An earlier version whose rows are a source."""

    dataset_id: str
    name: str
    version: int
    rows: int
    content_sha256: str | None
    licence: str | None
    source: str | None
    """Where an import comes from, in the importer's words."""
    sources: list["SourceFact"]
    """Of that version."""


@final
class FileSource(TypedDict):
    """A file that was imported."""

    file_sha256: str
    format: str
    """As given, or as recognised."""
    passed_over: NotRequired[dict[str, int]]
    """Rows in which a column held something that was not read, by its name. Absent in files that
    were imported before these were counted."""
    source: str | None
    licence: str | None


ReadableSource: TypeAlias = RunSource | DatasetSource
"""A source that a recipe can name."""
SourceFact: TypeAlias = RunSource | DatasetSource | FileSource


class FilterFact(TypedDict):
    """The effect of one filter."""

    name: str
    looked_at: int
    """Rows that reached it."""
    dropped: dict[str, int]
    """Rows by reason."""
    mended: dict[str, int]
    """Rows by reason."""


class OverlapHit(TypedDict):
    """A row that is like an item of a test set."""

    test_set: str
    item: int
    kind: str
    """Such as ``13-gram`` or ``rouge_l``."""
    score: float | None
    words: str | None
    test_text: str
    text: str
    position: int | None
    """Null: the row was dropped."""
    origin: Origin


class OverlapFact(TypedDict):
    """The comparison of a version's rows with the test sets."""

    ngram: int
    checked: int
    """Rows compared."""
    drops: bool
    """True when rows with an overlap were dropped."""
    test_rows: dict[str, int]
    """Items of each test set."""
    rows: dict[str, int]
    """Rows with an overlap, by test set."""
    hits: list[OverlapHit]
    """The first ones."""


class MakingFacts(TypedDict):
    """Facts that only the making of a version finds out."""

    filters: list[FilterFact]
    test_overlap: OverlapFact | None
    """Null: the recipe names no test set."""


class Facts(TypedDict):
    """Everything known of a version beside its recipe and its statistics."""

    sources: list[SourceFact]
    filters: NotRequired[list[FilterFact]]
    """Not of an import."""
    test_overlap: NotRequired[OverlapFact | None]
    """Not of an import."""
    # The dumps of a pydantic model, `app.statistics.run_facts.RunFacts`, which reads them back.
    runs: NotRequired[list[dict[str, Any]]]
    """Of a version that is ready."""
    dropped: NotRequired[dict[str, dict[str, int]]]
    """Rows by rule and reason, of a version that is ready."""
