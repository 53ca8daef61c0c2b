"""Import of files as versions: each file is read as a stream, whole or not at all.

The process that received the file reads it and reports its faults; a worker then finishes the
version.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from sqlalchemy.orm import Session

from app.dataset_row import DatasetRow, Origin, Record, Unreadable
from app.errors import Conflict, DatabaseFull, Fault, InvalidInput, SeedbedError
from app.formats.broken_rows import Numbered
from app.formats.files import opened
from app.formats.foreign.passed_over import PassedOver
from app.formats.formats import Format, format_named
from app.formats.limits import ReadLimits
from app.formats.options import ReadOptions, VicunaOptions
from app.formats.recognise.recognise import format_of
from app.services.context import ServiceContext
from app.services.datasets.lists import get_dataset
from app.services.datasets.recipe import Import
from app.services.datasets.write import (
    DEFECT,
    DatasetWriter,
    LostHold,
    discard_rows,
    new_token,
    open_writer,
)
from app.services.idempotency import RequestHash, insert_once, request_hash
from app.states import DatasetState
from app.store.database import AWAY
from app.store.datasets import versions
from app.store.datasets.dataset_rows import Drop
from app.store.ids import new_id
from app.store.json_columns import FileSource
from app.store.sql import epoch_now
from app.store.tables.datasets import Dataset

_MAX_FAULTS = 100
"""Faults reported of one file; reading stops there."""


class Upload(NamedTuple):
    """A file that was received, and the version that it becomes."""

    name: str
    options: Import
    file: Path
    made_by: str | None = None
    """The id of the API key that sent it; None: it came without one."""


class Attempt(NamedTuple):
    """The id of the version that a file is read into, and the token of the process that does it."""

    dataset_id: str
    token: str

    @classmethod
    def new(cls) -> Self:
        """Make up an id and a token."""
        return cls(new_id("dataset"), new_token())


class _Reading(NamedTuple):
    """A version that this process is about to read a file into."""

    dataset_id: str
    token: str
    lease_s: float


def import_dataset(
    context: ServiceContext, upload: Upload, attempt: Attempt | None = None
) -> tuple[Dataset, bool]:
    """Read a file into a new version. Safe to repeat.

    The same file with the same options and name is the version that is there.

    Args:
        context: database and limits.
        upload: the file.
        attempt: the id and the token to use; None: new ones.

    Returns:
        The version, and whether it is new.

    Raises:
        InvalidInput: with every row that cannot be read; then nothing of the file is stored.
        TooLarge: it is over a limit, which the message names; nothing is stored either.
        Conflict: when another process reads the same file.
    """
    counted = PassedOver()
    options = _read_options(upload.options, context.read_limits, counted)
    fmt = _format_of(upload, options)
    dataset_id, token = attempt or Attempt.new()
    reading = _Reading(dataset_id, token, context.lease_s)
    file_sha256 = _sha256_of(upload.file)
    source_fact = _file_source(upload.options, file_sha256, fmt.name)
    dataset = insert_once(
        context.database,
        Dataset,
        dataset_id,
        lambda session: _find_or_insert(session, upload, reading, source_fact),
    )
    if dataset.id != dataset_id:
        return get_dataset(context, dataset.id), False
    writer = DatasetWriter(context, dataset_id, token)
    with _whole_or_nothing(context, writer), opened(upload.file, options.limits) as source:
        rows = fmt.rows(source, options)
        rows = _marked(rows) if upload.options.classification else rows
        _read(writer, rows, skip=_skips(upload.options))
        writer.record_facts({"sources": [{**source_fact, "passed_over": dict(counted.rows)}]})
        writer.hand_over()
    return get_dataset(context, dataset_id), True


@contextmanager
def _whole_or_nothing(context: ServiceContext, writer: DatasetWriter) -> Iterator[None]:
    """Hold the version until the block ends; of a file that can't be read, nothing is kept."""
    try:
        with open_writer(context, writer):
            yield
    except DatabaseFull as error:
        # If not even that can be written, a sweeper removes the rows when there is space.
        with suppress(*AWAY):
            writer.fail(DatasetState.DELETED, str(error))
        raise
    except (LostHold, MemoryError, *AWAY):
        # Not even the failure can be recorded here.
        raise
    except SeedbedError as error:
        writer.fail(DatasetState.DELETED, str(error))
        raise
    except Exception:
        writer.fail(DatasetState.DELETED, DEFECT)
        raise


def _skips(options: Import) -> bool:
    # Cleaning leaves rows out; nobody repairs conversations by hand first.
    return options.skip_unreadable or options.vicuna is not None


def _find_or_insert(
    session: Session, upload: Upload, reading: _Reading, source: FileSource
) -> Dataset:
    """Return the version that was made of the same file, or a new one that this process reads.

    Raises:
        Conflict: when another process reads the same file.
    """
    hashed = request_hash_of(upload, source["file_sha256"])
    earlier = versions.find_by_request(session, hashed.both)
    if earlier is not None:
        if earlier.state == DatasetState.READING:
            raise Conflict(f"The same file is being imported, as {earlier.id}.")
        return earlier
    dataset = Dataset(
        id=reading.dataset_id,
        name=upload.name,
        version=versions.next_version(session, upload.name),
        state=DatasetState.READING,
        is_import=True,
        recipe=upload.options.model_dump(mode="json"),
        request_sha256=hashed.current,
        facts={"sources": [source]},
        token=reading.token,
        leased_until=epoch_now() + reading.lease_s,
        made_by=upload.made_by,
    )
    session.add(dataset)
    session.flush()
    return dataset


def _read(writer: DatasetWriter, rows: Iterator[Numbered], *, skip: bool) -> None:
    """Write all rows of a file.

    Raises:
        InvalidInput: when rows cannot be read and are not to be skipped, or there is no row.
    """
    faults: list[Fault] = []
    for number, row in rows:
        if isinstance(row, Record):
            if not faults:
                writer.add(DatasetRow(0, row, origin={"row": number}))
        elif skip:
            writer.drop(Drop("reading", row.reason, row.detail, row.text, _origin_of(row)))
        else:
            faults.append(_fault_of(row))
            if len(faults) == _MAX_FAULTS:
                break
    if faults:
        raise InvalidInput(
            "Rows of the file cannot be read; nothing of it was stored. Correct them, or import"
            " with --skip-unreadable (skip_unreadable) to leave them out.",
            faults,
        )
    if not writer.row_count:
        raise InvalidInput("The file has no row that can be read.")
    writer.flush()


def _marked(rows: Iterator[Numbered]) -> Iterator[Numbered]:
    """Mark every row as a classification row."""
    for number, row in rows:
        marked = replace(row, is_classification=True) if isinstance(row, Record) else row
        yield number, marked


def _fault_of(row: Unreadable) -> Fault:
    what = f"{row.reason}: {row.detail}"
    return Fault(what, row=row.row) if row.line is None else Fault(what, line=row.line)


def _origin_of(row: Unreadable) -> Origin:
    return {"row": row.row} if row.line is None else {"row": row.row, "line": row.line}


def _format_of(upload: Upload, options: ReadOptions) -> Format:
    """Return the format that was given, or the one that the file has.

    Raises:
        InvalidInput: the format is unknown, or not clear.
    """
    if upload.options.format is not None:
        return format_named(upload.options.format)
    with opened(upload.file, options.limits) as source:
        return format_named(format_of(source, options))


def _file_source(options: Import, file_sha256: str, format_name: str) -> FileSource:
    return {
        "file_sha256": file_sha256,
        "format": format_name,
        "source": options.source,
        "licence": options.licence,
    }


def request_hash_of(upload: Upload, file_sha256: str) -> RequestHash:
    """Hash the request, to tell two of them apart."""
    # Before version 2 all options were hashed, with those defaults; later ones only when given.
    defaults = Import().model_dump(mode="json")
    options = {
        name: value
        for name, value in upload.options.model_dump(mode="json").items()
        if name in _OPTIONS_BEFORE_2 or value != defaults[name]
    }
    legacy = json.dumps([upload.name, options, file_sha256], sort_keys=True)
    parts = {"name": upload.name, "how": upload.options, "file_sha256": file_sha256}
    return request_hash("import", parts, legacy)


_OPTIONS_BEFORE_2 = frozenset(
    {"format", "vicuna", "columns", "skip_unreadable", "licence", "source"}
)


def _sha256_of(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def fail_attempt(context: ServiceContext, attempt: Attempt, message: str) -> None:
    """Fail an import whose process has ended without doing so, and remove its rows."""
    DatasetWriter(context, *attempt).fail(DatasetState.FAILED, message)


def fail_broken_imports(context: ServiceContext) -> None:
    """Fail the imports whose process died: no other process has their file."""
    with context.database.read() as session:
        broken = versions.broken_imports(session)
    for dataset_id in broken:
        context.database.retrying(partial(versions.fail_import, dataset_id=dataset_id))
        discard_rows(context, dataset_id)


def _read_options(options: Import, limits: ReadLimits, counted: PassedOver) -> ReadOptions:
    vicuna = None
    if options.vicuna is not None:
        vicuna = VicunaOptions(
            most_characters=options.vicuna.most_characters, html=options.vicuna.html
        )
    return ReadOptions(
        columns=options.columns,
        vicuna=vicuna,
        roles=options.roles,
        as_text=options.as_text,
        ignored=frozenset(options.ignore),
        passed_over=counted,
        limits=limits,
    )
