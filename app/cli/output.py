"""Where words go: results to standard output, everything else to standard error."""

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
    """What one command says, to a person or, with ``--json``, to a program.

    With `lines`, each result is one line, for a command that has many.
    """

    def __init__(self, *, as_json: bool, lines: bool = False) -> None:
        self.as_json = as_json
        self._indent = None if lines else 2
        self._result = Console(soft_wrap=False)
        self.progress = Console(stderr=True, highlight=False)
        """For what passes by while a command works."""

    def say(self, text: str) -> None:
        """Tell what is being done."""
        self.progress.print(Text(clean(text)), soft_wrap=True)

    def show(self, *renderables: RenderableType) -> None:
        """A result for a person; nothing with ``--json``."""
        if not self.as_json:
            for renderable in renderables:
                self._result.print(renderable)

    def result(self, value: object) -> None:
        """A result for a program: one JSON document; nothing without ``--json``."""
        if self.as_json:
            typer.echo(json.dumps(value, ensure_ascii=False, indent=self._indent))

    @contextmanager
    def failures_told(self, when_interrupted: str = "Interrupted.") -> Iterator[None]:
        """Turn anticipated failures and Ctrl-C into words and an exit code.

        Raises:
            typer.Exit: instead of them.
        """
        try:
            yield
        except KeyboardInterrupt:
            self.say(when_interrupted)
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except SeedbedError as error:
            faults = error.faults if isinstance(error, InvalidInput) else ()
            self.progress.print(Text(clean(str(error)), style="red"), soft_wrap=True)
            if faults and not self.as_json:
                self.progress.print(fault_table(faults))
            said = {"message": str(error), "faults": [fault_json(fault) for fault in faults]}
            self.result({"error": said})
            raise typer.Exit(exit_code_of(error)) from None


def clean(text: str) -> str:
    """`text` without control characters: a model's reply must not command the terminal."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) != "Cc" else "\ufffd"
        for character in text
    )


def fault_table(faults: tuple[Fault, ...]) -> Table:
    """Faults, one a line."""
    columns = {
        "line": ["" if fault.line is None else str(fault.line) for fault in faults],
        "field": [fault.field or "" for fault in faults],
        "fault": [fault.message for fault in faults],
    }
    shown = {name: texts for name, texts in columns.items() if any(texts)}
    table = Table(*shown, box=None, pad_edge=False)
    for row in zip(*shown.values(), strict=True):
        table.add_row(*[Text(clean(text)) for text in row])
    return table


def fault_json(fault: Fault) -> dict[str, object]:
    """A fault for a program."""
    return {"message": fault.message, "line": fault.line, "field": fault.field}
