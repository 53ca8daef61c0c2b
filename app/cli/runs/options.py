"""Options of `seedbed run`, `seedbed estimate` and `seedbed review`."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from app.cli.model_options import model_options
from app.cli.option_paths import Given, check_names, nested, parsed_settings, put
from app.pipeline.options import CHANGEABLE, GROWING_ONLY, GrowingProfileName, RunOptions

_FLAGS = {
    "random_seed": ("--seed",),
    "instances_per_instruction": ("--instances",),
    "demonstrations.seeds": ("--seed-demonstrations",),
    "demonstrations.machine_made": ("--machine-made-demonstrations",),
}
GROWING = model_options(
    RunOptions,
    heading="Run options",
    flags=_FLAGS,
    # 20 options for sampling would hide the others; --set takes them.
    without=("profile", "sampling", "review"),
)
REVIEWING = model_options(
    RunOptions,
    heading="Run options",
    flags=_FLAGS,
    without=(
        *GROWING_ONLY,
        "profile",
        "language",
        "tasks_per_request",
        "random_seed",
        "batch",
        "review.rubric",
        "sampling.generate",
        "sampling.classify",
        "sampling.input_first",
        "sampling.output_first",
    ),
)
CHANGES = model_options(
    RunOptions,
    heading="Changes",
    flags=_FLAGS,
    without=(
        *(name for name in RunOptions.model_fields if name not in CHANGEABLE),
        "sampling",
    ),
    default="unchanged",
)
"""Options that a run may change when it is resumed; --set takes those for sampling."""
GrowingProfile = Annotated[
    GrowingProfileName | None,
    typer.Option(
        help="Prompts and rules: those of Seedbed, of the Self-Instruct paper, or of Stanford "
        "Alpaca. Default: default.",
        show_default=False,
    ),
]


def run_options(
    profile: GrowingProfileName | None, given: Given, settings: Sequence[str] | None
) -> Mapping[str, object]:
    """Return the options of a run that grows seeds: those typed, overridden by ``--set``.

    Raises:
        InvalidInput: an option is unknown.
    """
    options = nested(given if profile is None else {"profile": profile, **given})
    for path, value in parsed_settings(settings or ()).items():
        put(options, path, value)
    check_names(RunOptions, options)
    return options
