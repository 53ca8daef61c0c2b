"""What a judge said, in a job's folder: written as it comes, so that no death has it paid twice."""

import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ValidationError

from app.evaluation.judge import Judgement, Order, Verdict
from app.formats.files import out_of_space_told

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

    @property
    def judgement(self) -> Judgement:
        """What counts of it."""
        return Judgement(self.task_id, self.order, self.verdict, self.reason)


class JudgementFile:
    """The file; two processes that write at once, one of them by mistake, harm nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mapping[str, PaidJudgement]:
        """All judgements by their keys; a line that a death cut off is none."""
        found: dict[str, PaidJudgement] = {}
        lines = self._path.read_bytes().split(b"\n") if self._path.exists() else []
        for line in lines:
            try:
                paid = PaidJudgement.model_validate_json(line)
            except ValidationError:
                continue
            found.setdefault(paid.key, paid)
        return found

    def append(self, judgements: Iterable[PaidJudgement]) -> None:
        """Add some; they outlive a power cut when this returns.

        Raises:
            OutOfSpace: when the disk is full.
        """
        text = "".join(f"{each.model_dump_json()}\n" for each in judgements)
        with out_of_space_told(self._path), self._path.open("ab+") as file:
            # What was cut off must not swallow the next line.
            beginning = b"" if _ends_well(self._path) else b"\n"
            file.write(beginning + text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
