"""`seedbed evaluate`: a model measured on a data set, tuned or not, and what people say of it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, DatasetId, JobId, Out
from app.cli.datasets.files import arrived
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output, clean
from app.cli.runs.run import read_file
from app.cli.service.connect import found_service
from app.cli.service.export import checked_target
from app.cli.training.follow import Following, see_to_its_end
from app.cli.training.options import (
    BaseModelName,
    General,
    Judge,
    JudgeMaxCost,
    JudgeModel,
    OptionsFile,
    Report,
    Seed,
    SetOptions,
    Tasks,
    Wait,
    judge_of,
    options_of,
)
from app.errors import InvalidInput

evaluations_app = typer.Typer(
    help="What people say of the answers that a job's models gave.", no_args_is_help=True
)


def evaluate(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: DatasetId,
    job_id: Annotated[
        str | None,
        typer.Option(
            "--job", metavar="JOB", help="The training job whose model is measured beside its base."
        ),
    ] = None,
    base_model: BaseModelName = None,
    tasks: Tasks = None,
    general: General = None,
    judge: Judge = False,
    judge_model: JudgeModel = None,
    judge_max_cost: JudgeMaxCost = None,
    seed: Seed = None,
    settings: SetOptions = None,
    options_file: OptionsFile = None,
    report: Report = None,
    wait: Wait = True,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a data set. Ctrl-C ends the looking on, not the measuring."""
    output = Output(as_json=as_json)
    with output.failures_told("Interrupted. The measuring goes on."):
        if job_id is not None and base_model is not None:
            raise InvalidInput("--job names the model with its base; leave --base-model out.")
        typed: dict[str, object] = {
            "training_job_id": job_id,
            "base_model": base_model,
            "evaluation.tasks": tasks,
            "evaluation.general_dataset_id": general,
            "seed": seed,
        }
        typed |= judge_of(judge_model, judge_max_cost, wanted=judge)
        options = options_of(options_file, typed, settings)
        following = Following.checked(wait=wait, report=report)
        with found_service(api, output) as service:
            job = service.client.training.measure(dataset_id, options)
            see_to_its_end(service, job, following, output)


@evaluations_app.command("sheet", epilog=EXIT_CODES_HELP)
def sheet(
    job_id: JobId,
    out: Out = Path("sheet.csv"),
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Write the answers of a job as a sheet that a person rates A to D; it names no model."""
    output = Output(as_json=as_json)
    with output.failures_told():
        out = checked_target(out)
        with found_service(api, output) as service:
            arrived(service.client.training.document(job_id, "/sheet"), out)
    output.result({"file": str(out)})
    output.show(Text(f"The sheet is in {out}. `seedbed evaluations read {job_id} FILE` reads it."))


@evaluations_app.command("read", epilog=EXIT_CODES_HELP)
def read(
    job_id: JobId,
    file: Annotated[Path, typer.Argument(help="The sheet, filled in.")],
    reviewer: Annotated[
        str | None,
        typer.Option(help="What the person is called.", show_default="the file's name"),
    ] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Read a filled sheet into the job's evaluation, in place of an earlier one of that person."""
    output = Output(as_json=as_json)
    with output.failures_told():
        data = read_file(file)
        with found_service(api, output) as service:
            client = service.client.training
            figures = client.bring_review(job_id, reviewer or file.stem, data)
            words = client.get(job_id).words
    output.result(figures)
    # Of all that an evaluation says, what people said.
    names = [str(each.get("reviewer")) for each in figures.get("reviewers", [])]
    said = [each for each in words if any(f"{name} finds " in each for name in names)]
    output.show(*[Text(clean(line)) for line in said])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("evaluate", epilog=EXIT_CODES_HELP)(evaluate)
    app.add_typer(evaluations_app, name="evaluations")
