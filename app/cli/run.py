"""`seedbed run`: from seed tasks to a data set and, with --train, to a tuned model."""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.text import Text

from app.cli.arguments import Api, AsJson
from app.cli.exits import ExitCode, exit_with
from app.cli.model_options import NONE_GIVEN, SetOptions, with_options
from app.cli.option_paths import Given
from app.cli.output import Output
from app.cli.runs.budget import MaxCalls, MaxCost, MaxTokens, budget
from app.cli.runs.commands import DEFAULT_OUT, Out
from app.cli.runs.display import funnel_table, row_table, run_headline, shown_rows
from app.cli.runs.embedded_model import with_embedded_options
from app.cli.runs.export import Rows, download
from app.cli.runs.options import GROWING, GrowingProfile, run_options
from app.cli.runs.request import (
    RunRequest,
    checked_request,
    continue_run,
    is_same_request,
    unfinished_run,
)
from app.cli.runs.watch import report_paused, watch_run, why_it_ended
from app.cli.service.find_service import Service, connect_or_start
from app.cli.training.display import job_result
from app.cli.training.options import training_options
from app.cli.training.watch import next_step, watch_job
from app.cli.watch.display import display_for
from app.errors import ConfigurationError
from app.schemas.runs import RunView
from app.schemas.training import TrainingJobView
from app.training.plain.options import TrainingOptions

BUNDLED_SEEDS = Path(__file__).resolve().parents[2] / "seed_tasks" / "seed_tasks.jsonl"
"""Beside the packages: in a checkout, and where they are installed."""


@with_options(GROWING)
def run(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    seeds: Annotated[
        Path | None,
        typer.Argument(
            metavar="SEEDS",
            help="Seed tasks (JSON lines, a JSON list, or CSV). Default: the 180 bundled ones.",
        ),
    ] = None,
    out: Out = DEFAULT_OUT,
    profile: GrowingProfile = None,
    given: Given = NONE_GIVEN,
    settings: SetOptions = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_calls: MaxCalls = None,
    train: Annotated[
        bool,
        typer.Option("--train", help="Then fine-tune a model on the data set, and evaluate it."),
    ] = False,
    training_file: Annotated[
        Path | None,
        typer.Option(
            "--training-options",
            metavar="FILE",
            help="Options of the training as a JSON file; implies --train.",
        ),
    ] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Grow SEEDS into a data set; continue an interrupted run of the same seeds and options.

    Uses the service at --api, or the one that runs on the data folder, or starts one for this
    command. After Ctrl-C, repeat the command to continue: nothing is lost.
    """
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. Repeat the command to continue."):
        options = run_options(profile, given, settings)
        request = checked_request(seeds or BUNDLED_SEEDS, options, out)
        request = replace(request, budget=budget(max_cost, max_tokens, max_calls))
        if train or training_file is not None:
            request = replace(request, training=training_options(training_file, NONE_GIVEN))
        exit_with(_carry_out(request, api, output))


def _carry_out(request: RunRequest, api: str | None, output: Output) -> ExitCode:
    """Start or continue the run, watch it and its training job, and show the results."""
    with connect_or_start(api, output) as service:
        if request.training is not None and service.stack is not None:
            check_training_extra(request.training)
        request = replace(request, options=with_embedded_options(request.options, service.model))
        run = _start_or_continue(service, request, output)
        with _hint_when_interrupted(service, run, output):
            run = watch_run(service, run, display_for(output.progress))
        if run.status == "paused":
            output.result(
                {"run": run.model_dump(mode="json"), "file": None, "rows": 0, "shown_rows": []}
            )
            return report_paused(run, output)
        rows = download(service.client, run.id, request.out)
        job = _watch_training(service, run, output) if request.training is not None else None
    output.result(
        {
            "run": run.model_dump(mode="json"),
            "file": str(request.out) if rows else None,
            "rows": len(rows),
            "shown_rows": shown_rows(rows),
            **({} if job is None else {"training_job": job.model_dump(mode="json")}),
        }
    )
    _show_result(run, rows, request.out, output)
    if job is not None:
        output.show(*job_result(job))
        output.message(next_step(job))
    trained = request.training is None or (job is not None and job.status == "succeeded")
    return ExitCode.OK if run.target_met and trained else ExitCode.TARGET_NOT_MET


@contextmanager
def _hint_when_interrupted(service: Service, run: RunView, output: Output) -> Iterator[None]:
    """On Ctrl-C, print how to look at a run that continues in a service of its own."""
    try:
        yield
    except KeyboardInterrupt:
        if service.stack is None:
            output.message(
                f"Run {run.id} continues in the service. `seedbed show {run.id}` shows its "
                f"progress, `seedbed export {run.id}` writes its rows, and `seedbed cancel "
                f"{run.id}` ends it."
            )
        raise


def check_training_extra(training: Mapping[str, object]) -> None:
    """Check that a worker on this machine can train, before the run is grown.

    Raises:
        ConfigurationError: a package is missing.
    """
    if training.get("where", "here") != "here":
        return
    for name in ("torch", "transformers", "peft"):
        if importlib.util.find_spec(name) is None:
            raise ConfigurationError(
                f"This machine can't train: the package {name} is missing. Install "
                "seedbed[training] (`make .venv/training.installed`), or leave out --train."
            )


def _watch_training(service: Service, run: RunView, output: Output) -> TrainingJobView | None:
    """Watch the training job of a run until it ends.

    Returns:
        None when the run was started without one.
    """
    if not run.training_job_ids:
        output.message(
            f"Run {run.id} was started without --train. `seedbed train --run {run.id}` trains a "
            "model on its rows."
        )
        return None
    return watch_job(service, service.client.training.get(run.training_job_ids[0]), output)


def _start_or_continue(service: Service, request: RunRequest, output: Output) -> RunView:
    seed_set = service.client.post_seed_set(request.seeds, request.name)
    source = {"seed_set_id": seed_set.id}
    run = unfinished_run(service, source, request.options)
    if run is None and request.training is not None:
        run = _run_in_training(service, source, request)
        if run is not None:
            output.message(f"Run {run.id} has ended; continuing with its training job.")
            return run
    if run is None:
        output.message(f"Starting a run from {seed_set.task_count} seed tasks.")
        for note in request.notes:
            output.message(note)
        return service.client.start_run(source, request.options, request.budget, request.training)
    output.message(f"Continuing run {run.id} ({run.progress.accepted} accepted so far).")
    return continue_run(service, run, request.budget)


def _run_in_training(
    service: Service, source: Mapping[str, str], request: RunRequest
) -> RunView | None:
    """Return a run that succeeded and whose training job has not ended."""
    for run in service.client.runs(**source, status="succeeded"):
        if not run.training_job_ids or not is_same_request(run, request.options, service.model):
            continue
        job = service.client.training.get(run.training_job_ids[0])
        if not job.ended and _is_same_training(job, request.training or {}):
            return run
    return None


def _is_same_training(job: TrainingJobView, options: Mapping[str, object]) -> bool:
    try:
        theirs, ours = map(TrainingOptions.model_validate, (job.options, options))
    except ValidationError:
        return False  # A job of another version of the service, or one that it is about to refuse.
    return theirs == ours


def _show_result(run: RunView, rows: Rows, out: Path, output: Output) -> None:
    output.show(Text(run_headline(run)), funnel_table(run.funnel), Text())
    for row in shown_rows(rows):
        output.show(row_table(row), Text())
    if not run.target_met:
        output.message(why_it_ended(run))
    if rows:
        output.show(Text(f"Wrote {len(rows):,} rows to {out}."))
    else:
        output.message(f"The data set is empty; {out} was not written.")
