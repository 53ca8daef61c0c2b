"""Files of versions: made when first requested, kept to be served again, always the same bytes.

A file on the disk is a copy that any process can make again. The database keeps its hash, except
for requests with free values.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from app.dataset_row import SplitName
from app.errors import InvalidInput
from app.formats.formats import format_named
from app.formats.options import WRITTEN_PLAINLY, WriteOptions
from app.services.context import ServiceContext
from app.services.datasets.download_cache import Content, DownloadCache, HeldFile
from app.services.datasets.hub import write_archive
from app.services.datasets.sources import read_records
from app.services.free_space import files_shortage
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
    """A file that is ready to be sent, and is not removed before `held` is closed."""

    path: Path
    name: str
    sha256: str
    size_bytes: int
    row_count: int
    media_type: str
    held: HeldFile = field(repr=False, compare=False)


def make_file(context: ServiceContext, dataset: Dataset, wanted: FileRequest) -> MadeFile:
    """Make the file unless it is there. Safe to repeat, also by several processes at once.

    Raises:
        InvalidInput: when the format is unknown or cannot hold the rows, or the split is empty.
        OutOfSpace: when the disk is full or nearly full; nothing is left of the file.
    """
    name = wanted.file_name()
    with _MAKING.alone(f"{dataset.id}/{name}"):
        content = _known(context, dataset.id, wanted)
        held = None if content is None else download_cache(context).find(content)
        if content is None or held is None:
            content, held = _make(context, dataset, wanted)
    media_type = "application/zip" if wanted.is_folder else format_named(wanted.format).media_type
    return MadeFile(
        held.path,
        name,
        content.sha256,
        content.size_bytes,
        content.row_count,
        media_type,
        held,
    )


def _known(context: ServiceContext, dataset_id: str, wanted: FileRequest) -> Content | None:
    """Return the content of a file that was made before."""
    name = wanted.file_name()
    if wanted.options.has_free_values:
        return download_cache(context).recall(dataset_id, name)
    with context.database.read() as session:
        known = session.get(DatasetFile, (dataset_id, name))
    return None if known is None else Content(known.sha256, known.size_bytes, known.row_count)


def _make(
    context: ServiceContext, dataset: Dataset, wanted: FileRequest
) -> tuple[Content, HeldFile]:
    with context.database.read() as session:
        rows = dataset_rows.count_split(session, dataset.id, wanted.split)
    if not rows:
        raise InvalidInput(f"The data set has no row in the split {wanted.split}.")
    cache = download_cache(context)
    with cache.add() as (sink, stored):
        if wanted.is_folder:
            write_archive(context, dataset.id, sink)
        else:
            records = read_records(context, dataset.id, dataset.row_count, wanted.split)
            format_named(wanted.format).write(records, sink, wanted.options)
    content = Content(sink.sha256, sink.size, rows)
    if wanted.options.has_free_values:
        # Nobody lists these: with any number of them, their records would fill the database.
        cache.remember(dataset.id, wanted.file_name(), content)
    else:
        made = DatasetFile(dataset_id=dataset.id, name=wanted.file_name(), **asdict(content))
        context.database.retrying(lambda session: versions.record_file(session, made))
    return content, stored[0]


def marks_left_out(context: ServiceContext, dataset_id: str, wanted: FileRequest) -> int:
    """Return the number of classification rows, if the file does not mark them; else 0."""
    # The folder for the hub has the marks in its provenance.
    if wanted.is_folder or format_named(wanted.format).keeps_marks(wanted.options):
        return 0
    with context.database.read() as session:
        statistics = session.get_one(Dataset, dataset_id).statistics
    return Statistics.model_validate(statistics).labels.all_rows.whole.rows


def download_cache(context: ServiceContext) -> DownloadCache:
    """Return the files for download on this machine."""
    folder = context.files_dir / "downloads"
    return DownloadCache(folder, context.downloads_bytes, partial(files_shortage, context))


def discard_files(context: ServiceContext, dataset_id: str, sha256: Iterable[str]) -> None:
    """Remove the files of a version from this machine; all of them can be made again."""
    download_cache(context).forget(dataset_id, sha256)


class _KeyedLocks:
    """One lock for each key in use: a file that many ask for at once is made once."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Hold the lock of a key during the block."""
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                users = self._locks[key][1] - 1
                self._locks[key] = lock, users
                if not users:
                    del self._locks[key]


_MAKING = _KeyedLocks()
