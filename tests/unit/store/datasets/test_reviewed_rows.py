"""The rows of a data set that a run reviews."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.pipeline.types import Rejected, Stage
from app.store.datasets import dataset_rows, reviewed_rows
from app.store.tables.runs import Run
from app.store.tables.work import WorkItem
from app.store.work import instructions
from app.store.work.instructions import Dropped
from tests.unit.store.rows import add_dataset, add_instance, add_reply, add_run, dataset_row, plan

ID = "dataset_a"


@pytest.fixture(autouse=True)
def review(session: Session) -> Run:
    add_dataset(session, ID, state="ready", row_count=10)
    dataset_rows.add(session, ID, [dataset_row(n) for n in range(10)])
    return add_run(session, dataset_id=ID, rows_to_review=10)


def test_records_are_loaded_by_position_or_evenly_spaced(session: Session) -> None:
    assert reviewed_rows.records_at(session, ID, []) == {}
    assert reviewed_rows.records_at(session, ID, [2, 99]) == {2: dataset_row(2).record}

    def spaced(row_count: int, limit: int) -> list[str]:
        found = reviewed_rows.spaced_records(session, ID, row_count, limit)
        return [record.instruction for record in found]

    assert spaced(10, 3) == ["Do 0.", "Do 3.", "Do 6."]
    assert spaced(2, 3) == ["Do 0.", "Do 1."]
    found = reviewed_rows.lock_for_reading(session, ID)
    assert found is not None
    assert found.id == ID
    assert reviewed_rows.lock_for_reading(session, "dataset_b") is None


@pytest.mark.parametrize(
    ("state", "first"), [("open", 4), ("leased", 4), ("done", 6), ("dead", 6), ("answered", 6)]
)
def test_rows_before_the_first_undecided_one_are_final(
    session: Session, review: Run, state: str, first: int
) -> None:
    session.execute(update(Run).values(tickets_issued=6))
    run = session.get_one(Run, review.id, populate_existing=True)
    assert reviewed_rows.decided_until(session, run) == 6
    plan(session, run, Stage.REVIEW, count=2, start=4)
    plan(session, run, Stage.CALIBRATE)
    session.execute(update(WorkItem).where(WorkItem.stage == Stage.REVIEW).values(state=state))
    assert reviewed_rows.decided_until(session, run) == first


def test_a_row_that_was_put_back_is_not_final_though_it_is_not_counted(
    session: Session, review: Run
) -> None:
    plan(session, review, Stage.REVIEW, start=8)
    assert reviewed_rows.decided_until(session, review) == 0


def test_the_judge_keeps_rows_or_finds_them_low(session: Session, review: Run) -> None:
    reply_id = add_reply(session, review, Stage.REVIEW)
    add_instance(session, review, 1, reply_id)
    drops = [
        Dropped(Stage.REVIEW, Rejected("x", "judged_low"), reply_id, 2),
        Dropped(Stage.REVIEW, Rejected("x", "not_answered"), reply_id, 3),
        Dropped(Stage.GENERATE, Rejected("x", "judged_low"), reply_id, 4),
    ]
    instructions.reject(session, review.id, drops)
    assert reviewed_rows.judged(session, review.id) == {1: True, 2: False}
    assert reviewed_rows.judged(session, "run_b") == {}


@pytest.mark.parametrize(
    ("status", "is_unfinished"),
    [("queued", True), ("paused", True), ("succeeded", False), ("cancelled", False)],
)
def test_an_unfinished_review_needs_its_version(
    session: Session, status: str, *, is_unfinished: bool
) -> None:
    session.execute(update(Run).values(status=status))
    found = reviewed_rows.unfinished_of(session, ID)
    assert found == (("run_a", status) if is_unfinished else None)
    assert reviewed_rows.unfinished_of(session, "dataset_b") is None
