"""The table of batches: what is with the provider as a whole."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import Table
from app.store.sql import epoch_now


class Batch(Table):
    """Calls of one stage that go to the provider together, at a lower price and within a day."""

    __tablename__ = "batches"
    __table_args__ = (Index(None, "run_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """The provider keeps it beside its own, so a batch is found again after any crash. What is in
    the batch bears it as its token."""
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    stage: Mapped[str] = mapped_column(String(20))
    endpoint: Mapped[str] = mapped_column(String(60))
    """Which of the service's endpoints it is for; no other knows it."""
    state: Mapped[str] = mapped_column(String(10))
    """planned, submitted, ended (there are answers to be read), collected, refused (nothing of it
    was asked), or lost (nobody can tell any more what became of it)."""
    provider_id: Mapped[str | None]
    """The provider's own name for it; null before it was submitted."""
    provider_said: Mapped[str | None]
    """The provider's last word on where it stands, such as ``in_progress``."""
    may_exist: Mapped[bool] = mapped_column(server_default=false())
    """Whether the provider may have it although it is not known by what name."""
    requests: Mapped[int]
    completed: Mapped[int] = mapped_column(server_default=text("0"))
    """Requests answered, by the provider's count."""
    length_name: Mapped[str | None] = mapped_column(String(30))
    """What the endpoint calls the bound of an answer, as far as a batch has taught it."""
    trouble: Mapped[str | None]
    """What last went wrong with it, in the provider's words."""
    failing_since: Mapped[datetime | None]
    """Since when nothing asked about it has been answered; null: the last question was."""
    cancelled_at: Mapped[datetime | None]
    """Since when no more of it is wanted; what was answered by then is collected all the same."""
    token: Mapped[str | None] = mapped_column(String(40))
    """The pump that sees to it at the moment; null: none does."""
    poll_at: Mapped[datetime | None]
    """When somebody has to see to it next; of a refused one, when a smaller one may be tried."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    submitted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """When the provider was heard to have ended it."""
    closed_at: Mapped[datetime | None]
    """When everything was recorded, or it was given up."""
