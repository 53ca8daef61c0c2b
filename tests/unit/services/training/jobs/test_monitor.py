"""The connection between a trainer and the database: progress out, cancellation in."""

import math
import threading
from dataclasses import replace

from app.evaluation.evaluation_result import ProgressPoint
from app.services.training.jobs import control
from app.services.training.jobs.monitor import HeldJob, Interruption, JobMonitor
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs as queries
from tests.bench import Bench


def never() -> bool:
    return False


def taken(bench: Bench, job: TrainingJob, lease_s: float = 30.0) -> HeldJob:
    with bench.context.database.write() as session:
        assert queries.take(session, job.id, "t", lease_s)
    return HeldJob(job.id, "t", 0)


def test_steps_and_lines_are_stored_when_the_block_ends(bench: Bench, job: TrainingJob) -> None:
    monitor = JobMonitor(bench.context, taken(bench, job), never, Interruption())
    with monitor:
        monitor.step(ProgressPoint(step=1, loss=0.5, learning_rate=1e-4), 3)
        monitor.step(ProgressPoint(step=2, loss=math.nan, learning_rate=1e-4), 3)
        monitor.log("a\0b \ud800")
        assert not monitor.stop()
    now = control.get_job(bench.context, job.id)
    assert (now.step, now.steps, now.loss) == (2, 3, None)
    assert now.log_tail == "ab ?\n"
    assert not monitor.is_lost


def test_a_cancelled_job_stops_its_trainer(bench: Bench, job: TrainingJob) -> None:
    called = threading.Event()
    context = replace(bench.context, lease_s=0.3)
    held = taken(bench, job)
    control.cancel_job(bench.context, job.id)
    monitor = JobMonitor(context, held, never, Interruption(0.1, called.set))
    with monitor:
        assert called.wait(20)
        assert monitor.stop()
    assert (monitor.is_cancelled, monitor.has_requested_stop) == (True, True)


def test_a_cancelled_job_ends_while_its_trainer_hangs(bench: Bench, job: TrainingJob) -> None:
    context = replace(bench.context, lease_s=0.3)
    held = taken(bench, job)
    control.cancel_job(bench.context, job.id)
    marked = threading.Event()
    monitor = JobMonitor(context, held, never, Interruption(0.05))
    with monitor:
        for _ in range(400):
            if control.get_job(bench.context, job.id).status == "cancelled":
                marked.set()
                break
            threading.Event().wait(0.05)
    assert marked.is_set()


def test_a_lost_job_stops_its_trainer(bench: Bench, job: TrainingJob) -> None:
    monitor = JobMonitor(bench.context, HeldJob(job.id, "another", 0), never, Interruption())
    with monitor:
        pass
    assert (monitor.is_lost, monitor.stop()) == (True, True)


def test_without_heartbeats_the_training_stops_when_its_lease_ends(
    bench: Bench, job: TrainingJob
) -> None:
    held = taken(bench, job)
    monitor = JobMonitor(replace(bench.context, lease_s=60.0), held, never, Interruption())
    assert not monitor.stop()
    overdue = JobMonitor(replace(bench.context, lease_s=0.0), held, never, Interruption())
    assert overdue.stop()


def test_a_stop_is_not_taken_back(bench: Bench, job: TrainingJob) -> None:
    answers = iter([True, False])
    held = taken(bench, job)
    monitor = JobMonitor(bench.context, held, lambda: next(answers), Interruption())
    assert monitor.stop()
    assert monitor.stop()
