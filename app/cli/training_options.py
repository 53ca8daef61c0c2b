"""The options of a job from the command line: those of a file, and over them what was typed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from app.errors import InvalidInput

OptionsFile = Annotated[
    Path | None, typer.Option("--options", metavar="FILE", help="All options, as JSON.")
]
BaseModelName = Annotated[
    str | None,
    typer.Option(help="embedded, a folder, or a name on the hub.", show_default="embedded"),
]
HeldOut = Annotated[
    str | None,
    typer.Option(
        metavar="DATASET", help="Rows to measure on, in place of a share of those to learn."
    ),
]
General = Annotated[
    str | None,
    typer.Option(metavar="DATASET", help="General rows: what was forgotten of them is told."),
]
Judge = Annotated[
    bool,
    typer.Option("--judge", help="A model compares the base model's answers with the tuned one's."),
]
JudgeModel = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which one; means --judge.", show_default="the service's"),
]
JudgeMaxCost = Annotated[
    str | None,
    typer.Option(metavar="USD", help="The judge never takes more money than this; means --judge."),
]
Seed = Annotated[int | None, typer.Option(help="Of all draws.", show_default="0")]
Wait = Annotated[bool, typer.Option(help="Until it has ended.")]
Report = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the evaluation's page goes, which opens offline."),
]
Api = Annotated[str | None, typer.Option("--api", envvar="SEEDBED_API_URL", metavar="URL")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def options_of(file: Path | None, typed: Mapping[str, object]) -> dict[str, Any]:
    """Put what was typed, by its path such as ``method.rank``, over the file's; None was not typed.

    The service says what is wrong with the values.

    Raises:
        InvalidInput: the file holds no JSON object.
    """
    options: Any = {}  # What JSON is.
    if file is not None:
        try:
            options = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidInput(f"{file} is no JSON that can be read: {error}") from error
    if not isinstance(options, dict):
        raise InvalidInput(f"{file} holds no JSON object.")
    for path, value in typed.items():
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
