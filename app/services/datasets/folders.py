"""Where the files of versions lie on this machine; all of them can be made again."""

import shutil
from pathlib import Path

from app.services.context import ServiceContext


def folder_of(context: ServiceContext, dataset_id: str) -> Path:
    """Where the files of a version lie."""
    return context.files_dir / "datasets" / dataset_id


def discard_files(context: ServiceContext, dataset_id: str) -> None:
    """Remove the files of a version from this machine."""
    shutil.rmtree(folder_of(context, dataset_id), ignore_errors=True)
