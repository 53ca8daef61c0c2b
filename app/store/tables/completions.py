"""The tables of model replies: prompts, stored once, and completions."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import RowId, Table
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
    requested_model: Mapped[str | None] = mapped_column(String(200))
    """The model that was asked, by the run's name for it; null: stored before this was."""
    reply: Mapped[str]
    reasoning: Mapped[str | None]
    """The model's thoughts, where the endpoint sends them apart from the reply; never read."""
    finish_reason: Mapped[str] = mapped_column(String(40))
    top_logprobs: Mapped[dict[str, Any] | None]
    """Log probabilities (natural) of the first token's candidates, if requested and returned."""
    prompt_tokens: Mapped[int]
    """Of the whole prompt, including what a cache read or wrote."""
    cached_tokens: Mapped[int] = mapped_column(server_default=text("0"))
    """Of the prompt: tokens that the provider's cache had."""
    cache_write_tokens: Mapped[int] = mapped_column(server_default=text("0"))
    """Of the prompt: tokens that were written to that cache."""
    completion_tokens: Mapped[int]
    is_estimated: Mapped[bool] = mapped_column(server_default=false())
    """True when the endpoint left out token counts, so that they are estimated."""
    cost_usd: Mapped[Decimal | None] = mapped_column(Dollars)
    """Null when the model has no known price."""
    latency_s: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
