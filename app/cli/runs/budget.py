"""`seedbed extend` and `seedbed estimate`: what a run may cost, and what it is expected to cost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, EstimateOnly, RunId
from app.cli.model_options import NONE_GIVEN, SetOptions, with_options
from app.cli.option_paths import Given
from app.cli.output import Output
from app.cli.runs.display import estimate_table, run_details
from app.cli.runs.options import GROWING, GrowingProfile, run_options
from app.cli.runs.request import checked_request
from app.cli.service.find_service import connect
from app.schemas.runs import RunEstimate

MaxCost = Annotated[
    str | None,
    typer.Option(
        metavar="USD",
        help="Stop before the run costs more than this (US dollars).",
        rich_help_panel="Budget",
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        min=1, help="Stop before the run uses more tokens than this.", rich_help_panel="Budget"
    ),
]
MaxCalls = Annotated[
    int | None,
    typer.Option(
        min=1, help="Stop before the run makes more calls than this.", rich_help_panel="Budget"
    ),
]


def budget(
    max_cost: str | None, max_tokens: int | None, max_calls: int | None
) -> Mapping[str, object]:
    """Return the limits that were given, by their API names."""
    given = {"max_cost_usd": max_cost, "max_tokens": max_tokens, "max_calls": max_calls}
    return {name: value for name, value in given.items() if value is not None}


def extend(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    run_id: RunId,
    target: Annotated[
        int | None, typer.Option(min=1, help="New number of accepted instructions to reach.")
    ] = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_calls: MaxCalls = None,
    estimate_only: EstimateOnly = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Raise the target or the budget of a run; if it was paused for that, it continues.

    Give new totals, not increments: repeating the command changes nothing.
    """
    output = Output(as_json=as_json)
    body: dict[str, object] = {"budget": budget(max_cost, max_tokens, max_calls)}
    if target is not None:
        body["target"] = target
    with output.failures_reported(), connect(api, output) as service:
        if estimate_only:
            show_estimate(service.client.estimate_extension(run_id, body), output)
            return
        run = service.client.act(run_id, "extend", body)
    output.result(run.model_dump(mode="json"))
    output.show(run_details(run))


@with_options(GROWING)
def estimate(
    seeds: Annotated[
        Path,
        typer.Argument(metavar="SEEDS", help="Seed tasks (JSON lines, a JSON list, or CSV)."),
    ],
    profile: GrowingProfile = None,
    given: Given = NONE_GIVEN,
    settings: SetOptions = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Print the expected calls, tokens and cost of growing SEEDS, without calling a model."""
    output = Output(as_json=as_json)
    with output.failures_reported():
        request = checked_request(
            seeds, run_options(profile, given, settings), Path("alpaca_data.json")
        )
        with connect(api, output) as service:
            seed_set = service.client.post_seed_set(request.seeds, request.name)
            found = service.client.estimate_run({"seed_set_id": seed_set.id}, request.options)
    show_estimate(found, output)


def show_estimate(found: RunEstimate, output: Output) -> None:
    """Show the expected calls, tokens and cost of a run."""
    output.result(found.model_dump(mode="json"))
    if found.cost_usd is None:
        cost = "unknown; set the price of the model in SEEDBED_PRICES"
    else:
        cost = f"${found.cost_usd}"
    basis = (
        "based on earlier runs of this model"
        if found.from_experience
        else "based on typical token counts; no earlier run of this model"
    )
    output.show(estimate_table(found), Text(f"expected cost: {cost}"), Text(basis))
