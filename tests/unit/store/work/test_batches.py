"""Batches: planned, handled by one pump at a time, polled ever later, closed."""

from typing import Any

import pytest
from sqlalchemy import Float, select, type_coerce, update
from sqlalchemy.orm import Session

from app.states import BatchState
from app.store.runs import slots
from app.store.runs.runs import Hold
from app.store.sql import epoch_now
from app.store.tables.batches import Batch
from app.store.work import batches
from tests.unit.store.rows import add_run


@pytest.fixture(autouse=True)
def batch(session: Session) -> Batch:
    add_run(session)
    return add(session, "batch_1")


def add(session: Session, batch_id: str, **columns: Any) -> Batch:
    values = {"run_id": "run_a", "stage": "classify", "endpoint": "default", "requests": 8}
    batches.add(session, {"id": batch_id, **values, **columns})
    return row(session, batch_id)


def row(session: Session, batch_id: str = "batch_1") -> Batch:
    return session.get_one(Batch, batch_id, populate_existing=True)


def change(session: Session, batch_id: str = "batch_1", **columns: Any) -> None:
    session.execute(update(Batch).where(Batch.id == batch_id).values(**columns))


def poll_in_s(session: Session, batch_id: str = "batch_1") -> float:
    due = select(type_coerce(Batch.poll_at, Float()) - epoch_now()).where(Batch.id == batch_id)
    return float(session.scalar(due) or 0.0)


def test_a_planned_batch_is_open_and_due(session: Session) -> None:
    assert row(session).state == "planned"
    (found,) = batches.open_batches(session, "run_a", "one")
    assert (found.id, found.state, found.is_due, found.is_held) == (
        "batch_1",
        BatchState.PLANNED,
        True,
        False,
    )
    assert batches.any_open(session, "run_a")
    assert batches.next_at(session, "run_a") == found.poll_at
    assert not batches.any_open(session, "run_b")
    assert batches.next_at(session, "run_b") is None


def test_a_batch_is_held_by_a_live_pump_of_its_run(session: Session) -> None:
    hold = Hold("run_a", 0, "one")
    slots.take(session, hold, 60.0)
    batches.take(session, "batch_1", "one")

    def is_held(token: str) -> bool:
        return batches.open_batches(session, "run_a", token)[0].is_held

    assert is_held("two")
    assert not is_held("one")
    slots.extend(session, hold, -60.0)
    assert not is_held("two")


def test_a_batch_is_taken_as_it_was_and_may_exist_once_it_can_have_been_sent(
    session: Session,
) -> None:
    taken = batches.take(session, "batch_1", "one")
    assert (taken.out_s, taken.failing_s, taken.cancelled_s) == (0.0, 0.0, None)
    assert (taken.batch.token, taken.batch.may_exist) == (None, False)
    assert (row(session).token, row(session).may_exist) == ("one", True)
    held = batches.held(session, "batch_1", "one")
    assert held is not None
    assert held.id == "batch_1"
    assert batches.held(session, "batch_1", "two") is None
    assert batches.held(session, "batch_2", "one") is None
    ago: dict[str, Any] = {"submitted_at": epoch_now() - 30, "failing_since": epoch_now() - 20}
    change(session, **ago, cancelled_at=epoch_now() - 10)
    taken = batches.take(session, "batch_1", "two")
    for seconds, wanted in ((taken.out_s, 30), (taken.failing_s, 20), (taken.cancelled_s, 10)):
        assert seconds == pytest.approx(wanted, abs=1)
    change(session, may_exist=False)
    batches.take(session, "batch_1", "three")
    assert not row(session).may_exist


def test_a_submitted_batch_has_the_providers_id_and_is_free(session: Session) -> None:
    batches.take(session, "batch_1", "one")
    change(session, failing_since=epoch_now())
    batches.record_submitted(session, "batch_1", "p1", 10.0)
    now = row(session)
    assert (now.state, now.provider_id, now.token) == ("submitted", "p1", None)
    assert now.failing_since is None
    assert now.submitted_at is not None
    assert poll_in_s(session) == pytest.approx(10, abs=1)
    assert not batches.open_batches(session, "run_a", "one")[0].is_due


@pytest.mark.parametrize(("age_s", "next_s"), [(1, 10), (50, 50), (10_000, 300)])
def test_the_longer_it_is_out_the_later_it_is_polled(
    session: Session, age_s: int, next_s: int
) -> None:
    change(session, submitted_at=epoch_now() - age_s)
    batches.record_working(session, "batch_1", "in_progress", 3, first_s=10.0, cancelled=False)
    now = row(session)
    assert (now.provider_said, now.completed, now.cancelled_at) == ("in_progress", 3, None)
    assert poll_in_s(session) == pytest.approx(next_s, abs=1)


def test_a_cancelled_batch_is_polled_evenly_and_keeps_when_it_was(session: Session) -> None:
    change(session, submitted_at=epoch_now() - 10_000)
    batches.record_working(session, "batch_1", "cancelling", 3, first_s=10.0, cancelled=True)
    assert poll_in_s(session) == pytest.approx(10, abs=1)
    cancelled_at = row(session).cancelled_at
    assert cancelled_at is not None
    batches.record_working(session, "batch_1", "cancelling", 3, first_s=10.0, cancelled=True)
    assert row(session).cancelled_at == cancelled_at


def test_an_ended_batch_stays_with_its_pump(session: Session) -> None:
    batches.take(session, "batch_1", "one")
    change(session, failing_since=epoch_now())
    batches.record_ended(session, "batch_1", "completed", 8)
    now = row(session)
    assert (now.state, now.provider_said, now.completed) == ("ended", "completed", 8)
    assert (now.token, now.failing_since) == ("one", None)
    assert now.ended_at is not None


@pytest.mark.parametrize(
    ("failing_s", "at_least_s", "next_s"), [(None, 0, 10), (40, 0, 40), (40, 90, 90)]
)
def test_a_failed_request_postpones_the_next(
    session: Session, failing_s: int | None, at_least_s: float, next_s: int
) -> None:
    batches.take(session, "batch_1", "one")
    if failing_s is not None:
        change(session, failing_since=epoch_now() - failing_s)
    batches.postpone(session, "batch_1", "no", first_s=10.0, at_least_s=at_least_s, may_exist=False)
    now = row(session)
    assert (now.trouble, now.token, now.may_exist) == ("no", None, False)
    assert now.failing_since is not None
    assert poll_in_s(session) == pytest.approx(next_s, abs=1)


def test_failures_are_counted_anew_for_a_person(session: Session) -> None:
    change(session, failing_since=epoch_now() - 50, token="one", poll_at=epoch_now() + 50)
    batches.reset_failures(session, "batch_1", "Top up.", may_exist=True)
    now = row(session)
    assert (now.trouble, now.may_exist, now.token, now.failing_since) == (
        "Top up.",
        True,
        None,
        None,
    )
    assert poll_in_s(session) <= 0


def test_a_closed_batch_is_open_no_more(session: Session) -> None:
    batches.close(session, "batch_1", BatchState.COLLECTED)
    now = row(session)
    assert (now.state, now.trouble, now.poll_at) == ("collected", None, None)
    assert now.closed_at is not None
    assert not batches.any_open(session, "run_a")


def test_open_batches_are_cancelled_once(session: Session) -> None:
    add(session, "batch_2")
    batches.close(session, "batch_2", BatchState.LOST, trouble="gone")
    assert row(session, "batch_2").trouble == "gone"
    change(session, poll_at=epoch_now() + 60, failing_since=epoch_now())
    assert batches.cancel_open(session, "run_a") == 1
    assert batches.cancel_open(session, "run_a") == 0
    now = row(session)
    assert now.cancelled_at is not None
    assert now.failing_since is None
    assert poll_in_s(session) <= 0
    assert row(session, "batch_2").cancelled_at is None


def test_batches_refused_in_a_row_are_counted_back_from_the_last(session: Session) -> None:
    assert batches.refused_last(session, "run_a", "classify") is None
    batches.close(session, "batch_1", BatchState.COLLECTED)
    for n, requests in ((2, 8), (3, 4)):
        add(session, f"batch_{n}", requests=requests)
        batches.close(session, f"batch_{n}", BatchState.REFUSED, retry_after_s=-1.0)
    found = batches.refused_last(session, "run_a", "classify")
    assert found is not None
    assert (found.in_a_row, found.requests, found.may_try) == (2, 4, True)
    before = batches.refused_last(session, "run_a", "classify", before="batch_3")
    assert before is not None
    assert (before.in_a_row, before.requests) == (1, 8)
    assert batches.refused_last(session, "run_a", "generate") is None
    change(session, "batch_3", poll_at=epoch_now() + 60)
    later = batches.refused_last(session, "run_a", "classify")
    assert later is not None
    assert not later.may_try
    change(session, "batch_3", poll_at=None)
    assert batches.refused_last(session, "run_a", "classify") is None
