"""Files that a process uses: a lock marks them, which ends with the process at the latest.

So another process can tell what a dead one has left, and what is being sent or written now.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def hold(file: IO[bytes] | int) -> None:
    """Mark an open file as in use until it is closed."""
    fcntl.flock(file, fcntl.LOCK_SH)


def hold_new(file: IO[bytes] | int, path: Path) -> None:
    """Mark a file as in use that was just made at `path`.

    Raises:
        FileNotFoundError: another process took it for one that was left, and removed it.
    """
    hold(file)
    path.stat()


def open_held(path: Path) -> int | None:
    """Open a file and mark it as in use until the descriptor is closed.

    Returns:
        The descriptor; None when there is no such file, or it was removed meanwhile.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        hold(descriptor)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except FileNotFoundError:
        pass
    os.close(descriptor)
    return None


def remove_unless_held(path: Path) -> bool:
    """Remove a file unless a process uses it; return True when it is gone.

    A file that can't be removed, such as on a read-only disk, stays.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the files of a folder; nothing when there is none."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        yield from (entry for entry in found if entry.is_file(follow_symlinks=False))
