"""`seedbed train`: a model tuned on a data set, followed to its end."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from app.cli.connect import found_service
from app.cli.exits import EXIT_CODES_HELP, ExitCode
from app.cli.output import Output, clean
from app.cli.training_client import TrainingClient, TrainingJob
from app.errors import InvalidInput

_LOOK_EVERY_S = 1.0


def train(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: Annotated[str, typer.Argument(metavar="DATASET", help="The data set's id.")],
    base_model: Annotated[
        str | None, typer.Option("--base-model", help="What is tuned.", show_default="embedded")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="Such as lora or adalora.", show_default="lora")
    ] = None,
    options_file: Annotated[
        Path | None, typer.Option("--options", metavar="FILE", help="All options, as JSON.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Until it has ended.")] = True,
    api: Annotated[
        str | None, typer.Option("--api", envvar="SEEDBED_API_URL", metavar="URL")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on standard output.")
    ] = False,
) -> None:
    """Tune a model on a data set. Ctrl-C ends the looking on, not the training."""
    output = Output(as_json=as_json)
    with output.failures_told("Interrupted. The training goes on."):
        options = _options(options_file, base_model, method)
        with found_service(api, output) as service:
            client = service.client.training
            job = client.start(dataset_id, options)
            output.say(f"Training job {job.id}.")
            if wait:
                job = _followed(client, job, output)
        output.result(job.as_sent)
        output.show(*[Text(clean(line)) for line in _told(job)])
        if job.status in {"failed", "cancelled"}:
            raise typer.Exit(ExitCode.TARGET_NOT_MET)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", epilog=EXIT_CODES_HELP)(train)


def _options(file: Path | None, base_model: str | None, method: str | None) -> dict[str, Any]:
    # `Any` is what JSON is; the service looks at it.
    options: dict[str, Any] = {}
    if file is not None:
        try:
            options = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidInput(f"{file} is no JSON that can be read: {error}") from error
    if not isinstance(options, dict):
        raise InvalidInput(f"{file} holds no JSON object.")
    if base_model is not None:
        options["base_model"] = base_model
    if method is not None:
        named = options.get("method")
        options["method"] = {**(named if isinstance(named, dict) else {}), "name": method}
    return options


def _followed(client: TrainingClient, job: TrainingJob, output: Output) -> TrainingJob:
    told = -1
    while not job.is_over:
        if job.step != told:
            told = job.step
            output.say(_progress(job))
        time.sleep(_LOOK_EVERY_S)
        job = client.get(job.id)
    return job


def _progress(job: TrainingJob) -> str:
    steps = "" if job.steps is None else f"/{job.steps}"
    loss = "" if job.loss is None else f" · loss {job.loss:.4f}"
    return f"{job.status} · step {job.step}{steps}{loss}"


def _told(job: TrainingJob) -> list[str]:
    lines = [_progress(job)]
    lines += [job.message] if job.message else []
    return lines + job.words
