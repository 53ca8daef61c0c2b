"""The source of a run: seed tasks from which it grows instructions, or rows that it reviews."""

from dataclasses import dataclass
from typing import TypeAlias

from app.store.tables.runs import Run


@dataclass(frozen=True, slots=True)
class Growing:
    """A run that grows a seed set into instructions with instances."""

    seed_set_id: str


@dataclass(frozen=True, slots=True)
class Reviewing:
    """A run that reviews the rows of one version of a data set."""

    dataset_id: str
    rows: int


Source: TypeAlias = Growing | Reviewing


def source_of(run: Run) -> Source:
    """Return what a run works on; the columns say it by which of them is null.

    Raises:
        ValueError: when both are null; the table forbids that.
    """
    if run.dataset_id is not None:
        return Reviewing(run.dataset_id, run.rows_to_review or 0)
    if run.seed_set_id is not None:
        return Growing(run.seed_set_id)
    raise ValueError(f"run {run.id} has neither a seed set nor a data set")
