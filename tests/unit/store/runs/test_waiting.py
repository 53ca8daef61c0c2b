"""A run that waits for its endpoints: what its row says, and which events it adds."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.states import Status, WaitKind
from app.store.runs import runs, waiting
from app.store.runs.waiting import Wait
from app.store.tables.runs import Run, RunEvent
from tests.unit.store.rows import add_run

DOWN = Wait(WaitKind.OUTAGE, "Connection refused.", for_s=6.0)
BUSY = Wait(WaitKind.THROTTLE, "Too many requests.", for_s=5.0)


def kinds(session: Session) -> list[str]:
    return list(session.scalars(select(RunEvent.kind).order_by(RunEvent.id)))


def row(session: Session) -> Run:
    return session.get_one(Run, "run_a", populate_existing=True)


def let_pass(session: Session, seconds: float) -> None:
    """Move the times of the run back, as if `seconds` had passed."""
    run = row(session)
    for name in ("waiting_since", "waiting_event_at"):
        at = getattr(run, name)
        if at is not None:
            moved = at.fromtimestamp(at.timestamp() - seconds, at.tzinfo)
            session.execute(update(Run).values({name: moved}))


def test_a_wait_has_one_event_at_its_beginning_and_one_at_its_end(session: Session) -> None:
    add_run(session)
    for _ in range(3):
        waiting.begin(session, "run_a", DOWN)
    waiting.begin(session, "run_a", BUSY)
    run = row(session)
    assert (run.waiting_kind, run.waiting_message) == ("throttle", "Too many requests.")
    for _ in range(2):
        waiting.end(session, "run_a")
    assert kinds(session) == ["waiting", "waiting_ended"]
    began, ended = session.scalars(select(RunEvent).order_by(RunEvent.id))
    assert began.data == {"kind": "outage", "message": "Connection refused.", "waited_s": 6.0}
    assert 6.0 <= ended.data["waited_s"] < 60.0
    run = row(session)
    assert (run.waiting_since, run.waiting_kind, run.waiting_message) == (None, None, None)


def test_waits_that_follow_each_other_within_a_minute_add_no_further_events(
    session: Session,
) -> None:
    add_run(session)
    for _ in range(20):
        waiting.begin(session, "run_a", BUSY)
        let_pass(session, 2.0)
        waiting.end(session, "run_a")
    assert kinds(session) == ["waiting", "waiting_ended"]
    let_pass(session, 61.0)
    waiting.begin(session, "run_a", BUSY)
    assert kinds(session) == ["waiting", "waiting_ended", "waiting"]


def test_a_long_wait_after_a_short_one_is_reported_after_all(session: Session) -> None:
    add_run(session)
    waiting.begin(session, "run_a", BUSY)
    waiting.end(session, "run_a")
    waiting.begin(session, "run_a", BUSY)
    assert kinds(session) == ["waiting", "waiting_ended"]
    let_pass(session, 61.0)
    waiting.begin(session, "run_a", BUSY)
    waiting.end(session, "run_a")
    assert kinds(session) == ["waiting", "waiting_ended"] * 2


@pytest.mark.parametrize("to", [Status.PAUSED, Status.CANCELLING, Status.FAILED])
def test_a_wait_ends_when_the_run_is_not_at_work_any_more(session: Session, to: Status) -> None:
    add_run(session)
    waiting.begin(session, "run_a", DOWN)
    assert runs.move(session, "run_a", to)
    assert kinds(session) == ["waiting", "waiting_ended", "status"]
    assert row(session).waiting_since is None


def test_a_move_that_is_refused_does_not_end_the_wait(session: Session) -> None:
    add_run(session)
    waiting.begin(session, "run_a", DOWN)
    assert not runs.move(session, "run_a", Status.CANCELLED)
    assert kinds(session) == ["waiting"]
    assert row(session).waiting_since is not None


def test_a_run_that_is_unknown_or_does_not_wait_changes_nothing(session: Session) -> None:
    add_run(session)
    waiting.end(session, "run_a")
    waiting.end(session, "run_b")
    assert kinds(session) == []
