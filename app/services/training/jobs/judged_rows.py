"""The decisions of a judge run as rows for a classifier to learn."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from app.dataset_row import DatasetRow, Origin, Record
from app.errors import Fault
from app.services.context import ServiceContext
from app.services.training.contract import RowSource
from app.states import FINAL
from app.store.datasets import reviewed_rows
from app.store.ids import may_be_id
from app.store.tables.runs import Run

QUESTION = "Does this row belong into a data set?"
KEPT, REJECTED = "kept", "rejected"
_FIELD = "options.review_run_id"


def judged_rows(context: ServiceContext, run_id: str, source: RowSource) -> RowSource:
    """Return rows with the whole row as input and the decision of the judge as label.

    Rows without a decision are skipped. The run has ended, so decisions do not change.
    """

    def read() -> Iterator[DatasetRow]:
        with context.database.read() as session:
            decided = reviewed_rows.judged(session, run_id)
        for row in source.read():
            if row.position in decided:
                label = KEPT if decided[row.position] else REJECTED
                record = Record(QUESTION, label, _shown(row.record), is_classification=True)
                origin: Origin = {**row.origin, "review_run_id": run_id}
                yield DatasetRow(row.position, record, row.split, origin)

    return RowSource(f"{source.name}, as {run_id} judged it", read, source.made_of)


def review_faults(session: Session, run_id: str, dataset_id: str) -> list[Fault]:
    """Return what prevents a job from learning the decisions of this run about this version."""
    run = session.get(Run, run_id) if may_be_id(run_id) else None
    if run is None:
        return [Fault(f"there is no run with the id {run_id!r}", field=_FIELD)]
    if run.dataset_id != dataset_id or run.profile != "judge":
        return [Fault(f"{run_id} did not judge this data set", field=_FIELD)]
    if run.status not in FINAL:
        return [Fault(f"the run is {run.status}; it must end first", field=_FIELD)]
    return []


def _shown(record: Record) -> str:
    turns = [record.system] if record.system else []
    for exchange in record.history:
        turns += [exchange.user, exchange.assistant]
    return "\n\n".join([*turns, record.request, record.output])
