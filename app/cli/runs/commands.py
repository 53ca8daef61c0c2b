"""Commands for one run or all: list, show, events, cancel, pause, resume, export."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, Limit, RunId
from app.cli.exits import ExitCode, exit_with
from app.cli.files import checked_target
from app.cli.model_options import NONE_GIVEN, SetOptions, with_options
from app.cli.option_paths import Given
from app.cli.output import Output
from app.cli.runs.display import run_details, run_table
from app.cli.runs.events import list_events, show_new_events
from app.cli.runs.export import download
from app.cli.runs.options import CHANGES, run_options
from app.cli.runs.watch import report_paused, watch_run
from app.cli.service.find_service import connect, connect_or_start
from app.cli.watch.display import display_for
from app.errors import SeedbedError
from app.schemas.runs import RunView
from app.states import Status

DEFAULT_OUT = Path("alpaca_data.json")
Out = Annotated[
    Path,
    typer.Option(
        "--out", "-o", metavar="FILE", help="File to write the data set to (Alpaca JSON)."
    ),
]


def list_runs(limit: Limit = 20, api: Api = None, as_json: AsJson = False) -> None:
    """List the newest runs."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        found = list(service.client.runs(limit))
    output.result([run.model_dump(mode="json") for run in found])
    output.show(run_table(found) if found else Text("No runs yet."))


def show(run_id: RunId, api: Api = None, as_json: AsJson = False) -> None:
    """Show the progress, the results and the cost of a run."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        run = service.client.run(run_id)
    _show_run(run, output)


def events(
    run_id: RunId,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Keep showing new events until the run has ended; with --json, one per line.",
        ),
    ] = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Show the events of a run."""
    output = Output(as_json=as_json, lines=follow)
    with output.failures_reported(), connect(api, output) as service:
        show_events = show_new_events if follow else list_events
        show_events(service.client, run_id, output)


def cancel(run_id: RunId, api: Api = None, as_json: AsJson = False) -> None:
    """Cancel a run for good; its results are kept."""
    _act(run_id, "cancel", api, as_json=as_json)


def pause(run_id: RunId, api: Api = None, as_json: AsJson = False) -> None:
    """Pause a run until it is resumed."""
    _act(run_id, "pause", api, as_json=as_json)


def stop_batches(run_id: RunId, api: Api = None, as_json: AsJson = False) -> None:
    """Send the rest of a run as normal calls, not by the Batch API; cancel its batches.

    For a paused run, this happens when it is resumed.
    """
    _act(run_id, "batches/stop", api, as_json=as_json)


@with_options(CHANGES)
def resume(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    run_id: RunId,
    given: Given = NONE_GIVEN,
    settings: SetOptions = None,
    give_up_refused: Annotated[
        bool,
        typer.Option(
            "--give-up-refused",
            help="Give up the calls that the endpoint refused, instead of sending them again.",
        ),
    ] = False,
    out: Out = DEFAULT_OUT,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Resume a paused or failed run, as it was or with another model or other options.

    Without a running service, it starts one for this command, watches the run and writes its rows
    to --out once it has ended.
    """
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. Repeat the command to continue."):
        out = checked_target(out)
        options = run_options(None, given, settings)
        body: dict[str, object] = {"options": dict(options)} if options else {}
        if give_up_refused:
            body["give_up_refused"] = True
        with connect_or_start(api, output) as service:
            run = service.client.act(run_id, "resume", body or None)
            if service.stack is not None:
                run = watch_run(service, run, display_for(output.progress))
            if run.ended and download(service.client, run.id, out):
                output.message(f"Wrote the rows of the run to {out}.")
        _show_run(run, output)
        exit_with(_exit_code(run, output))


def _exit_code(run: RunView, output: Output) -> ExitCode:
    """Return the exit code of a run that was resumed; say why it is paused again, if it is."""
    if run.status == Status.PAUSED:
        return report_paused(run, output)
    return ExitCode.OK if run.target_met or not run.ended else ExitCode.TARGET_NOT_MET


def export(run_id: RunId, out: Out = DEFAULT_OUT, api: Api = None, as_json: AsJson = False) -> None:
    """Write the rows that a run has made so far to an Alpaca JSON file."""
    output = Output(as_json=as_json)
    with output.failures_reported():
        out = checked_target(out)
        with connect(api, output) as service:
            rows = download(service.client, run_id, out)
        if not rows:
            raise SeedbedError(f"Run {run_id} has no rows yet; {out} was not written.")
    output.result({"file": str(out), "rows": len(rows)})
    output.show(Text(f"Wrote {len(rows):,} rows to {out}."))


def _act(run_id: str, action: str, api: str | None, *, as_json: bool) -> None:
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        run = service.client.act(run_id, action)
    _show_run(run, output)


def _show_run(run: RunView, output: Output) -> None:
    output.result(run.model_dump(mode="json"))
    output.show(run_details(run))
