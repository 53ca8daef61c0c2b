"""Runs: guarded moves with their events, locks, and the fence of a pump."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.states import EndReason, Status
from app.store.database import Database
from app.store.runs import runs, slots
from app.store.runs.runs import Hold
from app.store.runs.source import Growing, Reviewing, source_of
from app.store.tables.runs import Run, RunEvent
from tests.unit.store.rows import add_dataset, add_run

HOLD = Hold("run_a", 0, "one")


def events(session: Session) -> list[tuple[str, dict[str, object]]]:
    found = session.scalars(select(RunEvent).order_by(RunEvent.id))
    return [(event.kind, event.data) for event in found]


def row(session: Session) -> Run:
    return session.get_one(Run, "run_a", populate_existing=True)


def test_a_move_sets_status_reason_and_message_and_adds_its_event(session: Session) -> None:
    run = add_run(session, idle_until=None)
    assert runs.move(
        session, run.id, Status.PAUSED, reason=EndReason.PROVIDER, message="No credit."
    )
    moved = row(session)
    assert (moved.status, moved.end_reason, moved.message) == ("paused", "provider", "No credit.")
    assert moved.ended_at is None
    data = {"status": "paused", "reason": "provider", "message": "No credit."}
    assert events(session) == [("status", data)]
    assert list(events(session)[0][1]) == ["status", "reason", "message"]


def test_a_move_that_is_not_allowed_changes_nothing(session: Session) -> None:
    run = add_run(session, status="succeeded")
    assert not runs.move(session, run.id, Status.PAUSED)
    assert not runs.move(session, "run_unknown", Status.PAUSED)
    assert row(session).status == "succeeded"
    assert events(session) == []


def test_a_run_starts_once_and_ends_with_its_time(session: Session) -> None:
    run = add_run(session, status="queued")
    assert runs.move(session, run.id, Status.RUNNING)
    started = row(session).started_at
    assert started is not None
    assert runs.move(session, run.id, Status.PAUSED)
    assert runs.move(session, run.id, Status.QUEUED)
    assert runs.move(session, run.id, Status.RUNNING)
    assert row(session).started_at == started
    assert runs.move(session, run.id, Status.SUCCEEDED, reason=EndReason.TARGET_MET)
    assert row(session).ended_at is not None
    assert runs.move(session, run.id, Status.QUEUED)
    again = row(session)
    assert (again.ended_at, again.end_reason) == (None, None)


def test_a_move_ends_the_idling(session: Session) -> None:
    run = add_run(session)
    run.idle_until = run.created_at
    session.flush()
    assert runs.move(session, run.id, Status.CANCELLING)
    assert row(session).idle_until is None


def test_a_pump_that_lost_its_slot_moves_nothing(session: Session) -> None:
    run = add_run(session)
    assert not runs.move(session, run.id, Status.PAUSED, hold=HOLD)
    slots.take(session, HOLD, 60.0)
    assert not runs.move(session, run.id, Status.PAUSED, hold=HOLD._replace(token="two"))
    assert not runs.move(session, run.id, Status.PAUSED, hold=HOLD._replace(slot=1))
    assert runs.move(session, run.id, Status.PAUSED, hold=HOLD)


def test_a_run_is_loaded_fresh_under_its_lock(session: Session) -> None:
    add_run(session)
    for load in (runs.lock, runs.lock_if_free):
        found = load(session, "run_a")
        assert found is not None
        assert found.id == "run_a"
        assert load(session, "run_unknown") is None


@pytest.mark.parametrize(
    ("status", "is_workable"),
    [("queued", True), ("running", True), ("cancelling", True), ("paused", False)],
)
def test_some_statuses_need_a_worker(session: Session, status: str, *, is_workable: bool) -> None:
    assert not runs.any_workable(session)
    add_run(session, status=status)
    assert runs.any_workable(session) is is_workable


def test_a_run_is_found_by_its_key(session: Session) -> None:
    add_run(session, idempotency_key="k")
    found = runs.find_by_key(session, "k")
    assert found is not None
    assert found.id == "run_a"
    assert runs.find_by_key(session, "other") is None


def test_the_target_of_a_review_is_its_rows(session: Session) -> None:
    assert runs.target_of(add_run(session)) == 10
    add_dataset(session, state="ready")
    review = add_run(session, "run_b", dataset_id="dataset_a", rows_to_review=7)
    assert runs.target_of(review) == 7


def test_leaving_a_run_is_recorded(session: Session) -> None:
    add_run(session)
    add_run(session, "run_b")
    assert row(session).served_at is None
    runs.record_served(session, "run_a")
    assert row(session).served_at is not None
    assert session.get_one(Run, "run_b", populate_existing=True).served_at is None


def test_events_are_in_the_log_of_their_run(database: Database) -> None:
    with database.write() as session:
        add_run(session)
        runs.add_event(session, "run_a", "preflight", {"n": 1})
        event = session.scalars(select(RunEvent)).one()
        assert (event.run_id, event.kind, event.data) == ("run_a", "preflight", {"n": 1})


def test_a_run_grows_a_seed_set_or_reviews_a_data_set(session: Session) -> None:
    assert source_of(add_run(session)) == Growing("seeds")
    add_dataset(session, state="ready")
    review = add_run(session, "run_b", dataset_id="dataset_a", rows_to_review=7)
    assert source_of(review) == Reviewing("dataset_a", 7)
    with pytest.raises(ValueError, match="run run_c has neither"):
        source_of(Run(id="run_c"))
