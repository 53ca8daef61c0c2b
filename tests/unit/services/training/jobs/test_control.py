"""The use cases of training jobs: create once, list, cancel, resume, delete files."""

from pathlib import Path

import pytest
from sqlalchemy import update

from app.errors import Conflict, InvalidInput, NotFound
from app.services.training.jobs import control, places, work
from app.services.training.jobs.requests import TrainingRequest
from app.states import JobKind
from app.store.tables.datasets import Dataset
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs as queries
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.bench import Bench
from tests.review_runs import some_rows, stored
from tests.scripted_trainer import ScriptedTrainer


def never() -> bool:
    return False


def trained(bench: Bench, job: TrainingJob) -> None:
    work.work_on_job(bench.context, job.id, never, ScriptedTrainer(steps=1))
    assert control.get_job(bench.context, job.id).status == "succeeded"


def test_the_same_key_and_request_give_the_same_job(bench: Bench, dataset_id: str) -> None:
    request = TrainingRequest(dataset_id, TrainingOptions())
    first = control.create_job(bench.context, request, "key")
    assert control.create_job(bench.context, request, "key").id == first.id
    assert control.create_job(bench.context, request, None).id != first.id
    with pytest.raises(Conflict):
        control.create_job(
            bench.context, TrainingRequest(dataset_id, TrainingOptions(seed=1)), "key"
        )


def test_an_unknown_job_is_not_found(bench: Bench) -> None:
    for job_id in ("training_unknown", "no id \0"):
        for action in (
            control.get_job,
            control.cancel_job,
            control.resume_job,
            control.discard_files,
            control.outputs,
        ):
            with pytest.raises(NotFound, match="training job"):
                action(bench.context, job_id)
        with pytest.raises(NotFound):
            control.list_events(bench.context, job_id, cursor=None, limit=10)


def test_jobs_are_listed_newest_first_by_kind_and_data_set(
    bench: Bench, job: TrainingJob, dataset_id: str
) -> None:
    trained(bench, job)
    other = stored(bench.context.database, some_rows(3))
    options = EvaluationJobOptions(training_job_id=job.id)
    measuring = control.create_job(bench.context, TrainingRequest(other, options), None)

    def ids(kind: JobKind | None, dataset: str | None, limit: int = 10) -> list[str]:
        page = control.list_jobs(
            bench.context, kind=kind, dataset_id=dataset, cursor=None, limit=limit
        )
        return [one.id for one in page.items]

    assert ids(None, None) == [measuring.id, job.id]
    assert ids(None, None, limit=1) == [measuring.id]
    assert ids("training", None) == [job.id]
    assert ids(None, other) == [measuring.id]
    assert ids("evaluation", dataset_id) == []


def test_outputs_exist_after_success_and_on_this_machine_only(
    bench: Bench, job: TrainingJob
) -> None:
    assert control.outputs(bench.context, job.id) == []
    trained(bench, job)
    (listed,) = control.outputs(bench.context, job.id)
    output, path = control.output(bench.context, job.id, listed.name)
    assert (output.name, path.name) == ("adapter.json", "adapter.json")
    with pytest.raises(NotFound, match="output"):
        control.output_file(bench.context, job.id, "../../seedbed.db")
    path.unlink()
    with pytest.raises(NotFound, match="output on this machine"):
        control.output_file(bench.context, job.id, "adapter.json")


def test_a_queued_job_is_cancelled_at_once_and_can_be_resumed(
    bench: Bench, job: TrainingJob
) -> None:
    for _ in range(2):
        assert control.cancel_job(bench.context, job.id).status == "cancelled"
    for _ in range(2):
        assert control.resume_job(bench.context, job.id).status == "queued"
    trained(bench, job)
    with pytest.raises(Conflict, match="has already succeeded"):
        control.cancel_job(bench.context, job.id)
    with pytest.raises(Conflict, match="is succeeded; it cannot be resumed"):
        control.resume_job(bench.context, job.id)


def test_a_running_job_is_cancelled_by_its_worker(bench: Bench, job: TrainingJob) -> None:
    with bench.context.database.write() as session:
        queries.take(session, job.id, "t", 30)
    assert control.cancel_job(bench.context, job.id).status == "cancelling"
    with pytest.raises(Conflict, match="is cancelling; it cannot be resumed"):
        control.resume_job(bench.context, job.id)


def test_a_job_is_not_resumed_without_its_data_set(
    bench: Bench, job: TrainingJob, dataset_id: str
) -> None:
    control.cancel_job(bench.context, job.id)
    with bench.context.database.write() as session:
        session.execute(update(Dataset).where(Dataset.id == dataset_id).values(state="deleted"))
    with pytest.raises(InvalidInput) as caught:
        control.resume_job(bench.context, job.id)
    assert "there is no data set with the id" in caught.value.faults[0].message
    assert control.get_job(bench.context, job.id).status == "cancelled"


def test_files_are_deleted_once_no_job_needs_them(bench: Bench, job: TrainingJob) -> None:
    with pytest.raises(Conflict, match="is queued; cancel it first"):
        control.discard_files(bench.context, job.id)
    trained(bench, job)
    options = EvaluationJobOptions(training_job_id=job.id)
    request = TrainingRequest(str(job.dataset_id), options)
    measuring = control.create_job(bench.context, request, None)
    with pytest.raises(Conflict, match=f"The job {measuring.id} is still evaluating"):
        control.discard_files(bench.context, job.id)
    control.cancel_job(bench.context, measuring.id)
    for _ in range(2):
        control.discard_files(bench.context, job.id)
    assert list(control.folder_of(bench.context, job.id).parent.iterdir()) == []
    assert control.outputs(bench.context, job.id) == []
    assert control.get_job(bench.context, job.id).evaluation is not None


def test_folders_are_found_with_and_without_a_context(bench: Bench, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert control.folder_of(bench.context, "training_1") == data_dir / "training" / "training_1"
    assert places.folder_in(data_dir, "training_1") == data_dir / "training" / "training_1"
    assert control.models_folder(bench.context) == data_dir / "models"
    assert places.models_folder_in(data_dir) == data_dir / "models"
