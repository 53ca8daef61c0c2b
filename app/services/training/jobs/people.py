"""People as judges of a job's answers: a blind sheet goes out, their levels come back.

The key of a sheet, which model gave which answer, is made anew whenever it is needed from what the
server keeps: the answers, the job's id and its seed. It never leaves.
"""

import hashlib

from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.evaluation.agreement import review_figures
from app.evaluation.evaluating import Beside, completed
from app.evaluation.figures import ReviewFigures
from app.evaluation.result import Evaluation
from app.evaluation.sheet import Review, SheetKey, blind_sheet, read_sheet
from app.services.context import ServiceContext
from app.services.training.answers_file import ANSWERS, read_answers
from app.services.training.jobs import control
from app.store.tables.training import TrainingJob
from app.store.training import answer_reviews


def sheet_of(context: ServiceContext, job_id: str) -> bytes:
    """Write the blind sheet of a job, as CSV; the same bytes each time.

    Raises:
        NotFound: when there is no such job, or its answers are not on this machine.
        Conflict: when it measured nothing, or has not ended.
    """
    return _sheet(context, job_id)[0]


def take_in(context: ServiceContext, job_id: str, reviewer: str, sheet: bytes) -> ReviewFigures:
    """Keep a sheet that a person filled in, and complete the job's evaluation with it.

    Another sheet of the same person takes the first one's place; the same sheet twice changes
    nothing. Returns what all that came back say together.

    Raises:
        NotFound, Conflict: as for the sheet itself.
        InvalidInput: with every fault of the sheet by line and field; nothing is kept then.
    """
    review = read_sheet(sheet, _sheet(context, job_id)[1], reviewer)

    def keep(session: Session) -> ReviewFigures:
        found = answer_reviews.locked_evaluation(session, job_id)
        answer_reviews.put(session, job_id, reviewer, review.model_dump(mode="json"))
        return _completed(session, job_id, found)

    return context.database.retrying(keep)


def forget(context: ServiceContext, job_id: str, reviewer: str) -> None:
    """Take a person's sheet out of a job's evaluation.

    Raises:
        NotFound: when there is no such job, or no sheet of that person.
    """
    control.get_job(context, job_id)
    was_there = False

    def remove(session: Session) -> bool:
        nonlocal was_there
        found = answer_reviews.locked_evaluation(session, job_id)
        # A commit whose answer was lost has removed it already.
        was_there = answer_reviews.remove(session, job_id, reviewer) or was_there
        if was_there:
            _completed(session, job_id, found)
        return was_there

    if not context.database.retrying(remove):
        raise NotFound("review", reviewer)


def _completed(session: Session, job_id: str, found: dict[str, object] | None) -> ReviewFigures:
    evaluation = Evaluation.model_validate(found)
    reviews = [Review.model_validate(each) for each in answer_reviews.of_job(session, job_id)]
    names = [model.name for model in evaluation.models]
    figures = review_figures(reviews, names, evaluation.judge, evaluation.drawing.level)
    told = evaluation.model_copy(update={"review": figures if reviews else None})
    whole = completed(told, Beside())
    answer_reviews.note_evaluation(session, job_id, whole.model_dump(mode="json"))
    return figures


def _sheet(context: ServiceContext, job_id: str) -> tuple[bytes, SheetKey]:
    job = control.get_job(context, job_id)
    if job.evaluation is None:
        raise Conflict(f"The job is {job.status} and has no evaluation, so there is no sheet.")
    tasks, models = read_answers(control.output_file(context, job_id, ANSWERS))
    return blind_sheet(tasks, models, _seed(job))


def _seed(job: TrainingJob) -> int:
    """A number that no reviewer knows: by the job's seed alone, rows would tell their models."""
    digest = hashlib.sha256(f"{job.id}/{job.options.get('seed', 0)}".encode()).digest()
    return int.from_bytes(digest[:6])
