"""`seedbed jobs`: what tunes and measures models: listed, looked at, followed, ended, resumed."""

from typing import Annotated, Literal

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, JobId, Limit, OutFolder
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output
from app.cli.service.answers import TrainingJob
from app.cli.service.connect import found_service
from app.cli.training.adapter_files import fetched_outputs
from app.cli.training.display import job_details, job_table
from app.cli.training.follow import Following, see_to_its_end
from app.cli.training.options import Report

jobs_app = typer.Typer(help="Training jobs and evaluations.", no_args_is_help=True)


@jobs_app.command("list", epilog=EXIT_CODES_HELP)
def list_all(
    kind: Annotated[
        Literal["training", "evaluation"] | None, typer.Option(help="Only those that do so.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="DATASET", help="Only those of this data set.")
    ] = None,
    limit: Limit = 20,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs."""
    output = Output(as_json=as_json)
    asked = {"kind": kind, "dataset_id": dataset}
    filters = {name: value for name, value in asked.items() if value is not None}
    with output.failures_told(), found_service(api, output) as service:
        found = list(service.client.training.all(limit, **filters))
    output.result([job.as_sent for job in found])
    output.show(job_table(found) if found else Text("No such job yet."))


@jobs_app.command("show", epilog=EXIT_CODES_HELP)
def show(job_id: JobId, api: Api = None, as_json: AsJson = False) -> None:
    """Show how far a job is, the end of its log, and what its evaluation says."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        job = service.client.training.get(job_id)
    _show(job, output)


@jobs_app.command("follow", epilog=EXIT_CODES_HELP)
def follow(job_id: JobId, report: Report = None, api: Api = None, as_json: AsJson = False) -> None:
    """Look on until a job has ended. Ctrl-C ends the looking on, not the job."""
    output = Output(as_json=as_json)
    with output.failures_told("Interrupted. The job goes on."):
        following = Following.checked(wait=True, report=report)
        with found_service(api, output) as service:
            job = service.client.training.get(job_id)
            see_to_its_end(service, job, following, output)


@jobs_app.command("cancel", epilog=EXIT_CODES_HELP)
def cancel(job_id: JobId, api: Api = None, as_json: AsJson = False) -> None:
    """End a job, at once or within seconds; its checkpoints are kept."""
    _act(job_id, "cancel", api, as_json=as_json)


@jobs_app.command("resume", epilog=EXIT_CODES_HELP)
def resume(job_id: JobId, api: Api = None, as_json: AsJson = False) -> None:
    """Let a job that failed or was cancelled go on from its last checkpoint."""
    _act(job_id, "resume", api, as_json=as_json)


@jobs_app.command("download", epilog=EXIT_CODES_HELP)
def download(
    job_id: JobId, out: OutFolder = None, api: Api = None, as_json: AsJson = False
) -> None:
    """Write all files that a job left into a folder; what is there already is kept."""
    output = Output(as_json=as_json)
    with output.failures_told("Interrupted. Give the same command again for the rest."):
        with found_service(api, output) as service:
            client = service.client.training
            fetched = fetched_outputs(client, client.get(job_id), out)
        output.result(fetched.as_json)
        output.show(Text(fetched.line))


def _act(job_id: str, action: str, api: str | None, *, as_json: bool) -> None:
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        job = service.client.training.act(job_id, action)
    _show(job, output)


def _show(job: TrainingJob, output: Output) -> None:
    output.result(job.as_sent)
    output.show(*job_details(job))
