"""The judge of a job, on a scripted endpoint: both orders, one payment, and every early end."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.dataset_row import DatasetRow, Record
from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.evaluation.evaluate import ScoringOptions, evaluate
from app.evaluation.evaluation_result import BootstrapOptions, Evaluation
from app.evaluation.metrics import JudgeFigures
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply
from app.services.training.judging.judge_job import JobJudge, draw_pairs
from app.services.training.judging.judgements import JUDGEMENTS, JudgementFile
from app.settings import Price
from app.training.plain.option_groups import JudgeOptions
from tests.bench import Bench, OpenBench

TASKS = [
    HeldOutTask.of(DatasetRow(n, Record(f"Say the number {n} in words.", f"It is {n}.")))
    for n in range(6)
]
SCORING = ScoringOptions("numbers", drawing=BootstrapOptions(resamples=20))
PRICE = Price(input_usd=Decimal(1000), output_usd=Decimal(2000))


class Log:
    """A monitor that keeps the log, and stops after some looks."""

    def __init__(self, looks: int = 10_000) -> None:
        self.lines: list[str] = []
        self._looks = looks

    def step(self, *_: object) -> None:
        raise AssertionError("a judge takes no step")

    def log(self, line: str) -> None:
        self.lines.append(line)

    def stop(self) -> bool:
        self._looks -= 1
        return self._looks < 0


def contenders(tuned: Callable[[HeldOutTask], str]) -> Sequence[Contender]:
    answers = tuple(Answer(task.id, tuned(task)) for task in TASKS)
    return Contender("base", ()), Contender("tuned", answers)


def says(verdict: str) -> Script:
    return lambda _: ScriptedReply(json.dumps({"reason": "So it is.", "verdict": verdict}))


def prefers_words(call: ScriptedCall) -> ScriptedReply:
    """Prefer the answer that is not empty, in either place."""
    first = call.messages[-1].content.partition("<first_answer>")[2].partition("</first")[0]
    return ScriptedReply(json.dumps({"verdict": "first" if "It is" in first else "second"}))


def judged(
    bench: Bench, folder: Path, log: Log, tuned: Path | None = None, **options: Any
) -> Evaluation | None:
    models = contenders(lambda task: task.reference)
    evaluation = evaluate(TASKS, models[0], models[1], SCORING)
    judge = JobJudge(bench.context, JudgeOptions.model_validate(options), 0, folder, tuned)
    return judge(evaluation, TASKS, models, log)


def figures(evaluation: Evaluation | None) -> JudgeFigures:
    assert evaluation is not None
    assert evaluation.judge is not None
    return evaluation.judge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "job" / "outputs").mkdir(parents=True)
    return tmp_path / "job"


def test_an_answer_wins_only_in_both_orders(open_bench: OpenBench, folder: Path) -> None:
    with open_bench(says("first")) as bench:
        ties = figures(judged(bench, folder, Log()))
        assert bench.server.counts.calls == 12
    assert (ties.wins, ties.ties, ties.losses, ties.said_first) == (0, 6, 0, 12)
    with open_bench(prefers_words) as bench:
        wins = figures(judged(bench, folder, Log(), model="another"))
        assert {call.model for call in bench.server.calls} == {"another"}
    assert (wins.wins, wins.ties, wins.losses) == (6, 0, 0)


def test_a_known_judgement_is_not_asked_for_again(open_bench: OpenBench, folder: Path) -> None:
    log = Log()
    with open_bench(says("first")) as bench:
        judged(bench, folder, Log())
        again = figures(judged(bench, folder, log))
        assert bench.server.counts.calls == 12
    assert again.ties == 6
    assert any("and 12 judgements are known." in line for line in log.lines)


def test_the_judgements_of_the_training_job_are_reused(
    open_bench: OpenBench, folder: Path, tmp_path: Path
) -> None:
    later = tmp_path / "evaluation"
    (later / "outputs").mkdir(parents=True)
    with open_bench(says("first")) as bench:
        judged(bench, folder, Log())
        cost = figures(judged(bench, later, Log(), tuned=folder / "outputs")).cost
        assert bench.server.counts.calls == 12
    assert cost is not None
    assert (cost.calls, cost.reused) == (0, 12)
    kept = JudgementFile(later / "outputs" / JUDGEMENTS).read()
    assert all(judgement.is_reused for judgement in kept.values())


def test_one_model_alone_is_not_judged(open_bench: OpenBench, folder: Path) -> None:
    log = Log()
    with open_bench(says("first")) as bench:
        base = contenders(lambda _: "")[:1]
        evaluation = evaluate(TASKS, base[0], None, SCORING)
        judge = JobJudge(bench.context, JudgeOptions(), 0, folder)
        assert judge(evaluation, TASKS, base, log) is evaluation
        assert bench.server.counts.calls == 0
    assert log.lines == ["No judge: there is only one model."]


def test_a_judge_without_a_name_is_reported_and_asks_nothing(
    open_bench: OpenBench, folder: Path
) -> None:
    with open_bench(says("first"), default_model=None) as bench:
        found = figures(judged(bench, folder, Log()))
        assert bench.server.counts.calls == 0
    assert found.unasked == 6
    assert "It has no model" in (found.trouble or "")


def test_a_stopped_judge_continues_later(open_bench: OpenBench, folder: Path) -> None:
    with open_bench(says("first"), concurrency=1) as bench:
        assert judged(bench, folder, Log(looks=4)) is None
        asked = bench.server.counts.calls
        assert 0 < asked < 12
        assert figures(judged(bench, folder, Log())).ties == 6
        assert bench.server.counts.calls <= 13


def test_a_rejected_call_fails_its_pair_only(open_bench: OpenBench, folder: Path) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        if "number 3 " in call.messages[-1].content:
            return ScriptedReply("", status=400, error={"message": "not this text"})
        if "number 4 " in call.messages[-1].content:
            return ScriptedReply("Both are fine.")
        return says("tie")(call)

    with open_bench(script) as bench:
        found = figures(judged(bench, folder, Log()))
    assert (found.pairs, found.failed, found.ties, found.trouble) == (6, 2, 4, None)
    kept = JudgementFile(folder / "outputs" / JUDGEMENTS).read().values()
    assert sum("not this text" in (each.failure or "") for each in kept) == 2
    assert {each.reply for each in kept if each.verdict is None} == {"", "Both are fine."}


def test_an_endpoint_without_schemas_is_asked_for_marked_text(
    open_bench: OpenBench, folder: Path
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        if call.schema is not None:
            error = {"message": "response_format is not supported", "param": "response_format"}
            return ScriptedReply(status=400, error=error)
        return ScriptedReply("<reason>So.</reason> <verdict>first</verdict>")

    log = Log()
    with open_bench(script) as bench:
        found = figures(judged(bench, folder, log))
        assert (found.failed, found.ties, found.trouble) == (0, 6, None)
        with_schema = [call for call in bench.server.calls if call.schema is not None]
        assert len(with_schema) < len(bench.server.calls) - len(with_schema)
        assert not any("marked text" in line for line in log.lines)
        # Known from its first question on.
        (folder / "outputs" / JUDGEMENTS).unlink()
        assert figures(judged(bench, folder, log)).ties == 6
        assert any("marked text" in line for line in log.lines)
        assert "<verdict>" in bench.server.calls[-1].messages[0].content


def test_a_wrong_key_ends_the_judging_with_a_reason(open_bench: OpenBench, folder: Path) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        if call.n > 4:
            return ScriptedReply(status=401, error={"message": "Incorrect API key provided"})
        return says("first")(call)

    log = Log()
    with open_bench(script, concurrency=1) as bench:
        found = figures(judged(bench, folder, log))
    assert (found.ties, found.unasked) == (2, 4)
    assert "Incorrect API key" in (found.trouble or "")
    assert any("Incorrect API key" in line for line in log.lines)


def test_a_cost_limit_is_never_exceeded(open_bench: OpenBench, folder: Path) -> None:
    with open_bench(says("first"), prices={"strict": PRICE}, concurrency=2) as bench:
        found = figures(judged(bench, folder, Log(), model="strict", most_cost_usd=4))
        assert 0 < bench.server.counts.calls < 12
    assert found.cost is not None
    assert found.cost.cost_usd is not None
    assert Decimal(0) < found.cost.cost_usd + (found.cost.unknown_usd or 0) <= Decimal(4)
    assert "The next call could go over the cap of $4" in (found.trouble or "")


def test_a_cost_limit_without_a_price_asks_nothing(open_bench: OpenBench, folder: Path) -> None:
    with open_bench(says("first")) as bench:
        found = figures(judged(bench, folder, Log(), model="strict", most_cost_usd=6))
        assert found.trouble is not None
        assert bench.server.counts.calls in {0, 12}
    assert "SEEDBED_PRICES" in found.trouble


def test_equal_answers_are_ties_without_a_call(open_bench: OpenBench, folder: Path) -> None:
    models = contenders(lambda _: "")
    with open_bench(says("first")) as bench:
        evaluation = evaluate(TASKS, models[0], models[1], SCORING)
        judge = JobJudge(bench.context, JudgeOptions(), 0, folder)
        found = figures(judge(evaluation, TASKS, models, Log()))
        assert bench.server.counts.calls == 0
    assert (found.ties, found.identical) == (6, 6)


def test_pairs_are_drawn_with_the_seed_in_their_order() -> None:
    models = contenders(lambda task: task.reference)
    drawn = draw_pairs(TASKS, models, 3, 0)
    assert [pair.task_id for pair in drawn] == [
        pair.task_id for pair in draw_pairs(TASKS, models, 3, 0)
    ]
    numbers = [int(pair.task_id) for pair in drawn]
    assert numbers == sorted(numbers)
    assert len(numbers) == 3
    others = [[pair.task_id for pair in draw_pairs(TASKS, models, 3, seed)] for seed in range(1, 6)]
    assert any(other != [pair.task_id for pair in drawn] for other in others)
    assert len(draw_pairs(TASKS, models, 100, 0)) == 6
    assert draw_pairs(TASKS, models, 6, 0)[2].tuned == "It is 2."
