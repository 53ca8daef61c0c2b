"""What a judge said, in a job's folder: written as it comes, so that no death has it paid twice."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from app.evaluation.judge import Judgement, Order, Verdict
from app.services.model_calls.journal import LineFile

JUDGEMENTS = "judgements.jsonl"
"""Its name among a job's outputs."""


class PaidJudgement(BaseModel, frozen=True):
    """A judgement with what it cost: a line of the file."""

    key: str
    """Of what was asked: other answers, or another judge, have another."""
    task_id: str
    order: Order
    verdict: Verdict | None
    """None: it failed."""
    reason: str = ""
    failure: str | None = None
    """Why the call brought no answer; None: it brought one."""
    reply: str = ""
    """All that the judge said."""
    model: str
    prompt_version: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: Decimal | None = None
    """None: the model has no price."""
    is_reused: bool = False
    """Whether the job that tuned the model paid for it, not this one."""

    @property
    def judgement(self) -> Judgement:
        """What counts of it."""
        return Judgement(self.task_id, self.order, self.verdict, self.reason)


class JudgementFile:
    """The judgements of a job."""

    def __init__(self, path: Path) -> None:
        self._lines = LineFile(path, PaidJudgement)

    def read(self) -> Mapping[str, PaidJudgement]:
        """All judgements by their keys; of two of one question the first counts."""
        found: dict[str, PaidJudgement] = {}
        for paid in self._lines.read():
            found.setdefault(paid.key, paid)
        return found

    def append(self, judgements: Iterable[PaidJudgement]) -> None:
        """Add some; they outlive a power cut when this returns.

        Raises:
            OutOfSpace: when the disk is full.
        """
        self._lines.append(judgements)

    def reuse(self, other: "JudgementFile", keys: Collection[str]) -> None:
        """Add what another job paid a judge for, of these questions; safe to repeat.

        A call that brought no answer there is worth another try.

        Raises:
            OutOfSpace: when the disk is full.
        """
        here, there = self.read(), other.read()
        found = [paid for key, paid in there.items() if key in keys and key not in here]
        self.append(paid.model_copy(update={"is_reused": True}) for paid in found if paid.reply)
