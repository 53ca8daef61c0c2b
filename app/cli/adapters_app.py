"""`seedbed adapters`: what training jobs tuned: listed, shown with its scores, downloaded."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.adapter_files import fetch_outputs
from app.cli.connect import found_service
from app.cli.exits import EXIT_CODES_HELP
from app.cli.held_out_scores import Score, scores_of
from app.cli.output import Output, clean
from app.cli.training_client import TrainingClient, TrainingJob, TrainingOutput
from app.errors import Conflict, NotFound

adapters_app = typer.Typer(
    help="Adapters, and models tuned in full: what training jobs left.", no_args_is_help=True
)

Api = Annotated[
    str | None,
    typer.Option(
        "--api",
        envvar="SEEDBED_API_URL",
        metavar="URL",
        help="A service to talk to. Default: the one that runs on the data folder.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on standard output; the rest on the other."),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="The training job's id.")]


@adapters_app.command("list", epilog=EXIT_CODES_HELP)
def list_all(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
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
def show(job_id: Id, api: Api = None, as_json: AsJson = False) -> None:
    """Show how one was tuned, what it is worth, and its files."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        job, outputs = _tuned(service.client.training, job_id)
    output.result(_told(job, outputs))
    files = Table("file", "bytes", "SHA-256", box=None)
    for each in outputs:
        files.add_row(clean(each.name), f"{each.size_bytes:,}", each.sha256)
    words = [Text(clean(line)) for line in job.words]
    output.show(_table([(job, outputs)]), *words, files)


@adapters_app.command("download", epilog=EXIT_CODES_HELP)
def download(
    job_id: Id,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Default: named as the job.")
    ] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Write its files into a folder, each checked by its hash; what is there already is kept.

    `seedbed serve` takes the folder.
    """
    output = Output(as_json=as_json)
    folder = (out or Path(job_id)).expanduser().absolute()
    with output.failures_told("Interrupted. Give the same command again for the rest."):
        with found_service(api, output) as service:
            client = service.client.training
            _, outputs = _tuned(client, job_id)
            fetch_outputs(client, job_id, outputs, folder)
        output.result({"folder": str(folder), "files": [each.model_dump() for each in outputs]})
        size = sum(each.size_bytes for each in outputs)
        output.show(Text(f"{len(outputs):,} files, {size:,} bytes in {folder}"))


def _succeeded(client: TrainingClient) -> Iterator[TrainingJob]:
    # What another program tunes is not here.
    return (
        job
        for job in client.all("training")
        if job.status == "succeeded" and job.options.get("where", "here") == "here"
    )


def _tuned(client: TrainingClient, job_id: str) -> tuple[TrainingJob, list[TrainingOutput]]:
    """A job that tuned something, and its files.

    Raises:
        NotFound: there is no such job.
        Conflict: it tuned nothing, or not yet.
    """
    job = client.get(job_id)
    if job.kind != "training":
        raise NotFound("adapter", job_id)
    if job.status != "succeeded":
        raise Conflict(f"The training job is {job.status}; there is no adapter of it.")
    return job, client.outputs(job_id)


def _told(job: TrainingJob, outputs: list[TrainingOutput]) -> dict[str, Any]:
    # `Any` is what JSON is.
    return {
        "id": job.id,
        "created_at": job.created_at,
        "dataset_id": job.dataset_id,
        "options": job.options,
        "scores": [score._asdict() for score in scores_of(job.evaluation)],
        "words": job.words,
        "files": [each.model_dump() for each in outputs],
    }


def _table(found: list[tuple[TrainingJob, list[TrainingOutput]]]) -> Table:
    table = Table("adapter", "method", "base model", "held out: base → tuned", "files", box=None)
    for job, outputs in found:
        size = sum(each.size_bytes for each in outputs)
        table.add_row(
            job.id,
            clean(job.method),
            clean(job.base_model),
            "\n".join(map(_score, scores_of(job.evaluation))) or "not measured",
            f"{len(outputs):,}, {size / 1e6:,.1f} MB",
        )
    return table


def _score(score: Score) -> str:
    base = "" if score.base is None else f"{score.base:.3f} → "
    tuned = "?" if score.tuned is None else f"{score.tuned:.3f}"
    return f"{score.name} {base}{tuned}"
