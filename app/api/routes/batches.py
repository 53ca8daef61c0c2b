"""Routes of the batches of a run."""

from fastapi import APIRouter

from app.api.context import Cursor, InContext, Limit
from app.api.problems import Problem
from app.schemas.run_records import BatchView
from app.schemas.runs import RunView
from app.schemas.schema import PageView
from app.services.runs import control, lists
from app.services.runs.view import run_view
from app.store.tables.batches import Batch

router = APIRouter(
    prefix="/runs/{run_id}/batches", tags=["runs"], responses={404: {"model": Problem}}
)


@router.get("")
def list_batches(
    context: InContext, run_id: str, cursor: Cursor = None, limit: Limit = 100
) -> PageView[BatchView]:
    """List the batches of a run, oldest first."""
    page = lists.list_parts(context.service, Batch, run_id, cursor=cursor, limit=limit)
    items = [BatchView.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


@router.post("/stop", status_code=202)
def stop_batches(context: InContext, run_id: str) -> RunView:
    """Stop using the Batch API: send the remaining calls one by one, at the normal price.

    Open batches are cancelled at the provider; results that are ready are kept.
    """
    run = control.stop_batches(context.service, run_id)
    context.send(run.id)
    with context.service.database.read() as session:
        return run_view(session, run)
