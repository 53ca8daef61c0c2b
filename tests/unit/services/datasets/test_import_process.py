"""An import in a process of its own: its outcome, its limits, its death."""

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app.errors import Conflict, InvalidInput, SeedbedError, TooLarge
from app.services.context import ImportProcessLimits, ServiceContext
from app.services.datasets import lists
from app.services.datasets.import_process import import_apart
from app.services.datasets.importing import Upload
from app.services.datasets.recipe import Import
from app.states import DatasetState
from app.store.tables.datasets import Dataset, DatasetRecord
from tests.dataset_versions import ROWS, finished, texts, upload


def limited(context: ServiceContext, **limits: int) -> ServiceContext:
    return replace(context, import_process=ImportProcessLimits(**limits))


def endless(context: ServiceContext) -> Upload:
    """A file whose reader waits until it is released."""
    context.files_dir.mkdir(parents=True, exist_ok=True)
    pipe = context.files_dir / "pipe"
    os.mkfifo(pipe)
    return Upload("endless", Import(format="alpaca"), pipe)


def stored(context: ServiceContext) -> tuple[list[str], int]:
    """The states of all versions, and the number of rows of all of them."""
    with context.database.read() as session:
        states = [one.state for one in session.scalars(select(Dataset))]
        return states, len(session.scalars(select(DatasetRecord.position)).all())


def test_it_ends_as_an_import_in_the_same_process(context: ServiceContext) -> None:
    dataset, new = import_apart(context, upload(context, ROWS))
    assert new
    assert texts(context, finished(context, dataset)) == [tuple(row.values()) for row in ROWS]
    same, new = import_apart(context, upload(context, ROWS))
    assert (same.id, new) == (dataset.id, False)

    with pytest.raises(InvalidInput, match="cannot be read") as refused:
        import_apart(context, upload(context, [{"instruction": "a"}, {"output": "b"}]))
    assert [fault.row for fault in refused.value.faults] == [1, 2]
    with context.database.write() as session:
        session.get_one(Dataset, dataset.id).state = DatasetState.READING
    with pytest.raises(Conflict, match=f"being imported, as {dataset.id}"):
        import_apart(context, upload(context, ROWS))


def test_a_defect_is_raised_with_the_traceback_of_the_process(context: ServiceContext) -> None:
    with pytest.raises(FileNotFoundError) as defect:
        import_apart(context, Upload("none", Import(format="alpaca"), Path("/none")))
    assert "in _sha256_of" in defect.value.__notes__[0]


def test_a_process_over_its_memory_is_refused_with_the_setting(context: ServiceContext) -> None:
    # With one character beyond 16 bits, each takes four bytes.
    long = upload(context, [{"instruction": "a", "output": "\U0001f331" + "x" * 15_000_000}])
    with pytest.raises(TooLarge, match=r"220 MiB \(SEEDBED_IMPORT_MEMORY_MIB\)"):
        import_apart(limited(context, memory_bytes=220 * 1024 * 1024), long)
    assert stored(context) == (["failed"], 0)
    assert import_apart(context, upload(context, ROWS))[1]


def test_a_process_over_its_time_is_killed_and_refused_with_the_setting(
    context: ServiceContext,
) -> None:
    with pytest.raises(TooLarge, match=r"0 seconds \(SEEDBED_IMPORT_TIMEOUT_S\)"):
        import_apart(limited(context, timeout_s=0), endless(context))
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_refused(context: ServiceContext) -> None:
    def kill() -> bool:
        (child,) = multiprocessing.active_children()
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        return False

    with pytest.raises(TooLarge, match=r"died \(exit status -9\).*768 MiB"):
        import_apart(context, endless(context), kill)


def test_the_version_of_a_process_that_ends_early_is_failed_without_rows(
    context: ServiceContext,
) -> None:
    many = [{"instruction": f"Add {n}.", "input": "", "output": "1"} for n in range(60_000)]

    def some_rows_are_stored() -> bool:
        return stored(context)[1] > 0

    with pytest.raises(SeedbedError, match="send it again"):
        import_apart(context, upload(context, many), some_rows_are_stored)
    assert stored(context) == (["failed"], 0)
    (failed,) = lists.list_datasets(context, name=None, cursor=None, limit=9).items
    assert failed.message == "The service stopped while it read what was sent; send it again."
