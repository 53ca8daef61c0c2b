"""The changes that a batch of replies makes, written with one statement for each kind."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.counters import ACCEPTED, REJECTED
from app.pipeline.types import Stage
from app.store.counting import count
from app.store.tables.runs import Run
from app.store.work import instructions, work_items
from app.store.work.instructions import Dropped, Label, Made
from app.store.work.work_items import Planned, Settled


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A row of a data set whose review has ended."""

    stays: bool
    was_decided: bool = True
    """True when a reply decided it; False when it was given up."""


@dataclass(slots=True)
class Changes:
    """Changes to one run that do not depend on each other."""

    accepted: list[dict[str, Any]] = field(default_factory=list)
    """New instructions, by the columns of their table."""
    settled: list[Settled] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    complete: list[int] = field(default_factory=list)
    """Sequence numbers of instructions that get no more instances."""
    dropped: list[Dropped] = field(default_factory=list)
    reviewed: list[Reviewed] = field(default_factory=list)

    def write(self, session: Session, run: Run) -> None:
        """Write them all, within the transaction that holds the run's row."""
        instructions.add(session, self.accepted)
        work_items.settle(session, self.settled)
        instructions.label(session, run.id, self.labels)
        work_items.plan(session, run, self.planned)
        instances = instructions.add_instances(session, run.id, self.made)
        run.instances += instances
        instructions.complete(session, run.id, self.complete)
        run.complete += len(self.complete) + len(self.reviewed)
        run.accepted += sum(one.stays for one in self.reviewed)
        run.tickets_admitted += sum(one.was_decided for one in self.reviewed)
        instructions.reject(session, run.id, self.dropped)
        self._count(session, instances if run.rows_to_review is None else 0)

    def _count(self, session: Session, instances: int) -> None:
        count(session, ACCEPTED, Stage.GENERATE, by=len(self.accepted))
        count(session, ACCEPTED, Stage.INSTANTIATE, by=instances)
        count(session, ACCEPTED, Stage.REVIEW, by=sum(one.stays for one in self.reviewed))
        for drop in self.dropped:
            count(session, REJECTED, drop.stage, drop.rejected.reason)
