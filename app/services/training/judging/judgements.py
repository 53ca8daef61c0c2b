"""The judgements of a job as a file, appended at once, so that none is paid for twice."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from app.evaluation.judge import Judgement, Order, Verdict
from app.services.model_calls.journal import LineFile

JUDGEMENTS = "judgements.jsonl"
"""Name among the outputs of a job."""


class PaidJudgement(BaseModel, frozen=True):
    """A judgement with its cost: a line of the file."""

    key: str
    """Hash of the question; other answers or another judge give another key."""
    task_id: str
    order: Order
    verdict: Verdict | None
    """None when the call failed or the reply had no verdict."""
    reason: str = ""
    failure: str | None = None
    """Why the call failed; None when it succeeded."""
    reply: str = ""
    """Raw reply of the judge."""
    model: str
    prompt_version: str
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt: tokens that the provider's cache had."""
    completion_tokens: int = 0
    is_estimated: bool = False
    """True when the endpoint left out token counts, so that they are estimated."""
    cost_usd: Decimal | None = None
    """None when the price of the model is unknown."""
    is_reused: bool = False
    """True when the job that tuned the model paid for it."""

    @property
    def judgement(self) -> Judgement:
        """Return the judgement without its cost."""
        return Judgement(self.task_id, self.order, self.verdict, self.reason)


class JudgementFile:
    """The judgements of a job."""

    def __init__(self, path: Path) -> None:
        self._lines = LineFile(path, PaidJudgement)

    def read(self) -> Mapping[str, PaidJudgement]:
        """Return all judgements by key; the first one of a key counts."""
        found: dict[str, PaidJudgement] = {}
        for paid in self._lines.read():
            found.setdefault(paid.key, paid)
        return found

    def append(self, judgements: Iterable[PaidJudgement]) -> None:
        """Append judgements; they survive a power failure once this returns.

        Raises:
            OutOfSpace: the disk is full.
        """
        self._lines.append(judgements)

    def reuse(self, other: "JudgementFile", keys: Collection[str]) -> None:
        """Append the judgements of another job for these keys; safe to repeat.

        Failed calls of the other job are left out, to be tried again.

        Raises:
            OutOfSpace: the disk is full.
        """
        here, there = self.read(), other.read()
        found = [paid for key, paid in there.items() if key in keys and key not in here]
        self.append(paid.model_copy(update={"is_reused": True}) for paid in found if paid.reply)
