"""Which messages reach which workers, over a real broker."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from celery import Celery
from celery.exceptions import QueueNotFound

from app.messaging import GENERATION_QUEUE, QUEUES, backlog, make_celery
from app.services.work_kinds import RUNS, WorkRef, send
from app.settings import Settings
from app.stack.broker import broker_spec, broker_url, find_server, socket_path
from app.stack.supervisor import Supervisor


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    binary = find_server("")
    assert binary is not None
    with socket_path(tmp_path) as socket, Supervisor(tmp_path) as supervisor:
        supervisor.start(broker_spec(binary, socket, tmp_path, {}))
        yield socket


@pytest.fixture
def celery(socket: Path) -> Iterator[Celery]:
    settings = Settings.model_validate({"REDIS_URL": broker_url(socket)})
    with closing(make_celery(settings)) as celery:
        yield celery


def test_a_run_is_sent_to_the_generation_queue_alone(celery: Celery, socket: Path) -> None:
    with celery.connection_for_write() as connection:
        for queue in celery.amqp.queues.values():
            queue(connection).declare()
    send(celery, RUNS, WorkRef("run_1"))
    with redis.Redis(unix_socket_path=str(socket)) as client:
        assert {name: client.llen(name) for name in QUEUES} == {
            "generation": 1,
            "training": 0,
            "maintenance": 0,
        }
    assert backlog(celery, GENERATION_QUEUE) == 1


def test_a_worker_that_names_no_queue_reads_them_all(celery: Celery) -> None:
    assert set(celery.amqp.queues.consume_from) == set(QUEUES)
    celery.amqp.queues.select([GENERATION_QUEUE])
    assert set(celery.amqp.queues.consume_from) == {GENERATION_QUEUE}


def test_a_queue_that_nobody_reads_cannot_be_sent_to(celery: Celery) -> None:
    with pytest.raises(QueueNotFound):
        celery.send_task("seedbed.advance_run", args=["run_1"], queue="trainig", retry=False)
