"""Training jobs and evaluations on a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.cli.output import clean
from app.cli.watch.display import View
from app.schemas.training import TrainingJobSummary, TrainingJobView


def job_headline(job: TrainingJobSummary) -> str:
    """Return kind, id, method and model of a job in one line."""
    what = "evaluation" if job.kind == "evaluation" else "training job"
    trained_by = str(job.options.get("training_job_id") or "")
    model = f"of {trained_by}" if trained_by else job.base_model
    where = "" if job.where == "here" else f"for {job.where}"
    return clean(
        " · ".join(part for part in (f"{what} {job.id}", job.method, model, where) if part)
    )


def job_view(job: TrainingJobView, new_lines: Sequence[str]) -> View:
    """Return the view of a job that is being watched, with its new log lines."""
    return View(job_headline(job), _line(job), job.status, _progress(job), new_lines)


def job_result(job: TrainingJobView) -> list[RenderableType]:
    """Return the status of a job, its message, and the findings of its evaluation."""
    lines = [_line(job), *([job.message] if job.message else []), *job.findings]
    if job.status == "succeeded" and job.trains_here and not job.evaluation:
        lines.append("No rows were held out, so the model was not evaluated.")
    return [Text(clean(line)) for line in lines]


def job_details(job: TrainingJobView) -> list[RenderableType]:
    """Return headline, end of the log and result of a job."""
    log = [Text(clean(line), style="dim") for line in job.log_tail.splitlines()]
    return [Text(job_headline(job), style="bold"), *log, *job_result(job)]


def job_table(jobs: Iterable[TrainingJobSummary]) -> Table:
    """Return a table of jobs, one a line."""
    table = Table("id", "kind", "status", "step", "method", "base model", "created", box=None)
    for column in table.columns:
        # A cut id is useless; a long model name may be wrapped.
        column.no_wrap = column.header != "base model"
        column.overflow = "fold"
    for job in jobs:
        created = f"{job.created_at:%Y-%m-%d %H:%M}"
        texts = (job.id, job.kind, job.status, _steps(job), job.method, job.base_model, created)
        table.add_row(*[Text(clean(text)) for text in texts])
    return table


def _line(job: TrainingJobView) -> str:
    step = f"step {_steps(job)}" if _steps(job) else ""
    loss = "" if job.loss is None else f"loss {job.loss:.4f}"
    return " · ".join(part for part in (job.status, step, loss) if part)


def _steps(job: TrainingJobSummary) -> str:
    if job.steps is None:
        return str(job.step) if job.step else ""
    return f"{job.step}/{job.steps}"


def _progress(job: TrainingJobView) -> RenderableType:
    head = Text(f"{job_headline(job)} · {job.status}", style="bold")
    if not job.steps or job.ended:
        return head
    bar = Table.grid(padding=(0, 1))
    loss = "" if job.loss is None else f"loss {job.loss:.4f}"
    drawn = ProgressBar(total=job.steps, completed=job.step, width=40)
    bar.add_row(Text("step"), drawn, Text(_steps(job), style="bold"), Text(loss))
    return Group(head, bar)
