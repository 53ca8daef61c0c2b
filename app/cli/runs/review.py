"""`seedbed review`: the rows of a data set, answered again or judged by a model."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, AskedModel, DatasetId, EstimateOnly
from app.cli.exits import EXIT_CODES_HELP, ExitCode
from app.cli.output import Output
from app.cli.runs.budget import MaxCalls, MaxCost, MaxTokens, budget, show_estimate
from app.cli.runs.display import review_table, run_headline
from app.cli.runs.follow import display_for, follow
from app.cli.runs.run import (
    checked_options,
    continued,
    exit_with,
    read_file,
    say_it_waits,
    unfinished_run,
    why_it_ended,
)
from app.cli.service.answers import Run
from app.cli.service.connect import Service, found_or_started_service, found_service
from app.errors import InvalidInput


class ReviewProfile(StrEnum):
    """What is done to the rows."""

    JUDGE = "judge"
    RE_ANSWER = "re_answer"


def review(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: DatasetId,
    profile: Annotated[
        ReviewProfile,
        typer.Option(help="Drop rows that a model judges low, or have all answered again."),
    ],
    model: AskedModel = None,
    threshold: Annotated[
        int | None,
        typer.Option(min=1, max=5, help="Rows with a lower score go.", show_default="4"),
    ] = None,
    rubric: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What each score means.", show_default="ours"),
    ] = None,
    by_batch: Annotated[
        bool, typer.Option("--batch", help="By the provider's Batch API, within a day.")
    ] = False,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_calls: MaxCalls = None,
    estimate_only: EstimateOnly = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Review the rows of a data set, and go on with it if an earlier try was broken off.

    The data set stays as it is: what is made is a run, and a new version can be made of its rows.
    Ctrl-C loses nothing: the same command goes on.
    """
    output = Output(as_json=as_json)
    with output.failures_told("Interrupted. Give the same command again to go on with the review."):
        options = checked_options(
            {
                "profile": profile.value,
                "model": model,
                "batch": "later_stages" if by_batch else None,
                "review": _held_against(threshold, rubric),
            }
        )
        if estimate_only:
            with found_service(api, output) as service:
                found = service.client.estimate_run({"dataset_id": dataset_id}, options)
            show_estimate(found, output)
            return
        caps = budget(max_cost, max_tokens, max_calls)
        with found_or_started_service(api, output) as service:
            run = _started_or_continued(service, {"dataset_id": dataset_id}, options, caps, output)
            run = follow(service, run, display_for(output.progress))
        exit_with(_told(run, output))


def _held_against(threshold: int | None, rubric: Path | None) -> Mapping[str, object] | None:
    words = None if rubric is None else _read_text(rubric)
    given = {"threshold": threshold, "rubric": words}
    return {name: value for name, value in given.items() if value is not None} or None


def _read_text(path: Path) -> str:
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no text in UTF-8.") from error


def _started_or_continued(
    service: Service,
    source: Mapping[str, str],
    options: Mapping[str, object],
    caps: Mapping[str, object],
    output: Output,
) -> Run:
    run = unfinished_run(service, source, options)
    if run is None:
        return service.client.start_run(source, options, caps)
    output.say(f"Going on with run {run.id} ({run.progress.complete} rows reviewed so far).")
    return continued(service, run, caps)


def _told(run: Run, output: Output) -> ExitCode:
    output.result({"run": run.as_sent})
    if run.status == "paused":
        return say_it_waits(run, output)
    output.show(Text(run_headline(run)), review_table(run.funnel))
    if not run.target_met:
        output.say(why_it_ended(run))
        return ExitCode.TARGET_NOT_MET
    output.say(f"Run {run.id} holds the rows that stay; `seedbed export {run.id}` writes them.")
    return ExitCode.OK


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review", epilog=EXIT_CODES_HELP)(review)
