"""An account that is empty or locked, at any stage: the run pauses at once, and can go on."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.services.runs import control
from app.store.database import Database
from app.store.tables.completions import CompletionRow
from app.store.tables.work import WorkItem
from tests import review_runs
from tests.bench import OpenBench

OPTIONS: dict[str, Any] = {"target": 4, "random_seed": 4, "lookahead": 2}
STAGES = {
    "preflight": ("stone", 402),
    "calibrate": ("N/A", 401),
    "generate": ("new tasks", 403),
    "classify": ("classification task", 402),
    "instantiate": ("instances", 401),
}


def text_of(call: ScriptedCall) -> str:
    return "\n".join(message.content for message in call.messages)


class Account:
    """Has no credit from the first call of a stage on, until somebody pays."""

    def __init__(self, mark: str, status: int) -> None:
        self.is_paid = False
        self.refused = 0
        self._mark = mark
        self._status = status

    def __call__(self, call: ScriptedCall) -> ScriptedReply:
        if self.is_paid or (not self.refused and self._mark not in text_of(call)):
            return reply(call)
        self.refused += 1
        error = {"message": "Your credit is used up; see the billing page."}
        return ScriptedReply(status=self._status, error=error)


@pytest.mark.parametrize("stage", STAGES)
def test_the_run_pauses_at_once_with_the_words_and_loses_nothing(
    open_bench: OpenBench, stage: str
) -> None:
    account = Account(*STAGES[stage])
    with open_bench(account) as bench:
        run_id = bench.start(**OPTIONS)
        paused = bench.work(run_id)
        assert (paused.status, paused.end_reason) == ("paused", "provider")
        assert "Your credit is used up" in (paused.message or "")
        assert 0 < account.refused <= 1 + bench.context.concurrency
        with bench.context.database.read() as session:
            assert not session.scalar(select(func.max(WorkItem.attempts)))
        account.is_paid = True
        control.resume_run(bench.context, run_id)
        seen = bench.work(run_id)
        assert (seen.status, seen.progress.complete) == ("succeeded", 4)
        # Every answered call is in the books, once.
        with bench.context.database.read() as session:
            stored = session.scalar(select(func.count()).select_from(CompletionRow))
        assert seen.funnel.asked == stored == bench.server.counts.calls - account.refused


def test_a_review_pauses_at_once_and_goes_on(open_bench: OpenBench, database: Database) -> None:
    refused = [0, 0]

    def script(call: ScriptedCall) -> ScriptedReply:
        if "stone" in text_of(call):
            return reply(call)
        if (review_runs.number_of(call) or 0) < 3 or refused[1]:
            return review_runs.judge(call)
        refused[0] += 1
        return ScriptedReply(status=402, error={"message": "Pay first."})

    with open_bench(script, concurrency=2) as bench:
        dataset_id = review_runs.stored(database, review_runs.some_rows(6))
        run_id = review_runs.start(bench, dataset_id, "judge")
        paused = bench.work(run_id)
        assert (paused.status, paused.progress.complete) == ("paused", 3)
        assert "Pay first." in (paused.message or "")
        assert refused[0] <= 3
        refused[1] = 1
        control.resume_run(bench.context, run_id)
        assert bench.work(run_id).progress.complete == 6
