"""Budget and cost of a run: calls, tokens and money.

A call is reserved at the most it can take before it is sent, and settled at what it took after it
was answered. What was cut off stays counted at its most: it may have been paid for. An endpoint
that bills more than the most raises what is reserved for the calls after it.
"""

import math
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Amount:
    """Cost of calls: their number, tokens (prompt and answer together), US dollars."""

    calls: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one call."""

    prompt: int = 0
    completion: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)

    def scaled(self, factor: Decimal) -> "Tokens":
        """Return the tokens multiplied by a factor, rounded up."""
        return Tokens(math.ceil(self.prompt * factor), math.ceil(self.completion * factor))

    def joined(self, other: "Tokens") -> "Tokens":
        """Return the larger count of each of both."""
        return Tokens(max(self.prompt, other.prompt), max(self.completion, other.completion))


NO_TOKENS = Tokens()


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits for all calls of a run; None: unlimited."""

    calls: int | None = None
    tokens: int | None = None
    usd: Decimal | None = None

    def allow(self, amount: Amount) -> bool:
        """Return True when an amount is within the budget."""
        return self.broken_by(amount) is None

    def broken_by(self, amount: Amount) -> str | None:
        """Describe the first limit that `amount` exceeds; None: it is within the budget."""
        if self.usd is not None and amount.usd > self.usd:
            return f"${self.usd:f}"
        if self.tokens is not None and amount.tokens > self.tokens:
            return f"{self.tokens:,} tokens"
        if self.calls is not None and amount.calls > self.calls:
            return f"{self.calls:,} calls"
        return None


NO_CAPS = Caps()
