"""Commands whose code is loaded when they are called.

The list of all commands needs only their names and summaries, so it loads none of them, and a
command loads no code of the others.
"""

from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from app.cli.exits import EXIT_CODES_HELP
from app.start_up import collector_rests


class _LazyCommand(TyperCommand):
    """A command, or a group of commands, that is loaded when it is called."""

    source: ClassVar[str]

    def loaded(self) -> Any:  # noqa: ANN401 - typer has no public type for all commands
        """Return the command itself."""
        module, _, name = self.source.partition(":")
        with collector_rests():
            found = getattr(import_module(module), name)
        alone = typer.Typer(rich_markup_mode=self.rich_markup_mode)
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=self.name, rich_help_panel=self.rich_help_panel)
        else:
            add = alone.command(
                self.name, epilog=EXIT_CODES_HELP, rich_help_panel=self.rich_help_panel
            )
            add(found)
        (command,) = get_group(alone).commands.values()
        return command

    def make_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - typer's own
        """Parse the arguments with the command itself, which is then the one that is called."""
        return self.loaded().make_context(*arguments, **named)


def add_command(program: typer.Typer, name: str, source: str, summary: str, panel: str) -> None:
    """Add a command, or a group of commands, to a program without loading it.

    Args:
        program: the program.
        name: as it is typed.
        source: module and name of its function, or of the `typer.Typer` of a group, such as
            ``app.cli.up:up``.
        summary: the first paragraph of its help.
        panel: heading in the list of commands.
    """
    cls = type("LazyCommand", (_LazyCommand,), {"source": source})
    program.command(name, cls=cls, help=summary, rich_help_panel=panel)(_never_called)


def all_loaded(program: typer.Typer) -> TyperGroup:
    """Return a program with the code of all its commands, for documentation and tests."""
    group = get_group(program)
    for name, command in group.commands.items():
        if isinstance(command, _LazyCommand):
            group.commands[name] = command.loaded()
    return group


def _never_called() -> None:
    """Stand for the function of a command, from which typer would read the options."""
