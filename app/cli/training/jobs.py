"""`seedbed jobs`: training jobs and evaluations, listed, watched, cancelled and resumed."""

from typing import Annotated, Literal

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, JobId, Limit, OutFolder
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output
from app.cli.service.find_service import connect
from app.cli.training.display import job_details, job_table
from app.cli.training.options import Report
from app.cli.training.output_files import download_outputs
from app.cli.training.watch import Watching, watch_and_report
from app.schemas.training import TrainingJobView

jobs_app = typer.Typer(
    help="List, watch, cancel and resume training jobs and evaluations.", no_args_is_help=True
)


@jobs_app.command("list", epilog=EXIT_CODES_HELP)
def list_all(
    kind: Annotated[
        Literal["training", "evaluation"] | None, typer.Option(help="Only jobs of this kind.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="DATASET", help="Only jobs on this data set.")
    ] = None,
    limit: Limit = 20,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs."""
    output = Output(as_json=as_json)
    given = {"kind": kind, "dataset_id": dataset}
    filters = {name: value for name, value in given.items() if value is not None}
    with output.failures_reported(), connect(api, output) as service:
        found = list(service.client.training.all(limit, **filters))
    output.result([job.model_dump(mode="json") for job in found])
    output.show(job_table(found) if found else Text("No jobs found."))


@jobs_app.command("show", epilog=EXIT_CODES_HELP)
def show(job_id: JobId, api: Api = None, as_json: AsJson = False) -> None:
    """Show the progress of a job, the end of its log and the findings of its evaluation."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        job = service.client.training.get(job_id)
    _show(job, output)


@jobs_app.command("follow", epilog=EXIT_CODES_HELP)
def follow(job_id: JobId, report: Report = None, api: Api = None, as_json: AsJson = False) -> None:
    """Watch a job until it ends. Ctrl-C stops watching; the job continues."""
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. The job continues."):
        watching = Watching.checked(wait=True, report=report)
        with connect(api, output) as service:
            job = service.client.training.get(job_id)
            watch_and_report(service, job, watching, output)


@jobs_app.command("cancel", epilog=EXIT_CODES_HELP)
def cancel(job_id: JobId, api: Api = None, as_json: AsJson = False) -> None:
    """Cancel a job, within seconds; its checkpoints are kept."""
    _act(job_id, "cancel", api, as_json=as_json)


@jobs_app.command("resume", epilog=EXIT_CODES_HELP)
def resume(job_id: JobId, api: Api = None, as_json: AsJson = False) -> None:
    """Resume a failed or cancelled job from its last checkpoint."""
    _act(job_id, "resume", api, as_json=as_json)


@jobs_app.command("download", epilog=EXIT_CODES_HELP)
def download(
    job_id: JobId, out: OutFolder = None, api: Api = None, as_json: AsJson = False
) -> None:
    """Download all output files of a job, verified by SHA-256; existing files are kept."""
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. Repeat the command for the remaining files."):
        with connect(api, output) as service:
            client = service.client.training
            downloaded = download_outputs(client, client.get(job_id), out)
        output.result(downloaded.as_json)
        output.show(Text(downloaded.line))


def _act(job_id: str, action: str, api: str | None, *, as_json: bool) -> None:
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        job = service.client.training.act(job_id, action)
    _show(job, output)


def _show(job: TrainingJobView, output: Output) -> None:
    output.result(job.model_dump(mode="json"))
    output.show(*job_details(job))
