"""A whole job for real, with a judge at its end: what was measured is not measured again."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.services.training.jobs import control, review_sheets, work
from app.services.training.jobs.control import folder_of
from app.services.training.jobs.requests import TrainingRequest
from app.settings import Price
from app.training.plain.option_groups import (
    DataOptions,
    EvaluationOptions,
    JudgeOptions,
    ScheduleOptions,
)
from app.training.plain.options import TrainingOptions
from tests.bench import OpenBench
from tests.dataset_versions import imported

pytestmark = pytest.mark.torch

pytest.importorskip("peft")


def always_first(_: ScriptedCall) -> ScriptedReply:
    return ScriptedReply('{"reason": "It stands first.", "verdict": "first"}', delay_s=0.05)


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    from tests.unit.training.tiny_models import tiny_llama, tiny_tokenizer  # noqa: PLC0415 - needs torch

    tiny_llama().save_pretrained(tmp_path / "tiny")
    tiny_tokenizer().save_pretrained(tmp_path / "tiny")
    return str(tmp_path / "tiny")


def test_a_job_that_stops_while_it_is_judged_goes_on_with_the_same_answers(
    open_bench: OpenBench, tmp_path: Path, tiny: str
) -> None:
    rows = [
        {"instruction": f"Spell {word}.", "input": "", "output": " ".join(word)}
        for word in ("cat", "house", "river", "window", "garden", "summer", "ladder", "stone")
    ]
    options = TrainingOptions(
        base_model=tiny,
        data=DataOptions(max_tokens=256),
        schedule=ScheduleOptions(steps=6, learning_rate=0.05),
        evaluation=EvaluationOptions(
            held_out_share=0.5,
            answer_tokens=8,
            rouge_stemmer=True,
            judge=JudgeOptions(model="stern", most_cost_usd=Decimal("12.5")),
        ),
    )
    files_dir = tmp_path / "data" / "files"
    prices = {"stern": Price(input_usd=Decimal(1), output_usd=Decimal(2))}
    with open_bench(always_first, files_dir=files_dir, concurrency=1, prices=prices) as bench:
        context, counts = bench.context, bench.server.counts
        dataset = imported(context, rows)
        job = control.create_job(context, TrainingRequest(dataset.id, options), None)
        again = work.work_on_job(context, job.id, lambda: counts.calls >= 3)
        assert again, control.get_job(context, job.id).log_tail
        assert control.get_job(context, job.id).status == "queued"
        outputs = folder_of(context, job.id) / "outputs"
        answers = (outputs / "answers.jsonl").read_bytes()
        assert not work.work_on_job(context, job.id, lambda: False)
        done = control.get_job(context, job.id)
        assert done.status == "succeeded", done.message
        assert done.evaluation is not None
        judge = done.evaluation["judge"]
        assert (judge["wins"], judge["losses"], judge["failed"]) == (0, 0, 0)
        assert judge["ties"] == judge["pairs"] == 4
        assert judge["identical"] < 4
        assert counts.calls == 2 * (4 - judge["identical"])
        assert 0 < Decimal(judge["cost"]["cost_usd"]) < Decimal("0.01")
        # The adapter knows by what it was made, caps of money among it.
        facts = json.loads((outputs / "adapter" / "training.json").read_text(encoding="utf-8"))
        assert TrainingOptions.model_validate(facts["options"]) == options
        tokenizers = [each["tokenizer"] for each in done.evaluation["models"][1]["rouge"]]
        assert tokenizers == ["rouge", "rouge_stemmed", "unicode"]
        assert done.evaluation["models"][1]["perplexity"]["bits_per_byte"]["value"] > 0
        assert done.log_tail.count("held-out tasks.") == 1
        assert (outputs / "answers.jsonl").read_bytes() == answers
        kept = json.loads((outputs / "evaluation.json").read_text(encoding="utf-8"))
        assert kept["judge"] == judge
        assert review_sheets.make_sheet(context, job.id).count(b"\r\n") == 9
