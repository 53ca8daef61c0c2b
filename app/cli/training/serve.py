"""`seedbed serve`: a tuned model as an OpenAI-compatible endpoint on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from app.cli.arguments import AsJson
from app.cli.output import Output
from app.cli.service.find_service import read_settings
from app.errors import Conflict, NotFound
from app.services.training.jobs.places import folder_in, models_folder_in
from app.settings import Settings
from app.stack.environment import process_environment

if TYPE_CHECKING:
    from app.serving.tuned_model import TunedModel


def serve(
    adapter: Annotated[
        str,
        typer.Argument(
            metavar="ADAPTER",
            help="Id of a training job in the data folder, or a folder with a downloaded adapter.",
        ),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free port.")
    ] = 8090,
    engine: Annotated[
        Literal["auto", "llama.cpp", "torch"],
        typer.Option(
            help="Inference engine. auto: llama.cpp where it supports the model, else torch."
        ),
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Serve a tuned model as an OpenAI-compatible endpoint, until Ctrl-C.

    The model `tuned` answers with the adapter, the model `base` without it.
    """
    # Imported here, because no other command needs the web server.
    from app.serving.application import build_app, model_names  # noqa: PLC0415
    from app.serving.open_answerer import Machine, choose_engine, open_answerer  # noqa: PLC0415
    from app.serving.server import open_listener  # noqa: PLC0415
    from app.serving.server import serve as serve_on_loopback  # noqa: PLC0415

    output = Output(as_json=as_json)
    with output.failures_reported():
        settings = read_settings()
        tuned = _find(settings, adapter)
        used = choose_engine(tuned, engine)
        logs = settings.data_dir.expanduser().resolve() / "logs" / "serve"
        machine = Machine(process_environment(settings, os.environ, {}), logs)

        def report_address(url: str) -> None:
            models = list(model_names(tuned.name))
            output.result({"base_url": url, "models": models, "engine": used})
            output.show(Text(f"{url}  models: {', '.join(models)}"))
            output.message("Press Ctrl-C to stop.")

        try:
            with open_listener(port) as listener:
                output.message(f"Loading {tuned.name} and its base model with {used}.")
                with open_answerer(tuned, engine, machine) as answerer:
                    serve_on_loopback(build_app(answerer, tuned.name), listener, report_address)
        except KeyboardInterrupt:
            # Ctrl-C is the usual way to end this command, so the exit code is 0.
            output.message("Stopped.")


def _find(settings: Settings, adapter: str) -> "TunedModel":
    from app.serving.tuned_model import find_tuned, find_tuned_folder  # noqa: PLC0415 - as above

    data_dir = settings.data_dir.expanduser().resolve()
    models = models_folder_in(data_dir)
    folder = Path(adapter).expanduser()
    if folder.is_dir():
        return find_tuned(folder, folder.resolve().name, models)
    of_job = folder_in(data_dir, adapter)
    if folder.name != adapter or not of_job.is_dir():
        raise NotFound("folder, and no training job in this data folder,", adapter)
    if find_tuned_folder(of_job) is None:
        raise Conflict(
            f"{adapter} has no model to serve yet; `seedbed jobs show {adapter}` shows its state."
        )
    return find_tuned(of_job, adapter, models)
