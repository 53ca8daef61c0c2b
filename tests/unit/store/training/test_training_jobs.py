"""Training jobs: guarded moves, the lease of a worker, its reports, its outputs."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, undefer

from app.states import Status
from app.store.sql import epoch_now
from app.store.tables.training import TrainingEvent, TrainingJob, TrainingOutput, TrainingReview
from app.store.training import answer_reviews, training_jobs, waiting_jobs
from app.store.training.training_jobs import LOG_CHARACTERS, Output, Step
from tests.unit.store.rows import add_dataset, add_job, add_run

ID = "training_a"
LIVE, DEAD = 60.0, -60.0


def row(session: Session) -> TrainingJob:
    whole = (undefer(TrainingJob.log_tail), undefer(TrainingJob.evaluation))
    return session.get_one(TrainingJob, ID, options=whole, populate_existing=True)


def events(session: Session) -> list[tuple[str, dict[str, Any]]]:
    found = session.scalars(select(TrainingEvent).order_by(TrainingEvent.id))
    return [(event.kind, event.data) for event in found]


def test_a_taken_job_runs_and_counts_an_attempt_for_each_worker(session: Session) -> None:
    add_job(session)
    session.execute(update(TrainingJob).values(notified_at=epoch_now()))
    assert training_jobs.take(session, ID, "one", LIVE)
    assert training_jobs.take(session, ID, "one", DEAD)
    taken = row(session)
    assert (taken.status, taken.token, taken.attempts) == ("running", "one", 1)
    assert taken.notified_at is None
    assert taken.started_at is not None
    assert events(session) == [("status", {"status": "running", "message": None})]
    assert training_jobs.take(session, ID, "two", LIVE)
    assert (row(session).token, row(session).attempts) == ("two", 2)
    assert not training_jobs.take(session, ID, "three", LIVE)
    assert row(session).started_at == taken.started_at


@pytest.mark.parametrize(
    ("columns", "is_workable"),
    [
        ({}, True),
        ({"status": "running"}, True),
        ({"status": "cancelling"}, True),
        ({"status": "failed"}, False),
        ({"status": "succeeded"}, False),
        ({"dataset_id": None}, False),
    ],
)
def test_a_worker_takes_what_has_work_and_rows(
    session: Session, columns: dict[str, Any], *, is_workable: bool
) -> None:
    add_job(session, **columns)
    assert list(training_jobs.waiting(session, 5.0)) == ([ID] if is_workable else [])
    assert training_jobs.take(session, ID, "one", LIVE) is is_workable


def test_a_heartbeat_learns_the_status_of_the_job(session: Session) -> None:
    add_job(session)
    training_jobs.take(session, ID, "one", DEAD)
    assert training_jobs.extend(session, ID, "one", LIVE) is Status.RUNNING
    assert not training_jobs.take(session, ID, "two", LIVE)
    training_jobs.move(session, ID, Status.CANCELLING)
    assert training_jobs.extend(session, ID, "one", LIVE) is Status.CANCELLING
    assert training_jobs.extend(session, ID, "two", LIVE) is None


def test_a_move_is_guarded_by_token_and_source(session: Session) -> None:
    add_job(session)
    training_jobs.take(session, ID, "one", LIVE)
    assert not training_jobs.move(session, ID, Status.FAILED, token="two")
    assert not training_jobs.move(session, ID, Status.FAILED, from_only=Status.QUEUED)
    assert not training_jobs.move(session, ID, Status.CANCELLED)
    assert training_jobs.move(session, ID, Status.FAILED, message="No.", token="one")
    failed = row(session)
    assert (failed.status, failed.message, failed.token) == ("failed", "No.", None)
    assert failed.leased_until is None
    assert failed.ended_at is not None
    assert events(session)[-1] == ("status", {"status": "failed", "message": "No."})
    assert training_jobs.move(session, ID, Status.QUEUED, from_only=Status.FAILED)
    assert (row(session).ended_at, row(session).message) == (None, None)


def test_a_cancelling_job_keeps_its_worker(session: Session) -> None:
    add_job(session)
    training_jobs.take(session, ID, "one", LIVE)
    assert training_jobs.move(session, ID, Status.CANCELLING)
    assert (row(session).token, row(session).ended_at) == ("one", None)


def report(
    session: Session, count: int, *steps: Step, log: str = "", token: str | None = None
) -> bool:
    return training_jobs.report(session, ID, token or "one", count, steps, log)


def test_a_report_is_stored_once_and_fenced(session: Session) -> None:
    add_job(session)
    training_jobs.take(session, ID, "one", LIVE)
    steps = (Step(1, 9, 2.0, 0.1), Step(2, 9, None, 0.1))
    assert report(session, 0, *steps, log="a\n")
    assert report(session, 0, *steps, log="a\n")
    assert not report(session, 0, *steps, token="two")
    assert not report(session, 5, *steps)
    reported = row(session)
    assert (reported.step, reported.steps, reported.loss, reported.learning_rate) == (
        2,
        9,
        None,
        0.1,
    )
    assert (reported.log_tail, reported.report_count, reported.farthest_step) == ("a\n", 1, 2)
    assert events(session)[1:] == [
        ("step", {"step": 1, "steps": 9, "loss": 2.0, "learning_rate": 0.1}),
        ("step", {"step": 2, "steps": 9, "loss": None, "learning_rate": 0.1}),
    ]


def test_the_end_of_the_log_is_kept(session: Session) -> None:
    add_job(session)
    training_jobs.take(session, ID, "one", LIVE)
    assert report(session, 0, log="x" * 10)
    assert report(session, 1, log="y" * (LOG_CHARACTERS - 1))
    assert row(session).log_tail == "x" + "y" * (LOG_CHARACTERS - 1)
    assert report(session, 2)
    assert len(row(session).log_tail) == LOG_CHARACTERS


def test_attempts_count_since_the_farthest_step(session: Session) -> None:
    add_job(session)
    for n, token in enumerate(("one", "two", "three")):
        training_jobs.take(session, ID, token, DEAD)
        report(session, n, Step(4, 9, 1.0, 0.1), token=token)
    assert (row(session).attempts, row(session).farthest_step) == (3, 4)
    report(session, 3, Step(5, 9, 1.0, 0.1), token="three")
    assert (row(session).attempts, row(session).farthest_step) == (1, 5)
    report(session, 4, Step(2, 9, 1.0, 0.1), token="three")
    assert (row(session).step, row(session).farthest_step) == (2, 5)
    training_jobs.reset_attempts(session, ID)
    assert row(session).attempts == 0


def test_success_records_outputs_and_evaluation(session: Session) -> None:
    add_job(session)
    training_jobs.take(session, ID, "one", LIVE)
    made = [Output("b/card.md", "2", 5), Output("a.bin", "1", 9)]
    assert not training_jobs.succeed(session, ID, "two", made, None)
    assert training_jobs.succeed(session, ID, "one", made, {"n": 1})
    assert row(session).evaluation == {"n": 1}
    found = training_jobs.outputs_of(session, ID)
    assert [(one.name, one.sha256, one.size_bytes) for one in found] == [
        ("a.bin", "1", 9),
        ("b/card.md", "2", 5),
    ]
    training_jobs.delete_outputs(session, ID)
    session.expire_all()
    assert training_jobs.outputs_of(session, ID) == []
    assert session.scalars(select(TrainingOutput)).all() == []


def test_a_released_job_waits_again_or_ends_if_it_was_cancelled(session: Session) -> None:
    add_job(session)
    training_jobs.take(session, ID, "one", LIVE)
    training_jobs.release(session, ID, "two")
    assert row(session).status == "running"
    training_jobs.release(session, ID, "one")
    assert (row(session).status, row(session).token, row(session).attempts) == ("queued", None, 0)
    training_jobs.take(session, ID, "one", LIVE)
    training_jobs.move(session, ID, Status.CANCELLING)
    training_jobs.release(session, ID, "one")
    assert (row(session).status, row(session).attempts) == ("cancelled", 1)


def test_jobs_are_found_by_key_and_by_run(session: Session) -> None:
    run = add_run(session)
    add_job(session, idempotency_key="k", run_id=run.id)
    add_job(session, "training_b", run_id=run.id)
    add_job(session, "training_c")
    found = training_jobs.find_by_key(session, "k")
    assert found is not None
    assert found.id == ID
    assert training_jobs.find_by_key(session, "other") is None
    assert list(training_jobs.of_run(session, run.id)) == [ID, "training_b"]


@pytest.mark.parametrize(
    ("columns", "needs"),
    [
        ({"dataset_id": "dataset_x"}, True),
        ({"pending_dataset_id": "dataset_x"}, True),
        ({"options": {"general": "dataset_x"}}, True),
        ({"requested_dataset": {"recipe": "dataset_x"}}, True),
        ({"dataset_id": "dataset_x", "status": "succeeded"}, False),
        ({}, False),
    ],
)
def test_an_unfinished_job_needs_the_data_sets_it_names(
    session: Session, columns: dict[str, Any], *, needs: bool
) -> None:
    add_dataset(session, "dataset_x", state="ready")
    add_job(session, **columns)
    found = training_jobs.unfinished_of(session, "dataset_x")
    assert (found is not None) is needs


def test_an_unfinished_job_measures_the_model_it_names(session: Session) -> None:
    add_job(session, status="succeeded")
    add_job(session, "training_b", options={"training_job_id": ID})
    assert training_jobs.unfinished_measuring(session, ID) == "training_b"
    assert training_jobs.unfinished_measuring(session, "training_b") is None
    session.execute(update(TrainingJob).values(status="failed"))
    assert training_jobs.unfinished_measuring(session, ID) is None


def test_events_are_read_after_one_of_them_up_to_a_limit(session: Session) -> None:
    add_job(session)
    add_job(session, "training_b")
    nothing = training_jobs.look(session, ID, 0, 9)
    assert nothing is not None
    assert (nothing.job.id, nothing.events) == (ID, [])
    for n in range(4):
        training_jobs.add_event(session, ID, "step", {"n": n})
        training_jobs.add_event(session, "training_b", "step", {"n": -n})
    first = training_jobs.look(session, ID, 0, 3)
    assert first is not None
    assert [event.data["n"] for event in first.events] == [0, 1, 2]
    rest = training_jobs.look(session, ID, first.events[1].id, 9)
    assert rest is not None
    assert [event.data["n"] for event in rest.events] == [2, 3]
    assert training_jobs.look(session, "training_unknown", 0, 9) is None


@pytest.mark.parametrize(
    ("run_status", "dataset_state", "can_go_on"),
    [
        ("running", None, False),
        ("succeeded", None, True),
        ("failed", None, True),
        ("running", "ready", True),
        ("succeeded", "making", False),
        ("succeeded", "failed", True),
    ],
)
def test_a_job_without_rows_goes_on_when_its_run_or_its_data_set_has_ended(
    session: Session, run_status: str, dataset_state: str | None, *, can_go_on: bool
) -> None:
    run = add_run(session, status=run_status)
    if dataset_state is not None:
        add_dataset(session, state=dataset_state)
    pending = None if dataset_state is None else "dataset_a"
    add_job(session, dataset_id=None, run_id=run.id, pending_dataset_id=pending)
    assert list(waiting_jobs.rowless(session)) == ([ID] if can_go_on else [])
    held = waiting_jobs.hold(session, ID)
    assert held is not None
    assert held.id == ID
    session.execute(update(TrainingJob).values(status="cancelled"))
    assert waiting_jobs.hold(session, ID) is None
    assert waiting_jobs.rowless(session) == []


def test_a_job_with_rows_waits_for_no_run(session: Session) -> None:
    run = add_run(session, status="succeeded")
    add_job(session, run_id=run.id)
    assert waiting_jobs.rowless(session) == []
    assert waiting_jobs.hold(session, ID) is None


def test_a_person_has_one_review_of_a_job(session: Session) -> None:
    add_job(session, evaluation={"n": 1})
    add_job(session, "training_b")
    assert answer_reviews.locked_evaluation(session, ID) == {"n": 1}
    answer_reviews.record_evaluation(session, ID, {"n": 2})
    assert row(session).evaluation == {"n": 2}
    for reviewer, review in (("zoe", 1), ("al", 2), ("zoe", 3)):
        answer_reviews.put(session, ID, reviewer, {"n": review})
    answer_reviews.put(session, "training_b", "al", {"n": 4})
    # Both may have come within one tick of the clock.
    session.flush()
    earliest = session.scalars(select(TrainingReview).filter_by(job_id=ID, reviewer="zoe")).one()
    earliest.created_at -= timedelta(seconds=1)
    session.flush()
    assert answer_reviews.of_job(session, ID) == [{"n": 3}, {"n": 2}]
    assert answer_reviews.remove(session, ID, "zoe")
    assert not answer_reviews.remove(session, ID, "zoe")
    assert answer_reviews.of_job(session, ID) == [{"n": 2}]
    assert answer_reviews.of_job(session, "training_b") == [{"n": 4}]
