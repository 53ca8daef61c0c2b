"""All commands with their arguments and options: names, defaults, limits, order."""

from pathlib import Path
from typing import Any

import typer

from app.cli.lazy_command import all_loaded
from app.cli.main import app
from tests.golden import check_golden_json


def _commands(name: str, command: Any) -> dict[str, Any]:
    # Any: the commands of typer have no public type.
    if isinstance(command, typer.core.TyperGroup):
        return {
            each: found
            for part, within in command.commands.items()
            for each, found in _commands(f"{name} {part}", within).items()
        }
    return {name: [_parameter(one) for one in command.params]}


def _parameter(one: Any) -> list[str]:
    names = [*one.opts, *one.secondary_opts]
    default = getattr(one.default, "value", one.default)
    facts = {
        "default": None if callable(default) else default,
        "type": getattr(one.type_descriptor.annotation, "__name__", None),
        "min": one.min,
        "max": one.max,
        "metavar": one.metavar,
        "panel": one.rich_help_panel,
        "required": one.required or None,
        "multiple": one.multiple or None,
        "hidden": one.hidden or None,
    }
    return [
        " ".join(names),
        *(f"{key}={value}" for key, value in facts.items() if value is not None),
    ]


def test_commands_have_the_agreed_options_and_defaults() -> None:
    found = _commands("seedbed", all_loaded(app))
    assert len(found) > 30
    check_golden_json(Path(__file__).with_name("commands.json"), found)


def test_the_program_shows_its_help_and_installs_nothing() -> None:
    command: Any = all_loaded(app)
    assert (app.info.name, command.no_args_is_help) == ("seedbed", True)
    assert [one.name for one in command.params] == []
    panels = {name: each.rich_help_panel for name, each in command.commands.items()}
    check_golden_json(Path(__file__).with_name("panels.json"), panels)
    assert list(panels) == list(command.commands)
