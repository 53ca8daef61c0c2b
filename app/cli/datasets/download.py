"""Download of a data set: a whole, verified file or none."""

from pathlib import Path

from app.atomic_files import written
from app.cli.service.dataset_client import DatasetClient
from app.errors import SeedbedError


def download(
    client: DatasetClient, dataset_id: str, query: dict[str, str], out: Path
) -> tuple[str, int]:
    """Download the file of a version to `out`.

    Returns:
        The SHA-256 of the file, and its size in bytes.

    Raises:
        SeedbedError: the SHA-256 differs from that of the service; `out` is unchanged.
    """
    with written(out) as file:
        expected = client.download(dataset_id, query, file)
        file.flush()
        if expected != file.sha256:
            raise SeedbedError("The file did not arrive complete; repeat the command.")
    return file.sha256, file.size
