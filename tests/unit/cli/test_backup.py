"""`seedbed backup` and `seedbed restore` on SQLite: what they write, replace and refuse."""

import gzip
import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.stack.data_folder import locked_folder
from app.stack.environment import variable_names
from app.store.database import Database
from app.store.health import trouble
from tests.unit.store.rows import add_run


@pytest.fixture
def folder(tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a data folder whose database has a run and an API key."""
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    shutil.copy(migrated_file, tmp_path / "data" / "seedbed.db")
    with closing(database_in(tmp_path)) as database, database.write() as session:
        add_run(session)
    with closing(database_in(tmp_path)) as database:
        api_keys.create_key(database, "ci", [Scope.RUN])
    return tmp_path


def database_in(folder: Path) -> Database:
    return Database(f"sqlite:///{folder / 'data' / 'seedbed.db'}")


def seedbed(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def change(folder: Path, statement: str, *values: float) -> None:
    with closing(sqlite3.connect(folder / "data" / "seedbed.db")) as connection:
        connection.execute(statement, values)
        connection.commit()


def dump(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "data" / "seedbed.db")) as connection:
        return list(connection.iterdump())


def test_a_backup_is_written_while_others_write_and_is_for_its_owner_alone(folder: Path) -> None:
    with closing(database_in(folder)) as service, service.write():
        made = seedbed("backup", "a.backup", "--json")
    assert made.exit_code == 0, made.stderr
    said = json.loads(made.stdout)
    path = folder / "a.backup"
    assert said["file"] == str(path)
    assert said["size_bytes"] == path.stat().st_size
    assert (said["rows"]["runs"], said["rows"]["api_keys"]) == (1, 1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in folder.iterdir() if "backup" in each.name] == ["a.backup"]
    # Documented: standard tools can look into it.
    assert json.loads(gzip.decompress(path.read_bytes()).splitlines()[0])["revision"]


def test_a_file_that_exists_is_replaced_only_by_force(folder: Path) -> None:
    path = folder / "a.backup"
    path.write_text("precious")
    refused = seedbed("backup", "a.backup")
    assert refused.exit_code == ExitCode.BAD_USAGE
    assert "--force" in refused.stderr
    assert path.read_text() == "precious"
    assert seedbed("backup", "a.backup", "--force").exit_code == 0
    assert gzip.decompress(path.read_bytes())


def test_a_place_that_cannot_be_written_is_named(folder: Path) -> None:
    shutil.copy(folder / "data" / "seedbed.db", folder / "b.backup")
    refused = seedbed("backup", "b.backup/a.backup")
    assert (refused.exit_code, "cannot be written" in refused.stderr) == (ExitCode.BAD_USAGE, True)
    # Its folder takes no files, although its permissions allow them.
    refused = seedbed("backup", "/proc/a.backup")
    assert (refused.exit_code, "cannot be written" in refused.stderr) == (ExitCode.BAD_USAGE, True)


def test_without_a_database_no_backup_is_made_and_no_database(folder: Path) -> None:
    shutil.rmtree(folder / "data")
    missing = seedbed("backup", "a.backup")
    assert (missing.exit_code, list(folder.iterdir())) == (ExitCode.SERVICE_FAILED, [])
    assert "There is no database" in missing.stderr
    (folder / "data").mkdir()
    change(folder, "CREATE TABLE other (a)")
    assert "no tables yet" in seedbed("backup", "a.backup").stderr


def test_a_lost_database_is_restored(folder: Path) -> None:
    before = dump(folder)
    seedbed("backup", "a.backup")
    shutil.rmtree(folder / "data")
    restored = seedbed("restore", "a.backup")
    assert restored.exit_code == 0, restored.stderr
    # Migrated anew, so only the rows can be compared.
    assert rows_of(dump(folder)) == rows_of(before)
    with closing(database_in(folder)) as database:
        assert trouble(database) is None


def rows_of(statements: list[str]) -> list[str]:
    return sorted(each for each in statements if each.startswith("INSERT"))


def test_a_database_with_rows_is_replaced_only_by_force(folder: Path) -> None:
    seedbed("backup", "a.backup")
    change(folder, "UPDATE runs SET model = 'later'")
    later = dump(folder)
    refused = seedbed("restore", "a.backup")
    assert refused.exit_code == ExitCode.BAD_USAGE
    assert "1 in api_keys" in refused.stderr
    assert "--force" in refused.stderr
    assert dump(folder) == later
    assert seedbed("restore", "a.backup", "--force").exit_code == 0
    assert "later" not in "".join(dump(folder))


def cut(path: Path, _folder: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def of_a_newer_version(path: Path, _folder: Path) -> None:
    rewrite(path, b'"revision":"00', b'"revision":"99')


def without_a_table(path: Path, _folder: Path) -> None:
    rewrite(path, b'"api_keys"', b'"api_clefs"')


def with_a_row_astray(path: Path, _folder: Path) -> None:
    rewrite(path, b'["seeds","s"', b'["other","s"')


def rewrite(path: Path, old: bytes, new: bytes) -> None:
    """Change a backup so that its checksum is right."""
    text = gzip.decompress(path.read_bytes())
    assert old in text
    *lines, last = text.replace(old, new).splitlines(keepends=True)
    end = {**json.loads(last), "sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    path.write_bytes(gzip.compress(b"".join([*lines, json.dumps(end).encode(), b"\n"])))


def a_worker_is_at_work(_path: Path, folder: Path) -> None:
    change(folder, "UPDATE run_slots SET token = 't', leased_until = ?", time.time() + 60)


def of_a_newer_service(_path: Path, folder: Path) -> None:
    change(folder, "UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut, "damaged or incomplete"),
        (of_a_newer_version, "does not know"),
        (without_a_table, "does not have the tables"),
        (with_a_row_astray, "The database refuses a row"),
        (a_worker_is_at_work, "A worker is at work"),
        (of_a_newer_service, "version 9999 of the tables"),
    ],
)
def test_what_cannot_be_restored_changes_nothing(
    folder: Path, spoil: Callable[[Path, Path], None], said: str
) -> None:
    seedbed("backup", "a.backup")
    spoil(folder / "a.backup", folder)
    before = dump(folder)
    refused = seedbed("restore", "a.backup", "--force")
    assert refused.exit_code == ExitCode.BAD_USAGE
    assert said in refused.stderr
    assert dump(folder) == before


def test_a_service_that_runs_or_idles_keeps_its_database(folder: Path) -> None:
    seedbed("backup", "a.backup")
    with locked_folder(folder / "data"):
        running = seedbed("restore", "a.backup", "--force")
    with closing(database_in(folder)) as service:
        with service.read() as session:
            session.scalar(text("SELECT 1"))
        idle = seedbed("restore", "a.backup", "--force")
    assert (running.exit_code, idle.exit_code) == (ExitCode.BAD_USAGE, ExitCode.BAD_USAGE)
    assert "must not run during a restore" in running.stderr
    assert "Another process has the database file open" in idle.stderr
    assert seedbed("restore", "a.backup", "--force").exit_code == 0


def test_a_backup_goes_through_pipes(folder: Path) -> None:
    before = dump(folder)
    made = seedbed("backup", "-")
    assert made.exit_code == 0, made.stderr
    assert "--json" in seedbed("backup", "-", "--json").stderr
    change(folder, "UPDATE runs SET model = 'later'")
    arguments = ["restore", "-", "--force", "--json"]
    restored = CliRunner().invoke(app, arguments, input=made.stdout_bytes)
    assert restored.exit_code == 0, restored.stderr
    assert rows_of(dump(folder)) == rows_of(before)
    assert [each.name for each in (folder / "data").iterdir() if "backup" in each.name] == []


def test_tuned_models_are_said_to_be_elsewhere(folder: Path) -> None:
    seedbed_says = seedbed("backup", "a.backup").stderr
    assert "Tuned models" not in seedbed_says
    change(
        folder,
        "INSERT INTO training_outputs (job_id, name, sha256, size_bytes) VALUES ('j', 'a', '', 1)",
    )
    assert str(folder / "data" / "training") in seedbed("backup", "b.backup").stderr
