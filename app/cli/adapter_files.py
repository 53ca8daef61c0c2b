"""Files of training jobs on this side of the API: each whole and checked, or not at all."""

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from app.cli.training_client import TrainingClient, TrainingOutput
from app.errors import InvalidInput, SeedbedError
from app.formats.files import written


def fetch_outputs(
    client: TrainingClient, job_id: str, outputs: Sequence[TrainingOutput], folder: Path
) -> None:
    """Download what a job left; a file that is there already is left as it is.

    Raises:
        InvalidInput: a file of another content is in the way, or the folder cannot be written;
            what was there is as before.
        SeedbedError: a file did not arrive as the service has it.
        OutOfSpace: when the disk is full.
    """
    for each in outputs:
        target = folder / _inside(each.name)
        try:
            if _is_there(target, each.sha256):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with written(target) as file:
                client.download(job_id, each.name, file)
                file.flush()
                if file.sha256 != each.sha256:
                    raise SeedbedError(
                        f"{each.name} did not arrive whole. Give the same command again."
                    )
        except OSError as error:
            raise InvalidInput(f"{target} cannot be written: {error.strerror}.") from error


def _inside(name: str) -> PurePosixPath:
    """The name as a place below a folder.

    Raises:
        SeedbedError: it would lead out of it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise SeedbedError(f"The service names a file {name!r}, which no folder can hold.")
    return path


def _is_there(target: Path, sha256: str) -> bool:
    """Whether the file is there already.

    Raises:
        InvalidInput: another one is.
    """
    if not target.exists():
        return False
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise InvalidInput(f"{target} is another file; name another folder with --out.")
    return True
