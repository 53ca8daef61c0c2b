"""The data folder: private to its user, and used by one stack at a time.

A stack holds an exclusive ``flock`` on ``stack.lock`` as long as it lives; the kernel releases it
when the process ends, in whatever way. ``service.json`` beside it has the address and the default
model of the service; it is only valid while the lock is held.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from app.errors import StackError
from app.stack.wait_until import wait_until

_LOCK = "stack.lock"
_SERVICE = "service.json"
_LOCK_TIMEOUT_S = 1.0
"""Longest wait for the lock: `running_service` holds it for an instant to test it."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """The service that uses a data folder: its address and its process."""

    api_url: str | None
    """Without a trailing slash; None while the stack is still starting."""
    pid: int
    model: str | None = None
    """Default model of its runs; None: there is none, or it is not known yet."""

    def __str__(self) -> str:
        """Describe it in an error message."""
        where = f"answers at {self.api_url}" if self.api_url else "is still starting"
        return f"process {self.pid}, which {where}"


@contextlib.contextmanager
def locked_folder(data_dir: Path) -> Iterator[Path]:
    """Make `data_dir` (mode 0700), lock it, and yield its absolute path.

    Raises:
        StackError: Another stack uses it, or it cannot be made or written.
    """
    folder = data_dir.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(
            f"The data folder {folder} cannot be used ({error.strerror}). Set SEEDBED_DATA_DIR to "
            "a folder of your own."
        ) from error
    try:
        _acquire(lock, folder)
        (folder / _SERVICE).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # On a full disk only a message lacks the process id.
            os.truncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield folder
    finally:
        os.close(lock)


def _acquire(lock: int, folder: Path) -> None:
    def is_ours() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    if not wait_until(is_ours, timeout_s=_LOCK_TIMEOUT_S, poll_s=0.02):
        holder = running_service(folder)
        who = f"by {holder}" if holder else "by another process"
        raise StackError(
            f"The data folder {folder} is in use {who}. Use that one, stop it, or set "
            "SEEDBED_DATA_DIR to another folder."
        )


def publish(folder: Path, api_url: str, model: str | None = None) -> None:
    """Write how to use the service to ``service.json``; this process must hold the lock.

    Args:
        folder: the data folder.
        api_url: the address of the service.
        model: the default model of its runs; None: there is none.

    Raises:
        StackError: it can't be written, such as on a full disk.
    """
    fresh = folder / f"{_SERVICE}.new"
    fresh.unlink(missing_ok=True)
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(RunningService(api_url, os.getpid(), model)), file)
        fresh.replace(folder / _SERVICE)
    except OSError as error:
        raise StackError(
            f"{folder / _SERVICE} can't be written ({error.strerror}). Free some space on its disk."
        ) from error


def withdraw(folder: Path) -> None:
    """Remove ``service.json``."""
    (folder / _SERVICE).unlink(missing_ok=True)


def running_service(data_dir: Path) -> RunningService | None:
    """Return the service that uses `data_dir` now, or None."""
    folder = data_dir.expanduser().resolve()
    try:
        lock = os.open(folder / _LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_service(folder) or _read_pid(lock)
    else:
        return None
    finally:
        os.close(lock)


def _read_service(folder: Path) -> RunningService | None:
    try:
        said = json.loads((folder / _SERVICE).read_text(encoding="utf-8"))
        model = said.get("model")
        return RunningService(str(said["api_url"]), int(said["pid"]), model and str(model))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read_pid(lock: int) -> RunningService | None:
    try:
        return RunningService(api_url=None, pid=int(os.pread(lock, 32, 0)))
    except ValueError:
        return None
