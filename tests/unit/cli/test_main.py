"""Help of all commands."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

from app.cli.exits import EXIT_CODES_HELP, ExitCode
from app.cli.lazy_command import all_loaded
from app.cli.main import app
from tests.loaded import loaded_by


def all_commands() -> Iterator[tuple[str, Any]]:
    # Any: the commands of typer, which has no public type for them.
    return _commands("seedbed", all_loaded(app))


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


LARGE = {
    *("torch", "transformers", "peft", "datasets", "pandas", "scipy", "nltk", "numpy", "pyarrow"),
    *("fastapi", "uvicorn", "sqlalchemy", "alembic", "celery", "redis", "openai", "aiohttp"),
}


def test_help_loads_no_large_library() -> None:
    loaded = loaded_by("from app.cli.main import app\napp(['--help'], standalone_mode=False)")
    assert not (LARGE | {"pydantic", "httpx", "app.settings", "app.services"}) & loaded


def test_the_help_of_a_command_and_a_call_of_the_api_load_no_large_library() -> None:
    names = [name.removeprefix("seedbed ").split() for name, _ in all_commands()]
    loaded = loaded_by(
        "from typer.testing import CliRunner\n"
        "from app.cli.main import app\n"
        f"for name in {names}:\n"
        "    assert CliRunner().invoke(app, [*name, '--help']).exit_code == 0\n"
        "called = CliRunner().invoke(app, ['runs', '--api', 'http://127.0.0.1:1'])\n"
        "assert 'No service answers' in called.stderr, called.stderr"
    )
    assert "app.cli.runs.commands" in loaded
    assert not LARGE & loaded


def test_the_list_of_commands_shows_the_summary_of_each() -> None:
    listed: Any = typer.main.get_command(app)
    loaded: Any = all_loaded(app)
    assert {name: each.help for name, each in listed.commands.items()} == {
        name: each.help.split("\n\n")[0].replace("\n", " ")
        for name, each in loaded.commands.items()
    }
