"""Download of the output files of a job: each one whole and verified, or not at all."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rich.table import Table
from rich.text import Text

from app.atomic_files import written
from app.cli.output import clean
from app.cli.service.training_client import TrainingClient
from app.errors import Conflict, InvalidInput, SeedbedError
from app.schemas.training import OutputView, TrainingJobView


@dataclass(frozen=True, slots=True)
class Downloaded:
    """Output files of a job in a folder of this machine."""

    folder: Path
    outputs: Sequence[OutputView]

    @property
    def as_json(self) -> dict[str, object]:
        """The result for a program."""
        return {
            "folder": str(self.folder),
            "files": [each.model_dump() for each in self.outputs],
        }

    @property
    def line(self) -> str:
        """The result for a person."""
        size = sum(each.size_bytes for each in self.outputs)
        return f"{len(self.outputs):,} files, {size:,} bytes in {self.folder}"


def download_outputs(client: TrainingClient, job: TrainingJobView, out: Path | None) -> Downloaded:
    """Download the output files of a job; a file that is already there is not downloaded again.

    Args:
        client: the service.
        job: the job.
        out: folder to write; None: one named after the job.

    Raises:
        Conflict: the job has no output files.
        InvalidInput: a file with another content exists, or the folder cannot be written; nothing
            is overwritten.
        SeedbedError: the SHA-256 of a file differs from that of the service.
        OutOfSpace: the disk is full.
    """
    outputs = client.outputs(job.id)
    if not outputs:
        raise Conflict(f"The job is {job.status} and has no output files.")
    folder = (out or Path(job.id)).expanduser().absolute()
    _download(client, job.id, outputs, folder)
    return Downloaded(folder, outputs)


def outputs_table(outputs: Sequence[OutputView]) -> Table:
    """Return a table of output files, one a line."""
    table = Table("file", "bytes", "SHA-256", box=None)
    table.columns[2].overflow = "fold"  # A cut hash is useless.
    for each in outputs:
        table.add_row(Text(clean(each.name)), f"{each.size_bytes:,}", each.sha256)
    return table


def _download(
    client: TrainingClient, job_id: str, outputs: Sequence[OutputView], folder: Path
) -> None:
    for each in outputs:
        target = folder / _relative(each.name)
        try:
            if _exists(target, each.sha256):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with written(target) as file:
                client.download(job_id, each.name, file)
                file.flush()
                if file.sha256 != each.sha256:
                    raise SeedbedError(f"{each.name} did not arrive complete; repeat the command.")
        except OSError as error:
            raise InvalidInput(f"{target} cannot be written: {error.strerror}.") from error


def _relative(name: str) -> PurePosixPath:
    """Return the name as a path below a folder.

    Raises:
        SeedbedError: it would lead out of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise SeedbedError(f"The service sent the file name {name!r}, which leaves the folder.")
    return path


def _exists(target: Path, sha256: str) -> bool:
    """Return True when the file exists with this hash.

    Raises:
        InvalidInput: it exists with another.
    """
    if not target.exists():
        return False
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise InvalidInput(
                f"{target} exists with another content; give another folder with --out."
            )
    return True
