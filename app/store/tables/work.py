"""The table of work items: one row for each model call a run needs."""

from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import RowId, Table
from app.store.types import Dollars


class WorkItem(Table):
    """One model call that a run needs, from planned to done."""

    __tablename__ = "work_items"
    __table_args__ = (
        # Claiming must not walk finished rows; partial, so that it holds the waiting ones only.
        Index(
            "ix_work_items_open",
            "run_id",
            "priority",
            "id",
            sqlite_where=text("state = 'open' AND by_batch = 0"),
            postgresql_where=text("state = 'open' AND NOT by_batch"),
        ),
        Index(
            "ix_work_items_by_batch",
            "run_id",
            "stage",
            "id",
            sqlite_where=text("state = 'open' AND by_batch = 1"),
            postgresql_where=text("state = 'open' AND by_batch"),
        ),
        Index(None, "run_id", "stage", "state"),
        Index(None, "run_id", "stage", "ordinal"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    stage: Mapped[str] = mapped_column(String(20))
    """`types.Stage`."""
    priority: Mapped[int]
    """Lower goes first: a later stage's work goes before an earlier one's."""
    ordinal: Mapped[int]
    """The ticket of a generation call; the instruction's sequence number in later stages; the row's
    position in a review."""
    subject: Mapped[dict[str, Any]]
    """What it is about: the demonstrations drawn, or the instruction's text."""
    state: Mapped[str] = mapped_column(String(10))
    """open, leased (asked now), answered (not yet admitted), done, dead (given up), or dropped
    (needed no more)."""
    by_batch: Mapped[bool] = mapped_column(server_default=false())
    """It waits for a batch. Once one had it, what is still to be asked is asked by a call."""
    token: Mapped[str | None] = mapped_column(String(40))
    """The pump that leased it, or the batch that it is in."""
    reserved_tokens: Mapped[int | None] = mapped_column(BigInteger)
    """The most that the call in the air can take; null while none is."""
    reserved_usd: Mapped[Decimal | None] = mapped_column(Dollars)
    """The most that it can cost; null also without a known price."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """Unusable replies so far."""
    completion_id: Mapped[int | None] = mapped_column(BigInteger)
    """The reply that was used."""
    trouble: Mapped[str | None]
    """Why the last attempt was not usable."""
