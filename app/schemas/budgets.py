"""The budget of a run: the caps that a request sets, and what the calls took of them."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from app.pipeline.budget import Amount, Caps
from app.schemas.schema import Schema


class Budget(BaseModel):
    """Hard caps on the sum of all calls of a run; a cap that is left out does not apply.

    Before a call is sent its maximum cost is reserved. When the next call could exceed a cap, the
    run pauses with the reason `budget`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"max_calls": 5000}]},
        use_attribute_docstrings=True,
    )

    max_calls: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Most model calls."""
    max_tokens: int | None = Field(default=None, ge=1, le=2**62)
    """Most tokens, prompts and completions together."""
    max_cost_usd: Decimal | None = Field(default=None, gt=0, le=1_000_000, decimal_places=6)
    """Most US dollars; needs a price for the model (`SEEDBED_PRICES`)."""

    def caps(self) -> Caps:
        """Return the caps as a value of the pipeline."""
        return Caps(self.max_calls, self.max_tokens, self.max_cost_usd)


class BudgetView(Schema):
    """The caps of a run and what counts against them.

    Tokens are those of prompts and completions together; money is in US dollars.
    """

    caps: Caps
    """Null where there is no cap."""
    in_air: Amount
    """The maximum that the calls in flight can take."""
    written_off: Amount
    """The maximum that calls with an unknown outcome can have taken; it counts against the caps."""
