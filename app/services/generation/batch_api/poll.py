"""The polling of a run's batches: each is submitted, polled, and collected once it has ended.

A pump polls before its other work. It may die between any two steps: the next step is in the
batch's row, and no step repeats what is paid for.
"""

from collections.abc import Callable, Iterator
from math import inf

from sqlalchemy.orm import Session

from app.errors import ConfigurationError, Conflict, ItemError, Outage, RunError, Throttled
from app.llm.batch_api.batches import BatchEndpoint, BatchStatus
from app.llm.batch_api.lines import Named
from app.llm.dialects.dialect import Dialect, lessons_as_json
from app.services.context import ServiceContext
from app.services.generation.batch_api.held_batch import HeldBatch
from app.services.generation.batch_api.plan import AT_ONCE
from app.services.generation.batch_api.results import Collection
from app.services.generation.work import requests
from app.services.generation.work.material import PreparedRun
from app.services.run_leased import kept_lease
from app.states import BatchState, Status
from app.store.runs import runs, slots
from app.store.runs.runs import Hold
from app.store.work import batch_items, batches
from app.store.work.batches import Taken

_CANCELLING_SHARE = 1 / 24
"""Share of the patience with a batch that is left once it was cancelled. Providers promise ten
minutes for that."""


def poll_due(
    context: ServiceContext, prepared: PreparedRun, hold: Hold, stop: Callable[[], bool]
) -> None:
    """Poll each of the run's batches that is due, once; safe to repeat and to break off."""
    seen: set[str] = set()

    def take(session: Session) -> Taken | None:
        run = runs.lock(session, hold.run_id)
        at_work = run is not None and run.status in {Status.RUNNING, Status.CANCELLING}
        if not at_work or not slots.is_held(session, hold):
            return None
        for batch in batches.open_batches(session, hold.run_id, hold.token):
            if batch.is_due and not batch.is_held and batch.id not in seen:
                return batches.take(session, batch.id, hold.token)
        return None

    taken = context.database.retrying(take)
    if taken is None:
        return
    with kept_lease(context, lambda session, more_s: slots.extend(session, hold, more_s)):
        while taken is not None and not stop():
            seen.add(taken.batch.id)
            _Poll(context, prepared, HeldBatch(context, hold, taken), stop).go()
            taken = context.database.retrying(take)


class _Poll:
    """One poll of one batch."""

    def __init__(
        self,
        context: ServiceContext,
        prepared: PreparedRun,
        held: HeldBatch,
        stop: Callable[[], bool],
    ) -> None:
        self._context = context
        self._prepared = prepared
        self._held = held
        self._batch = held.batch
        self._stop = stop

    def go(self) -> None:
        """Take the batch as far as it goes now."""
        is_planned = self._batch.state == BatchState.PLANNED
        patience_s = self._context.outage_patience_s
        try:
            with self._endpoint() as endpoint:
                self._go_on(endpoint)
        except (RunError, ConfigurationError) as trouble:
            self._held.leave(trouble)
        except ItemError as trouble:
            if is_planned:
                self._held.refuse(trouble)
            else:
                self._held.wait(trouble, patience_s)
        except Throttled as trouble:
            self._throttled(trouble)
        except (Outage, Conflict) as trouble:
            self._held.wait(trouble, patience_s)

    def _throttled(self, trouble: Throttled) -> None:
        batch, patience_s = self._batch, self._context.throttle_patience_s
        if (
            batch.state == BatchState.PLANNED
            and not batch.may_exist
            and self._held.failing_s > patience_s
        ):
            # The provider may hold as much as it accepts: a smaller batch may fit.
            self._held.refuse(trouble)
        else:
            # A submitted batch loses nothing by waiting, unless it was cancelled.
            self._held.wait(trouble, inf if self._held.cancelled_s is None else patience_s)

    def _endpoint(self) -> BatchEndpoint:
        name = self._batch.endpoint
        for one in self._context.endpoints:
            if one.name == name and one.batches_for is not None:
                return one.batches_for(self._prepared.model)
        raise ConfigurationError(
            f"The batch was submitted to the endpoint {name!r}, which is not configured any more."
            " Add it to SEEDBED_ENDPOINTS again."
        )

    def _go_on(self, endpoint: BatchEndpoint) -> None:
        match self._batch.state, self._batch.provider_id:
            case BatchState.PLANNED, _:
                self._submit(endpoint)
            case BatchState.SUBMITTED, str(provider_id):
                self._poll(endpoint, provider_id)
            case BatchState.ENDED, str(provider_id):
                self._collect(endpoint, provider_id)

    def _submit(self, endpoint: BatchEndpoint) -> None:
        batch = self._batch
        provider_id: str | None = None
        dialect: Dialect = endpoint.dialect
        if self._held.cancelled_s is None:
            provider_id = endpoint.submit(batch.id, list(self._named()))
        elif batch.may_exist:
            provider_id = endpoint.find(batch.id)
        if provider_id is None:
            self._held.refuse(None)
        else:
            self._held.submitted(provider_id, lessons_as_json(dialect.lessons))

    def _named(self) -> Iterator[Named]:
        """Yield the batch's requests, always the same: its items do not change meanwhile."""
        material = self._prepared.material
        asking = material.asking
        after = 0
        while True:
            with self._context.database.read() as session:
                items = batch_items.within(session, material.run_id, self._batch.id, after, AT_ONCE)
                asked = requests.build(session, items, material, asking)
            if not asked:
                return
            yield from ((str(one.item.id), one.request) for one in asked)
            after = asked[-1].item.id

    def _poll(self, endpoint: BatchEndpoint, provider_id: str) -> None:
        patience_s, cancelled_s = self._context.batch_patience_s, self._held.cancelled_s
        unwanted = cancelled_s is not None or self._held.out_s > patience_s
        status = endpoint.status(provider_id)
        if status.state == "working" and unwanted:
            status = endpoint.cancel(provider_id)
        if status.state == "ended":
            self._has_ended(endpoint, provider_id, status)
        elif cancelled_s is not None and cancelled_s > patience_s * _CANCELLING_SHARE:
            self._held.lose(f"It was cancelled {cancelled_s:.0f} s ago, and has not ended.")
        else:
            self._held.working(status, cancelled=unwanted)

    def _has_ended(self, endpoint: BatchEndpoint, provider_id: str, status: BatchStatus) -> None:
        if status.trouble is not None:
            self._held.refuse(status.trouble)
            if isinstance(status.trouble, RunError):
                self._held.end_at_endpoint(status.trouble)
        elif self._held.ended(status):
            self._collect(endpoint, provider_id)

    def _collect(self, endpoint: BatchEndpoint, provider_id: str) -> None:
        collecting = Collection(self._context, self._prepared, self._held, endpoint)
        refusal = collecting.collect(endpoint.collect(provider_id), self._stop)
        if refusal is not None:
            self._held.end_at_endpoint(refusal)
