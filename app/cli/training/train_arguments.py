"""What `seedbed train` can be told, in the order of its help; the defaults are the service's."""

from typing import Annotated, Literal

import typer

from app.cli.training.options import DATA, MEASURING, METHOD, SCHEDULE
from app.training.plain.options import MethodName, Task, Where


def _no_run(given: str | None) -> str | None:
    if given is not None and given.startswith("run_"):
        raise typer.BadParameter(f"{given} is a run, not a data set: `--run {given}` learns of it.")
    return given


LearntDataset = Annotated[
    str | None,
    typer.Argument(
        metavar="DATASET", help="The data set's id.", show_default=False, callback=_no_run
    ),
]
LearntRun = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="In place of a data set: a run, whose rows are learnt once it has succeeded.",
    ),
]
WhereTuned = Annotated[
    Where | None,
    typer.Option(
        help="Who tunes: a worker here, or another program or your webhook, which the job only "
        "hands it to.",
        show_default="here",
    ),
]
TaskName = Annotated[
    Task | None,
    typer.Option(
        help="A model that answers, or an encoder that tells labels apart.",
        show_default="answers",
    ),
]
ReviewRun = Annotated[
    str | None,
    typer.Option(metavar="RUN", help="With --task labels: learn what this judge's run kept."),
]
Method = Annotated[
    MethodName | None,
    typer.Option(help="How the model is changed.", show_default="lora", rich_help_panel=METHOD),
]
Rank = Annotated[
    int | None,
    typer.Option(
        "--rank",
        "-r",
        help="Inner width of what is added.",
        show_default="8; of qlora 64",
        rich_help_panel=METHOD,
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(
        help="What is added is scaled by alpha / rank.",
        show_default="16",
        rich_help_panel=METHOD,
    ),
]
Dropout = Annotated[
    float | None,
    typer.Option(
        help="Share of the adapters' inputs left out.",
        show_default="0.05",
        rich_help_panel=METHOD,
    ),
]
Targets = Annotated[
    str | None,
    typer.Option(
        help="Which matrices: 'q and v', 'all linear', or names of modules with commas.",
        show_default="the method's",
        rich_help_panel=METHOD,
    ),
]
Epochs = Annotated[
    float | None,
    typer.Option(help="Times that all rows are seen.", show_default="3", rich_help_panel=SCHEDULE),
]
Steps = Annotated[
    int | None,
    typer.Option(help="Updates of the weights, in place of --epochs.", rich_help_panel=SCHEDULE),
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--learning-rate",
        "--lr",
        help="The highest.",
        show_default="the method's",
        rich_help_panel=SCHEDULE,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(help="Sequences for one update.", show_default="16", rich_help_panel=SCHEDULE),
]
Template = Annotated[
    Literal["alpaca", "chat"] | None,
    typer.Option(
        help="How rows are put; chat: the model's own way.",
        show_default="alpaca",
        rich_help_panel=DATA,
    ),
]
RowTokens = Annotated[
    int | None,
    typer.Option(
        help="Longer rows are cut at their end.", show_default="512", rich_help_panel=DATA
    ),
]
Packing = Annotated[
    bool,
    typer.Option("--packing", help="Several rows in one sequence.", rich_help_panel=DATA),
]
Replay = Annotated[
    str | None,
    typer.Option(
        metavar="DATASET",
        help="General rows to mix in, against forgetting.",
        rich_help_panel=DATA,
    ),
]
ReplayShare = Annotated[
    float | None,
    typer.Option(
        help="Their share of all rows.",
        show_default="0.1 with --replay",
        rich_help_panel=DATA,
    ),
]
HeldOutShare = Annotated[
    float | None,
    typer.Option(
        help="Share of the rows to measure on, of a version without a test split.",
        show_default="0.1",
        rich_help_panel=MEASURING,
    ),
]
HeldOut = Annotated[
    str | None,
    typer.Option(
        metavar="DATASET",
        help="Rows to measure on, in place of a share of those to learn.",
        rich_help_panel=MEASURING,
    ),
]
Merged = Annotated[
    bool, typer.Option("--merged", help="Also keep whole weights with the adapter in them.")
]
