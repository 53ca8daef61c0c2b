"""Whole runs of one model at a played endpoint, and what is seen of them afterwards."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.llm.scripted.behaviours.combine import Behaviour, playing, when
from app.llm.scripted.behaviours.wordings import ignores_schema, no_logprobs
from app.llm.scripted.wire import ScriptedCall
from app.schemas.runs import RunView
from app.settings import Price
from app.store.tables.instructions import Rejection
from app.store.tables.runs import RunEvent
from tests.bench import Bench, OpenBench

SMALL: dict[str, Any] = {"target": 5, "random_seed": 4, "lookahead": 2}
"""The options of most runs here: some 15 calls."""
PRICES = {"scripted": Price(input_usd=Decimal(1), output_usd=Decimal(10))}
PLAIN: tuple[Behaviour, ...] = (ignores_schema, no_logprobs)
"""An endpoint that answers in text only, and says nothing but the answer."""


class Switch:
    """A behaviour that a test switches on and off."""

    def __init__(self, behaviour: Behaviour, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._behaviour = behaviour

    def __call__(self, script: Callable[[ScriptedCall], Any]) -> Callable[[ScriptedCall], Any]:
        return when(lambda _call: self.is_on, self._behaviour)(script)


def grown(open_bench: OpenBench, *behaviours: Behaviour, **options: Any) -> tuple[RunView, str]:
    """Grow a small data set; returns the run and its rows as one JSON text."""
    with open_bench(playing(*behaviours)) as bench:
        run_id = bench.start(**{**SMALL, **options})
        return work(bench, run_id), bench.alpaca(run_id)


def rejections(bench: Bench, run_id: str) -> list[tuple[str, str]]:
    """Return the stage and the reason of everything that was rejected."""
    with bench.context.database.read() as session:
        found = session.scalars(select(Rejection).where(Rejection.run_id == run_id))
        return [(str(one.stage), one.reason) for one in found]


def events(bench: Bench, run_id: str) -> list[tuple[str, Any]]:
    """Return kind and data of each event of a run, in order."""
    with bench.context.database.read() as session:
        found = session.scalars(
            select(RunEvent).where(RunEvent.run_id == run_id).order_by(RunEvent.id)
        )
        return [(one.kind, one.data) for one in found]


def given_up(seen: RunView) -> int:
    """Return how many calls were given up after all their attempts."""
    return sum(counts.dead for counts in seen.stages.values())


def work(bench: Bench, run_id: str) -> RunView:
    """Work on a run until it rests; one that hangs is left, so that its test fails."""
    give_up_at = time.monotonic() + 60.0
    return bench.work(run_id, lambda: time.monotonic() > give_up_at)
