"""Space on a disk: how much is left, and the words for a write that the system refused."""

import errno
import os
from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MEGABYTE = 1_000_000


def refusal(error: OSError, path: Path) -> str | None:
    """Say why the system refused to write `path`; None when the error is of another kind."""
    if error.errno == errno.EROFS:
        return f"{path.name} can't be written: the file system is read-only."
    if error.errno not in _FULL:
        return None
    why = "the file system has no inode left" if _lacks_inodes(path) else os.strerror(error.errno)
    return f"No space is left to write {path.name}: {why}."


def shortage(folder: Path, min_free_bytes: int) -> str | None:
    """Say why the disk of `folder` should not be filled further; None when it has enough space.

    Args:
        folder: a folder that may not exist yet.
        min_free_bytes: the space to keep free.
    """
    try:
        found = os.statvfs(_existing(folder))
    except OSError:
        # Whatever it is, the next write says it.
        return None
    if found.f_flag & os.ST_RDONLY:
        return "the file system is read-only"
    if found.f_files and not found.f_favail:
        return "the file system has no inode left"
    free = found.f_bavail * found.f_frsize
    # One of no size at all is not a disk but a pseudo file system, or reports no figures.
    if free >= min_free_bytes or not found.f_blocks:
        return None
    if not free:
        return "no space is left"
    return f"{free // _MEGABYTE} MB are free, less than {min_free_bytes // _MEGABYTE} MB"


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)


def _lacks_inodes(path: Path) -> bool:
    try:
        found = os.statvfs(_existing(path.parent))
    except OSError:
        return False
    return bool(found.f_files) and not found.f_favail
