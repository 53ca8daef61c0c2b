"""Download of a data set: a whole, verified file or none."""

from dataclasses import dataclass
from pathlib import Path

from app.atomic_files import written
from app.cli.service.dataset_client import DatasetClient
from app.errors import SeedbedError
from app.formats.formats import format_named
from app.formats.options import MARK_COLUMN


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """A file that was downloaded and verified."""

    sha256: str
    size_bytes: int
    marks_left_out: int
    """Classification rows of the version, if the file does not say which ones they are; else 0."""


def download(
    client: DatasetClient, dataset_id: str, query: dict[str, str], out: Path
) -> DownloadedFile:
    """Download the file of a version to `out`.

    Raises:
        SeedbedError: the SHA-256 differs from that of the service; `out` is unchanged.
    """
    with written(out) as file:
        headers = client.download(dataset_id, query, file)
        file.flush()
        if headers.get("etag", "").strip('"') != file.sha256:
            raise SeedbedError("The file did not arrive complete; repeat the command.")
    return DownloadedFile(file.sha256, file.size, int(headers.get("x-marks-left-out", 0)))


def marks_hint(format_name: str, rows: int) -> str:
    """Return a note that a file doesn't mark its classification rows, and which format does."""
    able = format_named(format_name).carries_if_asked >= MARK_COLUMN
    way = "--classification-column" if able else "--format jsonl"
    return f"The file does not mark the {rows:,} classification rows; {way} keeps the marks."
