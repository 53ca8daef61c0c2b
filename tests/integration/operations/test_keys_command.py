"""`seedbed keys` on a real database of either kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.stack.environment import variable_names
from app.store.database import Database

Keys = Callable[..., Result]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def keys(database_url: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    assert elsewhere
    monkeypatch.setenv("DATABASE_URL", database_url)
    return keys_command


def keys_command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments], env={"COLUMNS": "80"})


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_key_is_made_and_shown_once(keys: Keys, database: Database) -> None:
    made = keys("create", "ci", "--scope", "run", "--scope", "read")
    assert made.exit_code == 0
    key = made.stdout.strip()
    caller = api_keys.authenticate(database, key)
    assert caller is not None
    assert caller.scopes == {Scope.READ, Scope.RUN}
    assert caller.key_id in made.stderr
    assert key not in made.stderr
    revoke = ("revoke", caller.key_id, "--force", "--json")
    for arguments in (("list",), ("list", "--json"), revoke):
        reported = keys(*arguments)
        assert reported.exit_code == 0
        assert caller.key_id in reported.stdout
        assert key[-64:] not in reported.stdout + reported.stderr


def test_with_json_each_answer_is_one_document(keys: Keys, database: Database) -> None:
    assert document(keys("list", "--json")) == []
    made = document(keys("create", "für mich", "--scope", "admin", "--json"))
    key = made.pop("key")
    assert api_keys.authenticate(database, key) is not None
    assert made["name"] == "für mich"
    assert made["scopes"] == ["admin"]
    assert document(keys("list", "--json")) == [made]
    revoked = document(keys("revoke", made["id"], "--force", "--json"))
    assert revoked["revoked_at"] is not None
    assert document(keys("revoke", made["id"], "--json")) == revoked
    assert api_keys.authenticate(database, key) is None


def test_revoking_the_last_key_says_what_that_means(keys: Keys) -> None:
    first, last = (document(keys("create", n, "--scope", "read", "--json"))["id"] for n in "ab")
    assert not keys("revoke", first).stderr
    refused = keys("revoke", last)
    assert refused.exit_code == ExitCode.BAD_USAGE
    assert f"keys revoke {last} --force" in " ".join(refused.stderr.split())
    assert document(keys("list", "--json"))[-1]["revoked_at"] is None
    forced = keys("revoke", last, "--force")
    assert forced.exit_code == 0
    assert "refuses every request until" in " ".join(forced.stderr.split())


def test_a_first_key_that_does_not_administer_warns(keys: Keys) -> None:
    for scope, warns in (("run", True), ("publish", True), ("admin", False), ("read", False)):
        made = keys("create", scope, "--scope", scope)
        assert made.exit_code == 0
        said = " ".join(made.stderr.split())
        assert ("Warning: no API key has the scope admin" in said) is warns, scope


def test_an_unknown_key_is_not_found(keys: Keys) -> None:
    ended = keys("revoke", "key_nowhere")
    assert ended.exit_code == ExitCode.NOT_FOUND
    assert "key_nowhere" in ended.stderr


@pytest.mark.parametrize(
    "arguments", [("ci",), ("ci", "--scope", "everything"), ("", "--scope", "read")]
)
def test_a_key_without_name_or_scope_is_bad_usage(keys: Keys, arguments: tuple[str, ...]) -> None:
    assert keys("create", *arguments).exit_code == ExitCode.BAD_USAGE
    assert document(keys("list", "--json")) == []


@pytest.mark.usefixtures("elsewhere")
def test_without_a_database_it_says_how_to_make_one() -> None:
    ended = keys_command("create", "ci", "--scope", "read")
    assert ended.exit_code == ExitCode.SERVICE_FAILED
    assert "seedbed up" in ended.stderr
    assert not Path("data").exists()


@pytest.mark.usefixtures("elsewhere")
def test_a_database_without_the_tables_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("empty.db").touch()
    monkeypatch.setenv("DATABASE_URL", "sqlite:///empty.db")
    ended = keys_command("list")
    assert ended.exit_code == ExitCode.SERVICE_FAILED
    assert "app.store.migrate" in ended.stderr
