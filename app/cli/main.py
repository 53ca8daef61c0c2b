"""The program `seedbed`: all commands, and its entry point."""

import signal
from collections.abc import Callable, Mapping
from types import FrameType

import typer

from app.cli.backup import backup, restore
from app.cli.datasets.commands import datasets_app
from app.cli.doctor import doctor
from app.cli.exits import EXIT_CODES_HELP
from app.cli.keys import keys_app
from app.cli.run import run
from app.cli.runs import commands as runs
from app.cli.runs.budget import estimate, extend
from app.cli.runs.review import review
from app.cli.seeds import seeds_app
from app.cli.training.adapters import adapters_app
from app.cli.training.evaluate import evaluate, evaluations_app
from app.cli.training.jobs import jobs_app
from app.cli.training.serve import serve
from app.cli.training.train import train
from app.cli.up import up

app = typer.Typer(
    name="seedbed",
    help="Grow seed tasks into an instruction-tuning data set, and fine-tune models on it.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
_COMMANDS: Mapping[str, Mapping[str, Callable[..., None]]] = {
    "Make data sets": {"run": run, "estimate": estimate, "review": review},
    "Runs": {
        "runs": runs.list_runs,
        "show": runs.show,
        "events": runs.events,
        "pause": runs.pause,
        "resume": runs.resume,
        "extend": extend,
        "stop-batches": runs.stop_batches,
        "cancel": runs.cancel,
        "export": runs.export,
    },
    "Fine-tune and evaluate": {"train": train, "evaluate": evaluate, "serve": serve},
    "Service": {"up": up, "doctor": doctor, "backup": backup, "restore": restore},
}
_GROUPS: Mapping[str, Mapping[str, typer.Typer]] = {
    "Make data sets": {"seeds": seeds_app, "datasets": datasets_app},
    "Fine-tune and evaluate": {
        "jobs": jobs_app,
        "adapters": adapters_app,
        "evaluations": evaluations_app,
    },
    "Service": {"keys": keys_app},
}
for _panel, _commands in _COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(_name, epilog=EXIT_CODES_HELP, rich_help_panel=_panel)(_command)
for _panel, _groups in _GROUPS.items():
    for _name, _group in _groups.items():
        app.add_typer(_group, name=_name, rich_help_panel=_panel)


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
