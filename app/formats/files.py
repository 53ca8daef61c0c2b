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

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER = 256 * 1024
_GZIP = b"\x1f\x8b"
_LEAST_CHARACTERS = 64 * 1024
"""A call for each row costs more than the row: in a file, and far more over HTTP."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; gzip is detected by its first bytes and unpacked.

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
    """Return a seekable source, unpacked when its first bytes are those of gzip.

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
    """A gzip file whose damage is reported as invalid input."""

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
