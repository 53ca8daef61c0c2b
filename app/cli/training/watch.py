"""Watching a training job or an evaluation until it ends, and reporting its result."""

from dataclasses import dataclass
from pathlib import Path

import typer

from app.cli.exits import ExitCode
from app.cli.files import checked_target, save
from app.cli.output import Output
from app.cli.service.find_service import Service
from app.cli.training.display import job_headline, job_result, job_view
from app.cli.watch.display import display_for
from app.cli.watch.poll import QueuedHint, poll
from app.errors import InvalidInput, ServiceUnreachable
from app.schemas.training import TrainingJobView


@dataclass(frozen=True, slots=True)
class Watching:
    """Options for watching a job."""

    wait: bool = True
    report: Path | None = None
    """File for the report; None: no report is written."""

    @classmethod
    def checked(cls, *, wait: bool, report: Path | None) -> "Watching":
        """Check that the report can be written, before the job starts.

        Raises:
            InvalidInput: it cannot, or the command does not wait for the job to end.
        """
        if report is not None and not wait:
            raise InvalidInput(
                "--report is written when the job has ended, so it can't be combined with "
                "--no-wait. Later, `seedbed jobs follow JOB --report FILE` writes it."
            )
        return cls(wait, None if report is None else checked_target(report))


def watch_and_report(
    service: Service, job: TrainingJobView, watching: Watching, output: Output
) -> None:
    """Watch a job if asked to, print its state, and write its report.

    Raises:
        typer.Exit: it failed, or was cancelled.
        SeedbedError: the service failed, or stopped answering.
    """
    if watching.wait:
        job = watch_job(service, job, output)
    else:
        output.message(job_headline(job))
    if watching.report is not None and job.evaluation:
        save(service.client.training.document(job.id, "/report"), watching.report)
    output.result(job.model_dump(mode="json"))
    output.show(*job_result(job))
    if watching.report is not None:
        written = f"Wrote the report to {watching.report}."
        output.message(written if job.evaluation else "Nothing was evaluated: no report written.")
    output.message(next_step(job))
    if job.status in {"failed", "cancelled"}:
        raise typer.Exit(ExitCode.TARGET_NOT_MET)


def watch_job(service: Service, job: TrainingJobView, output: Output) -> TrainingJobView:
    """Show the progress of a job until it has ended; return its last state.

    Raises:
        SeedbedError: the service failed, or stopped answering.
    """
    now, log, hint = job, "", QueuedHint("training")
    try:
        with display_for(output.progress) as display:
            for now in poll(service, job, lambda: service.client.training.get(job.id)):
                new_lines = _new_lines(log, now.log_tail)
                if now.dataset_id:  # Without one it waits for its run, not for a worker.
                    new_lines += hint.lines(now.status)
                display.show(job_view(now, new_lines))
                log = now.log_tail
    except (KeyboardInterrupt, ServiceUnreachable):
        if service.stack is None:
            output.message(
                f"`seedbed jobs follow {job.id}` watches the job again, `seedbed jobs cancel "
                f"{job.id}` ends it."
            )
        raise
    return now


def _new_lines(before: str, now: str) -> list[str]:
    """Return the lines that were added to a log of which only the end is kept."""
    lines = now.splitlines()
    if now.startswith(before):
        return now[len(before) :].splitlines()
    last = before.splitlines()[-1] if before else ""
    places = [place for place, line in enumerate(lines) if line == last]
    return lines[places[-1] + 1 :] if places else lines


def next_step(job: TrainingJobView) -> str:
    """Return the commands that are useful next for a job."""
    match job.status:
        case "succeeded" if job.has_chat:
            return (
                f"`seedbed serve {job.id}` starts a chat endpoint for the model, `seedbed adapters "
                f"download {job.id}` writes its files."
            )
        case "succeeded":
            return f"`seedbed jobs download {job.id}` writes the output files."
        case "failed" | "cancelled":
            return (
                f"`seedbed jobs resume {job.id}` continues from the last checkpoint, once the "
                "cause is fixed."
            )
        case _:
            return f"`seedbed jobs follow {job.id}` watches the job."
