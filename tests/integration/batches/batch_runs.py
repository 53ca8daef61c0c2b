"""Runs by batch within this process: driven as sweeper and workers drive them."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.llm.scripted.batch import BatchPlan
from app.llm.scripted.batches import BatchScript, Fault, Route
from app.llm.scripted.server import ScriptedReply
from app.schemas.runs import RunView
from app.services.generation.advance_run import advance_run
from app.services.generation.slots import sweep
from app.services.runs import control
from app.settings import Price
from app.store.runs.slots import Slot
from app.store.tables.batches import Batch
from app.store.tables.completions import CompletionRow
from tests.bench import Bench

ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is between us and the provider alone: that takes its time."""
PRICES = {"scripted": Price(input_usd=Decimal("0.5"), output_usd=Decimal(2))}


def never() -> bool:
    return False


def settle(
    bench: Bench, run_id: str, until: Callable[[], bool] = never, timeout_s: float = 90.0
) -> RunView:
    """Work on what the sweeper names until the run waits for a person, has ended, or `until`."""
    until_s = time.monotonic() + timeout_s
    while control.get_run(bench.context, run_id).status in {"queued", "running", "cancelling"}:
        if until():
            break
        assert time.monotonic() < until_s, "the run does not end"
        look(bench, until)
        time.sleep(0.01)
    return bench.view(run_id)


def look(bench: Bench, until: Callable[[], bool] = never) -> None:
    """One look of the sweeper, and what a worker does of it."""
    for slot in sweep(bench.context):
        again: Slot | None = slot
        while again is not None and not until():
            again = advance_run(bench.context, again, never)


def batches_of(bench: Bench, run_id: str) -> Sequence[Batch]:
    with bench.context.database.read() as session:
        made = select(Batch).where(Batch.run_id == run_id).order_by(Batch.id)
        return session.scalars(made).all()


def is_out(bench: Bench, run_id: str) -> Callable[[], bool]:
    """Whether a batch is with the provider."""
    return lambda: any(one.state == "submitted" for one in batches_of(bench, run_id))


def check_books(bench: Bench, run_id: str, paid_before: int = 0) -> None:
    """Hold a run's books against what the endpoint was paid for since then."""
    run = control.get_run(bench.context, run_id)
    counts = bench.server.counts
    assert run.calls + run.presumed_spent_calls == counts.calls + counts.batch_lines - paid_before
    with bench.context.database.read() as session:
        kept = select(func.count(), func.sum(CompletionRow.cost_usd)).where(
            CompletionRow.run_id == run_id, CompletionRow.reused_from.is_(None)
        )
        count, cost_usd = session.execute(kept).one()
    assert (run.calls, run.cost_usd) == (count, cost_usd)


def paid(bench: Bench) -> int:
    return bench.server.counts.calls + bench.server.counts.batch_lines


def always(plan: BatchPlan) -> BatchScript:
    """Every batch goes like this."""
    return BatchScript(lambda _: plan)


def first(plan: BatchPlan) -> BatchScript:
    """The first batch goes like this, the others well."""
    return BatchScript(lambda n: plan if n == 1 else BatchPlan())


def fault(route: Route, reply: ScriptedReply, *, done: bool = False) -> BatchScript:
    """The first call of a route gets this reply."""
    return BatchScript(
        fault=lambda route_, n: Fault(reply, done) if (route_, n) == (route, 1) else None
    )


def problem(status: int, message: str, code: str | None = None) -> ScriptedReply:
    return ScriptedReply(status=status, error={"message": message, "code": code})
