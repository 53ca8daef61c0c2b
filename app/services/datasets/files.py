"""Files of versions: made when they are first asked for, kept to be served again, always the same.

What lies on the disk is a copy that any process can make again; the database keeps its hash.
"""

from dataclasses import dataclass
from pathlib import Path

from app.atomic_files import written
from app.errors import InvalidInput
from app.formats.formats import format_named
from app.formats.options import WRITTEN_PLAINLY, WriteOptions
from app.record import SplitName
from app.services.context import ServiceContext
from app.services.datasets.folders import folder_of
from app.services.datasets.hub import write_archive
from app.services.datasets.sources import read_records
from app.store.datasets import dataset_rows, versions
from app.store.tables.datasets import Dataset, DatasetFile

HUB_FORMAT = "hub"
"""A folder for the Hugging Face hub, with all splits, card and manifest, as a zip file."""


@dataclass(frozen=True, slots=True)
class FileWish:
    """Which file of a version is wanted."""

    format: str
    split: SplitName | None = None
    """None: the rows of all splits."""
    options: WriteOptions = WRITTEN_PLAINLY

    def file_name(self) -> str:
        """The name that stands for all of this, and for nothing else."""
        parts = [self.split or "all", self.format]
        parts += [self.options.file_part] if self.options.file_part else []
        return ".".join(parts) + (".zip" if self.is_folder else format_named(self.format).suffix)

    @property
    def is_folder(self) -> bool:
        """Whether it is the folder for a hub, as one archive."""
        return self.format == HUB_FORMAT


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that lies ready."""

    path: Path
    name: str
    sha256: str
    size_bytes: int
    row_count: int
    media_type: str


def made_file(context: ServiceContext, dataset: Dataset, wish: FileWish) -> MadeFile:
    """Make the file, or find it. Safe to repeat, also by several processes at once.

    Raises:
        InvalidInput: for an unknown format, or one that has no place for what the rows hold.
        OutOfSpace: the disk is full; nothing is left of the file.
    """
    name = wish.file_name()
    path = folder_of(context, dataset.id) / name
    with context.database.read() as session:
        known = session.get(DatasetFile, (dataset.id, name))
    if known is None or not path.is_file() or path.stat().st_size != known.size_bytes:
        known = _make(context, dataset, wish, path)
    media_type = "application/zip" if wish.is_folder else format_named(wish.format).media_type
    return MadeFile(path, name, known.sha256, known.size_bytes, known.row_count, media_type)


def _make(context: ServiceContext, dataset: Dataset, wish: FileWish, path: Path) -> DatasetFile:
    with context.database.read() as session:
        rows = dataset_rows.count_split(session, dataset.id, wish.split)
    if not rows:
        raise InvalidInput(f"The data set has no row in the split {wish.split}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as sink:
        if wish.is_folder:
            write_archive(context, dataset.id, sink)
        else:
            records = read_records(context, dataset.id, dataset.row_count, wish.split)
            format_named(wish.format).write(records, sink, wish.options)
    made = DatasetFile(
        dataset_id=dataset.id,
        name=path.name,
        sha256=sink.sha256,
        size_bytes=sink.size,
        row_count=rows,
    )
    return context.database.retrying(lambda session: versions.record_file(session, made))
