"""What a run may cost and what it has cost: calls, tokens and money together.

A call is reserved at the most it can take before it is sent, and settled at what it took after it
was answered. What was cut off stays counted at its most: it may have been paid for.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Amount:
    """What some calls take: their number, tokens (prompt and answer together), US dollars."""

    calls: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Caps:
    """What all calls of a run together may take; None: as much as it needs."""

    calls: int | None = None
    tokens: int | None = None
    usd: Decimal | None = None

    def allow(self, amount: Amount) -> bool:
        """Whether so much may be taken."""
        return self.broken_by(amount) is None

    def broken_by(self, amount: Amount) -> str | None:
        """Name the first cap that `amount` is over, in words for a person; None: it fits."""
        if self.usd is not None and amount.usd > self.usd:
            return f"${self.usd:f}"
        if self.tokens is not None and amount.tokens > self.tokens:
            return f"{self.tokens:,} tokens"
        if self.calls is not None and amount.calls > self.calls:
            return f"{self.calls:,} calls"
        return None


NO_CAPS = Caps()
