"""A whole job with real parts: a tiny model tuned, measured beside its base, and written down."""

import json
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from app.llm.scripted.model import reply
from app.services.context import ServiceContext
from app.services.training.jobs import control
from app.store.tables.datasets import Dataset

if find_spec("peft") is None:
    pytest.skip("needs the extra 'training'", allow_module_level=True)

from app.training.plain.options import EvaluationJobOptions
from app.training.publish.adapter_folder import verify_checksums
from tests.bench import OpenBench, after_looks
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.training.tiny_jobs import (
    STEPS,
    dataset_of,
    done,
    evaluation_of,
    lines_of,
    names_of,
    options_of,
    outputs_of,
    posted,
    spelling,
    split_of,
    tiny_folder,
    worked_on,
)
from tests.unit.training.tiny_models import tiny_gpt2

pytestmark = pytest.mark.torch

ROWS = 16


@pytest.fixture
def context(open_bench: OpenBench, tmp_path: Path) -> Any:
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        yield bench.context


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    return tiny_folder(tmp_path / "tiny")


@pytest.fixture
def dataset(context: ServiceContext) -> Dataset:
    return dataset_of(context, spelling(ROWS))


def test_a_posted_job_leaves_the_adapter_its_other_forms_and_an_evaluation(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    job = done(context, dataset, options_of(tiny, outputs={"merged": True}))

    outputs = outputs_of(context, job)
    verify_checksums(outputs / "adapter")
    verify_checksums(outputs / "merged")
    assert names_of(context, job) >= {
        "adapter/adapter_model.safetensors",
        "adapter/manifest.json",
        "adapter.gguf",
        "merged/model.safetensors",
        "answers.jsonl",
        "evaluation.json",
        "evaluation.html",
    }
    assert not (outputs.parent / "checkpoints").exists()
    assert (job.step, job.steps) == (STEPS, STEPS)
    assert "12 training rows, 4 held out." in job.log_tail

    evaluation = evaluation_of(job)
    assert json.loads((outputs / "evaluation.json").read_text(encoding="utf-8")) == job.evaluation
    assert evaluation.words[0] in (outputs / "evaluation.html").read_text(encoding="utf-8")
    assert [model.name for model in evaluation.models] == ["tiny", job.id]
    assert all(model.perplexity and model.perplexity.tasks == 4 for model in evaluation.models)
    assert all(model.exact and model.exact.tasks == 4 for model in evaluation.models)
    assert evaluation.training is not None
    assert [point.step for point in evaluation.training.points] == list(range(1, STEPS + 1))
    assert evaluation.training.points[-1].loss == job.loss
    assert evaluation.training.truncation is not None
    assert evaluation.training.truncation.rows == 12
    assert evaluation.inference is not None
    assert evaluation.inference.mergeable
    assert evaluation.inference.extra_multiply_adds == evaluation.training.trainable_parameters
    assert evaluation.inference.time_ratio is not None

    lines = lines_of(outputs / "answers.jsonl")
    assert len(lines) == evaluation.tasks == 4
    assert all(set(line["answers"]) == {"tiny", job.id} for line in lines)


@MOSTLY_POSTGRESQL
def test_a_version_that_is_split_is_learnt_and_measured_by_its_split(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    split = split_of(context, dataset, 0.5)

    job = done(context, split, options_of(tiny))

    evaluation = evaluation_of(job)
    assert evaluation.tasks == 8
    assert evaluation.training is not None
    assert evaluation.training.truncation is not None
    assert evaluation.training.truncation.rows == 8


@MOSTLY_POSTGRESQL
def test_rows_of_one_instruction_are_parted_by_what_it_is_about(
    context: ServiceContext, tiny: str
) -> None:
    rows = [
        type(row)("Spell.", row.output, row.instruction.removeprefix("Spell "))
        for row in spelling(ROWS)
    ]

    job = done(context, dataset_of(context, rows), options_of(tiny))

    assert evaluation_of(job).tasks == 4


@MOSTLY_POSTGRESQL
def test_where_nothing_is_held_out_nothing_is_measured(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    job = done(context, dataset, options_of(tiny, evaluation={"held_out_share": 0.0}))

    assert job.evaluation is None
    assert "No row was held out" in job.log_tail
    assert "adapter/manifest.json" in names_of(context, job)


@MOSTLY_POSTGRESQL
def test_general_rows_are_mixed_in_and_what_was_forgotten_is_reported(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    # Of these 12 are measured, and not learnt.
    general = dataset_of(context, spelling(30, "Say"), "general")

    job = done(
        context,
        dataset,
        options_of(
            tiny,
            data={"replay_share": 0.5, "replay_dataset_id": general.id},
            evaluation={
                "general_dataset_id": general.id,
                "general_tasks": 12,
                "layers": True,
            },
        ),
    )

    evaluation = evaluation_of(job)
    assert evaluation.training is not None
    assert evaluation.training.truncation is not None
    assert evaluation.training.truncation.rows == 24
    assert evaluation.forgetting is not None
    assert evaluation.forgetting.tasks == 12
    assert evaluation.forgetting.verdict != "unknown"
    assert [each.layer for each in evaluation.layers] == ["0", "1"]
    for each in evaluation.layers:
        assert each.gained is not None
        assert each.forgotten is not None
        assert each.forgotten.low is not None
    # What all layers learnt together is lost in part without any of them.
    assert max(each.gained.value for each in evaluation.layers if each.gained) > 0


@pytest.mark.parametrize("share", [0.0, 0.5])
@MOSTLY_POSTGRESQL
def test_an_evaluation_alone_finds_what_the_training_found(
    context: ServiceContext, dataset: Dataset, tiny: str, share: float
) -> None:
    version = split_of(context, dataset, share) if share else dataset
    options = options_of(tiny)
    job = done(context, version, options)
    first = evaluation_of(job)

    tuned = EvaluationJobOptions(training_job_id=job.id, evaluation=options.evaluation)
    again = evaluation_of(done(context, version, tuned))

    assert again.models == first.models
    assert again.comparisons == first.comparisons
    assert again.training is None


@MOSTLY_POSTGRESQL
def test_a_base_model_alone_is_measured_as_beside_the_tuned_one(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    split, options = split_of(context, dataset, 0.5), options_of(tiny)
    first = evaluation_of(done(context, split, options))

    alone = EvaluationJobOptions(base_model=tiny, data=options.data, evaluation=options.evaluation)
    job = done(context, split, alone)

    assert evaluation_of(job).models == first.models[:1]
    assert evaluation_of(job).comparisons == []
    assert names_of(context, job) == {"answers.jsonl", "evaluation.json", "evaluation.html"}


@MOSTLY_POSTGRESQL
def test_full_tuning_leaves_a_model_that_can_be_measured_again(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    options = options_of(tiny, method={"name": "full"}, schedule={"learning_rate": 5e-3})

    job = done(context, dataset, options)

    names = names_of(context, job)
    assert "model/model.safetensors" in names
    assert not any("adapter" in name for name in names)
    first = evaluation_of(job)
    assert first.training is not None
    assert first.training.trainable_share == 1
    # It learns, not only falls: what was held out has become likelier, by more than a nat a token.
    assert first.loss_change is not None
    assert first.loss_change.value < -1
    again = EvaluationJobOptions(training_job_id=job.id, evaluation=options.evaluation)
    assert evaluation_of(done(context, dataset, again)).models == first.models


@MOSTLY_POSTGRESQL
def test_what_llama_cpp_does_not_know_is_reported_and_the_rest_is_there(
    context: ServiceContext, dataset: Dataset, tmp_path: Path
) -> None:
    gpt2 = tiny_folder(tmp_path / "gpt2", tiny_gpt2())

    job = done(context, dataset, options_of(gpt2))

    assert "No adapter.gguf: the base model is of the family 'gpt2'" in job.log_tail
    assert "adapter.gguf" not in names_of(context, job)
    assert "adapter/manifest.json" in names_of(context, job)


@pytest.mark.parametrize("looks", [9, 2 * STEPS + 1])
@MOSTLY_POSTGRESQL
def test_a_job_that_is_stopped_goes_on_to_the_same_adapter_and_evaluation(
    context: ServiceContext, dataset: Dataset, tiny: str, looks: int
) -> None:
    """In the midst of tuning, and of measuring."""
    options = options_of(tiny)
    whole = done(context, dataset, options)

    job = worked_on(context, posted(context, dataset, options), after_looks(looks))
    assert job.status == "queued"
    left = outputs_of(context, job)
    # What a process that was killed while it wrote leaves.
    (left / ".adapter.00ff.part").mkdir()
    (left / ".adapter.00ff.part" / "adapter_model.safetensors").touch()
    (left / ".answers.jsonl.00ff.part").touch()
    job = worked_on(context, job)

    assert (job.status, job.message) == ("succeeded", None)
    assert names_of(context, job) == names_of(context, whole)
    for name in ("adapter/adapter_model.safetensors", "adapter/training.json"):
        ours, theirs = (outputs_of(context, each) / name for each in (job, whole))
        assert ours.read_bytes() == theirs.read_bytes()
    # They differ in the tuned model's name, and in measured times.
    again, first = (
        evaluation_of(each).model_copy(update={"inference": None}) for each in (job, whole)
    )
    assert again.model_dump_json().replace(job.id, whole.id) == first.model_dump_json()


def test_a_job_that_is_cancelled_while_it_tunes_ends_within_seconds(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    job = posted(context, dataset, options_of(tiny, schedule={"steps": 100_000}))
    worker = threading.Thread(target=worked_on, args=(context, job))
    worker.start()
    while control.get_job(context, job.id).step < 2:
        time.sleep(0.05)
    control.cancel_job(context, job.id)
    worker.join(timeout=5)

    assert not worker.is_alive()
    assert control.get_job(context, job.id).status == "cancelled"
    assert list((control.folder_of(context, job.id) / "checkpoints").glob("*.pt"))


@MOSTLY_POSTGRESQL
def test_ranks_are_reported_for_the_method_that_moves_them_alone(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    reported = {
        name: evaluation_of(done(context, dataset, options_of(tiny, method={"name": name})))
        for name in ("lora", "adalora")
    }

    assert reported["lora"].training is not None
    assert reported["lora"].training.ranks == []
    assert reported["adalora"].training is not None
    assert {rank.layer for rank in reported["adalora"].training.ranks} == {0, 1}
