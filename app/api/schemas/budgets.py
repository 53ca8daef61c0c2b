"""What runs may take, as it comes over HTTP."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from app.pipeline.budget import Caps


class Budget(BaseModel):
    """Hard caps on what all calls of a run take together; what is left out is not capped.

    Each call is counted at the most it can take before it is sent. When the next one could go over
    a cap, the run pauses with the reason `budget`.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"max_calls": 5000}]})

    max_calls: int | None = Field(default=None, ge=1, le=2**31 - 1)
    max_tokens: int | None = Field(default=None, ge=1, le=2**62)
    """Of prompts and answers together."""
    max_cost_usd: Decimal | None = Field(default=None, gt=0, le=1_000_000, decimal_places=6)
    """Needs a price of the model (`SEEDBED_PRICES`)."""

    def caps(self) -> Caps:
        """The same as a value of the method."""
        return Caps(self.max_calls, self.max_tokens, self.max_cost_usd)
