"""A model as judge within a job: a real endpoint is asked in both orders, and paid once."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.errors import InvalidInput
from app.evaluation.evaluation_result import Evaluation
from app.evaluation.metrics import JudgeFigures
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply
from app.services.context import ServiceContext
from app.services.training.jobs import control
from app.services.training.jobs import work as training
from app.services.training.jobs.control import folder_of
from app.services.training.jobs.requests import TrainingRequest
from app.services.training.judging.judgements import JUDGEMENTS, JudgementFile
from app.settings import Price
from app.store.tables.training import TrainingJob
from app.training.plain.option_groups import EvaluationOptions, JudgeOptions
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.dataset_versions import imported
from tests.scripted_trainer import ScriptedTrainer

pytestmark = MOSTLY_POSTGRESQL

ROWS = [
    {"instruction": f"Say the number {n} in words.", "input": "", "output": f"It is {n}."}
    for n in range(12)
]


def says(verdict: str, **how: Any) -> Script:
    text = json.dumps({"reason": "So it is.", "verdict": verdict})
    return lambda _: ScriptedReply(text, **how)


def likes(word: str) -> Script:
    """Of two answers it likes the one that holds the word, wherever it stands."""

    def judged(call: ScriptedCall) -> ScriptedReply:
        first = call.messages[-1].content.partition("<first_answer>")[2].partition("</first")[0]
        return ScriptedReply(json.dumps({"verdict": "first" if word in first else "second"}))

    return judged


@pytest.fixture
def opened(open_bench: OpenBench, tmp_path: Path) -> Callable[..., AbstractContextManager[Bench]]:
    files_dir = tmp_path / "data" / "files"
    return lambda script, **changes: open_bench(script, files_dir=files_dir, **changes)


def posted(bench: Bench, **judge: Any) -> TrainingJob:
    dataset = imported(bench.context, ROWS)
    options = TrainingOptions(evaluation=EvaluationOptions(judge=JudgeOptions(**judge)))
    return control.create_job(bench.context, TrainingRequest(dataset.id, options), None)


def work(bench: Bench, job: TrainingJob, trainer: ScriptedTrainer | None = None) -> None:
    training.work_on_job(bench.context, job.id, lambda: False, trainer or all_asked())


def all_asked() -> ScriptedTrainer:
    return ScriptedTrainer(tasks=len(ROWS))


def found(context: ServiceContext, job: TrainingJob) -> tuple[JudgeFigures, list[str], str]:
    done = control.get_job(context, job.id)
    assert done.status == "succeeded", done.message
    evaluation = Evaluation.model_validate(done.evaluation)
    assert evaluation.judge is not None
    return evaluation.judge, evaluation.words, done.log_tail


def test_a_judge_that_always_says_first_makes_nothing_but_ties(opened: OpenBench) -> None:
    with opened(says("first")) as bench:
        job = posted(bench)
        work(bench, job)
        judge, words, log = found(bench.context, job)
    assert (judge.wins, judge.ties, judge.losses, judge.failed) == (0, 12, 0, 0)
    assert (judge.said_first, judge.said_second, judge.orders_differ) == (24, 0, 12)
    assert bench.server.counts.calls == 24
    said = next(each for each in words if each.startswith("The judge"))
    assert "0 wins, 12 ties and 0 losses" in said
    assert "24 calls" in said
    assert said in log


def test_a_judge_that_likes_one_answer_in_both_places_makes_wins_and_tells_its_price(
    opened: OpenBench,
) -> None:
    price = Price(input_usd=Decimal(1), output_usd=Decimal(2))
    with opened(likes("It is"), prices={"stern": price}) as bench:
        job = posted(bench, model="stern")
        work(bench, job)
        judge, words, _ = found(bench.context, job)
        assert {call.model for call in bench.server.calls} == {"stern"}
    assert (judge.judge, judge.wins, judge.ties, judge.losses) == ("stern", 12, 0, 0)
    assert judge.cost is not None
    tokens = judge.cost.prompt_tokens, judge.cost.completion_tokens
    assert judge.cost.calls == 24
    assert min(tokens) > 0
    assert judge.cost.cost_usd == Decimal(tokens[0] + 2 * tokens[1]) / 1_000_000
    assert any("for $0.0" in each for each in words)


def test_equal_answers_cost_no_call_and_no_more_pairs_are_asked_than_allowed(
    opened: OpenBench,
) -> None:
    with opened(says("first")) as bench:
        job = posted(bench)
        # The base model says nothing.
        work(bench, job, ScriptedTrainer(tasks=12, answers=lambda said: said.replace(said, "")))
        judge, words, _ = found(bench.context, job)
        assert (judge.identical, judge.ties, bench.server.counts.calls) == (12, 12, 0)
        assert any("12 ties (12 of them identical answers, not judged)" in each for each in words)
        few = posted(bench, most_pairs=5)
        work(bench, few)
        judge, _, _ = found(bench.context, few)
    assert (judge.pairs, bench.server.counts.calls) == (5, 10)


def test_what_cannot_be_read_or_is_refused_counts_as_failed(opened: OpenBench) -> None:
    def nonsense(call: ScriptedCall) -> ScriptedReply:
        if "number 3 " in call.messages[-1].content:
            return ScriptedReply("", status=400, error={"message": "not this text"})
        if "number 4 " in call.messages[-1].content:
            return ScriptedReply("Both are a delight.")
        return says("tie")(call)

    with opened(nonsense) as bench:
        job = posted(bench)
        work(bench, job)
        judge, words, _ = found(bench.context, job)
        kept = JudgementFile(folder_of(bench.context, job.id) / "outputs" / JUDGEMENTS).read()
    assert (judge.pairs, judge.failed, judge.ties) == (12, 2, 10)
    assert any("2 of 12 pairs could not be judged." in each for each in words)
    failures = [each for each in kept.values() if each.verdict is None]
    assert {each.reply for each in failures} == {"", "Both are a delight."}
    assert sum("not this text" in (each.failure or "") for each in failures) == 2


def test_a_judge_that_cannot_be_asked_leaves_the_rest_of_the_evaluation_and_the_job_whole(
    opened: OpenBench,
) -> None:
    def wrong_key(call: ScriptedCall) -> ScriptedReply:
        if call.n > 4:
            return ScriptedReply(status=401, error={"message": "Incorrect API key provided"})
        return says("first")(call)

    with opened(wrong_key, concurrency=1) as bench:
        job = posted(bench)
        work(bench, job)
        judge, words, log = found(bench.context, job)
    assert (judge.unasked, judge.failed, judge.ties) == (10, 0, 2)
    assert "Incorrect API key" in (judge.trouble or "")
    assert any("Judging ended early: The endpoint answered 401" in each for each in words)
    assert words[0].startswith("Answers that are exactly the reference rise")
    assert "Incorrect API key" in log
    # Reported once is enough.
    assert bench.server.counts.calls == 5


def test_a_judge_without_a_name_is_refused_and_a_worker_without_one_asks_nobody(
    opened: OpenBench,
) -> None:
    with opened(says("first")) as bench:
        job = posted(bench)
        nameless = Bench(replace(bench.context, default_model=None), bench.server)
        with pytest.raises(InvalidInput) as refused:
            posted(nameless)
        work(nameless, job)
        judge, words, _ = found(bench.context, job)
    assert [fault.field for fault in refused.value.faults] == ["options.evaluation.judge.model"]
    assert (judge.unasked, bench.server.counts.calls) == (12, 0)
    assert any("set SEEDBED_MODEL" in each for each in words)


def test_an_endpoint_that_is_away_and_throttles_is_waited_for(opened: OpenBench) -> None:
    def moody(call: ScriptedCall) -> ScriptedReply:
        if call.n in {3, 9}:
            return ScriptedReply(status=503)
        if call.n in {5, 6}:
            return ScriptedReply(status=429, headers={"Retry-After": "0"})
        return says("second")(call)

    with opened(moody, outage_patience_s=20.0) as bench:
        job = posted(bench)
        work(bench, job)
        judge, _, _ = found(bench.context, job)
    assert (judge.failed, judge.ties, judge.trouble) == (0, 12, None)
    assert bench.server.counts.calls == 28


def test_an_endpoint_that_stays_away_ends_the_judging_with_its_words(opened: OpenBench) -> None:
    with opened(says("first", status=503), outage_patience_s=0.5) as bench:
        job = posted(bench)
        work(bench, job)
        judge, _, _ = found(bench.context, job)
    assert "The endpoint has been away for" in (judge.trouble or "")
    assert judge.failed + judge.unasked == 12


def test_an_endpoint_that_only_throttles_ends_the_judging_too(opened: OpenBench) -> None:
    def throttles(call: ScriptedCall) -> ScriptedReply:
        if call.n > 2:
            return ScriptedReply(status=429, error={"message": "slowly"})
        return says("first")(call)

    with opened(throttles, throttle_patience_s=0.5) as bench:
        job = posted(bench)
        work(bench, job)
        judge, _, _ = found(bench.context, job)
    assert "slowly" in (judge.trouble or "")
    assert judge.unasked >= 11


def test_an_endpoint_that_refuses_schemas_is_asked_without_them(opened: OpenBench) -> None:
    refused: list[int] = []

    def plain(call: ScriptedCall) -> ScriptedReply:
        if call.schema is not None:
            refused.append(call.n)
            error = {"message": "response_format is not supported", "param": "response_format"}
            return ScriptedReply(status=400, error=error)
        return ScriptedReply("<reason>So.</reason> <verdict>first</verdict>")

    with opened(plain) as bench:
        job = posted(bench)
        work(bench, job)
        judge, _, _ = found(bench.context, job)
        asked = bench.server.counts.calls - len(refused)
        # What was learnt shapes the prompts of the next job.
        before, again = len(refused), posted(bench)
        work(bench, again)
        _, _, log = found(bench.context, again)
    assert (judge.failed, judge.ties, judge.trouble) == (0, 12, None)
    assert 0 < before < asked
    assert "Asking the judge for marked text" in log
    assert len(refused) == before


PRICES = {"stern": Price(input_usd=Decimal(1000), output_usd=Decimal(2000))}
"""Dear enough for a cap of a few dollars to matter."""


def spent(judge: JudgeFigures) -> Decimal:
    assert judge.cost is not None
    assert judge.cost.cost_usd is not None
    return judge.cost.cost_usd + (judge.cost.unknown_usd or 0)


def test_a_cap_of_money_ends_the_judging_before_it_is_passed(opened: OpenBench) -> None:
    # One call can take about $3, and takes about a tenth of that.
    with opened(likes("It is"), prices=PRICES, concurrency=4) as bench:
        job = posted(bench, model="stern", most_cost_usd=Decimal(6))
        work(bench, job)
        judge, words, log = found(bench.context, job)
        calls = bench.server.counts.calls
    assert 4 <= calls < 24
    assert Decimal(2) < spent(judge) <= Decimal(6)
    assert judge.wins == calls // 2
    assert (judge.unasked, judge.failed) == (12 - judge.wins, 0)
    assert "The next call could go over the cap of $6:" in (judge.trouble or "")
    assert any(f"{judge.unasked} of 12 pairs were not judged" in each for each in words)
    assert "over the cap of $6" in log
    # What was judged is a draw of all pairs, not the first of them.
    judged = [int(task) for task, outcome in judge.outcomes.items() if outcome == "win"]
    assert judged != list(range(len(judged)))


def test_a_cap_that_no_call_fits_in_asks_nobody(opened: OpenBench) -> None:
    with opened(says("first"), prices=PRICES) as bench:
        job = posted(bench, model="stern", most_cost_usd=Decimal("0.01"))
        work(bench, job)
        judge, _, _ = found(bench.context, job)
    assert (judge.unasked, bench.server.counts.calls) == (12, 0)
    assert spent(judge) == 0
    assert "over the cap of $0.01" in (judge.trouble or "")


def test_a_cap_without_a_price_is_refused_and_a_worker_without_one_asks_nobody(
    opened: OpenBench,
) -> None:
    with opened(says("first"), prices=PRICES) as bench:
        job = posted(bench, model="stern", most_cost_usd=Decimal(50))
        poor = Bench(replace(bench.context, prices={}), bench.server)
        with pytest.raises(InvalidInput) as refused:
            posted(poor, model="stern", most_cost_usd=Decimal(50))
        work(poor, job)
        judge, _, _ = found(bench.context, job)
    assert "no known price" in str(refused.value)
    (fault,) = refused.value.faults
    assert fault.field == "options.evaluation.judge.most_cost_usd"
    assert "set the price of stern in SEEDBED_PRICES" in fault.message
    assert (judge.unasked, bench.server.counts.calls) == (12, 0)
    assert "set the price of stern in SEEDBED_PRICES" in (judge.trouble or "")


def test_what_may_have_been_paid_is_counted_at_its_most(opened: OpenBench) -> None:
    def breaks_off(call: ScriptedCall) -> ScriptedReply:
        if call.n == 2:
            return replace(says("first")(call), cut_off=True)
        return says("first")(call)

    with opened(breaks_off, prices=PRICES, concurrency=1) as bench:
        job = posted(bench, model="stern", most_cost_usd=Decimal(60))
        work(bench, job)
        judge, words, _ = found(bench.context, job)
    assert judge.ties == 12
    assert judge.cost is not None
    assert judge.cost.unknown_usd is not None
    assert Decimal(2) < judge.cost.unknown_usd < Decimal(5)
    assert any(f"${judge.cost.unknown_usd:.4f} for interrupted calls" in each for each in words)


def test_a_judge_that_is_one_of_the_two_models_is_no_witness(opened: OpenBench) -> None:
    with opened(says("first")) as bench:
        job = posted(bench, model="some/X")
        work(bench, job)
        judge, words, _ = found(bench.context, job)
    assert judge.is_contender
    assert any("The judge is one of the two models" in each for each in words)


def test_what_a_job_s_judge_said_is_not_asked_again_by_an_evaluation_of_the_same_answers(
    opened: OpenBench,
) -> None:
    with opened(likes("It is"), prices=PRICES, concurrency=4) as bench:
        job = posted(bench, model="stern", most_cost_usd=Decimal(6))
        work(bench, job)
        judge, _, _ = found(bench.context, job)
        before = bench.server.counts.calls
        asked = EvaluationJobOptions(
            training_job_id=job.id, evaluation=EvaluationOptions(judge=JudgeOptions(model="stern"))
        )
        request = TrainingRequest(str(job.dataset_id), asked)
        again = control.create_job(bench.context, request, None)
        work(bench, again)
        whole, _, log = found(bench.context, again)
        calls = bench.server.counts.calls
    assert (whole.wins, whole.unasked, whole.trouble) == (12, 0, None)
    assert calls == 24
    assert whole.cost is not None
    assert (whole.cost.reused, whole.cost.calls) == (before, 24 - before)
    assert f"{before} judgements are known" in log
    assert spent(judge) > 0


def test_a_killed_worker_s_judgements_are_not_paid_for_again(
    opened: OpenBench, database_url: str
) -> None:
    with opened(says("first", delay_s=0.05)) as bench:
        job, counts = posted(bench), bench.server.counts
        arguments = [database_url, bench.server.base_url, str(bench.context.files_dir), job.id]
        command = [
            sys.executable,
            "-m",
            "tests.integration.training.judging_worker",
            *arguments,
            "12",
        ]
        with subprocess.Popen(command) as worker:
            while counts.calls < 8:
                assert worker.poll() is None
                time.sleep(0.01)
            worker.kill()
        path = folder_of(bench.context, job.id) / "outputs" / JUDGEMENTS
        before, paid = counts.calls, len(JudgementFile(path).read())
        # At most one call was in flight.
        assert before - 1 <= paid <= before
        with path.open("ab") as file:
            file.write(b'{"key": "cut o')
        with bench.context.database.write() as session:
            expired = datetime.fromtimestamp(0, UTC)
            session.execute(update(TrainingJob).values(leased_until=expired))
        work(bench, job)
        judge, _, log = found(bench.context, job)
        assert counts.calls - before == 24 - paid
    assert (judge.ties, judge.failed) == (12, 0)
    assert f"{paid} judgements are known" in log


def test_a_judging_stops_when_it_is_told_to_and_goes_on_where_it_was(opened: OpenBench) -> None:
    with opened(says("first", delay_s=0.1), concurrency=2) as bench:
        job, counts = posted(bench), bench.server.counts
        is_stopped = threading.Event()
        worker = threading.Thread(
            target=training.work_on_job,
            args=(bench.context, job.id, is_stopped.is_set, all_asked()),
        )
        worker.start()
        while counts.calls < 6:
            time.sleep(0.01)
        is_stopped.set()
        worker.join()
        assert control.get_job(bench.context, job.id).status == "queued"
        assert counts.calls < 24
        work(bench, job)
        judge, _, _ = found(bench.context, job)
        assert (judge.ties, counts.calls) == (12, 24)
