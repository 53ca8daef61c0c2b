"""Jobs of a tiny random model, done by the real trainer; they need the extra 'training'."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.dataset_row import Record
from app.evaluation.evaluation_result import Evaluation
from app.services.context import ServiceContext
from app.services.training.contract import Trainer
from app.services.training.jobs import control, work
from app.services.training.jobs.requests import TrainingRequest
from app.store.tables.datasets import Dataset
from app.store.tables.training import TrainingJob
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.dataset_versions import imported, mixed
from tests.unit.training.tiny_models import tiny_llama, tiny_tokenizer

STEPS = 12


def tiny_folder(folder: Path, model: Any = None) -> str:
    """Write the tiny model with its tokenizer, as a base model is given."""
    (model or tiny_llama()).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return str(folder)


def spelling(count: int, verb: str = "Spell") -> Sequence[Record]:
    """Rows that a tiny model can learn by heart, no two of them near."""
    return [Record(f"{verb} w{number}", " ".join(f"w{number}")) for number in range(count)]


def dataset_of(context: ServiceContext, rows: Sequence[Record], name: str = "ours") -> Dataset:
    """Take rows in as a data set."""
    sent = [
        {"instruction": row.instruction, "input": row.input, "output": row.output} for row in rows
    ]
    return imported(context, sent, name)


def split_of(context: ServiceContext, dataset: Dataset, test_share: float) -> Dataset:
    """Make a version of a data set that is split."""
    sources = [{"dataset_id": dataset.id}]
    return mixed(context, "split", sources=sources, split={"test_share": test_share})


def options_of(base_model: str, **parts: dict[str, Any]) -> TrainingOptions:
    """A short tuning, with changes to parts of the options."""
    usual: dict[str, dict[str, Any]] = {
        "method": {"targets": "all linear"},
        "data": {"max_tokens": 400},
        "schedule": {
            "steps": STEPS, "batch": 4, "micro_batch": 2, "learning_rate": 2e-2,
            "checkpoint_every": 5,
        },
        "evaluation": {"held_out_share": 0.25, "answer_tokens": 8},
    }  # fmt: skip
    changed = {name: {**usual.get(name, {}), **values} for name, values in parts.items()}
    return TrainingOptions.model_validate({"base_model": base_model, **usual, **changed})


def posted(
    context: ServiceContext, dataset: Dataset, options: TrainingOptions | EvaluationJobOptions
) -> TrainingJob:
    """Take a job in, as a POST does."""
    return control.create_job(context, TrainingRequest(dataset.id, options), None)


def worked_on(
    context: ServiceContext,
    job: TrainingJob,
    stop: Callable[[], bool] = lambda: False,
    trainer: Trainer | None = None,
) -> TrainingJob:
    """Work on a job as a worker does, and return its view."""
    work.work_on_job(context, job.id, stop, trainer)
    return control.get_job(context, job.id)


def done(
    context: ServiceContext, dataset: Dataset, options: TrainingOptions | EvaluationJobOptions
) -> TrainingJob:
    """A job from its POST to its end, which is a good one."""
    job = worked_on(context, posted(context, dataset, options))
    assert (job.status, job.message) == ("succeeded", None)
    return job


def evaluation_of(job: TrainingJob) -> Evaluation:
    """What stands in its row."""
    return Evaluation.model_validate(job.evaluation)


def outputs_of(context: ServiceContext, job: TrainingJob) -> Path:
    """Where it left what it made."""
    return control.folder_of(context, job.id) / "outputs"


def names_of(context: ServiceContext, job: TrainingJob) -> set[str]:
    """The files that are offered for download."""
    return {output.name for output in control.outputs(context, job.id)}


def lines_of(path: Path) -> list[Any]:
    """The values of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
