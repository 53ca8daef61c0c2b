"""Files of training jobs on this side of the API: each whole and checked, or not at all."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rich.table import Table
from rich.text import Text

from app.atomic_files import written
from app.cli.output import clean
from app.cli.service.answers import TrainingJob, TrainingOutput
from app.cli.service.training_client import TrainingClient
from app.errors import Conflict, InvalidInput, SeedbedError


@dataclass(frozen=True, slots=True)
class Fetched:
    """Files of a job, in their place."""

    folder: Path
    outputs: Sequence[TrainingOutput]

    @property
    def as_json(self) -> dict[str, object]:
        """For a program."""
        return {
            "folder": str(self.folder),
            "files": [each.model_dump() for each in self.outputs],
        }

    @property
    def line(self) -> str:
        """For a person."""
        size = sum(each.size_bytes for each in self.outputs)
        return f"{len(self.outputs):,} files, {size:,} bytes in {self.folder}"


def fetched_outputs(client: TrainingClient, job: TrainingJob, out: Path | None) -> Fetched:
    """Download what a job left into a folder, left out: one of the job's name.

    A file that is there already is left as it is.

    Raises:
        Conflict: the job left nothing.
        InvalidInput: a file of another content is in the way, or the folder cannot be written;
            what was there is as before.
        SeedbedError: a file did not arrive as the service has it.
        OutOfSpace: when the disk is full.
    """
    outputs = client.outputs(job.id)
    if not outputs:
        raise Conflict(f"The job is {job.status} and has left no file.")
    folder = (out or Path(job.id)).expanduser().absolute()
    _fetch(client, job.id, outputs, folder)
    return Fetched(folder, outputs)


def outputs_table(outputs: Sequence[TrainingOutput]) -> Table:
    """Files that a job left, one a line."""
    table = Table("file", "bytes", "SHA-256", box=None)
    table.columns[2].overflow = "fold"  # A hash that is cut off is none.
    for each in outputs:
        table.add_row(Text(clean(each.name)), f"{each.size_bytes:,}", each.sha256)
    return table


def _fetch(
    client: TrainingClient, job_id: str, outputs: Sequence[TrainingOutput], folder: Path
) -> None:
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
