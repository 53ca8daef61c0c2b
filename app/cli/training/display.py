"""How jobs that tune and measure models look on a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.cli.output import clean
from app.cli.runs.display import View
from app.cli.service.answers import TrainingJob


def job_headline(job: TrainingJob) -> str:
    """Which one it is, in one line."""
    what = "evaluation" if job.kind == "evaluation" else "training job"
    tuned = str(job.options.get("training_job_id") or "")
    of = f"of {tuned}" if tuned else job.base_model
    where = "" if job.where == "here" else f"for {job.where}"
    return clean(" · ".join(part for part in (f"{what} {job.id}", job.method, of, where) if part))


def job_view(job: TrainingJob, news: Sequence[str]) -> View:
    """How a job looks now, and what it said since the last look."""
    return View(job_headline(job), _line(job), job.status, _picture(job), news)


def job_result(job: TrainingJob) -> list[RenderableType]:
    """How a job is, why, and what its evaluation says."""
    lines = [_line(job), *([job.message] if job.message else []), *job.words]
    if job.status == "succeeded" and job.tunes_here and not job.evaluation:
        lines.append("No row was held out, so nothing is known of what it learnt.")
    return [Text(clean(line)) for line in lines]


def job_details(job: TrainingJob) -> list[RenderableType]:
    """Everything about a job that fits a screen."""
    log = [Text(clean(line), style="dim") for line in job.log_tail.splitlines()]
    return [Text(job_headline(job), style="bold"), *log, *job_result(job)]


def job_table(jobs: Iterable[TrainingJob]) -> Table:
    """Jobs, one a line."""
    table = Table("job", "kind", "status", "step", "method", "base model", "created", box=None)
    for column in table.columns:
        # An id that is cut off is no id; of the rest, a model's name is the one that can be long.
        column.no_wrap = column.header != "base model"
        column.overflow = "fold"
    for job in jobs:
        created = f"{job.created_at:%Y-%m-%d %H:%M}" if job.created_at else ""
        texts = (job.id, job.kind, job.status, _steps(job), job.method, job.base_model, created)
        table.add_row(*[Text(clean(text)) for text in texts])
    return table


def _line(job: TrainingJob) -> str:
    step = f"step {_steps(job)}" if _steps(job) else ""
    loss = "" if job.loss is None else f"loss {job.loss:.4f}"
    return " · ".join(part for part in (job.status, step, loss) if part)


def _steps(job: TrainingJob) -> str:
    if job.steps is None:
        return str(job.step) if job.step else ""
    return f"{job.step}/{job.steps}"


def _picture(job: TrainingJob) -> RenderableType:
    head = Text(f"{job_headline(job)} · {job.status}", style="bold")
    if not job.steps or job.ended:
        return head
    bar = Table.grid(padding=(0, 1))
    loss = "" if job.loss is None else f"loss {job.loss:.4f}"
    drawn = ProgressBar(total=job.steps, completed=job.step, width=40)
    bar.add_row(Text("step"), drawn, Text(_steps(job), style="bold"), Text(loss))
    return Group(head, bar)
