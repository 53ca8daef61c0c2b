"""The tables of runs: seed sets, runs, their slots and their events."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import RowId, Table
from app.store.leases import Leased
from app.store.moves import Moving
from app.store.owned import Owned
from app.store.sql import epoch_now
from app.store.types import Dollars


class SeedSet(Owned, Table):
    """Human-written seed tasks, posted together; never changed afterwards."""

    __tablename__ = "seed_sets"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str]
    """The user's name for it."""
    content_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the tasks in canonical form: the same content is stored once."""
    task_count: Mapped[int]
    classification_count: Mapped[int]
    licence: Mapped[str | None] = mapped_column(String(100))
    """The licence of the tasks, as their owner states it; null: not stated."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())


class SeedTaskRow(Table):
    """One seed task of a seed set."""

    __tablename__ = "seed_tasks"

    seed_set_id: Mapped[str] = mapped_column(ForeignKey("seed_sets.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """0-based place in the posted order; demonstrations and neighbours name seeds by it."""
    external_id: Mapped[str]
    """The user's own id."""
    name: Mapped[str]
    instruction: Mapped[str]
    instances: Mapped[list[Any]]
    """``[{"input": ..., "output": ...}]``."""
    is_classification: Mapped[bool]


class Run(Owned, Moving, Table):
    """One run that grows a seed set into a data set, or reviews the rows of a data set."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint("(seed_set_id IS NULL) <> (dataset_id IS NULL)", "ck_runs_one_source"),
    )

    seed_set_id: Mapped[str | None] = mapped_column(ForeignKey("seed_sets.id"), index=True)
    """The seed set that it grows; null: it reviews a data set."""
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id"), index=True)
    """The version whose rows it reviews; null: it grows a seed set."""
    rows_to_review: Mapped[int | None]
    """Rows of that version."""
    profile: Mapped[str] = mapped_column(String(20))
    model: Mapped[str]
    """Asked for by this name."""
    options: Mapped[dict[str, Any]]
    """`RunOptions`, including defaults."""
    capabilities: Mapped[dict[str, Any] | None]
    """Capabilities of the endpoint, by the preflight; null until it has run."""
    end_reason: Mapped[str | None] = mapped_column(String(20))
    """`states.EndReason`: why it ended or was paused."""
    accepted: Mapped[int] = mapped_column(server_default=text("0"))
    """Accepted instructions; also the next one's sequence number. Of a review: rows that stay."""
    tickets_issued: Mapped[int] = mapped_column(server_default=text("0"))
    """Generation calls planned; of a review: rows, in order, whose calls are planned."""
    tickets_admitted: Mapped[int] = mapped_column(server_default=text("0"))
    """Generation calls decided; of a review: rows that a reply decided."""
    unproductive_tickets: Mapped[int] = mapped_column(server_default=text("0"))
    """Tickets admitted in a row, up to now, that brought no accepted instruction."""
    complete_at_resume: Mapped[int] = mapped_column(server_default=text("0"))
    """`complete` when it was last resumed: what brought nothing until then is forgiven."""
    classification_bias: Mapped[float | None]
    """Margin of yes over no that the model gives for nothing, in nats."""
    complete: Mapped[int] = mapped_column(server_default=text("0"))
    """Accepted instructions whose instances are all there; of a review: rows reviewed, whatever
    became of them."""
    instances: Mapped[int] = mapped_column(server_default=text("0"))
    """Rows of the data set."""
    calls: Mapped[int] = mapped_column(server_default=text("0"))
    """Replies received and paid for; those taken over from an earlier call are none."""
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    completion_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    cost_usd: Mapped[Decimal | None] = mapped_column(Dollars)
    """Of those replies; null while none had a known price."""
    presumed_spent_calls: Mapped[int] = mapped_column(server_default=text("0"))
    """Calls without a known outcome (cut off, or their worker died) that the provider may bill."""
    presumed_spent_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The maximum that those calls can have used."""
    presumed_spent_usd: Mapped[Decimal] = mapped_column(Dollars, server_default=text("0"))
    """The maximum that those calls can have cost."""
    max_calls: Mapped[int | None]
    """Cap on calls, including those presumed spent and those in flight; null: no cap."""
    max_tokens: Mapped[int | None] = mapped_column(BigInteger)
    max_cost_usd: Mapped[Decimal | None] = mapped_column(Dollars)
    batch_stages: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    """Stages whose calls go by the provider's Batch API; emptied when a person turns that off."""
    idle_until: Mapped[datetime | None]
    """Until then it only waits for the provider and needs no worker; null: it needs one."""
    served_at: Mapped[datetime | None]
    """When a pump last left it: of runs with equally many, the one left first is served first."""
    waiting_since: Mapped[datetime | None]
    """Since when it gets no answer, because its endpoints are away or throttle; null: it gets some.
    """
    waiting_kind: Mapped[str | None] = mapped_column(String(20))
    """`states.WaitKind`: why it waits."""
    waiting_message: Mapped[str | None]
    """The provider's words."""
    waiting_event_at: Mapped[datetime | None]
    """When the latest event was added that says that it waits."""
    refusals: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """By stage: the calls in a row, up to now, that the endpoint refused in equal words."""
    set_aside: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """Endpoints that refuse every call since the run was last resumed, with their words, by name.
    """
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    """`RequestKey.stored`."""
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the request it was started with: its key with another request is a conflict."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())


class RunSlot(Leased, Table):
    """A place at a run for one pump; as many workers can share a run as it has slots.

    Work items that the pump leases have its token.
    """

    __tablename__ = "run_slots"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)


class RunEvent(Table):
    """An event of a run; appended, never changed."""

    __tablename__ = "run_events"
    __table_args__ = (Index(None, "run_id", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    kind: Mapped[str] = mapped_column(String(40))
    """Such as ``status`` or ``preflight``."""
    data: Mapped[dict[str, Any]]
    """The details, by kind."""
    at: Mapped[datetime] = mapped_column(server_default=epoch_now())
