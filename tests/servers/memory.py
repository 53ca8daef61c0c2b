"""A folder in memory, where databases need not wait for a disk."""

import os
import shutil
from pathlib import Path

_FOLDER = Path("/dev/shm")  # noqa: S108 - folders with unpredictable names are made in it
_ENOUGH_BYTES = 4 * 2**30


def folder_in_memory() -> Path | None:
    """Return a folder in memory; None: this machine has none with room and leave for programs."""
    if not _FOLDER.is_dir() or not os.access(_FOLDER, os.W_OK):
        return None
    if os.statvfs(_FOLDER).f_flag & os.ST_NOEXEC:
        return None
    return _FOLDER if shutil.disk_usage(_FOLDER).free >= _ENOUGH_BYTES else None
