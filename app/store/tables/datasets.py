"""The tables of data sets: versions, their rows, dropped rows, exported files."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    case,
    null,
    text,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column

from app.dataset_row import Origin
from app.store.declarative import RowId, Table
from app.store.json_columns import Facts
from app.store.leases import LeasedWork
from app.store.owned import Owned
from app.store.sql import epoch_now


class Dataset(Owned, LeasedWork, Table):
    """A version of a data set; made once, never changed afterwards."""

    __tablename__ = "datasets"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        Index(
            "ix_datasets_unfinished",
            "id",
            sqlite_where=text("state IN ('queued', 'making')"),
            postgresql_where=text("state IN ('queued', 'making')"),
        ),
    )

    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[int]
    """1 for the first of its name."""
    state: Mapped[str] = mapped_column(String(10))
    """`states.DatasetState`."""
    is_import: Mapped[bool] = mapped_column()
    """True when its rows come from a file; then only its statistics are made."""
    recipe: Mapped[dict[str, Any]]
    """`VersionRecipe` or `Import`, including defaults."""
    request_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of the request and of what its sources held: the same again is this one. Null: the file of an
    import is not read to its end yet, or the making failed."""
    message: Mapped[str | None]
    """Why it failed."""
    row_count: Mapped[int] = mapped_column(server_default=text("0"))
    dropped_count: Mapped[int] = mapped_column(server_default=text("0"))
    content_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of its rows in canonical form: equal rows in equal order have an equal hash."""
    facts: Mapped[Facts] = mapped_column(JSON, server_default=text("'{}'"), deferred=True)
    """`Facts`: sources, models, prompts, licences, and what filters dropped and repaired."""
    statistics: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """`Statistics`; null until it is ready."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    ended_at: Mapped[datetime | None]
    # The facts of other versions may be large, those of an import are not.
    import_sources: Mapped[list[Any] | None] = column_property(
        case((is_import, facts["sources"]), else_=null())
    )
    """The file of an import; null: it is none."""

    @property
    def format(self) -> str | None:
        """The format of the imported file; None: it is no import."""
        return self._file.get("format")

    @property
    def passed_over(self) -> Mapping[str, int]:
        """Rows of the imported file in which a column held something that was not read, by name."""
        passed_over: Mapping[str, int] = self._file.get("passed_over", {})
        return passed_over

    @property
    def _file(self) -> Mapping[str, Any]:
        return self.import_sources[0] if self.import_sources else {}


class DatasetRecord(Table):
    """A row of a version."""

    __tablename__ = "dataset_rows"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """0-based, without gaps."""
    instruction: Mapped[str]
    input: Mapped[str]
    output: Mapped[str]
    system: Mapped[str] = mapped_column(server_default="")
    history: Mapped[list[Any] | None]
    """``[[user, assistant], ...]``; null: the row is no chat of several turns."""
    is_classification: Mapped[bool | None]
    split: Mapped[str] = mapped_column(String(5))
    origin: Mapped[Origin] = mapped_column(JSON)
    """`DatasetRow.origin`."""
    changes: Mapped[list[Any] | None]
    """The reasons for which filters repaired it; null: it is unchanged."""


class DatasetDrop(Table):
    """A row of a source that was dropped, with the reason."""

    __tablename__ = "dataset_drops"
    __table_args__ = (
        Index(None, "dataset_id", "id"),
        Index(None, "dataset_id", "filter", "reason"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    filter: Mapped[str] = mapped_column(String(40))
    """The filter that dropped it; ``reading``: it could not be read."""
    reason: Mapped[str] = mapped_column(String(60))
    detail: Mapped[str]
    """Details, such as the neighbour and its score, or the words found in a test set."""
    text: Mapped[str]
    """Its beginning."""
    origin: Mapped[Origin] = mapped_column(JSON)
    """`DatasetRow.origin` of the row that was dropped."""


class DatasetFile(Table):
    """A file exported from a version; exported again, it is the same, byte for byte."""

    __tablename__ = "dataset_files"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    """Such as ``train.alpaca.json``."""
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
