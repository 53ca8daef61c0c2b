"""Watching a run until it ends or pauses, and reporting why it did."""

from dataclasses import replace

from app.cli.exits import ExitCode
from app.cli.output import Output
from app.cli.runs.display import run_view
from app.cli.service.find_service import Service
from app.cli.watch.display import Display
from app.cli.watch.poll import QueuedHint, poll
from app.errors import ServiceUnreachable
from app.schemas.runs import RunView


def watch_run(service: Service, run: RunView, display: Display) -> RunView:
    """Show the progress of a run until it has ended or is paused; return its last state.

    Raises:
        StackError, ServiceUnreachable: as `poll` does.
    """
    now, hint = run, QueuedHint("generation")
    try:
        with display:
            for now in poll(service, run, lambda: service.client.run(run.id)):
                display.show(replace(run_view(now), new_lines=hint.lines(now.status)))
    except ServiceUnreachable as failure:
        raise ServiceUnreachable(
            f"{failure} All results are kept; repeat the command to continue."
        ) from failure
    return now


def report_paused(run: RunView, output: Output) -> ExitCode:
    """Print why a run is paused, and how to continue it."""
    reason = run.message or "It was paused by a person."
    output.message(f"Run {run.id} is paused. {reason}")
    output.message(f"To continue it, resolve that and run `seedbed resume {run.id}`.")
    return ExitCode.PAUSED


def why_it_ended(run: RunView) -> str:
    """Return why a run ended without meeting its target."""
    reason = f", {run.end_reason}" if run.end_reason else ""
    message = f" {run.message}" if run.message else ""
    return f"The run ended without meeting its target ({run.status}{reason}).{message}"
