"""Output of a command: results on standard output, everything else on standard error."""

import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from app.cli.exits import ExitCode, exit_code_of
from app.errors import Fault, InvalidInput, SeedbedError


class Output:
    """Output of one command, for a person or, with ``--json``, for a program.

    With `lines`, each JSON result is one line, for a command that prints many results.
    """

    def __init__(self, *, as_json: bool, lines: bool = False) -> None:
        self.as_json = as_json
        self._indent = None if lines else 2
        self._result = Console(soft_wrap=False)
        self.progress = Console(stderr=True, highlight=False)
        """Console for progress and messages."""

    def message(self, text: str) -> None:
        """Print a message on standard error."""
        self.progress.print(Text(clean(text)), soft_wrap=True)

    def show(self, *renderables: RenderableType) -> None:
        """Print a result for a person; print nothing with ``--json``."""
        if not self.as_json:
            for renderable in renderables:
                self._result.print(renderable)

    def result(self, value: object) -> None:
        """Print a result for a program as one JSON document; print nothing without ``--json``."""
        if self.as_json:
            typer.echo(json.dumps(value, ensure_ascii=False, indent=self._indent))

    @contextmanager
    def failures_reported(self, when_interrupted: str = "Interrupted.") -> Iterator[None]:
        """Turn anticipated failures and Ctrl-C into a message and an exit code.

        Raises:
            typer.Exit: instead of them.
        """
        try:
            yield
        except KeyboardInterrupt:
            self.message(when_interrupted)
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except SeedbedError as error:
            faults = error.faults if isinstance(error, InvalidInput) else ()
            self.progress.print(Text(clean(str(error)), style="red"), soft_wrap=True)
            if faults and not self.as_json:
                self.progress.print(fault_table(faults))
            document = {"message": str(error), "faults": [fault_json(fault) for fault in faults]}
            self.result({"error": document})
            raise typer.Exit(exit_code_of(error)) from None


def clean(text: str) -> str:
    """Replace control characters, so that the reply of a model can't control the terminal."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) != "Cc" else "\ufffd"
        for character in text
    )


def fault_table(faults: tuple[Fault, ...]) -> Table:
    """Return a table of faults, one a line; columns that are empty in all of them are left out."""
    columns = {
        "line": ["" if fault.line is None else str(fault.line) for fault in faults],
        "row": ["" if fault.row is None else str(fault.row) for fault in faults],
        "field": [fault.field or "" for fault in faults],
        "problem": [fault.message for fault in faults],
    }
    shown = {name: texts for name, texts in columns.items() if any(texts)}
    table = Table(*shown, box=None, pad_edge=False)
    for row in zip(*shown.values(), strict=True):
        table.add_row(*[Text(clean(text)) for text in row])
    return table


def fault_json(fault: Fault) -> dict[str, object]:
    """Return a fault as JSON."""
    return {"message": fault.message, "line": fault.line, "row": fault.row, "field": fault.field}
