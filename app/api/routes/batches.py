"""A run's batches over HTTP: what is with the provider, and how to do without."""

from fastapi import APIRouter

from app.api.context import Cursor, InContext, Limit
from app.api.problems import Problem
from app.schemas.runs import BatchView, RunView
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
    """List the batches of calls that it sent to the provider, in the order they were made."""
    page = lists.list_parts(context.service, Batch, run_id, cursor=cursor, limit=limit)
    items = [BatchView.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


@router.post("/stop", status_code=202)
def stop_batches(context: InContext, run_id: str) -> RunView:
    """Ask all that is left by ordinary calls, at their price.

    What is with the provider is cancelled; what it has answered until then is collected.
    """
    run = control.stop_batches(context.service, run_id)
    context.send(run.id)
    with context.service.database.read() as session:
        return run_view(session, run)
