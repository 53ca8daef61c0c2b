"""The program `seedbed`: all commands, and its entry point."""

import signal
from collections.abc import Mapping
from types import FrameType

import typer

from app.cli.exits import EXIT_CODES_HELP
from app.cli.lazy_command import add_command

app = typer.Typer(
    name="seedbed",
    help="Grow seed tasks into an instruction-tuning data set, and fine-tune models on it.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
_COMMANDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Make data sets": {
        "run": (
            "app.cli.run:run",
            (
                "Grow SEEDS into a data set; continue an interrupted run of the same seeds and "
                "options."
            ),
        ),
        "estimate": (
            "app.cli.runs.budget:estimate",
            "Print the expected calls, tokens and cost of growing SEEDS, without calling a model.",
        ),
        "review": (
            "app.cli.runs.review:review",
            "Review the rows of a data set; continue an interrupted review of the same rows.",
        ),
        "seeds": (
            "app.cli.seeds:seeds_app",
            "Check seed tasks.",
        ),
        "datasets": (
            "app.cli.datasets.commands:datasets_app",
            "Make, import, inspect, download and push data sets.",
        ),
    },
    "Runs": {
        "runs": (
            "app.cli.runs.commands:list_runs",
            "List the newest runs.",
        ),
        "show": (
            "app.cli.runs.commands:show",
            "Show the progress, the results and the cost of a run.",
        ),
        "events": (
            "app.cli.runs.commands:events",
            "Show the events of a run.",
        ),
        "pause": (
            "app.cli.runs.commands:pause",
            "Pause a run until it is resumed.",
        ),
        "resume": (
            "app.cli.runs.commands:resume",
            "Resume a paused or failed run, as it was or with another model or other options.",
        ),
        "extend": (
            "app.cli.runs.budget:extend",
            "Raise the target or the budget of a run; if it was paused for that, it continues.",
        ),
        "stop-batches": (
            "app.cli.runs.commands:stop_batches",
            "Send the rest of a run as normal calls, not by the Batch API; cancel its batches.",
        ),
        "cancel": (
            "app.cli.runs.commands:cancel",
            "Cancel a run for good; its results are kept.",
        ),
        "export": (
            "app.cli.runs.commands:export",
            "Write the rows that a run has made so far to an Alpaca JSON file.",
        ),
    },
    "Fine-tune and evaluate": {
        "train": (
            "app.cli.training.train:train",
            "Fine-tune a model on a data set, and evaluate it on held-out rows.",
        ),
        "evaluate": (
            "app.cli.training.evaluate:evaluate",
            (
                "Evaluate a tuned model beside its base model (--job), or a base model alone "
                "(--base-model)."
            ),
        ),
        "serve": (
            "app.cli.training.serve:serve",
            "Serve a tuned model as an OpenAI-compatible endpoint, until Ctrl-C.",
        ),
        "jobs": (
            "app.cli.training.jobs:jobs_app",
            "List, watch, cancel and resume training jobs and evaluations.",
        ),
        "adapters": (
            "app.cli.training.adapters:adapters_app",
            "List, inspect and download the models that training jobs made.",
        ),
        "evaluations": (
            "app.cli.training.evaluate:evaluations_app",
            "Have people rate the answers of a job's models.",
        ),
    },
    "Service": {
        "up": (
            "app.cli.up:up",
            (
                "Start the whole service on this machine: API, worker, broker and, by default, a "
                "model."
            ),
        ),
        "doctor": (
            "app.cli.doctor:doctor",
            "Check that a run could start, by sending calls of the kinds that a run sends.",
        ),
        "backup": (
            "app.cli.backup:backup",
            "Write the whole database into FILE, as it is now; the service may go on running.",
        ),
        "restore": (
            "app.cli.backup:restore",
            "Fill an empty database with the backup in FILE; stop the service first.",
        ),
        "keys": (
            "app.cli.keys:keys_app",
            "Create, list and revoke API keys.",
        ),
    },
}
"""The commands of each heading: where the code is, and the first paragraph of the help."""
for _panel, _commands in _COMMANDS.items():
    for _name, (_source, _summary) in _commands.items():
        add_command(app, _name, _source, _summary, _panel)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line as a program.

    SIGTERM and a closed terminal act like Ctrl-C, so that the stack is stopped in order.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP; that must stay.
            signal.signal(number, _interrupt)
    app()


if __name__ == "__main__":
    main()
