"""When calls are put into a batch: once nothing else can be asked, all that waits for one.

So rounds make themselves: what a batch brings is recorded, what it lacks is asked by calls, and the
work that comes of both fills the next batches. The caller holds the run's row.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum, auto

from sqlalchemy.orm import Session

from app.llm.batch_api.lines import split
from app.pipeline.shapes import Asking
from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.generation.work import requests
from app.services.generation.work.claiming import Claim, Claimer
from app.services.generation.work.completion import is_barren
from app.services.generation.work.pool import RunMaterial
from app.services.generation.work.requests import Asked
from app.states import BatchState, Status
from app.store.ids import new_id
from app.store.tables.runs import Run
from app.store.work import batch_items, batches, work_items
from app.store.work.batches import Out, Refused

MOST_REQUESTS = 10_000
"""In one batch. Providers take more; but it is claimed in one transaction, and collected in a
minute."""
AT_ONCE = 256
"""Items whose requests are built with one query."""
_ORDER = (Stage.INSTANTIATE, Stage.CLASSIFY, Stage.GENERATE, Stage.REVIEW)
"""What was begun is finished before more is begun."""


class Next(Enum):
    """What a pump that has nothing to ask should do."""

    STAY = auto()
    """There is or will be something to ask by calls."""
    AGAIN = auto()
    """Begin anew: a batch has to be seen to."""
    REST = auto()
    """Leave: all that is left is with the provider."""


class Batching:
    """For one pump; `token` is its fence."""

    def __init__(
        self, context: ServiceContext, material: RunMaterial, asking: Asking, model: str, token: str
    ) -> None:
        self.material = material
        self._asking = asking
        self._model = model
        self._token = token
        # The first of several: a batch is not shared out.
        self._endpoint = context.endpoints[0].name
        self._claimer = Claimer(context, material, asking, model, token)

    def is_due(self, session: Session) -> bool:
        """Whether a batch has to be seen to, and nobody does."""
        return _any_due(batches.out(session, self.material.run_id, self._token))

    def next(self, session: Session, run: Run, claim: Claim) -> Next:
        """See what to do after a claim that brought nothing: make batches, leave, or stay."""
        out = batches.out(session, run.id, self._token)
        if _any_due(out):
            return Next.AGAIN
        if not (run.batch_stages or out) or self._calls_come_first(session, run, claim, out):
            return Next.STAY
        later_at = [batch.poll_at for batch in out]
        if is_barren(run, self.material):
            if batches.cancel_open(session, run.id):
                return Next.AGAIN
        elif not any(batch.state == BatchState.ENDED for batch in out):
            made = self._make_all(session, run, out, later_at)
            if made is not None:
                return made
        if not later_at:
            return Next.STAY
        run.idle_until = min(later_at)
        return Next.REST

    def _calls_come_first(
        self, session: Session, run: Run, claim: Claim, out: Sequence[Out]
    ) -> bool:
        """Whether what is being asked or read now may bring more, for a fuller batch."""
        if any(batch.is_held for batch in out):
            return True
        if work_items.any_open(session, run.id) and not (claim.capped and out):
            return True
        return batch_items.any_with_pumps(session, run.id, [batch.id for batch in out])

    def _make_all(
        self, session: Session, run: Run, out: Sequence[Out], later_at: list[datetime]
    ) -> Next | None:
        """Make a batch of each stage that waits for one; None when there was nothing to do."""
        steps = set()
        for stage in _ORDER:
            if stage not in run.batch_stages or run.status != Status.RUNNING:
                continue
            refused = batches.refused_last(session, run.id, stage)
            if refused is None or (refused.may_try and not out):
                steps.add(self._make(session, run, stage, refused))
            elif not out:
                later_at.append(refused.retry_at)
            # Else the provider has as much as it takes: what is out has to come back first.
        return next((step for step in (Next.AGAIN, Next.STAY) if step in steps), None)

    def _make(
        self, session: Session, run: Run, stage: Stage, refused: Refused | None
    ) -> Next | None:
        most = MOST_REQUESTS if refused is None else max(1, refused.requests // 2)
        found = list(self._waiting(session, run.id, stage, most))
        asked = [one for one in found if one is not None]
        first = next(split(((str(one.item.id), one.request) for one in asked), self._model), [])
        claimed = self._claimer.affordable(session, run, asked[: len(first)], by_batch=True)
        if not claimed:
            return Next.STAY if len(found) > len(asked) else None
        batch_id = new_id("batch")
        values = {
            "id": batch_id,
            "run_id": run.id,
            "stage": stage,
            "endpoint": self._endpoint,
            "requests": len(claimed),
        }
        batches.add(session, values)
        work_items.lease(session, batch_id, {one.item.id: one.reserved for one in claimed})
        return Next.AGAIN

    def _waiting(
        self, session: Session, run_id: str, stage: Stage, most: int
    ) -> Iterator[Asked | None]:
        """What waits for a batch, with its request; None for what need not be asked at all."""
        after = 0
        while most > 0:
            items = batch_items.waiting(session, run_id, stage, after, min(most, AT_ONCE))
            if not items:
                return
            after, most = items[-1].id, most - len(items)
            asked = requests.build(session, items, self.material, self._asking)
            known = {one.asked.item.id for one in self._claimer.answered(session, asked)}
            # A claim for calls finds the reply again, and nothing is asked.
            batch_items.ask_by_call(session, known)
            yield from (None if one.item.id in known else one for one in asked)


def _any_due(out: Sequence[Out]) -> bool:
    return any(batch.is_due and not batch.is_held for batch in out)
