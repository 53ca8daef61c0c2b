"""Several pumps on one run, and few workers for many runs."""

import json
from collections import Counter
from dataclasses import replace

from sqlalchemy import select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.services.runs import control
from app.states import FINAL, Status
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstructionRow, Rejection
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.runs.crew import crew_of, jain

pytestmark = MOSTLY_POSTGRESQL

SAME = "Describe how a river finds its way from the spring to the sea."


def pumps_of(bench: Bench, run_id: str, stage: str | None = None) -> Counter[str]:
    """How many replies each pump brought; a call's name begins with its pump's."""
    with bench.context.database.read() as session:
        calls = session.scalars(
            select(CompletionRow.call).where(
                CompletionRow.run_id == run_id,
                CompletionRow.stage == stage if stage else CompletionRow.stage != "preflight",
            )
        )
        return Counter(str(call).partition(".")[0] for call in calls)


def test_of_two_pumps_that_propose_the_same_instruction_at_once_one_is_accepted(
    open_bench: OpenBench, database_url: str
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        answer = reply(call)
        if "new tasks" not in call.messages[-1].content:
            # The calibration, so that both pumps are there when it comes to instructions.
            return replace(answer, delay_s=0.5)
        return ScriptedReply(json.dumps({"instructions": [SAME]}), delay_s=1.0)

    with open_bench(script, concurrency=1) as bench:
        # A target far enough off that two calls are in flight at once.
        run_id = bench.start(target=40, lookahead=2, workers=2, dry_after=2)
        with crew_of(bench.context, database_url, 2) as crew:
            crew.run_ids.append(run_id)
            crew.wait_until(lambda: control.get_run(bench.context, run_id).status in FINAL)
        # A pump that has nothing to do goes, and comes again under another name.
        assert len(pumps_of(bench, run_id, "generate")) >= 2
        with bench.context.database.read() as session:
            accepted = session.scalars(select(InstructionRow)).all()
            rejected = session.scalars(select(Rejection)).all()
    assert [row.text for row in accepted] == [SAME]
    assert {(row.text, row.reason) for row in rejected} == {(SAME, "near_duplicate")}
    assert rejected[0].neighbour == {"origin": "machine", "position": 0, "score": 1.0}


def test_four_pumps_make_the_same_data_set_as_one(open_bench: OpenBench, database_url: str) -> None:
    shared_out = {"is": False}

    def script(call: ScriptedCall) -> ScriptedReply:
        delay_s = 0.1 + call.n * 7 % 5 / 20
        return replace(reply(call), delay_s=delay_s if shared_out["is"] else 0.0)

    with open_bench(script, concurrency=2) as bench:
        alone = bench.start(target=40, random_seed=9, lookahead=16, workers=1)
        assert bench.work(alone).status == Status.SUCCEEDED
        shared_out["is"] = True
        shared = bench.start(target=40, random_seed=9, lookahead=16, workers=4)
        with crew_of(bench.context, database_url, 4) as crew:
            crew.run_ids.append(shared)
            crew.wait_until(lambda: control.get_run(bench.context, shared).status in FINAL)
        assert bench.alpaca(shared) == bench.alpaca(alone)
        by_pump = pumps_of(bench, shared)
    assert len([n for n in by_pump.values() if n > 5]) >= 3, by_pump


def test_few_workers_are_shared_out_evenly_and_a_run_that_comes_later_need_not_wait(
    open_bench: OpenBench, database_url: str
) -> None:
    calls: Counter[str] = Counter()

    def script(call: ScriptedCall) -> ScriptedReply:
        calls[call.model] += 1
        return replace(reply(call), delay_s=0.2)

    with open_bench(script, concurrency=4, slice_s=0.5) as bench:
        ids = [bench.start(target=5000, model=f"model {n}") for n in range(5)]
        with crew_of(bench.context, database_url, 2) as crew:
            crew.run_ids += ids
            crew.wait_until(lambda: len(calls) == len(ids))
            calls.clear()
            # Some slices of each run.
            crew.wait_until(lambda: calls.total() >= 350)
            shares = [calls[f"model {n}"] for n in range(5)]
            calls.clear()
            bench.start(target=5000, model="late")
            crew.wait_until(lambda: calls["late"])
            before_it = calls.total()
    assert min(shares) > 0
    assert jain(shares) > 0.9, shares
    # Not after each of the others had another turn.
    assert before_it < sum(shares) / 2, before_it


def test_more_workers_than_runs_are_shared_out_too(
    open_bench: OpenBench, database_url: str
) -> None:
    calls: Counter[str] = Counter()

    def script(call: ScriptedCall) -> ScriptedReply:
        calls[call.model] += 1
        return replace(reply(call), delay_s=0.1)

    with open_bench(script, concurrency=2, slice_s=0.5) as bench:
        ids = [
            bench.start(target=5000, model=f"model {n}", workers=4, lookahead=64) for n in range(2)
        ]
        with crew_of(bench.context, database_url, 4) as crew:
            crew.run_ids += ids
            crew.wait_until(lambda: len(calls) == 2)
            crew.wait_until(lambda: calls.total() >= 100)
            calls.clear()
            crew.wait_until(lambda: calls.total() >= 300)
            shares = list(calls.values())
    assert jain(shares) > 0.9, shares
