"""Budget and cost of a run: calls, tokens and money.

A call is reserved at the most it can take before it is sent, and settled at what it took after it
was answered. What was cut off stays counted at its most: it may have been paid for. An endpoint
that bills more than the most raises what is reserved for the calls after it.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

HEADROOM = Decimal("1.25")
"""Factor between the largest bill beyond its maximum and the next one that is allowed for."""


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

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion

    def joined(self, other: "Tokens") -> "Tokens":
        """Return the larger of both prompts and the larger of both completions."""
        return Tokens(max(self.prompt, other.prompt), max(self.completion, other.completion))

    def beyond(self, most: "Tokens") -> "Tokens":
        """Return the counts that are larger than `most`; the others are 0."""
        return Tokens(
            self.prompt if self.prompt > most.prompt else 0,
            self.completion if self.completion > most.completion else 0,
        )

    def over(self, most: "Tokens") -> int:
        """Return by how many tokens the counts are larger than `most`, together."""
        return max(0, self.prompt - most.prompt) + max(0, self.completion - most.completion)

    def with_headroom(self) -> "Tokens":
        """Return how large the next bill may be when these are the largest counts so far."""
        return Tokens(math.ceil(self.prompt * HEADROOM), math.ceil(self.completion * HEADROOM))


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
