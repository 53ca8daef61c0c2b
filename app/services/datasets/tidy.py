"""Removal of files that nobody needs: what dead processes left, downloads beyond the limit."""

import shutil
import time
from pathlib import Path

from app.held_files import entries, remove_unless_held
from app.services.context import ServiceContext
from app.services.datasets.files import download_cache

_EVERY_S = 60.0
_TIDIED = "tidied"
"""A file in the folder, whose age says when it was last tidied."""
_HUB_FOLDERS_LIVE_S = 3600.0


def tidy_if_due(context: ServiceContext) -> None:
    """Tidy the folder of uploads and downloads, unless that was done a minute ago."""
    mark = context.files_dir / _TIDIED
    try:
        is_due = abs(time.time() - mark.stat().st_mtime) > _EVERY_S
    except FileNotFoundError:
        is_due = context.files_dir.exists()
    if is_due:
        tidy(context)


def tidy(context: ServiceContext) -> None:
    """Remove abandoned uploads and half-made files, and downloads beyond the limit or the disk.

    Any number of processes may do so at once.
    """
    folder = context.files_dir
    for upload in entries(folder / "uploads"):
        remove_unless_held(Path(upload.path))
    download_cache(context).make_space()
    # Here earlier versions kept their downloads, by data set; they can be made again.
    shutil.rmtree(folder / "datasets", ignore_errors=True)
    for left in folder.glob("hub-*"):
        if time.time() - _changed_at(left) > _HUB_FOLDERS_LIVE_S:
            shutil.rmtree(left, ignore_errors=True)
    try:
        (folder / _TIDIED).touch()
    except OSError:
        # On a full disk it is tidied more often.
        return


def _changed_at(folder: Path) -> float:
    """Return when something in a folder was changed last; now, if it is gone meanwhile."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return time.time()
