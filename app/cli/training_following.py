"""A job that tunes or measures a model, followed on the command line to its end and report."""

import time
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.text import Text

from app.cli.connect import Service
from app.cli.connection import ServiceAway
from app.cli.dataset import checked_target
from app.cli.dataset_files import arrived
from app.cli.exits import ExitCode
from app.cli.output import Output, clean
from app.cli.training_client import TrainingJob
from app.errors import InvalidInput

_LOOK_EVERY_S = 1.0
_PATIENCE_S = 20.0
"""How long a service may not answer, such as while it is restarted."""


@dataclass(frozen=True, slots=True)
class Following:
    """How far somebody looks on."""

    wait: bool
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
    has_report = following.report is not None and bool(job.evaluation)
    if following.report is not None and has_report:
        arrived(service.client.training.report(job.id), following.report)
    output.result(job.as_sent)
    output.show(*lines_of(job))
    if has_report:
        output.say(f"The report is in {following.report}.")
    elif following.report is not None:
        output.say("Nothing was measured, so there is no report.")
    if job.status in {"failed", "cancelled"}:
        raise typer.Exit(ExitCode.TARGET_NOT_MET)


def followed(service: Service, job: TrainingJob, output: Output) -> TrainingJob:
    """Say how a job goes on until it has ended; how it ended.

    Raises:
        SeedbedError: the service failed, or did not come back.
    """
    step, log = -1, ""
    while True:
        for line in _new_lines(log, job.log_tail):
            output.say(line)
        if job.step != step:
            output.say(_progress(job))
        step, log = job.step, job.log_tail
        if job.is_over:
            return job
        time.sleep(_LOOK_EVERY_S)
        service.check()
        job = _patiently(service, job.id)


def _patiently(service: Service, job_id: str) -> TrainingJob:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return service.client.training.get(job_id)
        except ServiceAway:
            if time.monotonic() > give_up_at:
                raise
        time.sleep(_LOOK_EVERY_S)


def _new_lines(before: str, now: str) -> list[str]:
    """What was added to a log of which only the end is kept."""
    lines = now.splitlines()
    if now.startswith(before):
        return now[len(before) :].splitlines()
    last = before.splitlines()[-1] if before else ""
    places = [place for place, line in enumerate(lines) if line == last]
    return lines[places[-1] + 1 :] if places else lines


def _progress(job: TrainingJob) -> str:
    steps = "" if job.steps is None else f"/{job.steps}"
    loss = "" if job.loss is None else f" · loss {job.loss:.4f}"
    at = f" · step {job.step}{steps}{loss}" if job.kind == "training" else ""
    return f"{job.status}{at}"


def lines_of(job: TrainingJob) -> list[Text]:
    """How a job is, why, and what its evaluation says."""
    lines = [_progress(job)]
    lines += [job.message] if job.message else []
    return [Text(clean(line)) for line in lines + job.words]
