"""Files and streams: reading whether compressed or not, writing small texts in larger pieces."""

import gzip
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from app.errors import Fault, InvalidInput
from app.formats.archives import TAR_BYTES, file_in_tar, file_in_zip, is_tar
from app.formats.limits import DEFAULT_LIMITS, DecodedBytes, ReadLimits

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER = 256 * 1024
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_LEAST_CHARACTERS = 64 * 1024
"""A call for each row costs more than the row: in a file, and far more over HTTP."""


@contextmanager
def opened(path: Path, limits: ReadLimits = DEFAULT_LIMITS) -> Iterator[BinaryIO]:
    """Open a file for reading; gzip is detected by its first bytes and unpacked.

    Raises:
        InvalidInput: when there is no such file; while reading, when its gzip is broken.
        TooLarge: it has more bytes than the limits allow; while reading, when it unpacks to more.
    """
    try:
        file = path.open("rb", buffering=_BUFFER)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise InvalidInput(f"{path} cannot be read.", [Fault(why)]) from None
    with file:
        yield unpacked(file, limits)


def unpacked(source: BinaryIO, limits: ReadLimits = DEFAULT_LIMITS) -> BinaryIO:
    """Return a seekable source, unpacked when it is gzip or an archive with one file of data.

    Raises:
        InvalidInput: an archive has none or several; while reading, when it is damaged.
        TooLarge: it has more bytes than the limits allow; while reading, when it unpacks to more.
    """
    decoded = DecodedBytes(limits, size_of(source))
    begins = source.tell()
    first = source.read(TAR_BYTES)
    source.seek(begins)
    if first.startswith(_GZIP):
        return _from_gzip(source, limits)
    decoded.refuse(size_of(source))
    if first.startswith(_ZIP):
        found = file_in_zip(source, decoded)
        source.seek(begins)
        return source if found is None else found
    return file_in_tar(lambda: _rewound(source, begins)) if is_tar(first) else source


def _from_gzip(source: BinaryIO, limits: ReadLimits) -> BinaryIO:
    begins = source.tell()

    def again() -> BinaryIO:
        source.seek(begins)
        decoded = DecodedBytes(limits, size_of(source))
        return io.BufferedReader(_Unpacked(source, decoded), _BUFFER)

    try:
        first, plain = peeked(again(), TAR_BYTES)
    except InvalidInput:
        # Damage is reported where it is met: while reading.
        return again()
    return file_in_tar(again) if is_tar(first) else plain


def _rewound(source: BinaryIO, begins: int) -> BinaryIO:
    source.seek(begins)
    return source


def peeked(source: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """Return the first bytes of a source, and a source that begins with them again."""
    if source.seekable():
        begins = source.tell()
        first = source.read(size)
        source.seek(begins)
        return first, source
    first = source.read(size)
    return first, io.BufferedReader(_Again(first, source), _BUFFER)


class _Again(io.RawIOBase):
    """A source of which the first bytes were read already."""

    def __init__(self, first: bytes, source: BinaryIO) -> None:
        self._first = first
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        piece = self._first[: len(view)] or self._source.read(len(view))
        self._first = self._first[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


def size_of(source: BinaryIO) -> int:
    """Return how many bytes a seekable source has."""
    at = source.tell()
    size = source.seek(0, os.SEEK_END)
    source.seek(at)
    return size


class _Unpacked(io.RawIOBase):
    """A gzip file, read up to its limit, whose damage is reported as invalid input."""

    def __init__(self, source: BinaryIO, decoded: DecodedBytes) -> None:
        self._decoded = decoded
        # GzipFile asks for nothing but what a BinaryIO has; its stubs want a protocol of their own.
        self._file = cast("io.BufferedIOBase", gzip.GzipFile(fileobj=source, mode="rb"))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        try:
            count = self._file.readinto(buffer)
        except EOFError:
            raise InvalidInput("The file is broken.", [Fault("its gzip is cut off")]) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise InvalidInput("The file is broken.", [Fault(f"gzip: {error}")]) from None
        self._decoded.add(count)
        return count


def joined(texts: Iterable[str]) -> Iterator[str]:
    """Join texts into pieces of about 64,000 characters.

    An empty text means that there is no more for now: what was collected is yielded, then the empty
    text.
    """
    held: list[str] = []
    characters = 0
    for text in texts:
        held.append(text)
        characters += len(text)
        if text and characters < _LEAST_CHARACTERS:
            continue
        if characters:
            yield "".join(held)
        if not text:
            yield ""
        held, characters = [], 0
    if held:
        yield "".join(held)
