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
    """Lower goes first: later stages go before earlier ones."""
    ordinal: Mapped[int]
    """The ticket of a generation call; in later stages the instruction's sequence number; in a
    review the row's position."""
    subject: Mapped[dict[str, Any]]
    """Its content: the demonstrations drawn, or the instruction's text."""
    state: Mapped[str] = mapped_column(String(10))
    """`states.ItemState`."""
    by_batch: Mapped[bool] = mapped_column(server_default=false())
    """True while it waits for a batch; after a batch had it, it is asked by a call."""
    token: Mapped[str | None] = mapped_column(String(40))
    """The token of the pump that leased it, or the id of its batch."""
    reserved_tokens: Mapped[int | None] = mapped_column(BigInteger)
    """The maximum tokens of its call in flight; null: no call is."""
    reserved_usd: Mapped[Decimal | None] = mapped_column(Dollars)
    """The maximum cost of that call; also null without a known price."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """Unusable replies so far."""
    completion_id: Mapped[int | None] = mapped_column(BigInteger)
    """The reply that was used."""
    trouble: Mapped[str | None]
    """Why the last attempt was not usable."""
