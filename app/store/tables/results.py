"""The tables of results: replies, instructions, instances, rejections."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import RowId, Table
from app.store.json_columns import PoolNeighbour
from app.store.sql import epoch_now
from app.store.types import Dollars


class PromptText(Table):
    """The constant first part of prompts, stored once for all calls that begin with it.

    For a chat: a JSON list of its turns; otherwise the text.
    """

    __tablename__ = "prompt_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str]


class CompletionRow(Table):
    """One model reply, with its request and its cost."""

    __tablename__ = "completions"
    __table_args__ = (
        Index(None, "run_id", "id"),
        Index(None, "work_item_id"),
        Index(
            "ix_completions_request_sha256",
            "request_sha256",
            sqlite_where=text("request_sha256 IS NOT NULL"),
            postgresql_where=text("request_sha256 IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    work_item_id: Mapped[int | None] = mapped_column(BigInteger)
    call: Mapped[str | None] = mapped_column(String(60))
    """Our own id of the call: it shows when the same reply is recorded twice."""
    is_spare: Mapped[bool] = mapped_column(server_default=false())
    """True when it arrived after its item was given to another pump; used if that one fails."""
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the whole request, if its reply may be used again (temperature 0)."""
    reused_from: Mapped[int | None] = mapped_column(BigInteger)
    """The earlier reply that was used again; then no call was made and nothing paid."""
    endpoint: Mapped[str | None] = mapped_column(String(60))
    """The name of the endpoint that answered."""
    batch_id: Mapped[str | None] = mapped_column(String(40))
    """The batch it came from, at the batch price; null: a call of its own."""
    reply_id: Mapped[str | None] = mapped_column(String(200))
    """The provider's id of the reply."""
    stage: Mapped[str] = mapped_column(String(20))
    prompt_version: Mapped[str]
    """Template name and hash."""
    prompt_text_sha256: Mapped[str] = mapped_column(ForeignKey("prompt_texts.sha256"))
    """The prompt's constant first part."""
    prompt: Mapped[str]
    """The rest of the prompt, which differs from call to call."""
    demonstrations: Mapped[list[Any]]
    """``[{"origin": "seed" | "machine", "position": n}]``, in the order shown."""
    parameters: Mapped[dict[str, Any]]
    model: Mapped[str]
    """The model that answered, by the provider's name."""
    reply: Mapped[str]
    finish_reason: Mapped[str] = mapped_column(String(40))
    top_logprobs: Mapped[dict[str, Any] | None]
    """Log probabilities (natural) of the first token's candidates, if requested and returned."""
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
    neighbours: Mapped[list[PoolNeighbour]] = mapped_column(JSON)
    """The most similar of the pool at admission: ``[{"origin", "position", "score"}]``."""
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
