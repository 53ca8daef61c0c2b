"""Leases of training jobs: one process in a folder, and no lost cancellation."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from app.errors import Conflict, InvalidInput, SeedbedError
from app.llm.scripted.model import reply
from app.services.datasets import control as datasets
from app.services.training.contract import TrainerResult, TrainingMonitor, TrainingWork
from app.services.training.jobs import control as training_jobs
from app.services.training.jobs import work as training
from app.services.training.jobs.monitor import HeldJob, Interruption, JobMonitor
from app.services.training.jobs.requests import TrainingRequest
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs as queries
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.dataset_versions import ROWS, imported
from tests.scripted_trainer import ScriptedTrainer

pytestmark = MOSTLY_POSTGRESQL

MOST_S = 20.0
"""After so long a test that waits for what never comes has failed."""


class Interrupted(BaseException):
    """What a worker raises in the thread that trains."""


@pytest.fixture
def bench(open_bench: OpenBench, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(reply, files_dir=tmp_path / "data" / "files", lease_s=1.5) as bench:
        yield bench


@pytest.fixture
def job(bench: Bench) -> TrainingJob:
    dataset = imported(bench.context, ROWS)
    request = TrainingRequest(dataset.id, TrainingOptions(base_model="tiny"))
    return training_jobs.create_job(bench.context, request, None)


def never() -> bool:
    return False


def now(bench: Bench, job: TrainingJob) -> TrainingJob:
    return training_jobs.get_job(bench.context, job.id)


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + MOST_S
    while not what():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)


def test_who_takes_a_job_over_waits_until_its_folder_is_free(
    bench: Bench, job: TrainingJob
) -> None:
    """The first loses its lease while it writes, as one that was frozen does, and notices late."""
    writes, may_end = threading.Event(), threading.Event()
    order: list[str] = []

    def slow(work: TrainingWork, _: TrainingMonitor) -> TrainerResult:
        writes.set()
        assert may_end.wait(MOST_S)
        (work.folder / "outputs").mkdir(exist_ok=True)
        (work.folder / "outputs" / "adapter.json").write_text("half of it")
        order.append("the first has left")
        return TrainerResult(is_complete=True)

    def begins(_: int) -> None:
        order.append("the second is in")

    first = threading.Thread(target=training.work_on_job, args=(bench.context, job.id, never, slow))
    first.start()
    assert writes.wait(MOST_S)
    with bench.context.database.write() as session:
        lost = update(TrainingJob).where(TrainingJob.id == job.id)
        session.execute(lost.values(token=None, leased_until=None))
    trainer = ScriptedTrainer(steps=1, before_step=begins)
    second = threading.Thread(
        target=training.work_on_job, args=(bench.context, job.id, never, trainer)
    )
    second.start()
    wait_for(lambda: "to leave its folder" in now(bench, job).log_tail)
    may_end.set()
    first.join()
    second.join()
    assert order == ["the first has left", "the second is in"]
    assert now(bench, job).status == "succeeded"
    (output,) = training_jobs.outputs(bench.context, job.id)
    assert training_jobs.output_file(bench.context, job.id, output.name).read_text() != "half of it"


def test_who_waits_for_a_folder_can_be_cancelled(bench: Bench, job: TrainingJob) -> None:
    may_end, inside = threading.Event(), threading.Event()

    def frozen(_: TrainingWork, __: TrainingMonitor) -> TrainerResult:
        inside.set()
        assert may_end.wait(MOST_S)
        return TrainerResult(is_complete=True)

    first = threading.Thread(
        target=training.work_on_job, args=(bench.context, job.id, never, frozen)
    )
    first.start()
    assert inside.wait(MOST_S)
    with bench.context.database.write() as session:
        lost = update(TrainingJob).where(TrainingJob.id == job.id)
        session.execute(lost.values(token=None, leased_until=None))
    trainer = ScriptedTrainer()
    second = threading.Thread(
        target=training.work_on_job, args=(bench.context, job.id, never, trainer)
    )
    second.start()
    wait_for(lambda: "to leave its folder" in now(bench, job).log_tail)
    training_jobs.cancel_job(bench.context, job.id)
    second.join()
    assert (now(bench, job).status, trainer.began_at) == ("cancelled", [])
    may_end.set()
    first.join()


def test_a_trainer_that_does_not_look_is_interrupted_once_its_job_is_cancelled(
    bench: Bench, job: TrainingJob
) -> None:
    interrupted = threading.Event()
    calls: list[float] = []

    def interrupt() -> None:
        calls.append(time.monotonic())
        interrupted.set()

    def loads(work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        monitor.log("Loads a large model.")
        training_jobs.cancel_job(bench.context, work.job_id)
        assert interrupted.wait(MOST_S)
        # Unwinding takes a while, and must not be interrupted again.
        time.sleep(1.5)
        raise Interrupted

    began_at = time.monotonic()
    with pytest.raises(Interrupted):
        training.work_on_job(
            bench.context, job.id, never, loads, interruption=Interruption(0.5, interrupt)
        )
    cancelled = now(bench, job)
    assert (cancelled.status, cancelled.leased_until) == ("cancelled", None)
    (called_at,) = calls
    assert called_at - began_at >= 0.5


def test_a_job_is_cancelled_though_nothing_ends_its_trainer_and_goes_on_when_that_has_left(
    bench: Bench, job: TrainingJob
) -> None:
    may_end = threading.Event()

    def downloads(work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        monitor.log("Downloads a large model.")
        training_jobs.cancel_job(bench.context, work.job_id)
        assert may_end.wait(MOST_S)
        return TrainerResult(is_complete=False)

    first = threading.Thread(
        target=training.work_on_job,
        args=(bench.context, job.id, never, downloads),
        kwargs={"interruption": Interruption(0.5)},
    )
    first.start()
    wait_for(lambda: now(bench, job).status == "cancelled")
    training_jobs.resume_job(bench.context, job.id)
    trainer = ScriptedTrainer()
    second = threading.Thread(
        target=training.work_on_job, args=(bench.context, job.id, never, trainer)
    )
    second.start()
    wait_for(lambda: "to leave its folder" in now(bench, job).log_tail)
    assert trainer.began_at == []
    may_end.set()
    first.join()
    second.join()
    assert (now(bench, job).status, trainer.began_at) == ("succeeded", [0])


def test_a_trainer_whose_job_is_wanted_is_not_interrupted(bench: Bench, job: TrainingJob) -> None:
    calls: list[int] = []
    trainer = ScriptedTrainer(steps=3, step_s=0.5)
    interruption = Interruption(0.1, lambda: calls.append(1))
    training.work_on_job(bench.context, job.id, never, trainer, interruption=interruption)
    assert (now(bench, job).status, calls) == ("succeeded", [])


def test_a_job_that_is_cancelled_while_it_is_handed_back_is_cancelled(
    bench: Bench, job: TrainingJob
) -> None:
    """The worker's move and the person's come at once, the worker's being first."""
    with bench.context.database.write() as session:
        queries.take(session, job.id, "t", 30)
    cancelling = threading.Thread(target=training_jobs.cancel_job, args=(bench.context, job.id))
    with bench.context.database.write() as session:
        queries.release(session, job.id, "t")
        cancelling.start()
        cancelling.join(timeout=1)
    cancelling.join()
    assert now(bench, job).status == "cancelled"


def test_a_job_that_is_handed_back_after_it_was_cancelled_ends_at_once(
    bench: Bench, job: TrainingJob
) -> None:
    with bench.context.database.write() as session:
        queries.take(session, job.id, "t", 30)
    training_jobs.cancel_job(bench.context, job.id)
    with bench.context.database.write() as session:
        queries.release(session, job.id, "t")
        queries.release(session, job.id, "t")
    cancelled = now(bench, job)
    assert (cancelled.status, cancelled.token) == ("cancelled", None)


def test_a_database_that_comes_back_while_the_trainer_returns_makes_no_defect_of_it(
    bench: Bench, job: TrainingJob
) -> None:
    context = bench.context
    with context.database.write() as session:
        queries.take(session, job.id, "t", context.lease_s)
    monitor = JobMonitor(context, HeldJob(job.id, "t", 0), never, Interruption())
    # Nobody writes for it, as where the database is away.
    time.sleep(context.lease_s + 0.1)
    assert monitor.stop()
    with monitor:
        time.sleep(1.2)
    assert not monitor.is_lost
    assert monitor.stop()
    assert monitor.has_requested_stop


def test_a_data_set_that_a_job_replays_stays_while_the_job_needs_it(
    bench: Bench, job: TrainingJob
) -> None:
    general = imported(bench.context, ROWS, name="general")
    options = TrainingOptions.model_validate(
        {"data": {"replay_share": 0.1, "replay_dataset_id": general.id}}
    )
    request = TrainingRequest(str(job.dataset_id), options)
    replaying = training_jobs.create_job(bench.context, request, None)
    with pytest.raises(Conflict, match=f"{replaying.id}, which is queued, needs it"):
        datasets.delete_dataset(bench.context, general.id)
    training_jobs.cancel_job(bench.context, replaying.id)
    datasets.delete_dataset(bench.context, general.id)


@pytest.mark.skipif(sys.platform != "linux", reason="wants a folder that root cannot write to")
def test_a_worker_that_may_not_write_says_what_to_set(bench: Bench, job: TrainingJob) -> None:
    elsewhere = replace(bench.context, files_dir=Path("/sys/seedbed/files"))
    training.work_on_job(elsewhere, job.id, never, ScriptedTrainer())
    failed = now(bench, job)
    assert failed.status == "failed"
    assert "set SEEDBED_DATA_DIR" in (failed.message or "")


def test_files_are_removed_once_nobody_needs_them_and_the_job_stays(
    bench: Bench, job: TrainingJob
) -> None:
    context = bench.context
    with pytest.raises(Conflict, match="cancel it first"):
        training_jobs.discard_files(context, job.id)
    training.work_on_job(context, job.id, never, ScriptedTrainer())
    measuring = EvaluationJobOptions(training_job_id=job.id)
    request = TrainingRequest(str(job.dataset_id), measuring)
    measures = training_jobs.create_job(context, request, None)
    with pytest.raises(Conflict, match=measures.id):
        training_jobs.discard_files(context, job.id)
    training_jobs.cancel_job(context, measures.id)
    for _ in range(2):
        training_jobs.discard_files(context, job.id)
    assert list(training_jobs.folder_of(context, job.id).parent.iterdir()) == []
    assert training_jobs.outputs(context, job.id) == []
    assert now(bench, job).evaluation is not None
    with pytest.raises(InvalidInput):
        training_jobs.create_job(context, request, None)


def test_a_job_whose_checkpoints_were_removed_begins_anew(bench: Bench, job: TrainingJob) -> None:
    trainer = ScriptedTrainer(steps=4, before_step=lambda step: fail_at(step, 3))
    training.work_on_job(bench.context, job.id, never, trainer)
    training_jobs.discard_files(bench.context, job.id)
    training_jobs.resume_job(bench.context, job.id)
    trainer.before_step = lambda _: None
    training.work_on_job(bench.context, job.id, never, trainer)
    assert (now(bench, job).status, trainer.began_at) == ("succeeded", [0, 0])


def fail_at(step: int, last: int) -> None:
    if step == last:
        raise SeedbedError("The GPU is lost.")
