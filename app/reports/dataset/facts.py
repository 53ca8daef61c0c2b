"""All that the report and the card may say: given in, never looked up or guessed."""

from typing import Literal

from pydantic import Field

from app.reports.wording import DASH, UNKNOWN
from app.statistics.run_facts import RunFacts
from app.statistics.schema import Figures, Statistics


class FilterFacts(Figures):
    """The effect of one filter on the rows that reached it."""

    name: str
    looked_at: int
    dropped: dict[str, int] = Field(default_factory=dict)
    """Rows by reason."""
    mended: dict[str, int] = Field(default_factory=dict)
    """Rows by reason."""
    failed: int = 0
    """Rows it could not decide on, such as those without an answer of the judge; not counted as
    good."""


class HitFacts(Figures):
    """A row that overlaps a row of a test set."""

    position: int | None
    """Position of the row in the data set; null: it was dropped."""
    text: str
    """The part of the row that was compared."""
    test_text: str
    """The text of the test set that it overlaps."""
    method: str
    """Such as ``13-gram`` or ``rouge_l``."""
    score: float | None = None
    """ROUGE-L F, where that is the method."""


class DecontaminationFacts(Figures):
    """The check of the rows against one test set."""

    test_set: str
    test_rows: int
    methods: tuple[str, ...]
    checked: int
    """Rows of the data set that were checked."""
    hits: int
    dropped: int
    """Hits whose rows were dropped; the other rows are still in the data set."""
    examples: tuple[HitFacts, ...] = ()


class SourceFacts(Figures):
    """A source of rows or of seeds."""

    kind: Literal["run", "seed_set", "import"]
    name: str
    """Its id or file name."""
    rows: int | None = None
    """Number of rows or seed tasks taken from it; null: unknown."""
    licence: str | None = None
    """As stated by its owner; null: unknown."""
    note: str = ""
    """More about it, such as its format or address."""


def licence_of(source: SourceFacts) -> str:
    """Return the licence of a source; a run has only those of its seeds and its model."""
    return source.licence or (DASH if source.kind == "run" else UNKNOWN)


class FileFacts(Figures):
    """A file of the data set, stored next to its card."""

    path: str
    """From the card's folder, with slashes."""
    format: str
    """Such as ``parquet`` or ``alpaca_json``."""
    split: str | None = None
    """Null: the file holds all rows, or none."""
    rows: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None


class CardFacts(Figures):
    """A version of a data set with its full provenance."""

    name: str
    version: int
    created_at: str
    """As shown to readers, such as an ISO 8601 time."""
    seedbed_version: str | None = None
    hub_id: str | None = None
    """``owner/name`` on the Hugging Face hub, if it is to be pushed there."""
    licence: str | None = None
    """Licence chosen by the owner, as the hub's identifier, such as ``cc-by-4.0``; null: none."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes; empty: unknown."""
    tags: tuple[str, ...] = ()
    sources: tuple[SourceFacts, ...] = ()
    recipe: str = ""
    """The recipe as JSON. Empty: rows were taken unchanged."""
    statistics: Statistics
    runs: tuple[RunFacts, ...] = ()
    filters: tuple[FilterFacts, ...] = ()
    """In the order they ran."""
    decontamination: tuple[DecontaminationFacts, ...] = ()
    files: tuple[FileFacts, ...] = ()
    plots: dict[str, str] = Field(default_factory=dict)
    """File path of each plot, by the plot's name; only these are shown on the card."""
