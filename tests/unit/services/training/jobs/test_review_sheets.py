"""Blind review sheets: the same bytes each time, one review per person."""

import csv
import io

import pytest

from app.errors import Conflict, InvalidInput, NotFound
from app.evaluation.evaluation_result import Evaluation
from app.services.training.jobs import control, review_sheets, work
from app.store.tables.training import TrainingJob
from app.store.training import answer_reviews
from tests.bench import Bench
from tests.scripted_trainer import ScriptedTrainer


def evaluated(bench: Bench, job: TrainingJob) -> bytes:
    trainer = ScriptedTrainer(steps=1, tasks=4, keeps_answers=True)
    work.work_on_job(bench.context, job.id, lambda: False, trainer)
    return review_sheets.make_sheet(bench.context, job.id)


def rated(sheet: bytes, level: str) -> bytes:
    rows = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows({**row, "rating": level} for row in rows)
    return text.getvalue().encode()


def reviewers(bench: Bench, job: TrainingJob) -> list[str]:
    review = Evaluation.model_validate(control.get_job(bench.context, job.id).evaluation).review
    return [] if review is None else [person.reviewer for person in review.reviewers]


def test_a_job_without_an_evaluation_has_no_sheet(bench: Bench, job: TrainingJob) -> None:
    with pytest.raises(Conflict, match="is queued and has no evaluation"):
        review_sheets.make_sheet(bench.context, job.id)


def test_sheets_are_stored_replaced_and_removed(bench: Bench, job: TrainingJob) -> None:
    sheet = evaluated(bench, job)
    assert review_sheets.make_sheet(bench.context, job.id) == sheet
    review_sheets.submit_sheet(bench.context, job.id, "Ada", rated(sheet, "A"))
    figures = review_sheets.submit_sheet(bench.context, job.id, "Bo", rated(sheet, "B"))
    assert len(figures.reviewers) == 2
    again = review_sheets.submit_sheet(bench.context, job.id, "Ada", rated(sheet, "D"))
    assert len(again.reviewers) == 2
    assert sorted(reviewers(bench, job)) == ["Ada", "Bo"]
    for name in ("Ada", "Bo"):
        review_sheets.remove_review(bench.context, job.id, name)
    assert reviewers(bench, job) == []
    with pytest.raises(NotFound, match="Ada"):
        review_sheets.remove_review(bench.context, job.id, "Ada")


def test_a_review_of_a_job_without_an_evaluation_can_be_removed(
    bench: Bench, job: TrainingJob
) -> None:
    with bench.context.database.write() as session:
        answer_reviews.put(session, job.id, "Ada", {})
    review_sheets.remove_review(bench.context, job.id, "Ada")
    with pytest.raises(NotFound, match="Ada"):
        review_sheets.remove_review(bench.context, job.id, "Ada")


def test_a_sheet_with_faults_is_rejected_as_a_whole(bench: Bench, job: TrainingJob) -> None:
    sheet = evaluated(bench, job)
    with pytest.raises(InvalidInput):
        review_sheets.submit_sheet(bench.context, job.id, "Ada", rated(sheet, "Z"))
    assert reviewers(bench, job) == []
