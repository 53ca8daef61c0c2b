"""`seedbed train`: a model tuned on a data set, followed to its end."""

from typing import Annotated

import typer

from app.cli.connect import found_service
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output
from app.cli.training_following import Following, see_to_its_end
from app.cli.training_options import (
    Api,
    AsJson,
    BaseModelName,
    General,
    HeldOut,
    Judge,
    JudgeMaxCost,
    JudgeModel,
    OptionsFile,
    Report,
    Seed,
    Wait,
    judge_of,
    options_of,
)
from app.errors import InvalidInput


def train(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help="The data set's id.", show_default=False),
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="In place of a data set: a run, whose rows are learnt once it has succeeded.",
        ),
    ] = None,
    base_model: BaseModelName = None,
    method: Annotated[
        str | None, typer.Option(help="Such as lora or adalora.", show_default="lora")
    ] = None,
    rank: Annotated[
        int | None, typer.Option(help="Inner width of what is added.", show_default="8")
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(help="Times that all rows are seen.", show_default="3")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Updates of the weights, in place of --epochs.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="The highest.", show_default="the method's")
    ] = None,
    held_out_share: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows to measure on, of a version without a test split.",
            show_default="0.1",
        ),
    ] = None,
    held_out: HeldOut = None,
    general: General = None,
    judge: Judge = False,
    judge_model: JudgeModel = None,
    judge_max_cost: JudgeMaxCost = None,
    seed: Seed = None,
    options_file: OptionsFile = None,
    report: Report = None,
    wait: Wait = True,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Tune a model on a data set. Ctrl-C ends the looking on, not the training."""
    output = Output(as_json=as_json)
    with output.failures_told("Interrupted. The training goes on."):
        if (dataset_id is None) == (run_id is None):
            raise InvalidInput("Name a data set, or a run by --run.")
        typed = {
            "base_model": base_model,
            "method.name": method,
            "method.rank": rank,
            "schedule.epochs": epochs,
            "schedule.steps": steps,
            "schedule.learning_rate": learning_rate,
            "evaluation.held_out_share": held_out_share,
            "evaluation.held_out_dataset_id": held_out,
            "evaluation.general_dataset_id": general,
            "seed": seed,
        }
        asked_judge = judge_of(judge_model, judge_max_cost, wanted=judge)
        options = options_of(options_file, typed | asked_judge)
        following = Following.checked(wait=wait, report=report)
        with found_service(api, output) as service:
            job = service.client.training.start(dataset_id, options, run_id)
            output.say(f"Training job {job.id}.")
            see_to_its_end(service, job, following, output)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", epilog=EXIT_CODES_HELP)(train)
