"""The places of jobs and base models in the data folder."""

from pathlib import Path


def folder_in(data_dir: Path, job_id: str) -> Path:
    """Return the folder with the checkpoints and outputs of a job."""
    return data_dir / "training" / job_id


def models_folder_in(data_dir: Path) -> Path:
    """Return the folder with base models that all jobs of this machine share."""
    return data_dir / "models"
