"""The table of usage: what the replies of a run took, by stage and model."""

from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import Table
from app.store.types import Dollars


class StageUsage(Table):
    """The sums of a run's paid replies of one stage from one model.

    Changes only in a transaction that holds the run's row.
    """

    __tablename__ = "stage_usage"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    """Asked for by this name."""
    calls: Mapped[int] = mapped_column(server_default=text("0"))
    """Replies received and paid for."""
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Of the whole prompts, including what a cache read or wrote."""
    cached_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Of the prompts: tokens that the provider's cache had."""
    cache_write_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Of the prompts: tokens that were written to that cache."""
    completion_tokens: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    estimated_calls: Mapped[int] = mapped_column(server_default=text("0"))
    """Calls whose endpoint left out token counts."""
    cost_usd: Mapped[Decimal | None] = mapped_column(Dollars)
    """Null while none of these replies had a known price."""
    largest_prompt_tokens: Mapped[int] = mapped_column(server_default=text("0"))
    """The largest prompt of those that were billed beyond the maximum of their request; 0: none."""
    largest_completion_tokens: Mapped[int] = mapped_column(server_default=text("0"))
    """The largest completion of those that were billed beyond it; 0: none was."""
