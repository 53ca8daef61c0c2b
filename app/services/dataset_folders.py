"""Where the files of versions lie on this machine; all of them can be made again."""

import shutil
from pathlib import Path

from app.services.workshop import Workshop


def folder_of(workshop: Workshop, dataset_id: str) -> Path:
    """Where the files of a version lie."""
    return workshop.files_dir / "datasets" / dataset_id


def discard_files(workshop: Workshop, dataset_id: str) -> None:
    """Remove the files of a version from this machine."""
    shutil.rmtree(folder_of(workshop, dataset_id), ignore_errors=True)
