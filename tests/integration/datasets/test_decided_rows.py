"""Labels from a judge's decisions: rows for training, on both databases, once the run has ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.dataset_row import DatasetRow
from app.errors import InvalidInput
from app.services.training.contract import TrainerResult, TrainingMonitor, TrainingWork
from app.services.training.jobs import control
from app.services.training.jobs import work as training
from app.services.training.jobs.judged_rows import QUESTION
from app.services.training.jobs.requests import TrainingRequest
from app.store.tables.training import TrainingJob
from app.training.plain.options import TrainingOptions
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.review_runs import judge, some_rows, start, stored

pytestmark = MOSTLY_POSTGRESQL


@pytest.fixture
def bench(open_bench: OpenBench, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(judge, files_dir=tmp_path / "data" / "files") as bench:
        yield bench


def post(bench: Bench, dataset_id: str, run_id: str) -> TrainingJob:
    options = TrainingOptions(task="labels", review_run_id=run_id)
    return control.create_job(bench.context, TrainingRequest(dataset_id, options), None)


class Reader:
    """Learns nothing, and keeps the rows it is given."""

    def __init__(self) -> None:
        self.rows: list[DatasetRow] = []

    def __call__(self, work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        monitor.log("Reads.")
        self.rows = list(work.dataset.read())
        return TrainerResult(is_complete=True)


def test_a_row_is_labelled_by_what_the_judge_decided(bench: Bench) -> None:
    dataset_id = stored(bench.context.database, some_rows(20))
    run_id = start(bench, dataset_id, "judge")
    bench.work(run_id)
    reader = Reader()

    training.work_on_job(bench.context, post(bench, dataset_id, run_id).id, lambda: False, reader)

    # The judge scores by the row's number, 5 to 1 and again; below 4 a row goes.
    assert [row.position for row in reader.rows] == list(range(20))
    for row in reader.rows:
        kept = 5 - row.position % 5 >= 4
        assert row.record.output == ("kept" if kept else "rejected")
        assert row.record.instruction == QUESTION
        assert row.record.input.endswith(f"old answer {row.position}")
        assert f"Say the number {row.position} in words." in row.record.input
        assert row.is_classification
    assert reader.rows[3].record.input.startswith("You count.\n\nBefore 3?\n\nIt was 2.")


def test_a_run_that_did_not_judge_this_data_set_is_refused(bench: Bench) -> None:
    one, other = (stored(bench.context.database, some_rows(3)) for _ in range(2))
    run_id = start(bench, one, "judge")

    with pytest.raises(InvalidInput) as unknown:
        post(bench, one, "run_unknown")
    with pytest.raises(InvalidInput) as elsewhere:
        post(bench, other, run_id)
    with pytest.raises(InvalidInput) as running:
        post(bench, one, run_id)

    assert [
        fault.message for error in (unknown, elsewhere, running) for fault in error.value.faults
    ] == [
        "there is no run with the id 'run_unknown'",
        f"{run_id} did not judge this data set",
        "the run is queued; it must end first",
    ]
