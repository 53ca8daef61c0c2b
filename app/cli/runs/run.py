"""`seedbed run`: seed tasks in, a data set out."""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import typer
from pydantic import ValidationError
from rich.text import Text

from app.cli.exits import ExitCode
from app.cli.output import Output
from app.cli.runs.display import funnel_table, row_picture, run_headline
from app.cli.runs.embedded_model import suited
from app.cli.runs.follow import display_for, follow
from app.cli.service.answers import UNFINISHED, Run, TrainingJob
from app.cli.service.connect import Service, found_or_started_service
from app.cli.service.export import Rows, checked_target, download
from app.cli.training.display import job_result
from app.cli.training.follow import followed, hint_of
from app.errors import ConfigurationError, Fault, InvalidInput, fault_words
from app.pipeline.options import RunOptions
from app.pipeline.seed_tasks import read_seed_tasks
from app.training.plain.options import TrainingOptions

SHOWN_ROWS = 3


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What was asked for, checked as far as that goes without a service."""

    seeds: bytes
    """A seed set as JSON lines."""
    name: str
    options: Mapping[str, object]
    """Only those that were given; the rest is the service's to decide."""
    out: Path
    budget: Mapping[str, object] = field(default_factory=dict)
    """The caps that were given."""
    training: Mapping[str, object] | None = None
    """What is tuned on the data set of a run that is started; None: nothing is."""


def checked_order(seeds: Path, options: Mapping[str, object], out: Path) -> RunOrder:
    """Check seeds, options and the place for the data set.

    Raises:
        InvalidInput: with every fault found in the seeds, or in the options.
    """
    given = checked_options(options)
    data = read_file(seeds)
    read_seed_tasks(data)
    return RunOrder(data, seeds.stem, given, checked_target(out))


def checked_options(options: Mapping[str, object]) -> Mapping[str, object]:
    """Those of the options that were given.

    Raises:
        InvalidInput: with every fault found in them.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        RunOptions.model_validate(given)
    except ValidationError as error:
        faults = [
            Fault(fault_words(fault), field=".".join(str(part) for part in fault["loc"]) or None)
            for fault in error.errors(include_url=False)
        ]
        raise InvalidInput("Options that cannot work.", faults) from None
    return given


def read_file(path: Path) -> bytes:
    """The bytes of a file somebody named.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error


def carry_out(order: RunOrder, api: str | None, output: Output) -> ExitCode:
    """Start or go on with the run, follow it, fetch the data set and show what came of it."""
    with found_or_started_service(api, output) as service:
        if order.training is not None and service.stack is not None:
            check_extra(order.training)
        order = replace(order, options=suited(order.options, service.model))
        run = _started_or_continued(service, order, output)
        with _told_where_it_goes_on(service, run, output):
            run = follow(service, run, display_for(output.progress))
        if run.status == "paused":
            output.result({"run": run.as_sent, "file": None, "rows": 0, "shown_rows": []})
            return say_it_waits(run, output)
        rows = download(service.client, run.id, order.out)
        job = _trained(service, run, output) if order.training is not None else None
    output.result(
        {
            "run": run.as_sent,
            "file": str(order.out) if rows else None,
            "rows": len(rows),
            "shown_rows": shown_rows(rows),
            **({} if job is None else {"training_job": job.as_sent}),
        }
    )
    _show_result(run, rows, order.out, output)
    if job is not None:
        output.show(*job_result(job))
        output.say(hint_of(job))
    is_well = run.target_met and (order.training is None or _is_tuned(job))
    return ExitCode.OK if is_well else ExitCode.TARGET_NOT_MET


@contextmanager
def _told_where_it_goes_on(service: Service, run: Run, output: Output) -> Iterator[None]:
    """Of a service that outlives this command, say what its run is asked by from now on."""
    try:
        yield
    except KeyboardInterrupt:
        if service.stack is None:
            output.say(
                f"Run {run.id} goes on in the service: `seedbed show {run.id}` tells how far it "
                f"is, `seedbed export {run.id}` writes what it made."
            )
        raise


def _is_tuned(job: TrainingJob | None) -> bool:
    return job is not None and job.status == "succeeded"


def check_extra(training: Mapping[str, object]) -> None:
    """See that this machine's worker can tune, better before a run is grown than after it.

    Raises:
        ConfigurationError: it lacks the extra.
    """
    if training.get("where", "here") != "here":
        return
    for name in ("torch", "transformers", "peft"):
        if importlib.util.find_spec(name) is None:
            raise ConfigurationError(
                f"The worker of this machine cannot train, it lacks {name}: install "
                "seedbed[training] (`make .venv/training.installed`), or leave --train out."
            )


def _trained(service: Service, run: Run, output: Output) -> TrainingJob | None:
    """The training that the run started, followed to its end."""
    if not run.training_job_ids:
        output.say(
            f"Run {run.id} was begun without a training. `seedbed datasets make {run.id} --name "
            "NAME` makes a data set of it, and `seedbed train` tunes a model on that."
        )
        return None
    job = service.client.training.get(run.training_job_ids[0])
    return followed(service, job, output)


def _started_or_continued(service: Service, order: RunOrder, output: Output) -> Run:
    client = service.client
    seed_set = client.post_seed_set(order.seeds, order.name)
    source = {"seed_set_id": seed_set.id}
    run = unfinished_run(service, source, order.options)
    if run is None and order.training is not None:
        run = _run_in_training(service, source, order)
        if run is not None:
            output.say(f"Run {run.id} has ended; going on with its training.")
            return run
    if run is None:
        output.say(f"{seed_set.task_count} seed tasks; starting a run.")
        return client.start_run(source, order.options, order.budget, order.training)
    output.say(f"Going on with run {run.id} ({run.progress.accepted} accepted so far).")
    return continued(service, run, order.budget)


def continued(service: Service, run: Run, budget: Mapping[str, object]) -> Run:
    """Let an unfinished run go on, with these caps where there are any."""
    if budget:
        run = service.client.act(run.id, "extend", {"budget": budget})
    if run.status == "paused":
        return service.client.act(run.id, "resume")
    return run


def unfinished_run(
    service: Service, source: Mapping[str, str], options: Mapping[str, object]
) -> Run | None:
    """Find a run of this source with these options that has not ended."""
    for status in UNFINISHED:
        for run in service.client.runs(**source, status=status):
            if is_same_order(run, options, service.model):
                return run
    return None


def _run_in_training(service: Service, source: Mapping[str, str], order: RunOrder) -> Run | None:
    """Find a run that has ended as it was meant to, whose training goes on."""
    for run in service.client.runs(**source, status="succeeded"):
        if not run.training_job_ids or not is_same_order(run, order.options, service.model):
            continue
        job = service.client.training.get(run.training_job_ids[0])
        if not job.ended and _is_same_training(job, order.training or {}):
            return run
    return None


def _is_same_training(job: TrainingJob, options: Mapping[str, object]) -> bool:
    try:
        theirs, ours = map(TrainingOptions.model_validate, (job.options, options))
    except ValidationError:
        return False  # Of another version of the service, or refused by it in a moment.
    return theirs == ours


def is_same_order(run: Run, options: Mapping[str, object], model: str | None) -> bool:
    """Whether `run` is what these options ask for; what was not given is the default.

    `model` is the service's own, which a run asks that names none; None when it is not known.
    """
    try:
        theirs = RunOptions.model_validate(run.options)
    except ValidationError:
        return False  # Of another version of the service.
    ours = RunOptions.model_validate(options)
    asked_model = ours.model or model
    return theirs == ours and (asked_model is None or run.model == asked_model)


def say_it_waits(run: Run, output: Output) -> ExitCode:
    """Say what a paused run waits for."""
    reason = run.message or "It was paused by a person."
    output.say(f"Run {run.id} is paused. {reason}")
    output.say("Once that is settled, the same command goes on with it.")
    return ExitCode.PAUSED


def _show_result(run: Run, rows: Rows, out: Path, output: Output) -> None:
    output.show(Text(run_headline(run)), funnel_table(run.funnel), Text())
    for row in shown_rows(rows):
        output.show(row_picture(row), Text())
    if not run.target_met:
        output.say(why_it_ended(run))
    if rows:
        output.show(Text(f"{len(rows):,} rows in {out}"))
    else:
        output.say(f"The data set is empty; {out} was not written.")


def shown_rows(rows: Rows) -> Rows:
    """The first rows, each of another instruction."""
    first_of: dict[str, dict[str, str]] = {}
    for row in rows:
        first_of.setdefault(row["instruction"], row)
    return list(first_of.values())[:SHOWN_ROWS]


def why_it_ended(run: Run) -> str:
    """Say why a run did not meet its target."""
    reason = f", {run.end_reason}" if run.end_reason else ""
    told = f" {run.message}" if run.message else ""
    return f"The run ended without meeting its target ({run.status}{reason}).{told}"


def exit_with(code: ExitCode) -> None:
    """End the command.

    Raises:
        typer.Exit: unless all went well.
    """
    if code is not ExitCode.OK:
        raise typer.Exit(code)
