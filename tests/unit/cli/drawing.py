"""Runs, and what the terminal shows of them."""

import io

from rich.console import Console, RenderableType

from app.schemas.runs import RunView
from tests.unit.cli.answers import run_json


def a_run(**changes: object) -> RunView:
    return RunView.model_validate(run_json(**changes))


def drawn(picture: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def with_progress(**changes: object) -> RunView:
    progress = run_json()["progress"]
    assert isinstance(progress, dict)
    return a_run(progress={**progress, **changes})
