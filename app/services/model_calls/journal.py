"""A file of JSON lines that is only appended to, and survives crashes and power cuts.

Two processes that write at once, one of them by mistake, do no harm.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from app.atomic_files import out_of_space_told

Line = TypeVar("Line", bound=BaseModel)


class LineFile(Generic[Line]):
    """The file; a missing file counts as empty."""

    def __init__(self, path: Path, kind: type[Line]) -> None:
        self._path = path
        self._kind = kind

    def read(self) -> Iterator[Line]:
        """Yield the lines, in order; a line that a crash cut off is skipped."""
        lines = self._path.read_bytes().split(b"\n") if self._path.exists() else []
        for line in lines:
            try:
                yield self._kind.model_validate_json(line)
            except ValidationError:
                continue

    def append(self, lines: Iterable[Line]) -> None:
        """Append lines; they are on the disk when this returns.

        Raises:
            OutOfSpace: when the disk is full.
        """
        text = "".join(f"{each.model_dump_json()}\n" for each in lines)
        if not text:
            return
        with out_of_space_told(self._path), self._path.open("ab+") as file:
            # A line that was cut off must not swallow the next one.
            beginning = b"" if _ends_well(self._path) else b"\n"
            file.write(beginning + text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
