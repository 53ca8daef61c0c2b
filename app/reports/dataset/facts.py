"""All that the report and the card may say: given in, never looked up or guessed."""

from typing import Literal

from pydantic import Field

from app.reports.wording import DASH, UNKNOWN
from app.statistics.run_facts import RunFacts
from app.statistics.schema import Figures, Statistics


class FilterFacts(Figures):
    """What one filter did to the rows that reached it."""

    name: str
    looked_at: int
    dropped: dict[str, int] = Field(default_factory=dict)
    """Rows by reason."""
    mended: dict[str, int] = Field(default_factory=dict)
    """Rows by reason."""
    failed: int = 0
    """Rows it could not decide on, such as those whose judge gave no answer; they are not told as
    good."""


class HitFacts(Figures):
    """A row that is like something in a test set."""

    position: int | None
    """Of the row in the data set; null: it was dropped."""
    text: str
    """What was looked at in the row."""
    test_text: str
    """What it is like."""
    method: str
    """Such as ``13-gram`` or ``rouge_l``."""
    score: float | None = None
    """ROUGE-L F, where that is the method."""


class DecontaminationFacts(Figures):
    """The rows held against one test set."""

    test_set: str
    test_rows: int
    methods: tuple[str, ...]
    checked: int
    """Rows of the data set that were held against it."""
    hits: int
    dropped: int
    """Rows among the hits that were dropped; the others are still there."""
    examples: tuple[HitFacts, ...] = ()


class SourceFacts(Figures):
    """Where rows, or the seeds behind them, come from."""

    kind: Literal["run", "seed_set", "import"]
    name: str
    """Its id or the name of its file."""
    rows: int | None = None
    """Rows taken from it, or its seed tasks; null: unknown."""
    licence: str | None = None
    """As its owner states it; null: unknown."""
    note: str = ""
    """What else is known of it, such as its format or address."""


def licence_of(source: SourceFacts) -> str:
    """Say under which licence a source stands; a run has none but those of its seeds and model."""
    return source.licence or (DASH if source.kind == "run" else UNKNOWN)


class FileFacts(Figures):
    """A file of the data set, beside its card."""

    path: str
    """From the card's folder, with slashes."""
    format: str
    """Such as ``parquet`` or ``alpaca_json``."""
    split: str | None = None
    """Null: it holds the whole, or no rows."""
    rows: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None


class CardFacts(Figures):
    """A version of a data set, with all that made it."""

    name: str
    version: int
    created_at: str
    """As it is to be shown, such as an ISO 8601 time."""
    seedbed_version: str | None = None
    hub_id: str | None = None
    """``owner/name`` on the Hugging Face hub, if it is to be there."""
    licence: str | None = None
    """The hub's identifier of the licence its owner chose, such as ``cc-by-4.0``; null: none."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes; empty: unknown."""
    tags: tuple[str, ...] = ()
    sources: tuple[SourceFacts, ...] = ()
    recipe: str = ""
    """As JSON: what was asked for. Empty: rows as they came."""
    statistics: Statistics
    runs: tuple[RunFacts, ...] = ()
    filters: tuple[FilterFacts, ...] = ()
    """In the order in which they ran."""
    decontamination: tuple[DecontaminationFacts, ...] = ()
    files: tuple[FileFacts, ...] = ()
    plots: dict[str, str] = Field(default_factory=dict)
    """Path of each plot's file, by the plot's name; only these are shown on the card."""
