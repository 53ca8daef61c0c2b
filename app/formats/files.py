"""Files: opened whether compressed or not, and put in their place only when they are whole."""

import errno
import gzip
import hashlib
import io
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from app.errors import Fault, InvalidInput, OutOfSpace

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BUFFER = 256 * 1024
_GZIP = b"\x1f\x8b"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Hashed(io.RawIOBase):
    """Counts and hashes what goes into a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        self.size = 0
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def write(self, data: "ReadableBuffer") -> int:
        written = self._file.write(data)
        # The system may take less than all; the buffer above sends the rest again.
        self.digest.update(memoryview(data)[:written])
        self.size += written
        return written

    def close(self) -> None:
        super().close()
        self._file.close()


class WholeFile(io.BufferedWriter):
    """A file under way; its size and its hash are right once the block around it has ended."""

    def __init__(self, path: Path) -> None:
        self._hashed = _Hashed(path)
        super().__init__(self._hashed, _BUFFER)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._hashed.size

    @property
    def sha256(self) -> str:
        """The hash of the file, in hexadecimal."""
        return self._hashed.digest.hexdigest()


@contextmanager
def written(path: Path) -> Iterator[WholeFile]:
    """Write a file that appears under its name when the block ends well, and never before.

    Whatever goes wrong inside, nothing is left: a file that had this name stays as it was.

    Raises:
        OutOfSpace: when the disk is full.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with out_of_space_told(path):
        try:
            with _closed_at_once(WholeFile(beside)) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            keep_name(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


@contextmanager
def _closed_at_once(file: WholeFile) -> Iterator[WholeFile]:
    try:
        yield file
    except BaseException:
        # Closing flushes, which fails again on a full disk; the first failure is the one to tell.
        with suppress(OSError):
            file.close()
        raise
    file.close()


@contextmanager
def out_of_space_told(path: Path) -> Iterator[None]:
    """Make an anticipated failure of a full disk.

    Raises:
        OutOfSpace: for the system's errors that say so.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        why = os.strerror(error.errno)
        raise OutOfSpace(f"No space is left to write {path.name}: {why}.") from error


def keep_name(path: Path) -> None:
    """Make a name in a folder outlive a power cut."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read; gzip is known by its first bytes and unpacked on the way.

    Raises:
        InvalidInput: when there is no such file; while reading, when its gzip is broken.
    """
    try:
        file = path.open("rb", buffering=_BUFFER)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise InvalidInput(f"{path} cannot be read.", [Fault(why)]) from None
    with file:
        yield unpacked(file)


def unpacked(source: BinaryIO) -> BinaryIO:
    """Read a seekable source through gzip where its first bytes say that it is there.

    Raises:
        InvalidInput: while reading, when the gzip is cut off or damaged.
    """
    begins = source.tell()
    first = source.read(len(_GZIP))
    source.seek(begins)
    if first != _GZIP:
        return source
    return io.BufferedReader(_Unpacked(source), _BUFFER)


class _Unpacked(io.RawIOBase):
    """A gzip file whose damages are anticipated failures."""

    def __init__(self, source: BinaryIO) -> None:
        # GzipFile asks for nothing but what a BinaryIO has; its stubs want a protocol of their own.
        self._file = cast("io.BufferedIOBase", gzip.GzipFile(fileobj=source, mode="rb"))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        try:
            return self._file.readinto(buffer)
        except EOFError:
            raise InvalidInput("The file is broken.", [Fault("its gzip is cut off")]) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise InvalidInput("The file is broken.", [Fault(f"gzip: {error}")]) from None
