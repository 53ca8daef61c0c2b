"""The broker's settings and queues, without a broker."""

import logging

import pytest
from pydantic import SecretStr

from app.messaging import QUEUES, backlog, broker_trouble, make_celery, send_task
from app.settings import Settings

NO_BROKER = Settings(redis_url=SecretStr("redis://127.0.0.1:1/0"), _env_file=None)
MEMORY = Settings(redis_url=SecretStr("memory://"), _env_file=None)


def test_queues_have_the_names_that_deployments_use() -> None:
    assert QUEUES == ("generation", "training", "maintenance")


def test_tasks_are_acknowledged_late_and_fetched_one_by_one() -> None:
    celery = make_celery(NO_BROKER)
    conf = celery.conf
    assert celery.main == "seedbed"
    assert conf.broker_url == "redis://127.0.0.1:1/0"
    assert (conf.task_ignore_result, conf.task_acks_late) == (True, True)
    assert not conf.task_create_missing_queues
    assert conf.task_default_queue == "generation"
    assert conf.worker_prefetch_multiplier == 1
    assert not conf.worker_hijack_root_logger
    assert not conf.worker_cancel_long_running_tasks_on_connection_loss
    assert conf.broker_connection_retry_on_startup
    assert conf.broker_transport_options == {
        "visibility_timeout": 3600, "socket_connect_timeout": 2.0, "socket_timeout": 10.0,
    }  # fmt: skip
    found = [(queue.name, queue.exchange.name, queue.routing_key) for queue in conf.task_queues]
    assert found == [(name, name, name) for name in QUEUES]


def test_a_message_goes_to_its_queue_and_is_counted() -> None:
    celery = make_celery(MEMORY)
    assert broker_trouble(celery) is None
    assert backlog(celery, "training") == 0
    send_task(celery, "train", "training", "job_1")
    send_task(celery, "train", "training", "job_2", 3)
    assert (backlog(celery, "training"), backlog(celery, "generation")) == (2, 0)
    with celery.connection_for_write() as connection:
        queue = connection.SimpleQueue("training")
        first, second = queue.get_nowait(), queue.get_nowait()
        assert [one.payload[0] for one in (first, second)] == [["job_1"], ["job_2", 3]]
        assert first.headers["task"] == "train"
        for one in (first, second):
            one.ack()


def test_without_a_broker_nothing_fails(caplog: pytest.LogCaptureFixture) -> None:
    celery = make_celery(NO_BROKER)
    assert str(broker_trouble(celery)).startswith("The broker does not answer (")
    assert backlog(celery, "generation") == 0
    with caplog.at_level(logging.WARNING):
        send_task(celery, "work", "generation", "run_1")
    assert "run_1 waits for the sweeper" in caplog.text
