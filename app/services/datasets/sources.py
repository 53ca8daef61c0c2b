"""Sources of a version: resolved when it is requested, read when it is made."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar, assert_never

from sqlalchemy.orm import Session

from app.dataset_row import DatasetRow, Origin, Record
from app.errors import Fault, InvalidInput
from app.services.context import ServiceContext
from app.services.datasets.recipe import Source, VersionRecipe
from app.services.runs.rows import final_until
from app.states import FINAL, DatasetState
from app.store.datasets import dataset_rows
from app.store.ids import may_be_id
from app.store.json_columns import DatasetSource, ReadableSource, RunSource, SourceFact
from app.store.runs.source import Growing, Reviewing, source_of
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run, SeedSet

_CHUNK = 2_000
_CHUNK_CHARACTERS = 4 * 1024 * 1024
"""Of a chunk: a row may have 16 MiB."""
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of a source, before any rule is applied to it."""

    record: Record
    origin: Origin


def resolve_sources(session: Session, recipe: VersionRecipe) -> list[ReadableSource]:
    """Record what the sources hold now, as facts; rows that they gain later are not used.

    Raises:
        InvalidInput: names every source, and every data set to compare with, that cannot be read.
    """
    faults: list[Fault] = []
    found = [
        _fact_of(session, source, f"recipe.sources[{n}]", faults)
        for n, source in enumerate(recipe.sources)
    ]
    for field in ("nothing_near", "test_sets"):
        for n, dataset_id in enumerate(getattr(recipe, field)):
            _ready(session, dataset_id, f"recipe.{field}[{n}]", faults)
    if faults:
        raise InvalidInput("The data set cannot be made from these sources.", faults)
    return [fact for fact in found if fact is not None]


def _fact_of(
    session: Session, source: Source, field: str, faults: list[Fault]
) -> ReadableSource | None:
    if source.run_id is not None:
        return _run_fact(session, source.run_id, f"{field}.run_id", faults)
    return _ready(session, str(source.dataset_id), f"{field}.dataset_id", faults)


def _run_fact(session: Session, run_id: str, field: str, faults: list[Fault]) -> RunSource | None:
    run = session.get(Run, run_id) if may_be_id(run_id) else None
    if run is None:
        faults.append(Fault(f"there is no run with the id {run_id!r}", field=field))
        return None
    until = final_until(session, run)
    if not until:
        faults.append(Fault("the run has no complete row yet", field=field))
        return None
    fact: RunSource = {
        "run_id": run_id,
        "instructions": until,
        "ended": run.status in FINAL,
        "profile": run.profile,
        "model": run.model,
    }
    models = dataset_rows.requested_models(session, run_id)
    if len(models) > 1:
        fact["models"] = models
    match source_of(run):
        case Reviewing(reviewed_id):
            reviewed = _ready(session, reviewed_id, field, faults)
            return None if reviewed is None else {**fact, "sources": [reviewed]}
        case Growing(seed_set_id):
            seeds = session.get_one(SeedSet, seed_set_id)
            return {
                **fact,
                "seed_set": {
                    "id": seeds.id,
                    "name": seeds.name,
                    "tasks": seeds.task_count,
                    "content_sha256": seeds.content_sha256,
                    "licence": seeds.licence,
                },
            }
        case never:
            assert_never(never)


def _ready(
    session: Session, dataset_id: str, field: str, faults: list[Fault]
) -> DatasetSource | None:
    dataset = session.get(Dataset, dataset_id) if may_be_id(dataset_id) else None
    if dataset is None or dataset.state == DatasetState.DELETED:
        faults.append(Fault(f"there is no data set with the id {dataset_id!r}", field=field))
        return None
    if dataset.state != DatasetState.READY:
        faults.append(Fault(f"the data set is {dataset.state}, not ready", field=field))
        return None
    return {
        "dataset_id": dataset_id,
        "name": dataset.name,
        "version": dataset.version,
        "rows": dataset.row_count,
        "content_sha256": dataset.content_sha256,
        "licence": dataset.recipe.get("licence"),
        "source": dataset.recipe.get("source"),
        "sources": dataset.facts["sources"],
    }


def all_sources(sources: Iterable[SourceFact]) -> Iterator[SourceFact]:
    """Yield the sources and everything that those were made of, back to the first, each once."""
    seen: set[str] = set()
    waiting = list(sources)
    while waiting:
        fact = waiting.pop(0)
        key = _key_of(fact)
        if key not in seen:
            seen.add(key)
            yield fact
            waiting += [] if "file_sha256" in fact else fact.get("sources", [])


def _key_of(fact: SourceFact) -> str:
    if "run_id" in fact:
        return fact["run_id"]
    return fact["dataset_id"] if "dataset_id" in fact else fact["file_sha256"]


def read_source(context: ServiceContext, fact: ReadableSource) -> Iterator[SourceRow]:
    """Read the recorded rows of a source, in order, with one transaction for each chunk."""
    if "run_id" in fact:
        yield from _run_rows(context, fact["run_id"], fact["instructions"])
        return
    for row in read_dataset(context, fact["dataset_id"], fact["rows"]):
        origin: Origin = {"dataset_id": fact["dataset_id"], "position": row.position}
        # The run that first gave it stays known.
        if "run_id" in row.origin:
            origin["run_id"] = row.origin["run_id"]
        if "instance_mode" in row.origin:
            origin["instance_mode"] = row.origin["instance_mode"]
        yield SourceRow(row.record, origin)


def _run_rows(context: ServiceContext, run_id: str, until: int) -> Iterator[SourceRow]:
    for start in range(0, until, _CHUNK):
        stop = min(start + _CHUNK, until)
        with context.database.read() as session:
            chunk = list(dataset_rows.run_rows_between(session, run_id, start, stop))
        yield from (SourceRow(*row) for row in chunk)


def read_dataset(context: ServiceContext, dataset_id: str, rows: int) -> Iterator[DatasetRow]:
    """Read the rows of a version, in order, with one transaction for each chunk."""
    start = 0
    while start < rows:
        stop = min(start + _CHUNK, rows)
        with (
            context.database.read() as session,
            closing(dataset_rows.rows_between(session, dataset_id, start, stop)) as found,
        ):
            chunk, start = up_to_size(((row.position, row.record, row) for row in found), stop)
        yield from chunk


def read_records(
    context: ServiceContext, dataset_id: str, rows: int, split: str | None = None
) -> Iterator[Record]:
    """Read the records of a version, of one split or of all."""
    start = 0
    while start < rows:
        stop = min(start + _CHUNK, rows)
        with (
            context.database.read() as session,
            closing(dataset_rows.records_between(session, dataset_id, start, stop, split)) as found,
        ):
            records = ((position, record, record) for position, record in found)
            chunk, start = up_to_size(records, stop)
        yield from chunk


def up_to_size(rows: Iterable[tuple[int, Record, _Item]], stop: int) -> tuple[list[_Item], int]:
    """Take rows until their texts have 4 million characters.

    Args:
        rows: the position of each, its record, and what is wanted of it.
        stop: the position behind the last one.

    Returns:
        What is wanted of each, and the position to go on at.
    """
    taken: list[_Item] = []
    characters = 0
    for position, record, wanted in rows:
        taken.append(wanted)
        characters += record.characters
        if characters >= _CHUNK_CHARACTERS:
            return taken, position + 1
    return taken, stop


def count_rows(session: Session, fact: ReadableSource) -> int:
    """Count the recorded rows of a source."""
    if "dataset_id" in fact:
        return fact["rows"]
    return dataset_rows.count_run_rows(session, fact["run_id"], fact["instructions"])
