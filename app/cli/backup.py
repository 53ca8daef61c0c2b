"""`seedbed backup` and `seedbed restore`: the whole database in one file.

Not clients of the API: a backup goes past its process, and a restore needs it stopped. The code of
the database is loaded by the commands, so that their help needs none.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.text import Text

from app.atomic_files import out_of_space_told, written
from app.cli.arguments import AsJson
from app.cli.files import checked_target
from app.cli.output import Output
from app.cli.service.find_service import read_settings
from app.errors import Conflict, InvalidInput, SeedbedError
from app.settings import Settings
from app.stack.data_folder import locked_folder, running_service

if TYPE_CHECKING:
    from app.store.backup.archive import Contents, Report
    from app.store.database import Database

_BESIDE = ("", "-wal", "-shm", "-journal")
"""The files of a SQLite database, by what is behind its name."""


_STREAM = Path("-")


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to write; -: standard output.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole database into FILE, as it is now; the service may go on running.

    FILE contains the hashes of API keys, so only its owner can read it. Not included: tuned models,
    which are in the data folder.
    """
    from app.store.backup.save import save  # noqa: PLC0415 - see above

    output = Output(as_json=as_json)
    with output.failures_reported():
        settings = read_settings()
        with (
            _existing_database(settings) as database,
            _target(file, output, force=force) as target,
            _progress(output, "Saving") as report,
        ):
            contents = save(database, target, report)
    # Standard output may be the backup itself.
    if file != _STREAM:
        size = file.stat().st_size
        output.result({"file": str(file.absolute()), "size_bytes": size, **_as_json(contents)})
        output.show(Text(f"{file}: {_rows(contents)}, {size / 1e6:,.1f} MB"))
    if contents.rows["training_outputs"]:
        output.message(
            "Tuned models are not in it. They are in the folder "
            f"{settings.data_dir.expanduser().resolve() / 'training'}: copy that, too."
        )


def restore(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A file that `seedbed backup` wrote; -: standard input."
        ),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Delete what the database has now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database with the backup in FILE; stop the service first.

    The backup may be of the other kind of database (SQLite, PostgreSQL) or of an older version. If
    anything fails, the database stays as it was. Runs then continue from the state of the backup:
    model calls that were in flight, or were made later, are sent and paid for again.
    """
    from app.store.backup.restore import checked  # noqa: PLC0415 - see above
    from app.store.backup.restore import restore as restore_database  # noqa: PLC0415 - see above

    output = Output(as_json=as_json)
    with output.failures_reported():
        settings = read_settings()
        with _stored(file, settings) as path:
            with output.progress.status(f"Checking {file}"):
                contents = checked(path)
            with (
                _stopped_service(settings),
                _new_or_existing_database(settings) as database,
                _progress(output, "Restoring", contents) as report,
            ):
                restore_database(database, path, contents, report, overwrite=force)
    output.result({"file": str(file), **_as_json(contents)})
    output.show(Text(f"Restored {_rows(contents)}, as of {contents.created_at}."))


@contextmanager
def _target(file: Path, output: Output, *, force: bool) -> Iterator[BinaryIO]:
    """Open the file to write; it appears when it is complete, readable by its owner alone.

    Raises:
        InvalidInput: it can't be written there.
        Conflict: it exists.
        OutOfSpace: the disk is full.
    """
    if file == _STREAM:
        if sys.stdout.isatty() or output.as_json:
            raise InvalidInput("A backup is binary: redirect it into a file, without --json.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    out = checked_target(file)
    if out.exists() and not force:
        raise Conflict(f"{out} exists. Pass --force to replace it, or give another name.")
    try:
        with written(out, mode=0o600) as target:
            yield target
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}.") from error


@contextmanager
def _stored(file: Path, settings: Settings) -> Iterator[Path]:
    """Return a file that can be read twice: to check it, and to restore it.

    Raises:
        OutOfSpace: the disk is full.
    """
    if file != _STREAM:
        yield file
        return
    # Not in /tmp, which in a container is memory.
    folder = settings.data_dir if settings.data_dir.is_dir() else None
    with out_of_space_told(file), NamedTemporaryFile(dir=folder, suffix=".backup") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)


@contextmanager
def _existing_database(settings: Settings) -> "Iterator[Database]":
    with closing(_open_database(settings)) as database:
        file = _sqlite_file(database)
        if file is not None and not file.exists():
            # Connecting would create an empty one.
            raise SeedbedError(f"There is no database at {file}. Check SEEDBED_DATA_DIR.")
        yield database


@contextmanager
def _new_or_existing_database(settings: Settings) -> "Iterator[Database]":
    """Open the database; a SQLite file that is not there yet is removed again when this fails."""
    with closing(_open_database(settings)) as database:
        file = _sqlite_file(database)
        is_new = file is not None and not file.exists()
        try:
            yield database
        except BaseException:
            if file is not None and is_new:
                database.close()
                for behind in _BESIDE:
                    Path(f"{file}{behind}").unlink(missing_ok=True)
            raise


def _open_database(settings: Settings) -> "Database":
    from app.store.database import Database  # noqa: PLC0415 - see above

    return Database(settings.resolved_database_url)


def _sqlite_file(database: "Database") -> Path | None:
    address = database.engine.url
    is_file = address.get_backend_name() == "sqlite"
    return Path(address.database or "") if is_file else None


@contextmanager
def _stopped_service(settings: Settings) -> Iterator[None]:
    """Keep the embedded stack from starting; one that runs is an error.

    Raises:
        Conflict: a service runs on the data folder.
    """
    running = running_service(settings.data_dir)
    if running is not None:
        raise Conflict(f"The service must not run during a restore: stop {running}.")
    uses_folder = settings.database_url is None or settings.data_dir.is_dir()
    with locked_folder(settings.data_dir) if uses_folder else nullcontext():
        yield


@contextmanager
def _progress(output: Output, doing: str, contents: "Contents | None" = None) -> "Iterator[Report]":
    """Show a line of progress while the block runs, if standard error is a terminal."""
    with output.progress.status(doing) as status:

        def report(table: str, done: int) -> None:
            of = "" if contents is None else f" of {contents.rows[table]:,}"
            status.update(f"{doing} {table}: {done:,}{of} rows")

        yield report


def _as_json(contents: "Contents") -> dict[str, object]:
    return {
        "created_at": contents.created_at,
        "revision": contents.revision,
        "rows": contents.rows,
    }


def _rows(contents: "Contents") -> str:
    filled = sum(1 for count in contents.rows.values() if count)
    return f"{sum(contents.rows.values()):,} rows of {filled} tables"
