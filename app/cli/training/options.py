"""The options of a job from the command line: those of a file, and over them what was typed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import typer

from app.errors import Fault, InvalidInput
from app.training.plain.options import TargetPreset

METHOD: Final = "Method"
DATA: Final = "Data"
SCHEDULE: Final = "Schedule"
MEASURING: Final = "Measuring"
"""Headings of the help."""
USUAL_REPLAY_SHARE: Final = 0.1

OptionsFile = Annotated[
    Path | None,
    typer.Option("--options", metavar="FILE", help="Options as JSON; those typed go over them."),
]
SetOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Any option of the API, such as data.packing=true. May be given several times.",
    ),
]
BaseModelName = Annotated[
    str | None,
    typer.Option(help="embedded, a folder, or a name on the hub.", show_default="embedded"),
]
Judge = Annotated[
    bool,
    typer.Option(
        "--judge",
        help="A model compares the base model's answers with the tuned one's.",
        rich_help_panel=MEASURING,
    ),
]
JudgeModel = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Which one; means --judge.",
        show_default="the service's",
        rich_help_panel=MEASURING,
    ),
]
JudgeMaxCost = Annotated[
    str | None,
    typer.Option(
        metavar="USD",
        help="The judge never takes more money than this; means --judge.",
        rich_help_panel=MEASURING,
    ),
]
Tasks = Annotated[
    int | None,
    typer.Option(
        help="At most so many rows are asked.", show_default="100", rich_help_panel=MEASURING
    ),
]
General = Annotated[
    str | None,
    typer.Option(
        metavar="DATASET",
        help="General rows: what was forgotten of them is told.",
        rich_help_panel=MEASURING,
    ),
]
Seed = Annotated[int | None, typer.Option(help="Of all draws.", show_default="0")]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Look on until it has ended, or only start it.")
]
Report = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the evaluation's page goes, which opens offline."),
]


def options_of(
    file: Path | None, typed: Mapping[str, object], settings: Sequence[str] | None = None
) -> dict[str, Any]:
    """Put what was typed, by its path such as ``method.rank``, over the file's; None was not typed.

    The service says what is wrong with the values.

    Raises:
        InvalidInput: the file holds no JSON object, or a setting has no ``=``.
    """
    options: Any = {}  # What JSON is.
    if file is not None:
        try:
            options = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidInput(f"{file} is no JSON that can be read: {error}") from error
    if not isinstance(options, dict):
        raise InvalidInput(f"{file} holds no JSON object.")
    for path, value in {**typed, **_set(settings or ())}.items():
        if value is not None:
            _put(options, path.split("."), value)
    return options


def judge_of(model: str | None, max_cost: str | None, *, wanted: bool) -> dict[str, object]:
    """What was typed of the judge, by path; to name it or to cap it is to want it."""
    return {
        "evaluation.judge": {} if wanted else None,
        "evaluation.judge.model": model,
        "evaluation.judge.most_cost_usd": max_cost,
    }


def share_replay(options: Mapping[str, Any]) -> None:
    """Where general rows are to be mixed in and nobody says how many, take the usual share."""
    data = options.get("data")
    if isinstance(data, dict):
        data.setdefault("replay_share", USUAL_REPLAY_SHARE)


def targets_of(typed: str | None) -> str | list[str] | None:
    """Which matrices are adapted, as the API names them: a preset, or modules."""
    if typed is None or typed in get_args(TargetPreset):
        return typed
    return [name.strip() for name in typed.split(",")]


def _set(settings: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not all(path.split(".")):
            raise InvalidInput(
                "--set wants PATH=VALUE.", [Fault(f"{setting!r} is none", field="--set")]
            )
        try:
            found[path] = json.loads(value)
        except (ValueError, RecursionError):
            found[path] = value
    return found


def _put(options: dict[str, Any], path: list[str], value: object) -> None:
    place = options
    for name in path[:-1]:
        within = place.get(name)
        place[name] = place = within if isinstance(within, dict) else {}
    name = path[-1]
    if value == {} and isinstance(place.get(name), dict):
        # Wanted, and the file says how.
        return
    place[name] = value
