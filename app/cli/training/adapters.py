"""`seedbed adapters`: what training jobs tuned: listed, shown with its scores, downloaded."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import Api, AsJson, JobId, Limit, OutFolder
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output, clean
from app.cli.service.answers import TrainingJob, TrainingOutput
from app.cli.service.connect import found_service
from app.cli.service.training_client import TrainingClient
from app.cli.training.adapter_files import fetched_outputs, outputs_table
from app.cli.training.scores import Score, scores_of
from app.errors import Conflict, NotFound

adapters_app = typer.Typer(
    help="Adapters, and models tuned in full: what training jobs left.", no_args_is_help=True
)


@adapters_app.command("list", epilog=EXIT_CODES_HELP)
def list_all(limit: Limit = 20, api: Api = None, as_json: AsJson = False) -> None:
    """List what was tuned, the newest first, with its scores on held-out rows."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        client = service.client.training
        found = [
            (client.get(job.id), client.outputs(job.id))
            for job in islice(_succeeded(client), limit)
        ]
    output.result([_told(job, outputs) for job, outputs in found])
    output.show(_table(found) if found else Text("Nothing was tuned yet."))


@adapters_app.command("show", epilog=EXIT_CODES_HELP)
def show(job_id: JobId, api: Api = None, as_json: AsJson = False) -> None:
    """Show how one was tuned, what it is worth, and its files."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        client = service.client.training
        job = _tuned(client, job_id)
        outputs = client.outputs(job_id)
    output.result(_told(job, outputs))
    words = [Text(clean(line)) for line in job.words]
    output.show(_table([(job, outputs)]), *words, outputs_table(outputs))


@adapters_app.command("download", epilog=EXIT_CODES_HELP)
def download(
    job_id: JobId, out: OutFolder = None, api: Api = None, as_json: AsJson = False
) -> None:
    """Write its files into a folder, each checked by its hash; what is there already is kept.

    `seedbed serve` takes the folder.
    """
    output = Output(as_json=as_json)
    with output.failures_told("Interrupted. Give the same command again for the rest."):
        with found_service(api, output) as service:
            client = service.client.training
            fetched = fetched_outputs(client, _tuned(client, job_id), out)
        output.result(fetched.as_json)
        output.show(Text(fetched.line))


def _succeeded(client: TrainingClient) -> Iterator[TrainingJob]:
    # What another program tunes is not here.
    jobs = client.all(kind="training")
    return (job for job in jobs if job.status == "succeeded" and job.tunes_here)


def _tuned(client: TrainingClient, job_id: str) -> TrainingJob:
    """A job that tuned something.

    Raises:
        NotFound: there is no such job.
        Conflict: it tuned nothing, or not yet.
    """
    job = client.get(job_id)
    if job.kind != "training":
        raise NotFound("adapter", job_id)
    if job.status != "succeeded":
        raise Conflict(f"The training job is {job.status}; there is no adapter of it.")
    if not job.tunes_here:
        raise Conflict(
            f"Nothing was tuned here by {job_id}; `seedbed jobs download {job_id}` writes the "
            "files that it left."
        )
    return job


def _told(job: TrainingJob, outputs: list[TrainingOutput]) -> dict[str, Any]:
    # `Any` is what JSON is.
    return {
        "id": job.id,
        "created_at": job.as_sent.get("created_at"),
        "dataset_id": job.dataset_id,
        "options": job.options,
        "scores": [score._asdict() for score in scores_of(job.evaluation)],
        "words": job.words,
        "files": [each.model_dump() for each in outputs],
    }


def _table(found: list[tuple[TrainingJob, list[TrainingOutput]]]) -> Table:
    table = Table("adapter", "method", "base model", "held out: base → tuned", "files", box=None)
    table.columns[0].no_wrap = True  # An id that is cut off is no id.
    for job, outputs in found:
        size = sum(each.size_bytes for each in outputs)
        table.add_row(
            job.id,
            clean(job.method),
            Text(clean(job.base_model)),
            "\n".join(map(_score, scores_of(job.evaluation))) or "not measured",
            f"{len(outputs):,}, {size / 1e6:,.1f} MB",
        )
    return table


def _score(score: Score) -> str:
    base = "" if score.base is None else f"{score.base:.3f} → "
    tuned = "?" if score.tuned is None else f"{score.tuned:.3f}"
    return f"{score.name} {base}{tuned}"
