"""`seedbed train`: fine-tune a model on a data set, and watch the job."""

from typing import Annotated

import typer

from app.cli.arguments import Api, AsJson
from app.cli.model_options import NONE_GIVEN, SetOptions, with_options
from app.cli.option_paths import Given
from app.cli.output import Output
from app.cli.service.find_service import connect
from app.cli.training.options import (
    TRAINING,
    OptionsFile,
    Report,
    Wait,
    training_options,
)
from app.cli.training.watch import Watching, watch_and_report
from app.errors import InvalidInput


def _reject_run(value: str | None) -> str | None:
    if value is not None and value.startswith("run_"):
        raise typer.BadParameter(
            f"{value} is a run, not a data set; `seedbed train --run {value}` trains on its rows."
        )
    return value


@with_options(TRAINING)
def train(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help="Id of the data set to train on.",
            show_default=False,
            callback=_reject_run,
        ),
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="Train on the rows of this run instead, once it has succeeded.",
        ),
    ] = None,
    given: Given = NONE_GIVEN,
    settings: SetOptions = None,
    options_file: OptionsFile = None,
    report: Report = None,
    wait: Wait = True,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Fine-tune a model on a data set, and evaluate it on held-out rows.

    Ctrl-C stops watching; the training continues. General rows (--replay) are mixed in with a share
    of 0.1 unless --replay-share gives another.
    """
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. The training continues."):
        if (dataset_id is None) == (run_id is None):
            raise InvalidInput("Give either a data set or, with --run, a run.")
        options = training_options(options_file, given, settings)
        watching = Watching.checked(wait=wait, report=report)
        with connect(api, output) as service:
            job = service.client.training.train(dataset_id, options, run_id)
            watch_and_report(service, job, watching, output)
