"""`seedbed keys` on SQLite: the fields of its JSON, from a new key to a revoked one."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.services.access import api_keys
from app.stack.environment import variable_names
from app.store.database import Database
from app.store.migrate import migrate


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'seedbed.db'}")
    database = Database(f"sqlite:///{tmp_path / 'seedbed.db'}")
    migrate(database)
    return database


def keys(*arguments: str) -> Any:  # Any: JSON
    result = CliRunner().invoke(app, ["keys", *arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_key_has_the_same_fields_when_it_is_made_listed_used_and_revoked(
    database: Database,
) -> None:
    made = keys("create", "ci", "--scope", "run", "--scope", "read")
    secret = made.pop("key")
    assert set(made) == {"id", "name", "scopes", "created_at", "last_used_at", "revoked_at"}
    assert (made["name"], sorted(made["scopes"])) == ("ci", ["read", "run"])
    assert (made["last_used_at"], made["revoked_at"]) == (None, None)
    assert keys("list") == [made]

    assert api_keys.authenticate(database, secret) is not None
    (used,) = keys("list")
    assert used == {**made, "last_used_at": used["last_used_at"]}

    revoked = keys("revoke", made["id"], "--force")
    assert revoked["revoked_at"] >= made["created_at"]
    assert keys("list") == [revoked] == [{**used, "revoked_at": revoked["revoked_at"]}]
