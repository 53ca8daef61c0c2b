"""What runs may take, on the command line: caps, extensions, estimates."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import Api, AsJson, AskedModel, EstimateOnly, RunId
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output
from app.cli.runs.display import run_details
from app.cli.runs.run import checked_order
from app.cli.service.answers import Estimate
from app.cli.service.connect import found_service
from app.pipeline.options import GrowingProfileName

MaxCost = Annotated[
    str | None, typer.Option(metavar="USD", help="Never take more than so much money.")
]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Never take more tokens than these.")]
MaxCalls = Annotated[int | None, typer.Option(min=1, help="Never make more calls than these.")]


def budget(
    max_cost: str | None, max_tokens: int | None, max_calls: int | None
) -> Mapping[str, object]:
    """The caps that were given, as the API names them."""
    given = {"max_cost_usd": max_cost, "max_tokens": max_tokens, "max_calls": max_calls}
    return {name: value for name, value in given.items() if value is not None}


def extend(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    run_id: RunId,
    target: Annotated[int | None, typer.Option(min=1, help="Accepted instructions wanted.")] = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_calls: MaxCalls = None,
    estimate_only: EstimateOnly = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Give a run a higher target or a larger budget; one that waited for it goes on.

    All numbers are whole ones, not additions: repeating the command changes nothing.
    """
    output = Output(as_json=as_json)
    body: dict[str, object] = {"budget": budget(max_cost, max_tokens, max_calls)}
    if target is not None:
        body["target"] = target
    with output.failures_told(), found_service(api, output) as service:
        if estimate_only:
            show_estimate(service.client.estimate_extension(run_id, body), output)
            return
        run = service.client.act(run_id, "extend", body)
    output.result(run.as_sent)
    output.show(run_details(run))


def estimate(
    seeds: Annotated[Path, typer.Argument(help="Seed tasks as JSON lines.")],
    target: Annotated[int, typer.Option(min=1, help="Accepted instructions wanted.")] = 100,
    model: AskedModel = None,
    profile: Annotated[
        GrowingProfileName | None, typer.Option(help="Prompts and rules.", show_default="default")
    ] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Say what growing SEEDS would take: calls, tokens, money. Asks no model."""
    output = Output(as_json=as_json)
    options = {"target": target, "model": model, "profile": profile}
    with output.failures_told():
        order = checked_order(seeds, options, Path("alpaca_data.json"))
        with found_service(api, output) as service:
            seed_set = service.client.post_seed_set(order.seeds, order.name)
            found = service.client.estimate_run({"seed_set_id": seed_set.id}, order.options)
    show_estimate(found, output)


def show_estimate(found: Estimate, output: Output) -> None:
    """Say what a run is guessed to take."""
    output.result(found.as_sent)
    table = Table("stage", box=None, pad_edge=False)
    for column in ("calls", "prompt tokens", "answer tokens"):
        table.add_column(column, justify="right")
    for name, stage in found.stages.items():
        numbers = (stage.calls, stage.prompt_tokens, stage.completion_tokens)
        table.add_row(Text(name), *[f"{number:,}" for number in numbers])
    table.add_row(
        "all", f"{found.calls:,}", f"{found.prompt_tokens:,}", f"{found.completion_tokens:,}"
    )
    basis = "earlier runs with this model" if found.from_experience else "the profile alone"
    cost = "unknown: set SEEDBED_PRICES" if found.cost_usd is None else f"${found.cost_usd}"
    output.show(table, Text(f"cost  {cost}"), Text(f"measured by {basis}"))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("extend", epilog=EXIT_CODES_HELP)(extend)
    app.command("estimate", epilog=EXIT_CODES_HELP)(estimate)
