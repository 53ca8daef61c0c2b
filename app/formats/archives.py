"""ZIP and tar archives: the one file of data in them is read as a stream; several are listed.

Folders, files of the system, and texts about the data (README, LICENSE) don't count. An archive is
never unpacked onto the disk, so the names in it can't do any harm.
"""

import errno
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO

from app.errors import Fault, InvalidInput
from app.formats.limits import DecodedBytes

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TAR_BYTES = 512
"""Bytes of a file that show whether it is a tar archive."""
_TAR_MARK = slice(257, 262)
_BUFFER = 256 * 1024
_MOST_FILES = 1_000
_MOST_DIRECTORY_BYTES = 1024 * 1024
_MOST_NAMED = 20
_LONGEST_NAME = 80
_ZIP_TAIL = 65_557
"""The record at the end of a ZIP archive, and the longest comment behind it."""
_ZIP_END, _ZIP64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_ENCRYPTED = 1
_ABOUT = re.compile(
    r"(?:\.|(?:readme|licen[cs]e|copying|notice|citation|changelog)(?:\W|$)|.*\.(?:md|rst)$)",
    re.IGNORECASE,
)
_OF_DOCUMENTS = re.compile(r"\[Content_Types\]\.xml$|mimetype$|(?:xl|word|ppt)/")
_ADVICE = "unpack it and import one file, or each one under a name of its own"


def is_tar(head: bytes) -> bool:
    """Return True when a file that begins with these 512 bytes is a tar archive."""
    return head[_TAR_MARK] == b"ustar"


def file_in_zip(source: BinaryIO, decoded: DecodedBytes) -> BinaryIO | None:
    """Return the one file of data in a ZIP archive as a stream; None for a workbook or document.

    Args:
        source: the archive; it must be seekable.
        decoded: counts what is unpacked.

    Raises:
        InvalidInput: it holds none or several, or is damaged or encrypted; also while reading.
        TooLarge: while reading, when it unpacks to more than the limits allow.
    """
    with _damage_named():
        _refuse_large_directory(source)
        archive = zipfile.ZipFile(source)
        infos = archive.infolist()
        if any(_OF_DOCUMENTS.match(info.filename) for info in infos):
            return None
        names = [info.filename for info in infos if not info.is_dir()]
        chosen = _only_file(names)
        info = next(info for info in infos if info.filename == chosen)
        if info.flag_bits & _ENCRYPTED:
            raise _refused("it is encrypted; unpack it first")
        return _stream(archive.open(info), decoded)


def file_in_tar(again: Callable[[], BinaryIO]) -> BinaryIO:
    """Return the one file of data in a tar archive as a stream.

    Args:
        again: returns the archive from its beginning; called twice, to list it and to read it.

    Raises:
        InvalidInput: it holds none or several, or is damaged; also while reading.
        TooLarge: it unpacks to more than the limits allow.
    """
    with _damage_named():
        names = [member.name for member in _members(again()) if not member.isdir()]
        chosen = _only_file(names)
        archive = tarfile.open(fileobj=again(), mode="r|")  # noqa: SIM115 - it is read later
        member = next(member for member in archive if member.name == chosen)
        file = archive.extractfile(member) if member.isreg() else None
        if file is None:
            raise _refused(f"{_shown(chosen)} is a link, not a file")
        return _stream(file, None)


def _members(source: BinaryIO) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for number, member in enumerate(archive, start=1):
            if number > _MOST_FILES:
                raise _refused(f"it holds more than {_MOST_FILES:,} files; {_ADVICE}")
            yield member


def _only_file(names: Sequence[str]) -> str:
    """Return the name of the one file of data.

    Raises:
        InvalidInput: there are none or several.
    """
    files = [name for name in names if not _is_about(name)]
    if len(files) == 1:
        return files[0]
    if not files:
        raise _refused("it holds no file of data")
    shown = ", ".join(map(_shown, files[:_MOST_NAMED]))
    more = f" and {len(files) - _MOST_NAMED:,} more" if len(files) > _MOST_NAMED else ""
    raise _refused(f"it holds {len(files):,} files: {shown}{more}; {_ADVICE}")


def _is_about(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return "__MACOSX" in path.parts or _ABOUT.match(path.name) is not None


def _shown(name: str) -> str:
    return repr(name[-_LONGEST_NAME:])


def _refuse_large_directory(source: BinaryIO) -> None:
    """Check the list of files in a ZIP archive before it is read into memory.

    Raises:
        InvalidInput: it is too long, or not there.
    """
    size = source.seek(0, io.SEEK_END)
    source.seek(max(0, size - _ZIP_TAIL))
    tail = source.read(_ZIP_TAIL)
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) - at < 20:
        raise _refused("its end is missing: the archive is cut off")
    files, _, bytes_ = struct.unpack_from("<HHL", tail, at + 8)
    is_large = files > _MOST_FILES or bytes_ > _MOST_DIRECTORY_BYTES
    if is_large or _ZIP64_LOCATOR in tail[:at]:
        raise _refused(f"it holds more than {_MOST_FILES:,} files, or very large ones; {_ADVICE}")
    source.seek(0)


def _stream(file: IO[bytes], decoded: DecodedBytes | None) -> BinaryIO:
    return io.BufferedReader(_File(file, decoded), _BUFFER)


class _File(io.RawIOBase):
    """A file in an archive, whose damage is reported as invalid input."""

    def __init__(self, file: IO[bytes], decoded: DecodedBytes | None) -> None:
        self._file = file
        self._decoded = decoded

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        with _damage_named():
            piece = self._file.read(len(view))
        view[: len(piece)] = piece
        if self._decoded is not None:
            self._decoded.add(len(piece))
        return len(piece)


@contextmanager
def _damage_named() -> Iterator[None]:
    """Report what the libraries raise for a damaged or odd archive as invalid input."""
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError) as bad:
        raise _refused(f"it is damaged or of an unknown kind: {bad}") from bad
    except (RuntimeError, ValueError, OverflowError, struct.error, lzma.LZMAError) as bad:
        raise _refused(f"it is damaged: {str(bad)[:200]}") from bad
    except OSError as bad:
        # An offset before the beginning of the file; bzip2 raises one without a number.
        if bad.errno not in {None, errno.EINVAL}:
            raise
        raise _refused(f"it is damaged: {bad}") from bad


def _refused(why: str) -> InvalidInput:
    return InvalidInput("The archive cannot be read.", [Fault(why)])
