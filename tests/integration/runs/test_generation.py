"""Whole runs in this process, on a real database, against a real HTTP endpoint."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Literal

import pytest
from sqlalchemy import func, select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedReply
from app.pipeline.options import RunOptions
from app.services.runs import control, lists
from app.services.runs.run_request import RunRequest
from app.similarity import SimilarityIndex
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstanceRow, InstructionRow, Rejection
from app.store.tables.runs import RunEvent
from app.store.work import instructions
from tests.bench import SEEDS, OpenBench, after_looks
from tests.conftest import MOSTLY_POSTGRESQL

Profile = Literal["default", "paper", "alpaca"]


@MOSTLY_POSTGRESQL
@pytest.mark.parametrize("profile", ["default", "paper", "alpaca"])
def test_a_run_meets_its_target_and_its_data_set_is_alpaca(
    open_bench: OpenBench, profile: Profile
) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(profile=profile, target=25)
        seen = bench.work(run_id)
        rows = json.loads(bench.alpaca(run_id))
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
    assert seen.funnel.accepted == 25
    assert len(rows) == seen.funnel.instances > 0
    assert all(set(row) == {"instruction", "input", "output"} for row in rows)
    assert all(row["output"] for row in rows)


@MOSTLY_POSTGRESQL
def test_the_funnel_adds_up(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        # Enough that each kind of mishap has come up.
        run_id = bench.start(target=120)
        seen = bench.work(run_id)
        funnel = seen.funnel
        assert funnel.asked == bench.server.counts.calls
    assert funnel.parsed == funnel.accepted + sum(funnel.rejected.values())
    assert funnel.accepted == funnel.classification + funnel.not_classification + funnel.unknown
    assert {"near_duplicate", "too_short", "blacklisted_word"} <= set(funnel.rejected)


@MOSTLY_POSTGRESQL
@pytest.mark.parametrize("profile", ["default", "paper", "alpaca"])
def test_a_seeded_run_gives_the_same_data_set_byte_for_byte(
    open_bench: OpenBench, profile: Profile
) -> None:
    def shuffled(delays: Callable[[int], float]) -> str:
        numbers = count()
        with open_bench(lambda call: _delayed(reply(call), delays(next(numbers)))) as bench:
            run_id = bench.start(profile=profile, target=30, random_seed=11)
            assert bench.work(run_id).status == "succeeded"
            return bench.alpaca(run_id)

    # Different delays make replies come in different orders; the data set must not show it.
    first = shuffled(lambda n: (n * 7 % 5) / 100)
    second = shuffled(lambda n: (n * 3 % 4) / 50)
    assert first == second


def _delayed(answer: ScriptedReply, delay_s: float) -> ScriptedReply:
    return replace(answer, delay_s=delay_s)


@MOSTLY_POSTGRESQL
def test_another_random_seed_gives_another_data_set(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        sets = []
        for seed in (1, 2):
            run_id = bench.start(target=15, random_seed=seed)
            bench.work(run_id)
            sets.append(bench.alpaca(run_id))
    assert sets[0] != sets[1]


def test_a_run_that_is_stopped_again_and_again_ends_with_the_same_data_set(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply) as bench:
        whole = bench.start(target=30, random_seed=5)
        bench.work(whole)
        pieces = bench.start(target=30, random_seed=5)
        for most in range(3, 1000, 4):
            if bench.work(pieces, after_looks(most)).ended_at:
                break
        assert most > 3, "it was never interrupted"
        assert bench.alpaca(pieces) == bench.alpaca(whole)


@MOSTLY_POSTGRESQL
def test_no_two_of_the_pool_are_nearer_than_the_threshold(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=60)
        bench.work(run_id)
        with bench.context.database.read() as session:
            texts = instructions.texts_from(session, run_id, 0)
    assert len(texts) == 60
    pool = SimilarityIndex(threshold=0.7)
    pool.extend(seed.instruction for seed in SEEDS)
    for text in texts:
        assert pool.nearest(text) is None
        pool.insert(text)


@MOSTLY_POSTGRESQL
def test_every_row_leads_back_to_its_reply_prompt_and_demonstrations(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=12)
        bench.work(run_id)
        with bench.context.database.read() as session:
            made = session.scalars(select(InstructionRow)).all()
            for row in made:
                asked = session.get_one(CompletionRow, row.completion_id)
                assert asked.stage == "generate"
                assert row.text in asked.reply
                assert asked.prompt_version.startswith("default/generate@")
                for shown in asked.demonstrations:
                    origin, position = shown["origin"], shown["position"]
                    assert origin == "seed" or position < row.sequence
                    if origin == "seed":
                        assert SEEDS[position].instruction in asked.prompt
                assert session.get_one(CompletionRow, row.classified_by).stage == "classify"
            for instance in session.scalars(select(InstanceRow)):
                answered = session.get_one(CompletionRow, instance.completion_id)
                assert json.dumps(instance.output)[1:-1] in answered.reply
            replies = session.scalar(select(func.count()).select_from(CompletionRow))
    assert len(made) == 12
    assert replies == bench.server.counts.calls


@MOSTLY_POSTGRESQL
def test_a_near_duplicate_names_which_one_and_how_near(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=40)
        bench.work(run_id)
        with bench.context.database.read() as session:
            texts = instructions.texts_from(session, run_id, 0)
            near = session.scalars(
                select(Rejection).where(Rejection.reason == "near_duplicate")
            ).all()
    assert near
    for rejection in near:
        assert rejection.neighbour is not None
        position = rejection.neighbour["position"]
        other = (
            SEEDS[position].instruction
            if rejection.neighbour["origin"] == "seed"
            else texts[position]
        )
        pair = SimilarityIndex(threshold=0.7)
        pair.insert(other)
        judged = pair.nearest(rejection.text)
        assert judged is not None
        assert judged.score == rejection.neighbour["score"] > 0.7


@MOSTLY_POSTGRESQL
def test_fewer_seeds_than_a_prompt_shows_is_said_and_is_no_failure(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply) as bench:
        request = RunRequest(None, SEEDS[:2], RunOptions(target=8))
        run_id = control.start_run(bench.context, request, None).id
        assert bench.work(run_id).status == "succeeded"
        events = lists.list_parts(bench.context, RunEvent, run_id, cursor=None, limit=100).items
    assert "few_seeds" in {event.kind for event in events}
