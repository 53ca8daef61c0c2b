"""The table of batches: model calls that were sent to a provider's Batch API together."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import Table
from app.store.sql import epoch_now


class Batch(Table):
    """Calls of one stage that go to the provider together, at a lower price and within a day."""

    __tablename__ = "batches"
    __table_args__ = (Index(None, "run_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """The provider stores it beside its own id, so a batch is found again after any crash. Work
    items in the batch have it as their token."""
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    stage: Mapped[str] = mapped_column(String(20))
    endpoint: Mapped[str] = mapped_column(String(60))
    """The endpoint it is for; no other one knows it."""
    state: Mapped[str] = mapped_column(String(10))
    """`states.BatchState`."""
    provider_id: Mapped[str | None]
    """The provider's id for it; null before it was submitted."""
    provider_said: Mapped[str | None]
    """The last status the provider reported, such as ``in_progress``."""
    may_exist: Mapped[bool] = mapped_column(server_default=false())
    """True when the provider may have it although its id there is not known."""
    requests: Mapped[int]
    completed: Mapped[int] = mapped_column(server_default=text("0"))
    """Requests answered, by the provider's count."""
    lessons: Mapped[list[Any] | None]
    """Known refusals of the endpoint when it was submitted; null: none."""
    trouble: Mapped[str | None]
    """The last error, in the provider's words."""
    failing_since: Mapped[datetime | None]
    """When requests about it began to fail; null: the last one succeeded."""
    cancelled_at: Mapped[datetime | None]
    """When it was cancelled; what was answered by then is still collected."""
    token: Mapped[str | None] = mapped_column(String(40))
    """The pump that handles it now; null: none does."""
    poll_at: Mapped[datetime | None]
    """When it is polled next; for a refused batch, when a smaller one may be tried."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    submitted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """When the provider first reported that it had ended."""
    closed_at: Mapped[datetime | None]
    """When its results were recorded, or it was given up."""
