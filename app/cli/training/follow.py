"""A job that tunes or measures a model, followed on the command line to its end and report."""

from dataclasses import dataclass
from pathlib import Path

import typer

from app.cli.datasets.files import arrived
from app.cli.exits import ExitCode
from app.cli.output import Output
from app.cli.runs.follow import QueuedHint, display_for, states
from app.cli.service.answers import TrainingJob
from app.cli.service.connect import Service
from app.cli.service.connection import ServiceAway
from app.cli.service.export import checked_target
from app.cli.training.display import job_headline, job_result, job_view
from app.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Following:
    """How far somebody looks on."""

    wait: bool = True
    report: Path | None = None
    """Where the report goes; None: nobody wants it."""

    @classmethod
    def checked(cls, *, wait: bool, report: Path | None) -> "Following":
        """See to it beforehand that the report can be written.

        Raises:
            InvalidInput: it cannot, or nobody waits for it.
        """
        if report is not None and not wait:
            raise InvalidInput("--report waits for the job to end; leave --no-wait out.")
        return cls(wait, None if report is None else checked_target(report))


def see_to_its_end(
    service: Service, job: TrainingJob, following: Following, output: Output
) -> None:
    """Say how a job goes on, if that is wanted, and how it is then; fetch its report.

    Raises:
        typer.Exit: it failed, or was cancelled.
        SeedbedError: the service failed, or did not come back.
    """
    if following.wait:
        job = followed(service, job, output)
    else:
        output.say(job_headline(job))
    if following.report is not None and job.evaluation:
        arrived(service.client.training.document(job.id, "/report"), following.report)
    output.result(job.as_sent)
    output.show(*job_result(job))
    if following.report is not None:
        there = f"The report is in {following.report}."
        output.say(there if job.evaluation else "Nothing was measured, so there is no report.")
    output.say(hint_of(job))
    if job.status in {"failed", "cancelled"}:
        raise typer.Exit(ExitCode.TARGET_NOT_MET)


def followed(service: Service, job: TrainingJob, output: Output) -> TrainingJob:
    """Say how a job goes on until it has ended; how it ended.

    Raises:
        SeedbedError: the service failed, or did not come back.
    """
    now, log, hint = job, "", QueuedHint("training")
    try:
        with display_for(output.progress) as display:
            for now in states(service, job, lambda: service.client.training.get(job.id)):
                news = _new_lines(log, now.log_tail)
                if now.dataset_id:  # Else it waits for its run, not for a worker.
                    news += hint.news(now.status)
                display.show(job_view(now, news))
                log = now.log_tail
    except (KeyboardInterrupt, ServiceAway):
        if service.stack is None:
            output.say(
                f"`seedbed jobs follow {job.id}` looks on again, `seedbed jobs cancel {job.id}` "
                "ends it."
            )
        raise
    return now


def _new_lines(before: str, now: str) -> list[str]:
    """What was added to a log of which only the end is kept."""
    lines = now.splitlines()
    if now.startswith(before):
        return now[len(before) :].splitlines()
    last = before.splitlines()[-1] if before else ""
    places = [place for place, line in enumerate(lines) if line == last]
    return lines[places[-1] + 1 :] if places else lines


def hint_of(job: TrainingJob) -> str:
    """What can be done next with a job, and by which command."""
    match job.status:
        case "succeeded" if job.chats:
            return (
                f"`seedbed serve {job.id}` talks to it, `seedbed adapters download {job.id}` "
                "writes its files."
            )
        case "succeeded":
            return f"`seedbed jobs download {job.id}` writes the files that it left."
        case "failed" | "cancelled":
            return (
                f"Once the reason is gone, `seedbed jobs resume {job.id}` lets it go on from its "
                "last checkpoint."
            )
        case _:
            return f"`seedbed jobs follow {job.id}` looks on."
