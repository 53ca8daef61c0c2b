"""Training jobs on both databases: begun once, resumed, cancelled, and never lost or doubled."""

import hashlib
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from app.errors import Conflict, InvalidInput, NotFound, SeedbedError
from app.evaluation.evaluation_result import Evaluation
from app.llm.scripted.model import reply
from app.services.context import ServiceContext
from app.services.datasets import control as datasets
from app.services.training.jobs import control as training_jobs
from app.services.training.jobs import work
from app.services.training.jobs.requests import TrainingRequest
from app.states import JobKind
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs as queries
from app.training.plain.option_groups import EvaluationOptions, MethodOptions
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.bench import Bench, OpenBench, after_looks
from tests.dataset_versions import ROWS, imported, mixed
from tests.scripted_trainer import ScriptedTrainer


@pytest.fixture
def bench(open_bench: OpenBench, tmp_path: Path) -> Any:
    with open_bench(reply, files_dir=tmp_path / "data" / "files", lease_s=3.0) as bench:
        yield bench


@pytest.fixture
def job(bench: Bench) -> TrainingJob:
    dataset = imported(bench.context, ROWS)
    request = TrainingRequest(dataset.id, TrainingOptions(base_model="tiny"))
    return training_jobs.create_job(bench.context, request, None)


def now(context: ServiceContext, job: TrainingJob) -> TrainingJob:
    return training_jobs.get_job(context, job.id)


def never() -> bool:
    return False


def steps_told(context: ServiceContext, job: TrainingJob) -> list[int]:
    events = training_jobs.list_events(context, job.id, cursor=None, limit=1000).items
    return [event.data["step"] for event in events if event.kind == "step"]


def statuses(context: ServiceContext, job: TrainingJob) -> list[str]:
    events = training_jobs.list_events(context, job.id, cursor=None, limit=1000).items
    return [event.data["status"] for event in events if event.kind == "status"]


def test_a_job_runs_to_its_end_with_steps_log_outputs_and_evaluation(
    bench: Bench, job: TrainingJob
) -> None:
    assert not work.work_on_job(bench.context, job.id, never, ScriptedTrainer(steps=5))
    done = now(bench.context, job)
    assert (done.status, done.step, done.steps, done.message) == ("succeeded", 5, 5, None)
    assert done.loss == pytest.approx(0.2)
    assert "'base_model': 'tiny'" in done.log_tail
    assert steps_told(bench.context, job) == [1, 2, 3, 4, 5]
    assert statuses(bench.context, job) == ["queued", "running", "succeeded"]
    (output,) = training_jobs.outputs(bench.context, job.id)
    content = training_jobs.output_file(bench.context, job.id, output.name).read_bytes()
    assert content == b'{"rows": 7}'
    assert hashlib.sha256(content).hexdigest() == output.sha256
    evaluation = Evaluation.model_validate(done.evaluation)
    assert evaluation.models[1].exact is not None
    assert done.leased_until is None


def test_a_mixed_data_set_has_figures_for_each_of_its_sources(bench: Bench) -> None:
    colours = imported(bench.context, ROWS[:2], "colours")
    words = imported(bench.context, ROWS[2:4], "words")
    sources = [{"dataset_id": one.id, "weight": 1.0} for one in (colours, words)]
    mixture = mixed(bench.context, sources=sources)
    request = TrainingRequest(mixture.id, TrainingOptions(base_model="tiny"))
    job = training_jobs.create_job(bench.context, request, None)
    trainer = ScriptedTrainer(tasks=4, answers=lambda text: text if text != "pain" else "bread")
    work.work_on_job(bench.context, job.id, never, trainer)
    found = Evaluation.model_validate(now(bench.context, job).evaluation).sources
    right = {each.source: (each.tasks, each.exact[1].value) for each in found}
    assert right == {"colours, version 1": (2, 1.0), "words, version 1": (2, 0.5)}


def test_a_job_that_has_ended_is_not_trained_again(bench: Bench, job: TrainingJob) -> None:
    trainer = ScriptedTrainer()
    for _ in range(3):
        work.work_on_job(bench.context, job.id, never, trainer)
    assert trainer.began_at == [0]
    assert not work.work_on_job(bench.context, "training_unknown", never, trainer)


def test_a_worker_that_is_told_to_end_hands_back_and_the_next_goes_on(
    bench: Bench, job: TrainingJob
) -> None:
    trainer = ScriptedTrainer(steps=8)
    assert work.work_on_job(bench.context, job.id, after_looks(3), trainer)
    handed = now(bench.context, job)
    assert (handed.status, handed.step) == ("queued", 3)
    assert not work.work_on_job(bench.context, job.id, never, trainer)
    assert trainer.began_at == [0, 3]
    assert now(bench.context, job).status == "succeeded"
    assert steps_told(bench.context, job) == list(range(1, 9))


def test_a_held_job_is_nobody_elses_and_a_dead_workers_job_is_taken_up(
    bench: Bench, job: TrainingJob
) -> None:
    context = bench.context
    context.database.retrying(lambda s: queries.take(s, job.id, "dead", context.lease_s))
    trainer = ScriptedTrainer()
    assert not work.work_on_job(context, job.id, never, trainer)
    assert trainer.began_at == []
    assert job.id not in work.sweep_training(context)
    time.sleep(context.lease_s + 0.1)
    assert list(work.sweep_training(context)) == [job.id]
    assert list(work.sweep_training(context)) == []
    work.work_on_job(context, job.id, never, trainer)
    assert now(context, job).status == "succeeded"


def test_the_lease_outlasts_a_training_that_is_longer_than_it(
    bench: Bench, job: TrainingJob
) -> None:
    trainer = ScriptedTrainer(steps=8, step_s=bench.context.lease_s / 6)
    second = ScriptedTrainer()
    worker = threading.Thread(target=work.work_on_job, args=(bench.context, job.id, never, trainer))
    worker.start()
    while now(bench.context, job).status != "running":
        time.sleep(0.02)
    while worker.is_alive():
        work.work_on_job(bench.context, job.id, never, second)
        time.sleep(0.1)
    worker.join()
    assert second.began_at == []
    assert now(bench.context, job).status == "succeeded"


def test_who_lost_its_hold_changes_nothing_any_more(bench: Bench, job: TrainingJob) -> None:
    context = bench.context

    def loses_it(step: int) -> None:
        if step == 3:
            with context.database.write() as session:
                held = session.get_one(TrainingJob, job.id)
                held.token, held.report_count = "another", 50
            time.sleep(1.2)

    assert not work.work_on_job(context, job.id, never, ScriptedTrainer(before_step=loses_it))
    after = now(context, job)
    assert (after.status, after.token, after.report_count) == ("running", "another", 50)
    assert training_jobs.outputs(context, job.id) == []
    with context.database.write() as session:
        assert not queries.report(session, job.id, "gone", 0, [queries.Step(1, 2, 1, 1)], "")
        assert not queries.succeed(session, job.id, "gone", [], None)


def test_a_report_that_is_sent_twice_is_written_once(bench: Bench, job: TrainingJob) -> None:
    step = queries.Step(1, 2, 0.5, 0.1)
    with bench.context.database.write() as session:
        assert queries.take(session, job.id, "t", 5)
        assert queries.report(session, job.id, "t", 0, [step], "once\n")
        assert queries.report(session, job.id, "t", 0, [step], "once\n")
    assert steps_told(bench.context, job) == [1]
    assert now(bench.context, job).log_tail == "once\n"


def test_a_running_job_is_cancelled_within_seconds_and_can_go_on(
    bench: Bench, job: TrainingJob
) -> None:
    context, trainer = bench.context, ScriptedTrainer(steps=200, step_s=0.05)
    worker = threading.Thread(target=work.work_on_job, args=(context, job.id, never, trainer))
    worker.start()
    while now(context, job).step < 2:
        time.sleep(0.05)
    asked_at = time.monotonic()
    assert training_jobs.cancel_job(context, job.id).status == "cancelling"
    worker.join()
    assert time.monotonic() - asked_at < 4
    cancelled = now(context, job)
    assert cancelled.status == "cancelled"
    assert training_jobs.cancel_job(context, job.id).status == "cancelled"
    assert training_jobs.resume_job(context, job.id).status == "queued"
    trainer.steps = cancelled.step + 2
    work.work_on_job(context, job.id, never, trainer)
    assert now(context, job).status == "succeeded"
    assert trainer.began_at[1] >= 2


def test_a_queued_job_is_cancelled_at_once_and_one_that_succeeded_is_not(
    bench: Bench, job: TrainingJob
) -> None:
    assert training_jobs.cancel_job(bench.context, job.id).status == "cancelled"
    training_jobs.resume_job(bench.context, job.id)
    work.work_on_job(bench.context, job.id, never, ScriptedTrainer())
    with pytest.raises(Conflict):
        training_jobs.cancel_job(bench.context, job.id)
    with pytest.raises(Conflict):
        training_jobs.resume_job(bench.context, job.id)


def test_a_job_whose_worker_died_while_it_was_cancelled_ends_cancelled(
    bench: Bench, job: TrainingJob
) -> None:
    context = bench.context
    context.database.retrying(lambda s: queries.take(s, job.id, "dead", 0.1))
    training_jobs.cancel_job(context, job.id)
    time.sleep(0.2)
    trainer = ScriptedTrainer()
    assert list(work.sweep_training(context)) == [job.id]
    work.work_on_job(context, job.id, never, trainer)
    assert (now(context, job).status, trainer.began_at) == ("cancelled", [])


def test_a_failure_is_one_clear_reason_and_what_was_before_is_kept(
    bench: Bench, job: TrainingJob
) -> None:
    def fails(step: int) -> None:
        if step == 4:
            raise SeedbedError("The loss is no number since step 4.")

    trainer = ScriptedTrainer(before_step=fails)
    assert not work.work_on_job(bench.context, job.id, never, trainer)
    failed = now(bench.context, job)
    assert (failed.status, failed.message) == ("failed", "The loss is no number since step 4.")
    assert failed.step == 3
    trainer.before_step = lambda _: None
    training_jobs.resume_job(bench.context, job.id)
    work.work_on_job(bench.context, job.id, never, trainer)
    assert trainer.began_at == [0, 3]
    assert now(bench.context, job).status == "succeeded"


def test_a_defect_shows_no_details(bench: Bench, job: TrainingJob) -> None:
    def fails(_: int) -> None:
        raise ValueError("secret")

    work.work_on_job(bench.context, job.id, never, ScriptedTrainer(before_step=fails))
    failed = now(bench.context, job)
    assert failed.message is not None
    assert failed.message.startswith("A defect of the service")
    assert "secret" not in failed.message


def test_a_job_that_meets_a_full_disk_waits(bench: Bench, job: TrainingJob) -> None:
    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    trainer = ScriptedTrainer(before_step=fails)
    work.work_on_job(bench.context, job.id, never, trainer)
    waiting = now(bench.context, job)
    assert (waiting.status, waiting.token) == ("queued", None)
    assert "The disk is full" in (waiting.message or "")
    trainer.before_step = lambda _: None
    work.work_on_job(bench.context, job.id, never, trainer)
    assert now(bench.context, job).status == "succeeded"


def test_a_job_that_kills_its_worker_again_and_again_ends(bench: Bench, job: TrainingJob) -> None:
    context = bench.context
    for _ in range(4):
        context.database.retrying(lambda s: queries.take(s, job.id, f"t{time.time()}", 0.01))
        time.sleep(0.05)
    trainer = ScriptedTrainer()
    work.work_on_job(context, job.id, never, trainer)
    failed = now(context, job)
    assert failed.status == "failed"
    assert "died 4 times" in (failed.message or "")
    assert trainer.began_at == []


def test_a_worker_without_the_extra_says_what_to_install(
    bench: Bench, job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name == "app.services.training.trainers.local" or name.startswith("app.training."):
            monkeypatch.delitem(sys.modules, name)
    # What Python takes for a package that is not there.
    monkeypatch.setitem(sys.modules, "torch", None)
    work.work_on_job(bench.context, job.id, never)
    failed = now(bench.context, job)
    assert failed.status == "failed"
    assert "torch is missing: install seedbed[training]" in (failed.message or "")


def test_the_same_key_gives_the_same_job_and_another_request_is_a_conflict(
    bench: Bench, job: TrainingJob
) -> None:
    dataset_id = str(job.dataset_id)
    request = TrainingRequest(dataset_id, TrainingOptions(method=MethodOptions(name="dora")))
    first = training_jobs.create_job(bench.context, request, "key")
    assert training_jobs.create_job(bench.context, request, "key").id == first.id != job.id
    other = TrainingRequest(dataset_id, EvaluationJobOptions())
    with pytest.raises(Conflict):
        training_jobs.create_job(bench.context, other, "key")
    measured = training_jobs.create_job(bench.context, other, "another")

    def listed(kind: JobKind | None) -> list[str]:
        page = training_jobs.list_jobs(
            bench.context, kind=kind, dataset_id=None, cursor=None, limit=9
        )
        return [each.id for each in page.items]

    assert listed(None) == [measured.id, first.id, job.id]
    assert listed("training") == [first.id, job.id]
    assert listed("evaluation") == [measured.id]


def test_a_data_set_must_be_there_and_stays_while_a_job_needs_it(
    bench: Bench, job: TrainingJob
) -> None:
    dataset_id = str(job.dataset_id)
    nowhere = EvaluationJobOptions(
        training_job_id="training_none",
        evaluation=EvaluationOptions(general_dataset_id="dataset_none"),
    )
    with pytest.raises(InvalidInput) as refused:
        training_jobs.create_job(bench.context, TrainingRequest(job.id, nowhere), None)
    assert [fault.field for fault in refused.value.faults] == [
        "dataset_id",
        "options.evaluation.general_dataset_id",
        "options.training_job_id",
    ]
    with pytest.raises(NotFound):
        training_jobs.get_job(bench.context, "training_none")
    with pytest.raises(Conflict, match="needs it"):
        datasets.delete_dataset(bench.context, dataset_id)
    training_jobs.cancel_job(bench.context, job.id)
    datasets.delete_dataset(bench.context, dataset_id)
    with pytest.raises(InvalidInput):
        training_jobs.resume_job(bench.context, job.id)
    assert now(bench.context, job).status == "cancelled"


@pytest.mark.parametrize("field", ["held_out_dataset_id", "general_dataset_id"])
def test_a_data_set_to_be_measured_on_must_be_there_and_stays_too(
    bench: Bench, job: TrainingJob, field: str
) -> None:
    other = imported(bench.context, [{"instruction": "Go.", "output": "Gone."}], "other")
    nowhere, there = (
        TrainingRequest(
            str(job.dataset_id), TrainingOptions.model_validate({"evaluation": {field: named}})
        )
        for named in ("dataset_none", other.id)
    )

    with pytest.raises(InvalidInput) as refused:
        training_jobs.create_job(bench.context, nowhere, None)
    taken = training_jobs.create_job(bench.context, there, None)

    assert [fault.field for fault in refused.value.faults] == [f"options.evaluation.{field}"]
    with pytest.raises(Conflict, match=f"{taken.id}, which is queued, needs it"):
        datasets.delete_dataset(bench.context, other.id)
    training_jobs.cancel_job(bench.context, taken.id)
    datasets.delete_dataset(bench.context, other.id)
