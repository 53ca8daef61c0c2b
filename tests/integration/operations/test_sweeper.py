"""Messages of a sweeper, on a real database of either kind and over a real broker."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from celery import Celery

from app.llm.scripted.model import reply
from app.messaging import GENERATION_QUEUE, TRAINING_QUEUE, backlog, make_celery
from app.services.training.jobs import control
from app.services.training.jobs.requests import TrainingRequest
from app.services.work_kinds import TRAINING, WorkRef, send
from app.settings import Settings
from app.stack.broker import broker_spec, broker_url, find_server, socket_path
from app.stack.supervisor import Supervisor
from app.training.plain.options import TrainingOptions
from tests.bench import Bench
from tests.dataset_versions import ROWS, imported
from workers.sweeper import send_waiting


@pytest.fixture
def celery(tmp_path: Path) -> Iterator[Celery]:
    binary = find_server("")
    assert binary is not None
    with socket_path(tmp_path) as socket, Supervisor(tmp_path) as supervisor:
        supervisor.start(broker_spec(binary, socket, tmp_path, {}))
        settings = Settings.model_validate({"REDIS_URL": broker_url(socket)})
        with closing(make_celery(settings)) as celery:
            yield celery


def test_where_nobody_trains_messages_do_not_pile_up(
    open_bench: Callable[..., AbstractContextManager[Bench]], celery: Celery, tmp_path: Path
) -> None:
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        dataset = imported(bench.context, ROWS)

        def post() -> None:
            request = TrainingRequest(dataset.id, TrainingOptions(base_model="tiny"))
            control.create_job(bench.context, request, None)

        post()
        send_waiting(celery, bench.context)
        send_waiting(celery, bench.context)
        assert backlog(celery, TRAINING_QUEUE) == 1
        for _ in range(150):
            send(celery, TRAINING, WorkRef("training_of_before"))
        before = backlog(celery, TRAINING_QUEUE)
        post()
        send_waiting(celery, bench.context)
        assert backlog(celery, TRAINING_QUEUE) == before
        assert backlog(celery, GENERATION_QUEUE) == 0
