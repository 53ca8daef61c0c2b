"""The table of endpoint state: rate limits and outages, shared by all workers."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import Table


class EndpointState(Table):
    """How an endpoint is doing for one model: what all workers heed before they ask it."""

    __tablename__ = "endpoint_states"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    throttled_until: Mapped[datetime | None]
    """It throttles: nobody asks before."""
    down_since: Mapped[datetime | None]
    """It is away: one call at a time finds out whether it is back. Null: it answers."""
    probe_at: Mapped[datetime | None]
    """When the next such call may go out."""
    probe_delay_s: Mapped[float | None]
    """How long after a failed one the next may follow; grows."""
    trouble: Mapped[str | None]
    """What it was last away with, in its own words."""
    requests_at: Mapped[datetime | None]
    """When what was asked so far is within the limit of requests; later than now: how far over."""
    tokens_at: Mapped[datetime | None]
    """The same for tokens."""
