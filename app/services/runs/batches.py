"""What a person can do with a run's batches, beside looking at them: do without."""

from sqlalchemy.orm import Session

from app.services.context import ServiceContext
from app.services.runs.control import get_run
from app.store.runs import runs
from app.store.tables.runs import Run
from app.store.work import batch_items, batches


def stop_batches(context: ServiceContext, run_id: str) -> Run:
    """Let a run ask all that is left by ordinary calls, at their price. Safe to repeat.

    What is with the provider is cancelled, and what it has answered by then is collected. A run
    that is paused does so once it is resumed.

    Raises:
        NotFound: when there is none with this id.
    """
    get_run(context, run_id)

    def stop(session: Session) -> Run:
        run = runs.lock(session, run_id)
        if run is None:
            raise LookupError(f"run {run_id} is gone")
        if run.batch_stages:
            runs.add_event(session, run_id, "batches_stopped", {})
        run.batch_stages = []
        run.idle_until = None
        batch_items.ask_all_by_call(session, run_id)
        batches.cancel_open(session, run_id)
        session.flush()
        session.refresh(run)
        return run

    return context.database.retrying(stop)
