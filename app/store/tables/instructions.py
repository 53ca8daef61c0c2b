"""The tables of what was read from replies: instructions, instances, rejections."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import RowId, Table
from app.store.json_columns import PoolNeighbour
from app.store.sql import epoch_now


class InstructionRow(Table):
    """An accepted instruction."""

    __tablename__ = "instructions"
    __table_args__ = (Index(None, "run_id", "is_complete"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    """0-based order of acceptance."""
    text: Mapped[str]
    completion_id: Mapped[int] = mapped_column(BigInteger)
    """The reply it was read from."""
    neighbours: Mapped[list[PoolNeighbour]] = mapped_column(JSON)
    """The most similar of the pool at admission: ``[{"origin", "position", "score"}]``."""
    mean_similarity: Mapped[float | None]
    """Mean score over the pool at admission; null where the run doesn't store it."""
    is_classification: Mapped[bool | None]
    """Null: not known (yet)."""
    confidence: Mapped[float | None]
    """Calibrated margin of yes over no, in nats; null without logprobs."""
    classified_by: Mapped[int | None] = mapped_column(BigInteger)
    """The completion with the classification."""
    is_complete: Mapped[bool]
    """True when it has all its instances."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())


class InstanceRow(Table):
    """An accepted instance of an accepted instruction: with it, one row of the data set.

    For a review: a row that is kept, with its output.
    """

    __tablename__ = "instances"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    """The instruction's; for a review, the row's position."""
    position: Mapped[int] = mapped_column(primary_key=True)
    """0-based, in the order of the reply."""
    input: Mapped[str]
    output: Mapped[str]
    completion_id: Mapped[int] = mapped_column(BigInteger)
    """The reply it was read from."""


class Rejection(Table):
    """A rejected text of a reply, with the reason."""

    __tablename__ = "rejections"
    __table_args__ = (Index(None, "run_id", "id"), Index(None, "run_id", "stage", "reason"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    stage: Mapped[str] = mapped_column(String(20))
    text: Mapped[str]
    reason: Mapped[str] = mapped_column(String(40))
    sequence: Mapped[int | None]
    """The instruction whose instance it was, or the position of the reviewed row; null for
    candidate instructions."""
    neighbour: Mapped[PoolNeighbour | None] = mapped_column(JSON)
    """For a near-duplicate: ``{"origin", "position", "score"}`` of the text it resembles."""
    completion_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
