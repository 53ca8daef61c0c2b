"""Files made for downloads, under their hash: equal bytes are stored once for all callers.

All of them can be made again, so the least recently used ones are removed when the files take more
than the limit, or when the disk is nearly full. A file that is being sent or written is held, and
never removed.
"""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.atomic_files import WholeFile, keep_name, out_of_space_told
from app.errors import OutOfSpace
from app.held_files import entries, hold_new, open_held, remove_unless_held

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CHECK_EVERY_BYTES = 8_000_000
_LEAST_BYTES = 4096
"""A small file takes a block of the disk."""
_PART, _REQUEST = ".part", ".request"


class HeldFile:
    """A file that nobody removes until this is closed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Let the file be removed; safe to repeat."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        """Close it when nothing refers to it any more, such as an answer that was never sent."""
        self.close()


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file."""

    sha256: str
    size_bytes: int
    row_count: int


class NewFile(WholeFile):
    """A file that is being written, which looks after the space that is left."""

    def __init__(self, path: Path, check_space: Callable[[], None]) -> None:
        super().__init__(path)
        self._check_space = check_space
        self._until_check = _CHECK_EVERY_BYTES

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write, and check the space every few megabytes."""
        written = super().write(data)
        self._until_check -= written
        if self._until_check < 0:
            self._until_check = _CHECK_EVERY_BYTES
            self._check_space()
        return written


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    used_at: float
    size_bytes: int

    @property
    def is_part(self) -> bool:
        return self.path.name.endswith(_PART)


class DownloadCache:
    """The folder of the files.

    Args:
        folder: where they are.
        limit_bytes: the most that they take, except for the one that is being written.
        shortage: says why the disk should not be filled further; None while there is space.
    """

    def __init__(self, folder: Path, limit_bytes: int, shortage: Callable[[], str | None]) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._shortage = shortage

    def find(self, content: Content) -> HeldFile | None:
        """Return a file that is there, held, and record that it was used."""
        path = self._folder / content.sha256
        descriptor = open_held(path)
        if descriptor is None:
            return None
        held, found = HeldFile(path, descriptor), os.fstat(descriptor)
        if found.st_size != content.size_bytes:
            held.close()
            return None
        _record_use(path)
        return held

    @contextmanager
    def add(self) -> Iterator[tuple[NewFile, list[HeldFile]]]:
        """Write a file, which gets its hash as its name after the block.

        Yields:
            The file, and a list to which the stored file is added, held, after the block.

        Raises:
            OutOfSpace: the disk is full or nearly full, or files in use take up the limit.
        """
        part = self._folder / f"{secrets.token_hex(8)}{_PART}"
        stored: list[HeldFile] = []
        with out_of_space_told(self._folder / "a file for download"):
            self._folder.mkdir(parents=True, exist_ok=True)
            self.make_space(part)
            file = NewFile(part, lambda: self.make_space(part))
            try:
                hold_new(file.fileno(), part)
                yield file, stored
                file.flush()
                os.fsync(file.fileno())
                stored.append(self._store(part, file))
            finally:
                part.unlink(missing_ok=True)
                _close_quietly(file)

    def _store(self, part: Path, file: NewFile) -> HeldFile:
        path = self._folder / file.sha256
        same = self.find(Content(file.sha256, file.size, 0))
        if same is not None:
            return same
        part.rename(path)
        keep_name(path)
        # The open file is the same one, so nobody removes it before this.
        descriptor = open_held(path)
        if descriptor is None:
            raise FileNotFoundError(path)
        return HeldFile(path, descriptor)

    def make_space(self, writing: Path | None = None) -> None:
        """Remove the least recently used files until the limit holds and the disk has space.

        Also what dead processes have left of files that they were writing.

        Args:
            writing: the file that is being written; None: none.

        Raises:
            OutOfSpace: a file is being written, and what is left is in use.
        """
        others = 0
        kept: list[_Entry] = []
        for entry in sorted(self._entries(), key=lambda entry: (not entry.is_part, entry.used_at)):
            if entry.path == writing or (entry.is_part and remove_unless_held(entry.path)):
                continue
            kept.append(entry)
            others += entry.size_bytes
        shortage = self._shortage()
        for entry in kept:
            if others <= self._limit_bytes and shortage is None:
                return
            if not entry.is_part and remove_unless_held(entry.path):
                others -= entry.size_bytes
                shortage = shortage and self._shortage()
        if writing is not None and shortage is not None:
            raise OutOfSpace(shortage)
        if writing is not None and others > self._limit_bytes:
            raise OutOfSpace(
                f"The files for download that are in use take {others // 1_000_000} MB, more than "
                "SEEDBED_DOWNLOADS_MB. Try again when other downloads have ended."
            )

    def remember(self, dataset_id: str, request: str, content: Content) -> None:
        """Keep the content of a request whose number of variants has no bound."""
        path = self._request_path(dataset_id, request)
        text = json.dumps([content.sha256, content.size_bytes, content.row_count])
        with out_of_space_told(path):
            path.write_text(text, encoding="utf-8")

    def recall(self, dataset_id: str, request: str) -> Content | None:
        """Return the content of such a request, if it is still known."""
        path = self._request_path(dataset_id, request)
        try:
            sha256, size_bytes, row_count = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # It was removed, or a process died while it wrote it.
            return None
        _record_use(path)
        return Content(str(sha256), int(size_bytes), int(row_count))

    def forget(self, dataset_id: str, sha256: Iterable[str]) -> None:
        """Remove the files of a version that was deleted.

        A file that another version shares is made again when it is wanted.
        """
        known = set(sha256)
        for path in self._folder.glob(f"{dataset_id}.*{_REQUEST}"):
            try:
                known.add(str(json.loads(path.read_text(encoding="utf-8"))[0]))
            except (OSError, ValueError):
                known.discard("")
            path.unlink(missing_ok=True)
        for name in known:
            (self._folder / name).unlink(missing_ok=True)

    def _request_path(self, dataset_id: str, request: str) -> Path:
        # Hashed: an option may be longer than a file's name.
        name = hashlib.sha256(request.encode()).hexdigest()[:32]
        return self._folder / f"{dataset_id}.{name}{_REQUEST}"

    def _entries(self) -> Iterator[_Entry]:
        for entry in entries(self._folder):
            try:
                found = entry.stat()
            except FileNotFoundError:
                continue
            yield _Entry(Path(entry.path), found.st_atime, max(found.st_size, _LEAST_BYTES))


def _record_use(path: Path) -> None:
    """Set the time of the last use, which is not kept on every file system by itself."""
    try:
        changed_at = path.stat().st_mtime_ns
        os.utime(path, ns=(_now_ns(path), changed_at))
    except OSError:
        # Removed meanwhile, or a read-only disk.
        return


def _now_ns(path: Path) -> int:
    """Return a time after every earlier use: the clock may stand still between two."""
    return max(time.time_ns(), path.stat().st_atime_ns + 1)


def _close_quietly(file: NewFile) -> None:
    try:
        file.close()
    except OSError:
        # Closing flushes, which fails again on a full disk; the first failure is the one to tell.
        return
