"""A whole job with torch: tuned, measured beside its base, and written down."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from app.dataset_row import DatasetRow, Record
from app.errors import InvalidInput
from app.evaluation.evaluation_result import Evaluation
from app.services.training.contract import RowSource, TrainerResult, TrainingWork

if find_spec("peft") is None:
    pytest.skip("needs the extra 'training'", allow_module_level=True)
os.environ.setdefault("OMP_NUM_THREADS", "1")

from app.services.training.trainers.local import run_job
from tests.unit.services.training.trainers.monitors import Watching
from tests.unit.training.tiny_models import tiny_roberta, tiny_tokenizer

pytestmark = pytest.mark.torch

SHAPES = ("aaaa", "zzzz")


def shouts(count: int) -> Sequence[DatasetRow]:
    """Rows of one classification task; every third row is of no classification."""
    return [
        DatasetRow(
            number,
            Record(
                "Is it low?",
                ("Yes.", "no")[number % 2],
                SHAPES[number % 2] * (1 + number),
                is_classification=(True, True, None)[number % 3],
            ),
        )
        for number in range(count)
    ]


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    tiny_roberta().save_pretrained(tmp_path / "encoder")
    tiny_tokenizer().save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder"


def work_in(
    folder: Path, encoder: Path, rows: Sequence[DatasetRow], **options: Any
) -> TrainingWork:
    folder.mkdir(exist_ok=True)

    def read() -> Iterator[DatasetRow]:
        return iter(rows)

    whole = {
        "base_model": str(encoder),
        "task": "labels",
        "method": {"name": "lora", "dropout": 0.0},
        "schedule": {"steps": 30, "batch": 8, "micro_batch": 8, "learning_rate": 2e-2},
        "evaluation": {"held_out_share": 0.3},
    }
    return TrainingWork(
        job_id="training_1",
        kind="training",
        options=whole | options,
        dataset=RowSource("shouts, version 1", read),
        other_datasets={},
        folder=folder,
        cache=folder.parent / "models",
    )


def evaluation_of(trained: TrainerResult) -> Evaluation:
    assert trained.evaluation is not None
    return trained.evaluation


def test_an_encoder_is_measured_beside_the_commonest_label(encoder: Path, tmp_path: Path) -> None:
    monitor = Watching()
    reported = {"report_to": ["tensorboard"]}

    trained = run_job(work_in(tmp_path / "job", encoder, shouts(60), outputs=reported), monitor)

    found = evaluation_of(trained)
    base, tuned = found.models
    assert list((tmp_path / "job" / "tensorboard").iterdir())
    assert trained.is_complete
    assert len(monitor.points) == 30
    assert (base.name[:6], tuned.name) == ("always", "training_1")
    assert found.tasks == found.classification_tasks > 5
    assert base.exact_match is not None
    assert tuned.exact_match is not None
    assert base.exact_match.right < tuned.exact_match.right == found.tasks
    assert set(tuned.exact_match.confusion.labels) == {"yes", "no"}
    assert found.training is not None
    assert found.training.truncation is not None
    # Of 60 rows 40 are of classification, and none of those held out was learnt.
    assert found.training.truncation.rows == 40 - found.tasks
    assert any("No adapter.gguf: llama.cpp does not support" in line for line in monitor.lines)


def test_the_tuned_encoder_can_be_measured_again_by_a_job_of_its_own(
    encoder: Path, tmp_path: Path
) -> None:
    first = work_in(tmp_path / "job", encoder, shouts(60), outputs={"merged": True})
    run_job(first, Watching())
    rows = [row for row in shouts(90) if row.position >= 60]
    again = TrainingWork(
        job_id="training_2",
        kind="evaluation",
        options={"training_job_id": "training_1"},
        dataset=work_in(tmp_path / "again", encoder, rows).dataset,
        other_datasets={},
        folder=tmp_path / "again",
        cache=first.cache,
        tuned_outputs=first.folder / "outputs",
    )

    found = evaluation_of(run_job(again, Watching()))

    assert found.tasks == 20
    assert found.models[1].exact_match is not None
    assert found.models[1].exact_match.right == 20
    assert (first.folder / "outputs" / "merged" / "model.safetensors").is_file()
    lines = (again.folder / "outputs" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["answers"].keys() == {"always 'no'", "training_1"}


def without_times(result: TrainerResult) -> TrainerResult:
    evaluation = evaluation_of(result).model_copy(update={"inference": None})
    return replace(result, evaluation=evaluation)


def test_stopped_it_goes_on_where_it_was(encoder: Path, tmp_path: Path) -> None:
    work = work_in(tmp_path / "job", encoder, shouts(60))
    undisturbed = run_job(work_in(tmp_path / "whole", encoder, shouts(60)), Watching())

    stopped = run_job(work, Watching(most_steps=7))
    rest = Watching()
    resumed = run_job(work, rest)

    assert stopped == TrainerResult(is_complete=False)
    assert rest.points[0].step == 8
    assert without_times(resumed) == without_times(undisturbed)


def test_rows_without_a_classification_teach_no_labels(encoder: Path, tmp_path: Path) -> None:
    rows = [DatasetRow(n, Record("Say it.", "yes", is_classification=False)) for n in range(9)]

    with pytest.raises(InvalidInput, match="no classification rows") as caught:
        run_job(work_in(tmp_path / "job", encoder, rows), Watching())

    assert caught.value.faults[0].field == "task"


def test_the_loss_of_an_encoder_is_that_of_a_label(encoder: Path, tmp_path: Path) -> None:
    found = evaluation_of(run_job(work_in(tmp_path / "job", encoder, shouts(60)), Watching()))

    assert found.loss_of == "label"
    assert any(" per label" in line for line in found.words)


def test_it_is_measured_on_the_version_that_it_names(encoder: Path, tmp_path: Path) -> None:
    rows = shouts(90)
    named = {"evaluation": {"held_out_dataset_id": "dataset_2"}}
    work = work_in(tmp_path / "job", encoder, [row for row in rows if row.position < 60], **named)
    exam = RowSource(
        "exam, version 3",
        lambda: iter([rows[0], *(row for row in rows if row.position >= 60)]),
    )
    monitor = Watching()

    found = evaluation_of(run_job(replace(work, other_datasets={"dataset_2": exam}), monitor))

    assert found.title == "shouts, version 1, evaluated on exam, version 3"
    # Of the 30 other rows 20 are of classification; the one that is learnt, too, is not asked.
    assert found.tasks == 20
    assert found.training is not None
    assert found.training.truncation is not None
    assert found.training.truncation.rows == 40
    assert "40 training rows, 20 held out." in monitor.lines
    assert "Dropped as near-duplicates of training rows: 1." in monitor.lines


def test_an_evaluation_of_rows_that_were_learnt_says_so(encoder: Path, tmp_path: Path) -> None:
    none = {"evaluation": {"held_out_share": 0.0}}
    first = work_in(tmp_path / "job", encoder, shouts(30), **none)
    run_job(first, Watching())
    again = replace(
        work_in(tmp_path / "again", encoder, shouts(30)),
        job_id="training_2",
        kind="evaluation",
        options={"training_job_id": "training_1"},
        tuned_outputs=first.folder / "outputs",
        was_trained_on_dataset=True,
    )

    found = evaluation_of(run_job(again, Watching()))

    assert found.title == "shouts, version 1, all of which are training rows"
    assert found.tasks == 20
