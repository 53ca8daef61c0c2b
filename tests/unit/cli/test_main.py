"""Help of all commands."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from app.cli.exits import EXIT_CODES_HELP, ExitCode
from app.cli.main import app


def all_commands() -> Iterator[tuple[str, Any]]:
    # Any: the commands of typer, which has no public type for them.
    return _commands("seedbed", typer.main.get_command(app))


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, typer.core.TyperGroup):
        yield name, command
        return
    assert command.help, name
    for each, within in command.commands.items():
        yield from _commands(f"{name} {each}", within)


def test_every_command_argument_and_option_has_a_help_text() -> None:
    silent = []
    for name, command in all_commands():
        silent += [name] if not command.help else []
        silent += [f"{name} {each.name}" for each in command.params if not each.help]
    assert not silent


def test_every_command_has_json_and_says_its_exit_codes() -> None:
    for name, command in all_commands():
        assert command.epilog == EXIT_CODES_HELP, name
        assert "--json" in [flag for each in command.params for flag in each.opts], name


def test_the_documented_exit_codes_are_all_there_are() -> None:
    for code in ExitCode:
        assert f"{code.value} " in EXIT_CODES_HELP


def test_help_lists_the_groups_of_commands() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).stdout
    headings = ("Make data sets", "Runs", "Fine-tune and evaluate", "Service")
    places = [shown.index(f" {heading} ─") for heading in headings]
    assert places == sorted(places)


def test_a_wrong_option_is_answered_with_the_right_one() -> None:
    result = CliRunner().invoke(app, ["train", "d1", "--rnak", "4"], env={"COLUMNS": "120"})
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "No such option: --rnak" in result.stderr
    assert "--rank" in result.stderr
    result = CliRunner().invoke(app, ["evalute"], env={"COLUMNS": "120"})
    assert "Did you mean 'evaluate'" in result.stderr


def test_help_loads_no_large_library() -> None:
    program = (
        "import sys\n"
        "from app.cli.main import app\n"
        "try:\n"
        "    app(['--help'])\n"
        "finally:\n"
        "    large = {'torch', 'transformers', 'peft', 'pyarrow', 'fastapi', 'uvicorn'}\n"
        "    print('LOADED', sorted(large & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "LOADED []" in done.stdout
