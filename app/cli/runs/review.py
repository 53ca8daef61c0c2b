"""`seedbed review`: the rows of a data set, judged or answered again by a model."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, DatasetId, EstimateOnly
from app.cli.exits import ExitCode, exit_with
from app.cli.files import read_text
from app.cli.model_options import NONE_GIVEN, with_options
from app.cli.option_paths import Given, nested, put
from app.cli.output import Output
from app.cli.runs.budget import MaxCalls, MaxCost, MaxTokens, budget, show_estimate
from app.cli.runs.display import review_table, run_headline
from app.cli.runs.options import REVIEWING
from app.cli.runs.request import checked_options, continue_run, unfinished_run
from app.cli.runs.watch import report_paused, watch_run, why_it_ended
from app.cli.service.find_service import Service, connect, connect_or_start
from app.cli.watch.display import display_for
from app.schemas.runs import RunView


class ReviewProfile(StrEnum):
    """Kinds of review."""

    JUDGE = "judge"
    RE_ANSWER = "re_answer"


@with_options(REVIEWING)
def review(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: DatasetId,
    profile: Annotated[
        ReviewProfile,
        typer.Option(
            help="judge: drop the rows that a model scores low; re_answer: have a model write new "
            "answers for all rows."
        ),
    ],
    given: Given = NONE_GIVEN,
    rubric: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with the meaning of each score from 1 to 5. Default: the built-in rubric.",
            rich_help_panel="Review",
        ),
    ] = None,
    by_batch: Annotated[
        bool,
        typer.Option(
            "--batch", help="Use the Batch API of the provider: cheaper, answered within a day."
        ),
    ] = False,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_calls: MaxCalls = None,
    estimate_only: EstimateOnly = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Review the rows of a data set; continue an interrupted review of the same rows.

    The data set does not change: the result is a run, and `seedbed datasets make` makes a new
    version from its rows. After Ctrl-C, repeat the command to continue.
    """
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. Repeat the command to continue the review."):
        options = checked_options(_options(profile, given, rubric, by_batch=by_batch))
        if estimate_only:
            with connect(api, output) as service:
                found = service.client.estimate_run({"dataset_id": dataset_id}, options)
            show_estimate(found, output)
            return
        limits = budget(max_cost, max_tokens, max_calls)
        with connect_or_start(api, output) as service:
            run = _start_or_continue(service, {"dataset_id": dataset_id}, options, limits, output)
            run = watch_run(service, run, display_for(output.progress))
        exit_with(_report(run, output))


def _options(
    profile: ReviewProfile, given: Given, rubric: Path | None, *, by_batch: bool
) -> Mapping[str, object]:
    options = nested({"profile": profile.value, **given})
    if by_batch:
        options["batch"] = "later_stages"
    if rubric is not None:
        put(options, "review.rubric", read_text(rubric))
    return options


def _start_or_continue(
    service: Service,
    source: Mapping[str, str],
    options: Mapping[str, object],
    limits: Mapping[str, object],
    output: Output,
) -> RunView:
    run = unfinished_run(service, source, options)
    if run is None:
        return service.client.start_run(source, options, limits)
    output.message(f"Continuing run {run.id} ({run.progress.complete} rows reviewed so far).")
    return continue_run(service, run, limits)


def _report(run: RunView, output: Output) -> ExitCode:
    output.result({"run": run.model_dump(mode="json")})
    if run.status == "paused":
        return report_paused(run, output)
    output.show(Text(run_headline(run)), review_table(run.funnel))
    if not run.target_met:
        output.message(why_it_ended(run))
        return ExitCode.TARGET_NOT_MET
    output.message(
        f"`seedbed export {run.id}` writes the rows that were kept; `seedbed datasets make "
        f"{run.id} --name NAME` makes a data set from them."
    )
    return ExitCode.OK
