"""Files of versions: made when first requested, kept to be served again, always the same bytes.

A file on the disk is a copy that any process can make again; the database keeps its hash.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from app.atomic_files import written
from app.dataset_row import SplitName
from app.errors import InvalidInput
from app.formats.formats import format_named
from app.formats.options import WRITTEN_PLAINLY, WriteOptions
from app.services.context import ServiceContext
from app.services.datasets.hub import write_archive
from app.services.datasets.sources import read_records
from app.statistics.schema import Statistics
from app.store.datasets import dataset_rows, versions
from app.store.tables.datasets import Dataset, DatasetFile

ARCHIVE_MEDIA_TYPE = "application/zip"
HUB_FORMAT = "hub"
"""The folder for the Hugging Face Hub as a zip file: all splits, card and manifest."""


@dataclass(frozen=True, slots=True)
class FileRequest:
    """A file of a version, as requested: format, split, options."""

    format: str
    split: SplitName | None = None
    """None: the rows of all splits."""
    options: WriteOptions = WRITTEN_PLAINLY

    def file_name(self) -> str:
        """Return the file's name, which is different for each different request."""
        parts = [self.split or "all", self.format]
        parts += [self.options.file_part] if self.options.file_part else []
        return ".".join(parts) + (".zip" if self.is_folder else format_named(self.format).suffix)

    @property
    def is_folder(self) -> bool:
        """Return True for the hub folder as one archive."""
        return self.format == HUB_FORMAT


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that is ready to be sent."""

    path: Path
    name: str
    sha256: str
    size_bytes: int
    row_count: int
    media_type: str


def make_file(context: ServiceContext, dataset: Dataset, wanted: FileRequest) -> MadeFile:
    """Make the file unless it is there. Safe to repeat, also by several processes at once.

    Raises:
        InvalidInput: when the format is unknown or cannot hold the rows, or the split is empty.
        OutOfSpace: when the disk is full; nothing is left of the file.
    """
    name = wanted.file_name()
    path = folder_of(context, dataset.id) / name
    with context.database.read() as session:
        known = session.get(DatasetFile, (dataset.id, name))
    if known is None or not path.is_file() or path.stat().st_size != known.size_bytes:
        known = _make(context, dataset, wanted, path)
    media_type = ARCHIVE_MEDIA_TYPE if wanted.is_folder else format_named(wanted.format).media_type
    return MadeFile(path, name, known.sha256, known.size_bytes, known.row_count, media_type)


def _make(
    context: ServiceContext, dataset: Dataset, wanted: FileRequest, path: Path
) -> DatasetFile:
    with context.database.read() as session:
        rows = dataset_rows.count_split(session, dataset.id, wanted.split)
    if not rows:
        raise InvalidInput(f"The data set has no row in the split {wanted.split}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as sink:
        if wanted.is_folder:
            write_archive(context, dataset.id, sink)
        else:
            records = read_records(context, dataset.id, dataset.row_count, wanted.split)
            format_named(wanted.format).write(records, sink, wanted.options)
    made = DatasetFile(
        dataset_id=dataset.id,
        name=path.name,
        sha256=sink.sha256,
        size_bytes=sink.size,
        row_count=rows,
    )
    return context.database.retrying(lambda session: versions.record_file(session, made))


def marks_left_out(context: ServiceContext, dataset_id: str, wanted: FileRequest) -> int:
    """Return the number of classification rows, if the file does not mark them; else 0."""
    # The folder for the hub has the marks in its provenance.
    if wanted.is_folder or format_named(wanted.format).keeps_marks(wanted.options):
        return 0
    with context.database.read() as session:
        statistics = session.get_one(Dataset, dataset_id).statistics
    return Statistics.model_validate(statistics).labels.all_rows.whole.rows


def folder_of(context: ServiceContext, dataset_id: str) -> Path:
    """Return the folder of a version's files on this machine."""
    return context.files_dir / "datasets" / dataset_id


def discard_files(context: ServiceContext, dataset_id: str) -> None:
    """Remove the files of a version from this machine; all of them can be made again."""
    shutil.rmtree(folder_of(context, dataset_id), ignore_errors=True)
