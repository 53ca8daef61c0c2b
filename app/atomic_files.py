"""Files and folders that appear under their name only when they are complete."""

import hashlib
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.disk_space import refusal
from app.errors import Conflict, OutOfSpace

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BUFFER = 256 * 1024
_MODE = 0o666
_GZIP = b"\x1f\x8b"


class _Hashed(io.RawIOBase):
    """Counts and hashes what goes into a file."""

    def __init__(self, path: Path, mode: int) -> None:
        self._file = io.FileIO(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))
        self.size = 0
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def write(self, data: "ReadableBuffer") -> int:
        written = self._file.write(data)
        # The system may take less than all; the buffer above sends the rest again.
        self.digest.update(memoryview(data)[:written])
        self.size += written
        return written

    def close(self) -> None:
        super().close()
        self._file.close()


class WholeFile(io.BufferedWriter):
    """A file under way; its size and its hash are right once the block around it has ended."""

    def __init__(self, path: Path, mode: int = _MODE) -> None:
        self._hashed = _Hashed(path, mode)
        super().__init__(self._hashed, _BUFFER)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._hashed.size

    @property
    def sha256(self) -> str:
        """The hash of the file, in hexadecimal."""
        return self._hashed.digest.hexdigest()


@contextmanager
def written(path: Path, *, mode: int = _MODE) -> Iterator[WholeFile]:
    """Write a file that appears under its name when the block ends well, and never before.

    Whatever goes wrong inside, nothing is left: a file that had this name stays as it was.

    Args:
        path: The file's name.
        mode: Its permissions, less those that the process withholds (umask).

    Raises:
        OutOfSpace: when the disk is full.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with out_of_space_told(path):
        try:
            with _closed_at_once(WholeFile(beside, mode)) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            keep_name(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


@contextmanager
def _closed_at_once(file: WholeFile) -> Iterator[WholeFile]:
    try:
        yield file
    except BaseException:
        # Closing flushes, which fails again on a full disk; the first failure is the one to tell.
        with suppress(OSError):
            file.close()
        raise
    file.close()


@contextmanager
def out_of_space_told(path: Path) -> Iterator[None]:
    """Make an anticipated failure of a full or read-only disk.

    Raises:
        OutOfSpace: for the system's errors that say so.
    """
    try:
        yield
    except OSError as error:
        why = refusal(error, path)
        if why is None:
            raise
        raise OutOfSpace(why) from error


def keep_name(path: Path) -> None:
    """Make a name in a folder outlive a power cut."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def whole_folder(target: Path, *, keep_existing: bool = False) -> Iterator[Path]:
    """Give a folder beside the target that takes its name when the block has ended well.

    Args:
        target: The name to take.
        keep_existing: Whether one that another put there meanwhile is as good as ours.

    Raises:
        Conflict: when there is something of this name; it is left as it was.
        OutOfSpace: when the disk is full; nothing is left.
    """
    taken = f"There is something called {target.name} already."
    if target.exists() and not keep_existing:
        raise Conflict(taken)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    with out_of_space_told(target):
        try:
            beside.mkdir()
            yield beside
            try:
                # Only an empty folder could be replaced so: two writers never mix.
                beside.rename(target)
            except OSError as error:
                if not target.exists():
                    raise
                if not keep_existing:
                    raise Conflict(taken) from error
                shutil.rmtree(beside)
            keep_name(target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
