"""Commits that succeed and are answered with an error: nothing may be done twice for it."""

import hashlib
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.types import Stage
from app.services.runs import control
from app.states import FINAL, Status
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstanceRow, Rejection
from app.store.tables.runs import RunEvent
from app.store.tables.work import WorkItem
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.runs.crew import Mishaps, crew_of

pytestmark = MOSTLY_POSTGRESQL

SHARE = 0.15
ATTEMPTS = 2


def is_stubborn(words: str) -> bool:
    """Some prompts never get an answer, at any attempt."""
    asks_for_examples = "examples" in words and "stone" not in words
    return asks_for_examples and hashlib.sha256(words.encode()).digest()[0] < 80


def script(call: ScriptedCall) -> ScriptedReply:
    answer = replace(reply(call), delay_s=0.01)
    none = is_stubborn(call.messages[-1].content)
    return replace(answer, raw=b'{"choices": [') if none else answer


def stored(bench: Bench, run_id: str, table: Any, *columns: str) -> Counter[tuple[str, ...]]:
    """Count the rows that are equal in these columns."""
    with bench.context.database.read() as session:
        rows = session.scalars(select(table).where(table.run_id == run_id)).all()
    return Counter(tuple(str(getattr(row, name)) for name in columns) for row in rows)


def facts(bench: Bench, run_id: str) -> dict[str, object]:
    """What does not depend on when replies came: all but the last calls for instructions."""

    def later(table: Any, *columns: str) -> Counter[tuple[str, ...]]:
        found = stored(bench, run_id, table, "stage", *columns)
        return Counter({row: n for row, n in found.items() if row[0] != Stage.GENERATE})

    return {
        "data set": bench.alpaca(run_id),
        "instances": stored(bench, run_id, InstanceRow, "sequence", "position", "output"),
        "rejections": later(Rejection, "text", "reason", "sequence"),
        "items": later(WorkItem, "ordinal", "state", "attempts"),
        "replies": later(CompletionRow, "prompt", "reply"),
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_a_commit_whose_answer_is_lost_doubles_nothing(
    open_bench: OpenBench, database_url: str, seed: int
) -> None:
    options = {"target": 25, "random_seed": 5, "max_attempts": ATTEMPTS, "workers": 2}
    asked: Counter[str] = Counter()

    def counting(call: ScriptedCall) -> ScriptedReply:
        asked[call.messages[-1].content] += 1
        return script(call)

    with open_bench(counting, lease_s=30.0) as bench:
        plain = bench.start(**options)
        bench.work(plain)
        expected = facts(bench, plain)
        asked.clear()
        run_id = bench.start(**options)
        mishaps = Mishaps(random.Random(seed), answers_lost=SHARE)
        with crew_of(bench.context, database_url, 2, mishaps) as crew:
            crew.run_ids.append(run_id)
            crew.wait_until(lambda: control.get_run(bench.context, run_id).status in FINAL)
        assert facts(bench, run_id) == expected
        replies = stored(bench, run_id, CompletionRow, "call")
        events = stored(bench, run_id, RunEvent, "kind", "data")
        run = control.get_run(bench.context, run_id)
    assert run.status == Status.SUCCEEDED
    assert set(replies.values()) == set(events.values()) == {1}
    assert run.calls == replies.total()
    answered = {words: n for words, n in asked.items() if "stone" not in words}
    stubborn_ones = {words for words in answered if is_stubborn(words)}
    assert stubborn_ones
    assert {answered.pop(words) for words in stubborn_ones} == {ATTEMPTS}
    assert set(answered.values()) == {1}
    # Answers that were none may be charged, each of them; the preflight too, as nobody knows.
    failed = ATTEMPTS * len(stubborn_ones)
    assert failed <= run.presumed_spent_calls <= failed + 3
