"""A data set as a folder for the Hugging Face hub, for ``datasets``, LLaMA-Factory and Axolotl.

::

    README.md                            the card
    data/train-00000-of-00001.parquet    one file a split, as datasets.load_dataset finds them
    provenance.jsonl                     where each row came from, if that is given
    dataset_info.json                    entries for LLaMA-Factory
    axolotl.yaml                         a stanza for Axolotl's configuration
    plots/*.svg                          what the card shows, if that is given
    manifest.json                        rows, bytes and SHA-256 of all the others
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from app.atomic_files import whole_folder, written
from app.dataset_row import DatasetRow, Record, SplitName
from app.errors import Fault, InvalidInput
from app.formats.formats import format_named
from app.formats.hub.trainers import FORMAT_NAMES, axolotl, llama_factory
from app.formats.options import WRITTEN_PLAINLY, ParquetOptions, WriteOptions
from app.formats.provenance import write_provenance

# Combining marks, such as the vowel signs of Devanagari, are no word characters for `re`.
_NAME = re.compile(r"[^\W_](?:[\w.-]|[^\x00-\x7f\s]){0,99}")


@dataclass(frozen=True, slots=True)
class FolderContent:
    """The content of a folder."""

    name: str
    """Name of the data set for trainers: letters and digits of any script, and ``._-``."""
    card: str
    """README.md, as it is."""
    splits: Mapping[SplitName, Iterable[Record]]
    """The records of each split; each is read once, one split after the other."""
    format_name: str = "parquet"
    options: WriteOptions = WRITTEN_PLAINLY
    provenance: Iterable[DatasetRow] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    """More files by their paths, such as the plots of the card."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """More facts for the manifest: runs, models, licences."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of the folder as the manifest names it."""

    path: str
    bytes: int
    sha256: str
    rows: int | None = None
    """None: it holds no rows."""


def write_hub_folder(target: Path, content: FolderContent) -> Mapping[str, Any]:
    """Write the folder, which gets its name when it is complete, and return the manifest.

    The same content makes the same bytes.

    Raises:
        Conflict: when there is something of this name; it is left as it was.
        InvalidInput: when there is no row, or the format cannot hold them or is not for folders.
        OutOfSpace: when the disk is full; nothing is left.
    """
    _check(content)
    with whole_folder(target) as folder:
        data = dict(_data_files(folder, content))
        if not data:
            raise InvalidInput("The data set has no rows.", [Fault("no split has any")])
        files = [*data.values(), *_provenance(folder, content)]
        paths = {split: file.path for split, file in data.items()}
        for path, text in _texts(content, paths).items():
            files.append(_write(folder, path, partial(_put, text)))
        manifest = {
            **content.facts,
            "name": content.name,
            "format": content.format_name,
            "rows": {split: file.rows for split, file in data.items()},
            "files": [asdict(file) for file in files],
        }
        _write(folder, "manifest.json", partial(_put, _json(manifest)))
    return manifest


def _check(content: FolderContent) -> None:
    faults = []
    if not _NAME.fullmatch(content.name):
        faults.append(
            Fault(
                "letters and digits of any script, and ._- behind the first, at most 100",
                field="name",
            )
        )
    if content.format_name not in FORMAT_NAMES:
        known = ", ".join(FORMAT_NAMES)
        faults.append(Fault(f"a folder can be written as {known}", field="format"))
    if faults:
        raise InvalidInput("This folder cannot be written.", faults)


class _Counted:
    """Counts what passes."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            self.count += 1
            yield row


def _data_files(folder: Path, content: FolderContent) -> Iterator[tuple[SplitName, WrittenFile]]:
    format_ = format_named(content.format_name)
    for split, records in content.splits.items():
        rows = iter(records)
        first = next(rows, None)
        if first is None:
            # Readers cannot tell the columns of a file without rows.
            continue
        counted = _Counted(chain([first], rows))
        path = f"data/{split}-00000-of-00001{format_.suffix}"
        file = _write(folder, path, partial(format_.write, counted, options=content.options))
        yield split, replace(file, rows=counted.count)


def _provenance(folder: Path, content: FolderContent) -> Iterator[WrittenFile]:
    if content.provenance is not None:
        counted = _Counted(content.provenance)
        file = _write(folder, "provenance.jsonl", partial(write_provenance, counted))
        yield replace(file, rows=counted.count)


def _texts(content: FolderContent, data: Mapping[SplitName, str]) -> dict[str, str]:
    name, format_name = content.name, content.format_name
    chat_columns = format_name == "jsonl" or (
        format_name == "parquet" and ParquetOptions.of(content.options).chat_columns
    )
    entries = llama_factory(name, format_name, data, chat_columns=chat_columns)
    return {
        "README.md": content.card,
        "dataset_info.json": _json(entries),
        "axolotl.yaml": axolotl(format_name, data, chat_columns=chat_columns),
        **content.texts,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _put(text: str, sink: BinaryIO) -> None:
    sink.write(text.encode())


def _write(folder: Path, path: str, fill: Callable[[BinaryIO], None]) -> WrittenFile:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    with written(folder / path) as sink:
        fill(sink)
    return WrittenFile(path, sink.size, sink.sha256)
