"""Blind review sheets: people rate the answers of a job without knowing the models.

The key of a sheet, which model gave which answer, is derived again whenever it is needed from the
answers, the id and the seed of the job. It never leaves the server.
"""

import hashlib

from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.evaluation.agreement import review_figures
from app.evaluation.evaluate import OtherFindings, with_findings
from app.evaluation.evaluation_result import Evaluation
from app.evaluation.metrics import ReviewFigures
from app.evaluation.review_sheet import Review, SheetKey, blind_sheet, read_sheet
from app.services.context import ServiceContext
from app.services.training.answers_file import ANSWERS, read_answers
from app.services.training.jobs import control
from app.store.tables.training import TrainingJob
from app.store.training import answer_reviews


def make_sheet(context: ServiceContext, job_id: str) -> bytes:
    """Return the blind sheet of a job as CSV; the same bytes each time.

    Raises:
        NotFound: there is no such job, or its answers are not on this machine.
        Conflict: the job has no evaluation, or has not ended.
    """
    return _sheet(context, job_id)[0]


def submit_sheet(
    context: ServiceContext, job_id: str, reviewer: str, sheet: bytes, made_by: str | None = None
) -> ReviewFigures:
    """Store a with_findings sheet, and update the evaluation of the job.

    A later sheet of the same person replaces the earlier one. Submitting the same sheet again
    changes nothing.

    Returns:
        The figures of all sheets together.

    Raises:
        NotFound, Conflict: as for `make_sheet`.
        InvalidInput: every fault of the sheet by line and field; nothing is stored.
    """
    review = read_sheet(sheet, _sheet(context, job_id)[1], reviewer)

    def keep(session: Session) -> ReviewFigures:
        found = answer_reviews.locked_evaluation(session, job_id)
        document = review.model_dump(mode="json")
        answer_reviews.put(session, job_id, reviewer, document, made_by)
        return _completed(session, job_id, found)

    return context.database.retrying(keep)


def remove_review(context: ServiceContext, job_id: str, reviewer: str) -> None:
    """Remove the sheet of a person from the evaluation of a job.

    Raises:
        NotFound: there is no such job, or no sheet of that person.
    """
    control.get_job(context, job_id)
    was_there = False

    def remove(session: Session) -> bool:
        nonlocal was_there
        found = answer_reviews.locked_evaluation(session, job_id)
        # A commit whose reply was lost has removed it already.
        was_there = answer_reviews.remove(session, job_id, reviewer) or was_there
        # A job that was evaluated again from its start may have sheets and no evaluation.
        if was_there and found is not None:
            _completed(session, job_id, found)
        return was_there

    if not context.database.retrying(remove):
        raise NotFound("review", reviewer)


def _completed(session: Session, job_id: str, found: dict[str, object] | None) -> ReviewFigures:
    evaluation = Evaluation.model_validate(found)
    reviews = [Review.model_validate(each) for each in answer_reviews.of_job(session, job_id)]
    names = [model.name for model in evaluation.models]
    figures = review_figures(reviews, names, evaluation.judge, evaluation.drawing.level)
    updated = evaluation.model_copy(update={"review": figures if reviews else None})
    whole = with_findings(updated, OtherFindings())
    answer_reviews.record_evaluation(session, job_id, whole.model_dump(mode="json"))
    return figures


def _sheet(context: ServiceContext, job_id: str) -> tuple[bytes, SheetKey]:
    job = control.get_job(context, job_id)
    if job.evaluation is None:
        raise Conflict(f"The job is {job.status} and has no evaluation.")
    tasks, models = read_answers(control.output_file(context, job_id, ANSWERS))
    return blind_sheet(tasks, models, _seed(job))


def _seed(job: TrainingJob) -> int:
    """Return a number unknown to reviewers; the seed of the job alone would reveal the models."""
    digest = hashlib.sha256(f"{job.id}/{job.options.get('seed', 0)}".encode()).digest()
    return int.from_bytes(digest[:6])
