"""The tables of what was asked for: seed sets, runs, their work and who does it.

The database is the only memory: everything the service knows is in its rows.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.table import RowId, Table
from app.store.types import Dollars, epoch_now


class SeedSet(Table):
    """Human-written seed tasks, posted together; never changed afterwards."""

    __tablename__ = "seed_sets"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str]
    """What the user calls it."""
    content_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the tasks in canonical form: the same content is stored once."""
    task_count: Mapped[int]
    classification_count: Mapped[int]
    licence: Mapped[str | None] = mapped_column(String(100))
    """Under which others may use the tasks, as their owner says; null: nothing was said."""
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


class Run(Table):
    """One growing of a seed set into a data set, or one review of a data set's rows."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint("(seed_set_id IS NULL) <> (dataset_id IS NULL)", "ck_runs_one_source"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    seed_set_id: Mapped[str | None] = mapped_column(ForeignKey("seed_sets.id"), index=True)
    """What it grows; null: it reviews a data set."""
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id"), index=True)
    """The version whose rows it reviews; null: it grows a seed set."""
    rows_to_review: Mapped[int | None]
    """Rows of that version."""
    profile: Mapped[str] = mapped_column(String(20))
    model: Mapped[str]
    """Asked for by this name."""
    options: Mapped[dict[str, Any]]
    """`RunOptions`, whole: what was left out stands here with its default."""
    capabilities: Mapped[dict[str, Any] | None]
    """What the preflight saw the endpoint do; null until it has run."""
    status: Mapped[str] = mapped_column(String(20), index=True)
    """`run_state.Status`; changed by guarded moves only."""
    end_reason: Mapped[str | None] = mapped_column(String(20))
    """`run_state.EndReason`: why it ended or waits."""
    message: Mapped[str | None]
    """What happened and what a person can do, in words."""
    accepted: Mapped[int] = mapped_column(server_default=text("0"))
    """Accepted instructions; also the next one's sequence number. Of a review: rows that stay."""
    tickets_issued: Mapped[int] = mapped_column(server_default=text("0"))
    """Generation calls planned; of a review: rows, in order, whose calls are planned."""
    tickets_admitted: Mapped[int] = mapped_column(server_default=text("0"))
    """Generation calls decided; of a review: rows that a reply decided."""
    barren_tickets: Mapped[int] = mapped_column(server_default=text("0"))
    """Tickets admitted since the last that brought something acceptable."""
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
    written_off_calls: Mapped[int] = mapped_column(server_default=text("0"))
    """Calls whose end was never learnt: cut off, or their worker died. They may have been paid."""
    written_off_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The most that those can have taken."""
    written_off_usd: Mapped[Decimal] = mapped_column(Dollars, server_default=text("0"))
    """The most that those can have cost."""
    max_calls: Mapped[int | None]
    """Cap on calls, written-off ones and those in the air included; null: none."""
    max_tokens: Mapped[int | None] = mapped_column(BigInteger)
    max_cost_usd: Mapped[Decimal | None] = mapped_column(Dollars)
    batch_stages: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    """Stages whose calls go by the provider's Batch API; emptied when a person turns that off."""
    rests_until: Mapped[datetime | None]
    """Until then all it waits for is with the provider, and no worker is of use; null: one is."""
    served_at: Mapped[datetime | None]
    """When a pump last left it: of runs with equally many, the one left first is served first."""
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the request it was started with: its key with another request is a conflict."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class RunSlot(Table):
    """A place at a run for one pump; as many workers share the run as it has slots."""

    __tablename__ = "run_slots"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str | None] = mapped_column(String(40))
    """Fence: the pump that holds it; null: free. What a pump leased bears its token."""
    leased_until: Mapped[datetime | None]
    """After this without a heartbeat the pump counts as dead."""
    nudged_at: Mapped[datetime | None]
    """When a worker was last told to look at it."""


class EndpointState(Table):
    """How an endpoint is doing for one model: what all workers heed before they ask it."""

    __tablename__ = "endpoint_states"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    held_until: Mapped[datetime | None]
    """It throttles: nobody asks before."""
    away_since: Mapped[datetime | None]
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


class RunEvent(Table):
    """What happened to a run, appended and never changed."""

    __tablename__ = "run_events"
    __table_args__ = (Index(None, "run_id", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    kind: Mapped[str] = mapped_column(String(40))
    """Such as ``status`` or ``preflight``."""
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=epoch_now())


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


class ApiKey(Table):
    """Leave to use the API. The key itself is told once, when it is made, and stored nowhere."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Its digits are also the middle part of the key: a leaked one says what to revoke."""
    name: Mapped[str]
    """What its owner calls it."""
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the whole key. Its 256 random bits cannot be guessed from a hash, so a slow, salted one,
    made for passwords, would only make every request slow."""
    scopes: Mapped[list[Any]]
    """Of `api_keys.Scope`, by name."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    last_used_at: Mapped[datetime | None]
    """To the minute; null: never."""
    revoked_at: Mapped[datetime | None]
    """From then on it opens nothing; null: it is good."""
