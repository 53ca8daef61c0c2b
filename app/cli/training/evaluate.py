"""`seedbed evaluate` and `seedbed evaluations`: models evaluated on a data set, and by people."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, DatasetId, JobId, Out
from app.cli.exits import EXIT_CODES_HELP
from app.cli.files import checked_target, read_file, save
from app.cli.model_options import NONE_GIVEN, SetOptions, with_options
from app.cli.option_paths import Given
from app.cli.output import Output, clean
from app.cli.service.find_service import connect
from app.cli.training.options import (
    EVALUATION,
    OptionsFile,
    Report,
    Wait,
    evaluation_options,
)
from app.cli.training.watch import Watching, watch_and_report
from app.errors import InvalidInput

evaluations_app = typer.Typer(
    help="Have people rate the answers of a job's models.", no_args_is_help=True
)


@with_options(EVALUATION)
def evaluate(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: DatasetId,
    given: Given = NONE_GIVEN,
    settings: SetOptions = None,
    options_file: OptionsFile = None,
    report: Report = None,
    wait: Wait = True,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a tuned model beside its base model (--job), or a base model alone (--base-model).

    Ctrl-C stops watching; the evaluation continues.
    """
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. The evaluation continues."):
        if "training_job_id" in given and "base_model" in given:
            raise InvalidInput("--job already gives the base model; leave out --base-model.")
        options = evaluation_options(options_file, given, settings)
        watching = Watching.checked(wait=wait, report=report)
        with connect(api, output) as service:
            job = service.client.training.evaluate(dataset_id, options)
            watch_and_report(service, job, watching, output)


@evaluations_app.command("sheet", epilog=EXIT_CODES_HELP)
def sheet(
    job_id: JobId,
    out: Out = Path("sheet.csv"),
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Write a sheet with the answers of a job's models, for a person to rate from A to D.

    The sheet doesn't say which model wrote an answer.
    """
    output = Output(as_json=as_json)
    with output.failures_reported():
        out = checked_target(out)
        with connect(api, output) as service:
            save(service.client.training.document(job_id, "/sheet"), out)
    output.result({"file": str(out)})
    output.show(
        Text(f"Wrote the sheet to {out}. `seedbed evaluations read {job_id} FILE` reads it back.")
    )


@evaluations_app.command("read", epilog=EXIT_CODES_HELP)
def read(
    job_id: JobId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The filled-in sheet.")],
    reviewer: Annotated[
        str | None,
        typer.Option(help="Name of the person. Default: the name of the file."),
    ] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Add a filled-in sheet to the evaluation; it replaces an earlier one of the same person."""
    output = Output(as_json=as_json)
    with output.failures_reported():
        data = read_file(file)
        with connect(api, output) as service:
            client = service.client.training
            figures = client.put_review(job_id, reviewer or file.stem, data)
            words = client.get(job_id).findings
    output.result(figures)
    # Of all findings, only those of people.
    names = [str(each.get("reviewer")) for each in figures.get("reviewers", [])]
    said = [each for each in words if any(f"{name} finds " in each for name in names)]
    output.show(*[Text(clean(line)) for line in said])
