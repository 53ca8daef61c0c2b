"""The planning of batches: once nothing can be asked by calls, all waiting work goes into batches.

The results of a batch are recorded, and items that it lacks are asked by calls. The work that both
bring fills the next batches. The caller holds the run's row.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum, auto

from sqlalchemy.orm import Session

from app.llm.batch_api.lines import split
from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.generation.work import accounting, requests
from app.services.generation.work.claiming import Claim, Claimer
from app.services.generation.work.end_run import is_barren
from app.services.generation.work.item_call import ItemCall
from app.services.generation.work.material import PreparedRun, RunMaterial
from app.states import BatchState, Status
from app.store.ids import new_id
from app.store.tables.runs import Run
from app.store.work import batch_items, batches, item_counts, work_items
from app.store.work.batches import OpenBatch, Refused

MAX_REQUESTS = 10_000
"""In one batch. Providers take more, but a batch is claimed in one transaction, and its results
are recorded within a minute."""
AT_ONCE = 256
"""Items whose requests are built with one query."""


class Next(Enum):
    """The next step of a pump that has nothing to ask."""

    STAY = auto()
    """Stay: there is or will be something to ask by calls."""
    AGAIN = auto()
    """Start again: a batch has to be polled."""
    IDLE = auto()
    """Leave: everything that is left is with the provider."""


class BatchPlanner:
    """Plans batches for one pump; `token` is its fence."""

    def __init__(self, context: ServiceContext, prepared: PreparedRun, token: str) -> None:
        self._model = prepared.model
        self._token = token
        self._endpoints = [endpoint.name for endpoint in context.endpoints]
        self._claimer = Claimer(context, prepared, token)

    def is_due(self, session: Session, run_id: str) -> bool:
        """Return True when a batch has to be polled, and no pump does."""
        return _any_due(batches.open_batches(session, run_id, self._token))

    def next(self, session: Session, run: Run, material: RunMaterial, claim: Claim) -> Next:
        """Decide the next step after a claim that brought nothing: make batches, leave, or stay."""
        out = batches.open_batches(session, run.id, self._token)
        if _any_due(out):
            return Next.AGAIN
        if not (run.batch_stages or out) or self._calls_come_first(session, run, claim, out):
            return Next.STAY
        later_at = [batch.poll_at for batch in out]
        if is_barren(run, material):
            if batches.cancel_open(session, run.id):
                return Next.AGAIN
        elif not any(batch.state == BatchState.ENDED for batch in out):
            made = self._make_all(session, run, material, out, later_at)
            if made is not None:
                return made
        if not later_at:
            return Next.STAY
        run.idle_until = min(later_at)
        return Next.IDLE

    def _calls_come_first(
        self, session: Session, run: Run, claim: Claim, out: Sequence[OpenBatch]
    ) -> bool:
        """Return True when calls or results that are in work may bring more, for a fuller batch."""
        if any(batch.is_held for batch in out):
            return True
        if item_counts.any_open(session, run.id) and not (claim.capped and out):
            return True
        return batch_items.any_with_pumps(session, run.id, [batch.id for batch in out])

    def _make_all(
        self,
        session: Session,
        run: Run,
        material: RunMaterial,
        out: Sequence[OpenBatch],
        later_at: list[datetime],
    ) -> Next | None:
        """Make a batch of each stage that waits for one; None when there was nothing to do."""
        steps = set()
        for stage in sorted(map(Stage, run.batch_stages), key=lambda stage: stage.priority):
            if run.status != Status.RUNNING:
                # A cap paused it.
                break
            refused = batches.refused_last(session, run.id, stage)
            if refused is None or (refused.may_try and not out):
                steps.add(self._make(session, run, material, stage, refused))
            elif not out:
                later_at.append(refused.retry_at)
            # Else the provider holds as much as it accepts: batches there have to end first.
        return next((step for step in (Next.AGAIN, Next.STAY) if step in steps), None)

    def _make(
        self,
        session: Session,
        run: Run,
        material: RunMaterial,
        stage: Stage,
        refused: Refused | None,
    ) -> Next | None:
        limit = MAX_REQUESTS if refused is None else max(1, refused.requests // 2)
        found = list(self._waiting(session, material, stage, limit))
        asked = [one for one in found if one is not None]
        first = next(split(((str(one.item.id), one.request) for one in asked), self._model), [])
        claimed, budget = self._claimer.affordable(session, run, asked[: len(first)], by_batch=True)
        if budget.broken_cap is not None and budget.is_final:
            accounting.pause_for_budget(session, run, budget.broken_cap)
        if not claimed:
            return Next.STAY if len(found) > len(asked) else None
        batch_id = new_id("batch")
        values = {
            "id": batch_id,
            "run_id": run.id,
            "stage": stage,
            "endpoint": self._endpoint(run),
            "requests": len(claimed),
        }
        batches.add(session, values)
        work_items.lease(session, batch_id, {one.item.id: one.reserved for one in claimed})
        return Next.AGAIN

    def _endpoint(self, run: Run) -> str:
        """Return the first endpoint that is not set aside: a batch is not shared between them."""
        names = self._endpoints
        return next((name for name in names if name not in run.set_aside), names[0])

    def _waiting(
        self, session: Session, material: RunMaterial, stage: Stage, limit: int
    ) -> Iterator[ItemCall | None]:
        """Yield the items that wait for a batch; None for one that need not be asked at all."""
        after, run_id = 0, material.run_id
        while limit > 0:
            items = batch_items.waiting(session, run_id, stage, after, min(limit, AT_ONCE))
            if not items:
                return
            after, limit = items[-1].id, limit - len(items)
            asked = requests.build(session, items, material, material.asking)
            answered = self._claimer.answered(session, material, asked)
            known = {one.asked.item.id for one in answered}
            # A claim for calls finds the reply again, and nothing is asked.
            batch_items.ask_by_call(session, known)
            yield from (None if one.item.id in known else one for one in asked)


def _any_due(out: Sequence[OpenBatch]) -> bool:
    return any(batch.is_due and not batch.is_held for batch in out)
