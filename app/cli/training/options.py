"""Options of training jobs and evaluations: those of a file, overridden by those typed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli.model_options import model_options
from app.cli.option_paths import Given, check_names, parsed_settings, put
from app.errors import InvalidInput
from app.training.plain.options import EvaluationJobOptions, TrainingOptions

DEFAULT_REPLAY_SHARE: Final = 0.1
TRAINING = model_options(
    TrainingOptions,
    flags={
        "method.rank": ("--rank", "-r"),
        "schedule.learning_rate": ("--learning-rate", "--lr"),
    },
)
EVALUATION = model_options(
    EvaluationJobOptions,
    flags={"training_job_id": ("--job",)},
    # They shape the rows of a training; an evaluation uses its data set as it is.
    without=(
        "data.packing",
        "data.replay_share",
        "data.replay_dataset_id",
        "evaluation.held_out_share",
        "evaluation.held_out_dataset_id",
    ),
)
OptionsFile = Annotated[
    Path | None,
    typer.Option(
        "--options",
        metavar="FILE",
        help="Options as a JSON file; command-line options override the file.",
    ),
]
Wait = Annotated[
    bool,
    typer.Option("--wait/--no-wait", help="Watch the job until it ends, or only start it."),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="File for the HTML report on the evaluation, which opens offline."
    ),
]


def training_options(
    file: Path | None, given: Given, settings: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the options of a training job, as `merged_options` does.

    General rows get the usual share when none is given.
    """
    options = merged_options(file, given, settings)
    if "data.replay_dataset_id" in given:
        options["data"].setdefault("replay_share", DEFAULT_REPLAY_SHARE)
    check_names(TrainingOptions, options)
    return options


def evaluation_options(
    file: Path | None, given: Given, settings: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the options of an evaluation, as `merged_options` does."""
    options = merged_options(file, given, settings)
    check_names(EvaluationJobOptions, options)
    return options


def merged_options(
    file: Path | None, given: Given, settings: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the options of a JSON file, overridden by those typed, then by those of ``--set``.

    The service checks the values.

    Raises:
        InvalidInput: the file is not a JSON object, or a setting has no ``=``.
    """
    options: Any = {}  # Any: a JSON document.
    if file is not None:
        try:
            options = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidInput(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(options, dict):
        raise InvalidInput(f"{file} must hold a JSON object.")
    for path, value in {**given, **parsed_settings(settings or ())}.items():
        put(options, path, value)
    return options
