"""Imports in processes of their own, each with its limits of memory and time."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from app.errors import SeedbedError
from app.formats.limits import ReadLimits
from app.services.child_process import preload, run_apart
from app.services.context import ServiceContext
from app.services.datasets.importing import Attempt, Upload, fail_attempt, import_dataset
from app.services.datasets.lists import get_dataset
from app.store.database import Database
from app.store.tables.datasets import Dataset

PRELOADED = (__name__, "app.formats.parquet", "sqlite3", "psycopg")
"""The modules of an import."""
preload(PRELOADED)


@dataclass(frozen=True, slots=True)
class _Task:
    """An import as the process gets it."""

    database_url: str
    files_dir: Path
    lease_s: float
    read_limits: ReadLimits
    upload: Upload
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class _Imported:
    """The version that holds the file's rows, and whether it is new."""

    dataset_id: str
    new: bool


def import_apart(
    context: ServiceContext, upload: Upload, stopped: Callable[[], bool] = lambda: False
) -> tuple[Dataset, bool]:
    """Import as `import_dataset` does, in a process of its own.

    Args:
        context: database, settings and limits.
        upload: the file.
        stopped: returns True when nobody waits for the import any more.

    Raises:
        SeedbedError: as `import_dataset`.
        TooLarge: also when the process reaches its limit of memory or time, or dies.
    """
    attempt = Attempt.new()
    task = _Task(
        database_url=context.database.engine.url.render_as_string(hide_password=False),
        files_dir=context.files_dir,
        lease_s=context.lease_s,
        read_limits=context.read_limits,
        upload=upload,
        attempt=attempt,
    )
    try:
        outcome = run_apart(_imported, task, context.import_process, stopped)
    except SeedbedError as error:
        fail_attempt(context, attempt, str(error))
        raise
    if isinstance(outcome, Exception):
        raise outcome
    return get_dataset(context, outcome.dataset_id), outcome.new


def _imported(task: _Task) -> _Imported:
    context = ServiceContext(
        database=Database(task.database_url),
        endpoints=(),
        default_model=None,
        concurrency=1,
        slice_s=1.0,
        lease_s=task.lease_s,
        files_dir=task.files_dir,
        read_limits=task.read_limits,
    )
    with closing(context):
        dataset, new = import_dataset(context, task.upload, task.attempt)
        return _Imported(dataset.id, new)
