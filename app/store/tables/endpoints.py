"""The tables of endpoints: rate limits, outages and dialects, shared by all workers."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import Table


class EndpointState(Table):
    """The state of an endpoint for one model; workers respect it before they call."""

    __tablename__ = "endpoint_states"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    throttled_until: Mapped[datetime | None]
    """It throttles: no worker calls it before; null: it doesn't."""
    throttled_since: Mapped[datetime | None]
    """Since when it has refused every call by its rate limit; null: it answers."""
    throttle: Mapped[str | None]
    """The error of its last throttle."""
    down_since: Mapped[datetime | None]
    """When it went down; since then one probe call at a time is sent. Null: it answers."""
    down_until: Mapped[datetime | None]
    """It is down, and asked for no call before; null: it answers, or named no time."""
    probe_at: Mapped[datetime | None]
    """When the next probe may be sent."""
    probe_delay_s: Mapped[float | None]
    """The delay between failed probes; it doubles."""
    trouble: Mapped[str | None]
    """The error of its last outage."""
    requests_at: Mapped[datetime | None]
    """When the requests so far are within the request limit; later than now: it is used up."""
    tokens_at: Mapped[datetime | None]
    """The same for the token limit."""


class EndpointDialect(Table):
    """The refusals of an endpoint for one model; workers leave out what it refuses."""

    __tablename__ = "endpoint_dialects"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    address_sha256: Mapped[str] = mapped_column(String(64))
    """Of the address where it was learnt; at another address it says nothing."""
    lessons: Mapped[list[Any]]
    """``[{"parameter": ..., "action": ..., "value": ..., "stage": ..., "words": ...}]``."""
