"""`seedbed adapters`: models that training jobs made, listed with scores and downloaded."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import Api, AsJson, JobId, Limit, OutFolder
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output, clean
from app.cli.service.find_service import connect
from app.cli.service.training_client import TrainingClient
from app.cli.training.output_files import download_outputs, outputs_table
from app.cli.training.scores import Score, scores_of
from app.errors import Conflict, NotFound
from app.schemas.training import OutputView, TrainingJobSummary, TrainingJobView

adapters_app = typer.Typer(
    help="List, inspect and download the models that training jobs made.", no_args_is_help=True
)


@adapters_app.command("list", epilog=EXIT_CODES_HELP)
def list_all(limit: Limit = 20, api: Api = None, as_json: AsJson = False) -> None:
    """List the newest adapters with their scores on held-out rows."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        client = service.client.training
        found = [
            (client.get(job.id), client.outputs(job.id))
            for job in islice(_succeeded(client), limit)
        ]
    output.result([_json(job, outputs) for job, outputs in found])
    output.show(_table(found) if found else Text("No adapters yet."))


@adapters_app.command("show", epilog=EXIT_CODES_HELP)
def show(job_id: JobId, api: Api = None, as_json: AsJson = False) -> None:
    """Show the method, the scores and the files of an adapter."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        client = service.client.training
        job = _finished_training(client, job_id)
        outputs = client.outputs(job_id)
    output.result(_json(job, outputs))
    words = [Text(clean(line)) for line in job.findings]
    output.show(_table([(job, outputs)]), *words, outputs_table(outputs))


@adapters_app.command("download", epilog=EXIT_CODES_HELP)
def download(
    job_id: JobId, out: OutFolder = None, api: Api = None, as_json: AsJson = False
) -> None:
    """Download the files of an adapter, verified by SHA-256; existing files are kept.

    Serve the downloaded model with `seedbed serve FOLDER`.
    """
    output = Output(as_json=as_json)
    with output.failures_reported("Interrupted. Repeat the command for the remaining files."):
        with connect(api, output) as service:
            client = service.client.training
            downloaded = download_outputs(client, _finished_training(client, job_id), out)
        output.result(downloaded.as_json)
        output.show(Text(downloaded.line))


def _succeeded(client: TrainingClient) -> Iterator[TrainingJobSummary]:
    jobs = client.all(kind="training")
    return (job for job in jobs if job.status == "succeeded" and job.trains_here)


def _finished_training(client: TrainingClient, job_id: str) -> TrainingJobView:
    """Return a job that has made a model.

    Raises:
        NotFound: there is no such job.
        Conflict: it has made no model, or not yet.
    """
    job = client.get(job_id)
    if job.kind != "training":
        raise NotFound("adapter", job_id)
    if job.status != "succeeded":
        raise Conflict(f"The training job is {job.status}; it has no adapter.")
    if not job.trains_here:
        raise Conflict(
            f"{job_id} has no adapter here, because another program trains it; `seedbed jobs "
            f"download {job_id}` writes its files."
        )
    return job


def _json(job: TrainingJobView, outputs: list[OutputView]) -> dict[str, Any]:
    # `Any`: a JSON document.
    return {
        "id": job.id,
        "created_at": job.model_dump(mode="json")["created_at"],
        "dataset_id": job.dataset_id,
        "options": job.options,
        "scores": [score._asdict() for score in scores_of(job.evaluation)],
        "words": job.findings,
        "files": [each.model_dump() for each in outputs],
    }


def _table(found: list[tuple[TrainingJobView, list[OutputView]]]) -> Table:
    table = Table("id", "method", "base model", "held out: base → tuned", "files", box=None)
    table.columns[0].no_wrap = True  # A cut id is useless.
    for job, outputs in found:
        size = sum(each.size_bytes for each in outputs)
        table.add_row(
            job.id,
            clean(job.method),
            Text(clean(job.base_model)),
            "\n".join(map(_score, scores_of(job.evaluation))) or "not evaluated",
            f"{len(outputs):,}, {size / 1e6:,.1f} MB",
        )
    return table


def _score(score: Score) -> str:
    base = "" if score.base is None else f"{score.base:.3f} → "
    tuned = "?" if score.tuned is None else f"{score.tuned:.3f}"
    return f"{score.name} {base}{tuned}"
