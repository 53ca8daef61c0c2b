"""`seedbed serve`: what was tuned, as an OpenAI-compatible endpoint of this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from app.cli.arguments import AsJson
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output
from app.cli.service.connect import read_settings
from app.errors import Conflict, NotFound
from app.services.training.jobs.control import folder_in, models_folder_in
from app.settings import Settings
from app.stack.environment import part_environment

if TYPE_CHECKING:
    from app.serving.tuned import TunedModel


def serve(
    adapter: Annotated[
        str,
        typer.Argument(
            metavar="ADAPTER",
            help="A training job of the data folder, or a folder with what was downloaded.",
        ),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8090,
    engine: Annotated[
        Literal["auto", "llama.cpp", "torch"],
        typer.Option(help="What computes; auto: llama.cpp where it can, else torch."),
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Answer chats with what was tuned, until Ctrl-C: as `tuned`, and as `base` without it."""
    # The web server is loaded by those who serve.
    from app.serving.application import build_app, model_names  # noqa: PLC0415
    from app.serving.opening import Machine, chosen, opened  # noqa: PLC0415
    from app.serving.server import listening  # noqa: PLC0415
    from app.serving.server import serve as serve_on_loopback  # noqa: PLC0415

    output = Output(as_json=as_json)
    with output.failures_told():
        settings = read_settings()
        tuned = _found(settings, adapter)
        used = chosen(tuned, engine)
        logs = settings.data_dir.expanduser().resolve() / "logs" / "serve"
        machine = Machine(part_environment(settings, os.environ, {}), logs)

        def tell(url: str) -> None:
            models = list(model_names(tuned.name))
            output.result({"base_url": url, "models": models, "engine": used})
            output.show(Text(f"{url}  models: {', '.join(models)}"))
            output.say("Ctrl-C stops it.")

        try:
            with listening(port) as listener:
                output.say(f"Loading {tuned.name} and its base model, to be served by {used}.")
                with opened(tuned, engine, machine) as answerer:
                    serve_on_loopback(build_app(answerer, tuned.name), listener, tell)
        except KeyboardInterrupt:
            output.say("Stopped.")  # As it was meant to end: exit code 0.


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve", epilog=EXIT_CODES_HELP)(serve)


def _found(settings: Settings, named: str) -> "TunedModel":
    from app.serving.tuned import find_tuned, place_of  # noqa: PLC0415 - as above

    data_dir = settings.data_dir.expanduser().resolve()
    models = models_folder_in(data_dir)
    folder = Path(named).expanduser()
    if folder.is_dir():
        return find_tuned(folder, folder.resolve().name, models)
    of_job = folder_in(data_dir, named)
    if folder.name != named or not of_job.is_dir():
        raise NotFound("folder, nor a training job in this data folder,", named)
    if place_of(of_job) is None:
        raise Conflict(
            f"{named} has left nothing to serve so far; `seedbed jobs show {named}` says how it is."
        )
    return find_tuned(of_job, named, models)
