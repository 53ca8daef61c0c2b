"""One transaction of a pump: everything that has ended by then is recorded."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from sqlalchemy import func, select

from app.llm.parallel.calls import Calls
from app.llm.scripted.model import reply
from app.services.generation import slots
from app.services.generation.pump_transaction import Turns
from app.services.generation.start.prepare import prepare
from app.services.generation.work.item_call import ItemCall
from app.services.model_calls.in_flight import InFlight
from app.store.runs.runs import Hold
from app.store.tables.completions import CompletionRow
from tests.bench import Bench


def test_what_was_answered_while_the_row_was_locked_is_recorded_with_the_rest(
    open_bench: Callable[..., AbstractContextManager[Bench]],
) -> None:
    with open_bench(reply) as bench:
        context, hold = bench.context, Hold(bench.start(target=12), 0, "token")
        assert context.database.retrying(partial(slots.take, hold=hold, lease_s=60.0))
        prepared = prepare(context, hold)
        assert prepared is not None
        with Calls(context.endpoints, prepared.model, context.concurrency) as calls:
            in_flight = InFlight[ItemCall](context, calls, prepared.model)
            turns = Turns(context, prepared, hold, in_flight)
            before = _recorded(bench)
            claim, _ = turns.take(is_leaving=False)
            in_flight.send(claim.to_ask)
            until = time.monotonic() + 30
            while any(lane.in_flight for lane in calls.lanes.values()):
                assert time.monotonic() < until
                time.sleep(0.01)
            # Nothing was collected before: the transaction does that once it has the run's row.
            turns.take(is_leaving=True)
            assert len(claim.to_ask) > 1
            assert not in_flight
            assert _recorded(bench) == before + len(claim.to_ask)


def _recorded(bench: Bench) -> int:
    with bench.context.database.read() as session:
        return session.scalar(select(func.count()).select_from(CompletionRow)) or 0
