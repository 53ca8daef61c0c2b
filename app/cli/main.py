"""The command line: a client of the HTTP API like any other."""

import signal
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, AskedModel, Limit, RunId
from app.cli.datasets.commands import datasets_app
from app.cli.exits import EXIT_CODES_HELP, ExitCode
from app.cli.keys import keys_app
from app.cli.output import Output, fault_json, fault_table
from app.cli.runs.budget import MaxCalls, MaxCost, MaxTokens, budget
from app.cli.runs.budget import register as register_budgets
from app.cli.runs.display import run_details, run_table
from app.cli.runs.events import list_events, show_as_they_come
from app.cli.runs.review import register as register_review
from app.cli.runs.run import carry_out, checked_order, exit_with, read_file
from app.cli.service.answers import Run
from app.cli.service.connect import found_service, read_settings, started_stack
from app.cli.service.export import checked_target, download
from app.cli.training.adapters import adapters_app
from app.cli.training.evaluate import register as register_evaluate
from app.cli.training.jobs import jobs_app
from app.cli.training.options import options_of
from app.cli.training.serve import register as register_serve
from app.cli.training.train import register as register_train
from app.errors import InvalidInput, SeedbedError
from app.pipeline.options import GrowingProfileName
from app.pipeline.seed_tasks import read_seed_tasks

app = typer.Typer(
    name="seedbed",
    help="Grow a few seed tasks into an instruction-tuning data set, and tune models on it.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
seeds_app = typer.Typer(help="Seed tasks.", no_args_is_help=True)
app.add_typer(seeds_app, name="seeds")
app.add_typer(keys_app, name="keys")
app.add_typer(datasets_app, name="datasets")
app.add_typer(jobs_app, name="jobs")
app.add_typer(adapters_app, name="adapters")

Out = Annotated[Path, typer.Option("--out", "-o", help="Where the data set goes (Alpaca JSON).")]

DEFAULT_SEEDS = Path("seed_tasks/seed_tasks.jsonl")
DEFAULT_OUT = Path("alpaca_data.json")


@app.command(epilog=EXIT_CODES_HELP)
def run(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    seeds: Annotated[Path, typer.Argument(help="Seed tasks as JSON lines.")] = DEFAULT_SEEDS,
    target: Annotated[
        int | None, typer.Option(help="Accepted instructions wanted.", show_default="100")
    ] = None,
    out: Out = DEFAULT_OUT,
    profile: Annotated[
        GrowingProfileName | None, typer.Option(help="Prompts and rules.", show_default="default")
    ] = None,
    model: AskedModel = None,
    seed: Annotated[int | None, typer.Option(help="Of the random draws.", show_default="0")] = None,
    language: Annotated[
        str | None, typer.Option(help="Of the instructions, such as German.")
    ] = None,
    classification_share: Annotated[
        float | None,
        typer.Option(
            help="Wanted share of classification tasks, 0 to 1.", show_default="the seeds'"
        ),
    ] = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_calls: MaxCalls = None,
    train: Annotated[
        bool, typer.Option("--train", help="Then tune a model on it, and measure that.")
    ] = False,
    training_options: Annotated[
        Path | None, typer.Option(metavar="FILE", help="How, as JSON; means --train.")
    ] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Grow SEEDS into a data set, and go on with it if an earlier try was broken off.

    Talks to --api, else to the service that runs on the data folder, else starts the embedded
    stack for the time being. Ctrl-C loses nothing: the same command goes on.
    """
    output = Output(as_json=as_json)
    options = {
        "target": target,
        "profile": profile,
        "model": model,
        "random_seed": seed,
        "language": language,
        "classification_share": classification_share,
    }
    with output.failures_told("Interrupted. Give the same command again to go on."):
        order = checked_order(seeds, options, out)
        order = replace(order, budget=budget(max_cost, max_tokens, max_calls))
        if train or training_options is not None:
            order = replace(order, training=options_of(training_options, {}))
        exit_with(carry_out(order, api, output))


@app.command(epilog=EXIT_CODES_HELP)
def up(as_json: AsJson = False) -> None:
    """Run the whole service on this machine until Ctrl-C."""
    output = Output(as_json=as_json)
    with output.failures_told():
        settings = read_settings()
        try:
            with started_stack(settings, output) as service:
                data_dir = settings.data_dir.expanduser().resolve()
                addresses = {
                    "api": service.client.url,
                    "docs": f"{service.client.url}/docs",
                    "data": str(data_dir),
                    "logs": str(data_dir / "logs"),
                }
                output.result(addresses)
                output.show(*[Text(f"{name:5} {where}") for name, where in addresses.items()])
                output.say("Ctrl-C stops it.")
                while True:
                    service.check()
                    time.sleep(0.5)
        except KeyboardInterrupt:
            output.say("Stopped.")  # As it was meant to end: exit code 0.


@app.command(epilog=EXIT_CODES_HELP)
def runs(
    limit: Limit = 20,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """List the newest runs."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        found = list(service.client.runs(limit))
    output.result([run.as_sent for run in found])
    output.show(run_table(found) if found else Text("No run yet."))


@app.command(epilog=EXIT_CODES_HELP)
def show(run_id: RunId, api: Api = None, as_json: AsJson = False) -> None:
    """Show how far a run is, what it made and what it cost."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        run = service.client.run(run_id)
    _show_run(run, output)


@app.command(epilog=EXIT_CODES_HELP)
def events(
    run_id: RunId,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Until the run has ended; with --json, a line each."),
    ] = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened to a run, and with --follow what happens."""
    output = Output(as_json=as_json, lines=follow)
    with output.failures_told(), found_service(api, output) as service:
        tell = show_as_they_come if follow else list_events
        tell(service.client, run_id, output)


@app.command(epilog=EXIT_CODES_HELP)
def cancel(run_id: RunId, api: Api = None, as_json: AsJson = False) -> None:
    """End a run; what it made is kept."""
    _act(run_id, "cancel", api, as_json=as_json)


@app.command(epilog=EXIT_CODES_HELP)
def pause(run_id: RunId, api: Api = None, as_json: AsJson = False) -> None:
    """Halt a run until it is resumed."""
    _act(run_id, "pause", api, as_json=as_json)


@app.command(epilog=EXIT_CODES_HELP)
def resume(run_id: RunId, api: Api = None, as_json: AsJson = False) -> None:
    """Let a paused run go on."""
    _act(run_id, "resume", api, as_json=as_json)


@app.command(epilog=EXIT_CODES_HELP)
def export(run_id: RunId, out: Out = DEFAULT_OUT, api: Api = None, as_json: AsJson = False) -> None:
    """Write what a run has made so far as Alpaca JSON."""
    output = Output(as_json=as_json)
    with output.failures_told():
        out = checked_target(out)
        with found_service(api, output) as service:
            rows = download(service.client, run_id, out)
        if not rows:
            raise SeedbedError(f"The data set of run {run_id} is empty; {out} was not written.")
    output.result({"file": str(out), "rows": len(rows)})
    output.show(Text(f"{len(rows):,} rows in {out}"))


@seeds_app.command("check", epilog=EXIT_CODES_HELP)
def check_seeds(
    file: Annotated[Path, typer.Argument(help="Seed tasks as JSON lines.")],
    as_json: AsJson = False,
) -> None:
    """Check a file of seed tasks, without any service; names every fault."""
    output = Output(as_json=as_json)
    with output.failures_told():
        data = read_file(file)
        try:
            tasks = read_seed_tasks(data)
        except InvalidInput as error:
            faults = [fault_json(fault) for fault in error.faults]
            output.result({"ok": False, "message": str(error), "faults": faults})
            output.show(Text(str(error)), fault_table(error.faults))
            raise typer.Exit(ExitCode.BAD_USAGE) from None
    classification = sum(task.is_classification for task in tasks)
    output.result({"ok": True, "tasks": len(tasks), "classification": classification})
    output.show(Text(f"{len(tasks):,} seed tasks, {classification:,} of them classification."))


# Help lists commands in this order: those that begin something, by the way it goes.
register_budgets(app)
register_review(app)
register_train(app)
register_evaluate(app)
register_serve(app)


def _act(run_id: str, action: str, api: str | None, *, as_json: bool) -> None:
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        run = service.client.act(run_id, action)
    _show_run(run, output)


def _show_run(run: Run, output: Output) -> None:
    output.result(run.as_sent)
    output.show(run_details(run))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line as a program.

    SIGTERM and a closed terminal count as Ctrl-C, so that the stack is stopped in order.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # Under nohup it is to be ignored.
            signal.signal(number, _interrupt)
    app()


if __name__ == "__main__":
    main()
