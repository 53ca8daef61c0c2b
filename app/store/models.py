"""The tables. The database is the only memory: everything the service knows is in these rows."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, MetaData, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.store.types import Dollars, Moment, epoch_now

# SQLite numbers rows by itself only in a column declared INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


class Table(DeclarativeBase):
    """Parent of all tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a class attribute
        datetime: Moment,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: Text,
    }


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
    """One growing of a seed set into a data set."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    seed_set_id: Mapped[str] = mapped_column(ForeignKey("seed_sets.id"), index=True)
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
    """Accepted instructions; also the next one's sequence number."""
    tickets_issued: Mapped[int] = mapped_column(server_default=text("0"))
    tickets_admitted: Mapped[int] = mapped_column(server_default=text("0"))
    barren_tickets: Mapped[int] = mapped_column(server_default=text("0"))
    """Tickets admitted since the last that brought something acceptable."""
    complete_at_resume: Mapped[int] = mapped_column(server_default=text("0"))
    """Instructions complete when it was last resumed: those without a row are forgiven."""
    classification_bias: Mapped[float | None]
    """Margin of yes over no that the model gives for nothing, in nats."""
    pump_token: Mapped[str | None] = mapped_column(String(40))
    """Fence: results are recorded only by the holder of this token."""
    pump_leased_until: Mapped[datetime | None]
    """After this another pump may take the run."""
    nudged_at: Mapped[datetime | None]
    """When a worker was last told to look at this run."""
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the request it was started with: its key with another request is a conflict."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


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
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
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
    """The ticket of a generation call; the instruction's sequence number in later stages."""
    subject: Mapped[dict[str, Any]]
    """What it is about: the demonstrations drawn, or the instruction's text."""
    state: Mapped[str] = mapped_column(String(10))
    """open, leased (asked now), answered (not yet admitted), done, dead (given up), or dropped
    (needed no more)."""
    token: Mapped[str | None] = mapped_column(String(40))
    """The pump that leased it."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """Unusable replies so far."""
    completion_id: Mapped[int | None] = mapped_column(BigInteger)
    """The reply that was used."""
    trouble: Mapped[str | None]
    """Why the last attempt was not usable."""


class PromptText(Table):
    """The unchanging first part of prompts, kept once however many calls began with it.

    Of a chat: a JSON list of its turns. Otherwise: the text.
    """

    __tablename__ = "prompt_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str]


class CompletionRow(Table):
    """One model reply, kept with all that led to it and what it cost."""

    __tablename__ = "completions"
    __table_args__ = (Index(None, "run_id", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    work_item_id: Mapped[int | None] = mapped_column(BigInteger)
    stage: Mapped[str] = mapped_column(String(20))
    prompt_version: Mapped[str]
    """Template name and hash."""
    prompt_text_sha256: Mapped[str] = mapped_column(ForeignKey("prompt_texts.sha256"))
    """The prompt's unchanging first part."""
    prompt: Mapped[str]
    """What followed it: the part that differs from call to call."""
    demonstrations: Mapped[list[Any]]
    """``[{"origin": "seed" | "machine", "position": n}]``, in the order shown."""
    parameters: Mapped[dict[str, Any]]
    model: Mapped[str]
    """The model that answered, in the provider's words."""
    reply: Mapped[str]
    finish_reason: Mapped[str] = mapped_column(String(40))
    top_logprobs: Mapped[dict[str, Any] | None]
    """Of the first token, where asked for and given: token to natural logarithm."""
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    cost_usd: Mapped[Decimal | None] = mapped_column(Dollars)
    """Null when the model has no known price."""
    latency_s: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())


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
    neighbours: Mapped[list[Any]]
    """The most similar of the pool at admission: ``[{"origin", "position", "score"}]``."""
    is_classification: Mapped[bool | None]
    """Null: not known (yet)."""
    confidence: Mapped[float | None]
    """Calibrated margin of yes over no, in nats; null where no logprobs were had."""
    classified_by: Mapped[int | None] = mapped_column(BigInteger)
    """The completion that said so."""
    is_complete: Mapped[bool]
    """Whether its instances are all that there will be."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())


class InstanceRow(Table):
    """An accepted instance of an accepted instruction: with it, one row of the data set."""

    __tablename__ = "instances"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    """The instruction's."""
    position: Mapped[int] = mapped_column(primary_key=True)
    """0-based, in the order of the reply."""
    input: Mapped[str]
    output: Mapped[str]
    completion_id: Mapped[int] = mapped_column(BigInteger)
    """The reply it was read from."""


class Rejection(Table):
    """Text of a reply that broke a rule, with the rule."""

    __tablename__ = "rejections"
    __table_args__ = (Index(None, "run_id", "id"), Index(None, "run_id", "stage", "reason"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    stage: Mapped[str] = mapped_column(String(20))
    text: Mapped[str]
    reason: Mapped[str] = mapped_column(String(40))
    sequence: Mapped[int | None]
    """The instruction whose instance it was; null for candidate instructions."""
    neighbour: Mapped[dict[str, Any] | None]
    """For a near-duplicate: ``{"origin", "position", "score"}`` of the one it was too near to."""
    completion_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
