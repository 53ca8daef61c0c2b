"""Sweepers that look at the same job at once: one version is made, and given once."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.llm.scripted.model import reply
from app.services.datasets import make
from app.services.datasets.control import DatasetRequest, find_or_insert
from app.services.datasets.recipe import Source, VersionRecipe
from app.services.journeys.seeds_to_model import RunTraining, create_for_run
from app.services.journeys.waiting_jobs import advance_waiting_jobs
from app.services.runs import control
from app.services.runs.extend import Extension, extend_run
from app.store.tables.datasets import Dataset
from app.store.tables.training import TrainingJob
from app.store.training import waiting_jobs
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.dataset_versions import ROWS, imported
from tests.integration.training.test_run_training import look, made_and_given, start, versions

pytestmark = MOSTLY_POSTGRESQL


@pytest.fixture
def bench(open_bench: OpenBench, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        yield bench


def sweep_late(bench: Bench, change: Callable[[Session], None]) -> None:
    """Have a sweeper look while another, which is faster, has not committed its change yet."""
    with bench.context.database.write() as session:
        change(session)
        session.flush()
        late = threading.Thread(target=advance_waiting_jobs, args=(bench.context,))
        late.start()
        # It reads what stood before, and comes to where it writes.
        late.join(timeout=1)
    late.join()


def test_two_sweepers_at_once_make_one_version(bench: Bench) -> None:
    run, job = start(bench, dataset_name="grown")
    bench.work(run.id)

    def begins_it(session: Session) -> None:
        """Another one asks for the version, which fails before the late one comes to it."""
        held = waiting_jobs.hold(session, job.id)
        assert held is not None
        recipe = VersionRecipe(sources=(Source(run_id=run.id),))
        made = find_or_insert(session, DatasetRequest("grown", recipe), "dataset_1")
        made.state, made.request_sha256 = "failed", None
        held.pending_dataset_id = made.id

    sweep_late(bench, begins_it)
    assert versions(bench) == 1
    assert look(bench, job).status in {"queued", "failed"}


def test_a_late_sweeper_fails_no_job_that_another_has_just_given_rows(bench: Bench) -> None:
    run, job = start(bench, dataset_name="grown")
    bench.work(run.id)
    advance_waiting_jobs(bench.context)
    rows = imported(bench.context, ROWS)
    with bench.context.database.write() as session:
        (failed,) = session.scalars(select(Dataset).where(Dataset.name == "grown"))
        failed.state, failed.message, failed.request_sha256 = "failed", "no room", None

    def gives_it_rows(session: Session) -> None:
        held = waiting_jobs.hold(session, job.id)
        assert held is not None
        held.dataset_id = rows.id

    sweep_late(bench, gives_it_rows)
    after = look(bench, job)
    assert (after.status, after.dataset_id) == ("queued", rows.id)


def test_many_sweepers_make_one_version_and_give_it_once(bench: Bench) -> None:
    run, job = start(bench)
    bench.work(run.id)
    for _ in range(2):
        at_once = threading.Barrier(6)

        def looks(at_once: threading.Barrier = at_once) -> None:
            at_once.wait()
            advance_waiting_jobs(bench.context)

        sweepers = [threading.Thread(target=looks) for _ in range(6)]
        for sweeper in sweepers:
            sweeper.start()
        for sweeper in sweepers:
            sweeper.join()
        for dataset_id in make.sweep_datasets(bench.context):
            make.make_dataset(bench.context, dataset_id, lambda: False)
    assert (versions(bench), look(bench, job).status) == (1, "queued")
    assert look(bench, job).dataset_id is not None


def test_a_job_that_cannot_be_read_fails_and_holds_up_no_other(bench: Bench) -> None:
    run, job = start(bench)
    later = create_for_run(bench.context, run.id, RunTraining(), None)
    bench.work(run.id)
    with bench.context.database.write() as session:
        session.get_one(TrainingJob, job.id).requested_dataset = {"recipe": "of another version"}
    assert made_and_given(bench) == [later.id]
    failed = look(bench, job)
    assert failed.status == "failed"
    assert (failed.message or "").startswith("A defect of the service")


def test_a_job_whose_data_set_is_being_made_gets_it_though_its_run_was_extended(
    bench: Bench,
) -> None:
    run, job = start(bench)
    bench.work(run.id)
    advance_waiting_jobs(bench.context)
    extend_run(bench.context, run.id, Extension(target=9))
    assert control.get_run(bench.context, run.id).status == "queued"
    assert made_and_given(bench) == [job.id]
