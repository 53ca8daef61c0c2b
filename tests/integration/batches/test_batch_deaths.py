"""Batches with several pumps at once, and with pumps that die at any step."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.llm.batch_api.batches import BatchEndpoint, BatchStatus, Collected
from app.llm.dialects.shared import SharedDialect
from app.llm.scripted.batch import BatchPlan
from app.llm.scripted.model import reply
from app.services.generation.advance_run import advance_run
from app.services.generation.slots import sweep
from app.services.runs import control
from app.store.database import Database, Result
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.batches.batch_runs import (
    PRICES,
    always,
    batches_of,
    check_books,
    never,
    paid,
    settle,
)

pytestmark = [pytest.mark.crash, MOSTLY_POSTGRESQL]

KEY = "sk-very-secret-key"


def test_several_pumps_send_and_collect_each_batch_once(open_bench: OpenBench) -> None:
    options = {"target": 60, "random_seed": 4, "lookahead": 4, "tasks_per_request": 4}
    with open_bench(reply, batches=always(BatchPlan(takes_s=0.2)), prices=PRICES) as bench:
        ordinary = bench.start(**options)
        bench.work(ordinary)
        before, lines = paid(bench), bench.server.counts.batch_lines
        run_id = bench.start(**options, batch="all_stages", workers=3)
        pumps = [threading.Thread(target=settle, args=(bench, run_id)) for _ in range(3)]
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        assert bench.view(run_id).status == "succeeded"
        assert bench.alpaca(run_id) == bench.alpaca(ordinary)
        made = batches_of(bench, run_id)
        assert bench.server.counts.batches == len(made)
        assert bench.server.counts.batch_lines - lines == sum(one.requests for one in made)
        check_books(bench, run_id, before)


SMALL: dict[str, Any] = {
    "target": 16, "random_seed": 4, "lookahead": 2, "tasks_per_request": 3,
}  # fmt: skip


class Killed(BaseException):
    """What a process does not survive."""


class Life:
    """How long a process lives, in steps: what it says to the database and to the provider."""

    def __init__(self, most: float) -> None:
        self._left = most
        self._thread = threading.current_thread()

    @property
    def is_over(self) -> bool:
        return self._left <= 0

    def step(self) -> None:
        if threading.current_thread() is self._thread:
            self._left -= 1
            if self.is_over:
                raise Killed


class MortalDatabase(Database):
    """A process may die before a transaction and after it."""

    def __init__(self, url: str, life: Life) -> None:
        super().__init__(url)
        self._life = life

    def retrying(
        self, work: Callable[[Session], Result], *, patience_s: float = 5.0, writes: bool = True
    ) -> Result:
        self._life.step()
        # The thread that keeps the lease dies with its process.
        done: Any = (lambda _: None) if self._life.is_over else work
        result: Result = super().retrying(done, patience_s=patience_s, writes=writes)
        self._life.step()
        return result


class MortalEndpoint(BatchEndpoint):
    """A process may die before a question to the provider, after it, and between two lines."""

    def __init__(self, base_url: str, model: str, dialect: SharedDialect, life: Life) -> None:
        super().__init__(base_url, KEY, model, 5.0, dialect)
        self._life = life

    def submit(self, batch_id: str, requests: Any) -> str:
        self._life.step()
        found = super().submit(batch_id, requests)
        self._life.step()
        return found

    def status(self, provider_id: str) -> BatchStatus:
        self._life.step()
        status = super().status(provider_id)
        self._life.step()
        return status

    def collect(self, provider_id: str, asked: Any = None) -> Iterator[Collected]:
        self._life.step()
        yield from super().collect(provider_id, asked)
        self._life.step()


def take_turn(bench: Bench, database_url: str, run_id: str, most: float) -> bool:
    """Let a process serve the next turn that the run needs; whether it lived to its end.

    Nothing is to do while the lease of a dead process lasts or the provider works on a batch: then
    the turn is waited for, so that each process has one, whatever takes how long.
    """
    life = Life(most)

    (endpoint,) = bench.context.endpoints

    def batches_for(model: str) -> BatchEndpoint:
        return MortalEndpoint(bench.server.base_url, model, endpoint.dialects.of(model), life)

    database = MortalDatabase(database_url, life)
    mortal = replace(
        bench.context,
        database=database,
        endpoints=[replace(endpoint, batches_for=batches_for)],
        lease_s=0.3,
    )
    try:
        while not (due := sweep(bench.context)) and is_running(bench, run_id):
            time.sleep(0.01)
        for slot in due:
            advance_run(mortal, slot, never)
    except Killed:
        return False
    finally:
        database.close()
    return True


def is_running(bench: Bench, run_id: str) -> bool:
    return control.get_run(bench.context, run_id).status == "running"


def survives(bench: Bench, database_url: str, ages: Iterator[int]) -> Sequence[int]:
    """Let processes die at these ages until the run is over; the ages at which they died.

    Two of three turns are served by a process that is to die; one that lives for longer than its
    turn is followed by another for the same age.
    """
    ordinary = bench.start(**SMALL)
    bench.work(ordinary)
    before, lines = paid(bench), bench.server.counts.batch_lines
    run_id = bench.start(**SMALL, batch="all_stages")
    settle(bench, run_id, until=lambda: bool(batches_of(bench, run_id)))
    died_at: list[int] = []
    age = next(ages)
    for turn in count():
        if not is_running(bench, run_id):
            break
        if turn % 3 == 2:
            take_turn(bench, database_url, run_id, float("inf"))
        elif not take_turn(bench, database_url, run_id, age):
            died_at.append(age)
            age = next(ages)
    assert bench.view(run_id).status == "succeeded"
    assert bench.alpaca(run_id) == bench.alpaca(ordinary)
    made = batches_of(bench, run_id)
    assert {one.state for one in made} == {"collected"}
    assert bench.server.counts.batches == len(made)
    assert bench.server.counts.batch_lines - lines == sum(one.requests for one in made)
    check_books(bench, run_id, before)
    assert bench.view(run_id).budget.written_off.calls == 0
    return died_at


def test_whatever_a_process_dies_at_nothing_is_lost_and_nothing_paid_twice(
    open_bench: OpenBench, database_url: str
) -> None:
    with open_bench(reply, prices=PRICES, batch_poll_s=0.02) as bench:
        died_at = survives(bench, database_url, ages=(2 + n % 14 for n in count()))
    assert set(died_at) == set(range(2, 16))


@pytest.mark.slow
@pytest.mark.parametrize("age", range(1, 21))
def test_a_process_that_dies_at_any_step_of_any_batch_loses_nothing(
    open_bench: OpenBench, database_url: str, age: int
) -> None:
    with open_bench(reply, prices=PRICES, batch_poll_s=0.02) as bench:
        survives(bench, database_url, ages=(age for _ in count()))
