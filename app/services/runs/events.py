"""Following a run: its stored events, and its progress between them."""

from sqlalchemy.orm import Session

from app.errors import NotFound
from app.schemas.runs import EventView, ProgressEvent, Tokens
from app.services.context import ServiceContext
from app.services.follower import Follower, Snapshot
from app.services.runs.control import get_run
from app.states import FINAL, Status
from app.store.runs.events import look
from app.store.runs.runs import target_of
from app.store.tables.runs import Run


def follow_run(context: ServiceContext, run_id: str, after_id: int) -> Follower:
    """Follow a run from the event after `after_id` on.

    Raises:
        NotFound: There is no such run.
    """
    get_run(context, run_id)

    def read(session: Session, after_id: int, limit: int) -> Snapshot:
        seen = look(session, run_id, after_id, limit)
        if seen is None:
            raise NotFound("run", run_id)
        events = [EventView.model_validate(event) for event in seen.events]
        return Snapshot(events, seen.run.status in FINAL, _progress(seen.run))

    return Follower(context.database, f"run {run_id}", read, after_id)


def _progress(run: Run) -> ProgressEvent:
    return ProgressEvent(
        status=Status(run.status),
        accepted=run.accepted,
        target=target_of(run),
        calls=run.calls,
        tokens=Tokens(prompt=run.prompt_tokens, completion=run.completion_tokens),
        cost_usd=run.cost_usd,
    )
