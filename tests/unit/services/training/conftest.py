"""Shared by the unit tests of training jobs: a bench on SQLite, a data set, a queued job."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.llm.scripted.model import reply
from app.services.training.jobs import control
from app.services.training.jobs.requests import TrainingRequest
from app.store.tables.training import TrainingJob
from app.training.plain.options import TrainingOptions
from tests.bench import Bench, OpenBench
from tests.review_runs import some_rows, stored


@pytest.fixture
def bench(open_bench: OpenBench, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        yield bench


@pytest.fixture
def dataset_id(bench: Bench) -> str:
    return stored(bench.context.database, some_rows(6))


@pytest.fixture
def job(bench: Bench, dataset_id: str) -> TrainingJob:
    request = TrainingRequest(dataset_id, TrainingOptions(base_model="tiny"))
    return control.create_job(bench.context, request, None)
