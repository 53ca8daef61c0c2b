"""The work on a job: every way it can end, and what the next process finds."""

import errno
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from app.dataset_row import DatasetRow
from app.errors import Fault, InvalidInput, TrainingError
from app.services.training.contract import TrainerResult, TrainingMonitor, TrainingWork
from app.services.training.jobs import control, work
from app.services.training.jobs.requests import TrainingRequest
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs as queries
from app.training.plain.option_groups import EvaluationOptions, JudgeOptions
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.bench import Bench, after_looks
from tests.review_runs import some_rows, start, stored
from tests.scripted_trainer import ScriptedTrainer


def never() -> bool:
    return False


def now(bench: Bench, job: TrainingJob) -> TrainingJob:
    return control.get_job(bench.context, job.id)


def events(bench: Bench, job: TrainingJob, kind: str) -> list[object]:
    found = control.list_events(bench.context, job.id, cursor=None, limit=1000).items
    return [event.data[kind] for event in found if event.kind == kind]


def take(bench: Bench, job: TrainingJob, token: str, lease_s: float = 30.0) -> None:
    assert bench.context.database.retrying(
        lambda session: queries.take(session, job.id, token, lease_s)
    )


def expire_lease(bench: Bench, job: TrainingJob) -> None:
    with bench.context.database.write() as session:
        expired = update(TrainingJob).where(TrainingJob.id == job.id)
        session.execute(expired.values(leased_until=datetime.fromtimestamp(0, UTC)))


class Recorder:
    """A trainer that keeps its input and returns at once."""

    def __init__(self, before: Callable[[TrainingWork, TrainingMonitor], bool]) -> None:
        self.before = before
        self.work: TrainingWork | None = None
        self.rows: list[DatasetRow] = []

    def __call__(self, work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        self.work = work
        self.rows = list(work.dataset.read())
        return TrainerResult(is_complete=self.before(work, monitor))


def test_a_finished_job_has_steps_outputs_and_an_evaluation(bench: Bench, job: TrainingJob) -> None:
    assert not work.work_on_job(bench.context, job.id, never, ScriptedTrainer(steps=3))

    done = now(bench, job)
    assert (done.status, done.step, done.steps, done.message) == ("succeeded", 3, 3, None)
    assert events(bench, job, "step") == [1, 2, 3]
    assert events(bench, job, "status") == ["queued", "running", "succeeded"]
    assert done.evaluation is not None
    assert done.leased_until is None
    (output,) = control.outputs(bench.context, job.id)
    content = control.output_file(bench.context, job.id, output.name).read_bytes()
    assert (output.sha256, output.size_bytes) == (
        hashlib.sha256(content).hexdigest(),
        len(content),
    )


def test_a_finished_or_unknown_job_is_ignored(bench: Bench, job: TrainingJob) -> None:
    trainer = ScriptedTrainer(steps=1)
    for job_id in (job.id, job.id, "training_unknown"):
        assert not work.work_on_job(bench.context, job_id, never, trainer)
    assert trainer.began_at == [0]


def test_a_stopped_job_is_queued_again_and_resumed(bench: Bench, job: TrainingJob) -> None:
    trainer = ScriptedTrainer(steps=4)
    assert work.work_on_job(bench.context, job.id, after_looks(2), trainer)
    assert (now(bench, job).status, now(bench, job).step) == ("queued", 2)
    assert not work.work_on_job(bench.context, job.id, never, trainer)
    assert (trainer.began_at, now(bench, job).status) == ([0, 2], "succeeded")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TrainingError("The GPU failed."), "The GPU failed."),
        (
            InvalidInput("Bad options.", [Fault("too small", field="data.max_tokens")]),
            "Bad options. data.max_tokens: too small",
        ),
        (OSError(errno.EIO, "secret"), "A defect of the service; its log has the details."),
        (RuntimeError("secret"), "A defect of the service; its log has the details."),
    ],
)
def test_a_failure_is_recorded_with_its_message(
    bench: Bench, job: TrainingJob, error: Exception, message: str
) -> None:
    def fail(_: int) -> None:
        raise error

    assert not work.work_on_job(bench.context, job.id, never, ScriptedTrainer(before_step=fail))
    failed = now(bench, job)
    assert failed.status == "failed"
    assert (failed.message or "").startswith(message)


def test_a_job_that_meets_a_full_disk_goes_on_when_there_is_space(
    bench: Bench, job: TrainingJob
) -> None:
    full = [True]

    def write(step: int) -> None:
        if step == 3 and full.pop():
            raise OSError(errno.ENOSPC, "full")

    trainer = ScriptedTrainer(steps=4, before_step=write)
    full.insert(0, False)
    assert not work.work_on_job(bench.context, job.id, never, trainer)
    waiting = now(bench, job)
    assert (waiting.status, waiting.token) == ("queued", None)
    assert (waiting.message or "").startswith("The disk is full. Free some space")
    # Not at once: the disk is still as it was.
    assert job.id not in work.sweep_training(bench.context)
    assert not work.work_on_job(bench.context, job.id, never, trainer)
    done = now(bench, job)
    assert (done.status, done.message) == ("succeeded", None)
    assert trainer.began_at == [0, 2]


def test_a_job_whose_disk_stays_full_ends_with_what_to_do(bench: Bench, job: TrainingJob) -> None:
    def write(_: int) -> None:
        raise OSError(errno.EDQUOT, "full")

    trainer = ScriptedTrainer(before_step=write)
    for status in ("queued", "queued", "queued", "failed"):
        assert not work.work_on_job(bench.context, job.id, never, trainer)
        assert now(bench, job).status == status
    assert "seedbed jobs resume" in (now(bench, job).message or "")


def test_an_interrupted_process_releases_the_job(bench: Bench, job: TrainingJob) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.work_on_job(bench.context, job.id, never, ScriptedTrainer(before_step=interrupt))
    released = now(bench, job)
    assert (released.status, released.token) == ("queued", None)


def test_a_trainer_that_stops_unasked_is_a_defect(bench: Bench, job: TrainingJob) -> None:
    work.work_on_job(bench.context, job.id, never, Recorder(lambda _, __: False))
    assert now(bench, job).status == "failed"


def test_a_job_cancelled_by_a_dead_worker_is_not_trained(bench: Bench, job: TrainingJob) -> None:
    take(bench, job, "dead")
    control.cancel_job(bench.context, job.id)
    expire_lease(bench, job)
    trainer = ScriptedTrainer()
    assert not work.work_on_job(bench.context, job.id, never, trainer)
    assert (now(bench, job).status, trainer.began_at) == ("cancelled", [])


def test_a_job_cancelled_in_its_last_step_is_cancelled(bench: Bench, job: TrainingJob) -> None:
    def cancel(work_: TrainingWork, _: TrainingMonitor) -> bool:
        control.cancel_job(bench.context, work_.job_id)
        return True

    work.work_on_job(bench.context, job.id, never, Recorder(cancel))
    assert now(bench, job).status == "cancelled"
    assert control.outputs(bench.context, job.id) == []


def test_a_cancelled_job_that_fails_is_cancelled(bench: Bench, job: TrainingJob) -> None:
    def fail(work_: TrainingWork, _: TrainingMonitor) -> bool:
        control.cancel_job(bench.context, work_.job_id)
        raise TrainingError("It was cut off.")

    work.work_on_job(bench.context, job.id, never, Recorder(fail))
    assert now(bench, job).status == "cancelled"


def test_a_cancelled_trainer_that_returns_early_is_cancelled(
    bench: Bench, job: TrainingJob
) -> None:
    def cancel(work_: TrainingWork, _: TrainingMonitor) -> bool:
        control.cancel_job(bench.context, work_.job_id)
        return False

    assert not work.work_on_job(bench.context, job.id, never, Recorder(cancel))
    assert now(bench, job).status == "cancelled"


def test_a_lost_job_is_left_to_its_new_worker(bench: Bench, job: TrainingJob) -> None:
    def lose(_: TrainingWork, __: TrainingMonitor) -> bool:
        expire_lease(bench, job)
        take(bench, job, "new")
        return True

    assert not work.work_on_job(bench.context, job.id, never, Recorder(lose))
    left = now(bench, job)
    assert (left.status, left.token) == ("running", "new")


def test_a_job_whose_workers_keep_dying_fails(bench: Bench, job: TrainingJob) -> None:
    for attempt in range(4):
        take(bench, job, f"dead_{attempt}")
        expire_lease(bench, job)
    trainer = ScriptedTrainer()
    work.work_on_job(bench.context, job.id, never, trainer)
    failed = now(bench, job)
    assert (failed.status, trainer.began_at) == ("failed", [])
    assert "died 4 times in a row without getting past step 0" in (failed.message or "")


def test_a_waiting_job_is_swept_once(bench: Bench, job: TrainingJob) -> None:
    assert list(work.sweep_training(bench.context)) == [job.id]
    assert list(work.sweep_training(bench.context)) == []


def test_an_evaluation_gets_the_outputs_of_the_training(
    bench: Bench, job: TrainingJob, dataset_id: str
) -> None:
    work.work_on_job(bench.context, job.id, never, ScriptedTrainer(steps=1))
    other = stored(bench.context.database, some_rows(3))
    found = []
    for measured_on in (dataset_id, other):
        options = EvaluationJobOptions(
            training_job_id=job.id, evaluation=EvaluationOptions(judge=JudgeOptions())
        )
        request = TrainingRequest(measured_on, options)
        measuring = control.create_job(bench.context, request, None)
        trainer = Recorder(lambda _, __: True)
        work.work_on_job(bench.context, measuring.id, never, trainer)
        assert now(bench, measuring).status == "succeeded"
        assert trainer.work is not None
        found.append(trainer.work)

    outputs = control.folder_of(bench.context, job.id) / "outputs"
    assert [one.tuned_outputs for one in found] == [outputs, outputs]
    assert [one.was_trained_on_dataset for one in found] == [True, False]
    assert [one.kind for one in found] == ["evaluation", "evaluation"]
    assert all(one.judge is not None for one in found)


def test_a_training_reads_its_rows_and_other_data_sets(bench: Bench, dataset_id: str) -> None:
    general = stored(bench.context.database, some_rows(2))
    options = TrainingOptions.model_validate({"evaluation": {"general_dataset_id": general}})
    job = control.create_job(bench.context, TrainingRequest(dataset_id, options), None)
    trainer = Recorder(lambda _, __: True)

    work.work_on_job(bench.context, job.id, never, trainer)

    assert trainer.work is not None
    assert trainer.rows == some_rows(6)
    assert trainer.work.dataset.name == f"{dataset_id}, version 1"
    assert list(trainer.work.other_datasets) == [general]
    assert len(list(trainer.work.other_datasets[general].read())) == 2
    assert (trainer.work.tuned_outputs, trainer.work.judge) == (None, None)


def test_a_job_can_learn_the_decisions_of_a_judge(bench: Bench, dataset_id: str) -> None:
    run_id = start(bench, dataset_id, "judge")
    bench.work(run_id)
    options = TrainingOptions(task="labels", review_run_id=run_id)
    job = control.create_job(bench.context, TrainingRequest(dataset_id, options), None)
    trainer = Recorder(lambda _, __: True)

    work.work_on_job(bench.context, job.id, never, trainer)

    assert trainer.work is not None
    assert trainer.work.dataset.name == f"{dataset_id}, version 1, as {run_id} judged it"
