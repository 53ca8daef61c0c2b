"""A job's folder: one process works in it at a time, whoever holds the job."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import ConfigurationError
from app.services.training.contract import TrainingWatch

_LOCK = "worker.lock"
_LOOK_S = 0.2
_NOT_OURS = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def alone_in(folder: Path, watch: TrainingWatch) -> Iterator[bool]:
    """Make a job's folder and keep other processes out of it; wait for one that is in it.

    The lease fences what goes into the database. A process that lost it, because it was frozen or
    cut off, may still be in the midst of writing a file, and must not do so under its successor.
    The system gives the lock back however a process ends.

    Yields False when the watch says to stop before the folder is free.

    Raises:
        ConfigurationError: when this worker may not write there.
    """
    descriptor = _opened(folder)
    try:
        yield _taken(descriptor, watch)
    finally:
        os.close(descriptor)


def _opened(folder: Path) -> int:
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


def _taken(descriptor: int, watch: TrainingWatch) -> bool:
    has_told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not has_told:
                watch.log("Waits until the process that had the job before has left its folder.")
                has_told = True
            if watch.stop():
                return False
            time.sleep(_LOOK_S)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            watch.log("The disk knows no locks: nothing keeps a process that lost the job out.")
            return True
        else:
            return True
