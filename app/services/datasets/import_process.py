"""Imports in processes of their own, so that no file takes the memory or the time of the service.

A process is forked from a small server that has loaded the readers (`forkserver`), which takes some
ten milliseconds. It has a limit of memory and of time. The readers refuse a hostile file by
numbers before that; the limits are the net below them, also for faults of the libraries.
"""

import contextlib
import multiprocessing
import os
import pickle
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy.exc import StatementError

from app.errors import SeedbedError, TooLarge
from app.formats.limits import ReadLimits
from app.services.context import ImportProcessLimits, ServiceContext
from app.services.datasets.importing import Attempt, Upload, fail_attempt, import_dataset
from app.services.datasets.lists import get_dataset
from app.stack.die_with_parent import die_with_parent
from app.store.database import Database
from app.store.tables.datasets import Dataset

_LOOK_EVERY_S = 0.2
_NICE = 5
"""Behind the API, which answers many others meanwhile."""
_STOPPED = "The service stopped while it read the file; send it again."
_processes = multiprocessing.get_context("forkserver")
# What is loaded here is loaded once, and not by each process within its limits.
_processes.set_forkserver_preload([__name__, "app.formats.parquet", "sqlite3", "psycopg"])
_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Task:
    """An import as the process gets it."""

    database_url: str
    files_dir: Path
    lease_s: float
    read_limits: ReadLimits
    memory_bytes: int
    upload: Upload
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class _Imported:
    """The version that holds the file's rows, and whether it is new."""

    dataset_id: str
    new: bool


@dataclass(frozen=True, slots=True)
class _OutOfMemory:
    """The process reached its limit of memory."""


_Outcome = _Imported | _OutOfMemory | Exception


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
    limits = context.import_process
    task = _Task(
        database_url=context.database.engine.url.render_as_string(hide_password=False),
        files_dir=context.files_dir,
        lease_s=context.lease_s,
        read_limits=context.read_limits,
        memory_bytes=limits.memory_bytes,
        upload=upload,
        attempt=attempt,
    )
    try:
        outcome = _outcome(task, limits, stopped)
        if isinstance(outcome, _OutOfMemory):
            raise TooLarge(f"Reading the file takes more than {_memory(limits)} of memory.")
    except SeedbedError as error:
        fail_attempt(context, attempt, str(error))
        raise
    if isinstance(outcome, Exception):
        raise outcome
    return get_dataset(context, outcome.dataset_id), outcome.new


def _outcome(task: _Task, limits: ImportProcessLimits, stopped: Callable[[], bool]) -> _Outcome:
    """Run a process until it has sent its outcome.

    Raises:
        TooLarge: it reached a limit, or died.
        SeedbedError: nobody waits for it any more.
    """
    process, answers = _started(task)
    try:
        give_up_at = time.monotonic() + limits.timeout_s
        while not answers.poll(_LOOK_EVERY_S):
            if stopped():
                raise SeedbedError(_STOPPED)
            if time.monotonic() > give_up_at:
                raise TooLarge(
                    f"Reading the file took more than {limits.timeout_s:g} seconds"
                    " (SEEDBED_IMPORT_TIMEOUT_S)."
                )
        outcome: _Outcome = answers.recv()
    except EOFError:
        process.join()
        raise _died(process.exitcode, limits) from None
    finally:
        answers.close()
        process.kill()
        process.join()
    return outcome


def _started(task: _Task) -> tuple[BaseProcess, Connection]:
    answers, sender = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_run, args=(task, sender), daemon=True)
    # The first one starts the server too.
    with _starting:
        process.start()
    sender.close()
    return process, answers


def _died(exit_code: int | None, limits: ImportProcessLimits) -> TooLarge:
    return TooLarge(
        f"The process that read the file died (exit status {exit_code}), as one does that needs"
        f" more memory than there is; it may take {_memory(limits)}."
    )


def _memory(limits: ImportProcessLimits) -> str:
    return f"{limits.memory_bytes // (1024 * 1024):,} MiB (SEEDBED_IMPORT_MEMORY_MIB)"


def _run(task: _Task, sender: Connection) -> None:
    """Import in this process, which does nothing else, and send the outcome."""
    die_with_parent()
    os.nice(_NICE)
    _limit_memory(task.memory_bytes)
    outcome: _Outcome
    try:
        outcome = _imported(task)
    except MemoryError:
        outcome = _OutOfMemory()
    except Exception as error:  # noqa: BLE001 - raised again in the process of the caller
        outcome = _sendable(error)
    sender.send(outcome)


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


def _limit_memory(memory_bytes: int) -> None:
    """Limit what this process can allocate, where the system can do so."""
    if sys.platform != "linux":
        return
    # Not RLIMIT_AS: it also counts what is only reserved, such as by allocators and threads.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def _sendable(error: Exception) -> Exception:
    """Return the error with its traceback as a note, or its text when it can't be pickled."""
    if isinstance(error, StatementError):
        # Thousands of rows, which nobody reads.
        error.params = None
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes, of the line itself
    except Exception:  # noqa: BLE001 - any error may refuse to be pickled
        error = RuntimeError(str(error))
    if not isinstance(error, SeedbedError):
        error.add_note(f"In the process of an import:\n{text}")
    return error
