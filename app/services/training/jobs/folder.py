"""The lock on the folder of a job: one process at a time works in it."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import ConfigurationError
from app.services.training.contract import TrainingMonitor

_LOCK = "worker.lock"
_POLL_S = 0.2
_NOT_OURS = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def alone_in(folder: Path, monitor: TrainingMonitor) -> Iterator[bool]:
    """Create the folder of a job and lock it; wait for a process that still works in it.

    The lease protects the database. A process that lost its lease, because it was frozen or cut
    off, may still be writing a file, and must not do so at the same time as its successor. The
    system releases the lock when a process ends.

    Yields:
        False when the monitor says to stop before the folder is free.

    Raises:
        ConfigurationError: this worker cannot write to the folder.
    """
    descriptor = _open_lock_file(folder)
    try:
        yield _lock(descriptor, monitor)
    finally:
        os.close(descriptor)


def _open_lock_file(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        raise ConfigurationError(
            f"This worker cannot write to its data folder ({os.strerror(error.errno)}): set "
            "SEEDBED_DATA_DIR there to a folder that it shares with the API, and resume the job."
        ) from error


def _lock(descriptor: int, monitor: TrainingMonitor) -> bool:
    has_logged = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not has_logged:
                monitor.log("Waiting for the process that had the job before to leave its folder.")
                has_logged = True
            if monitor.stop():
                return False
            time.sleep(_POLL_S)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            monitor.log(
                "The file system has no locks: a process that lost the job may still write here."
            )
            return True
        else:
            return True
