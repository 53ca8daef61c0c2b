"""A real worker is killed in the midst of a training: another goes on, to the same adapter."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from app.messaging import make_celery
from app.services.context import ServiceContext, open_service_context
from app.services.training.jobs import control
from app.services.work_kinds import TRAINING, WorkRef, send
from app.settings import Settings
from app.stack.broker import broker_spec, broker_url, find_server, socket_path
from app.stack.environment import process_environment
from app.stack.process import Process, ProcessSpec
from app.stack.process_specs import sweeper_spec, worker_spec
from app.stack.supervisor import Supervisor
from app.store.tables.training import TrainingJob
from tests.servers.postgresql import PostgreSQL

if find_spec("peft") is None:
    pytest.skip("needs the extra 'training'", allow_module_level=True)

from tests.integration.training.tiny_jobs import (
    dataset_of,
    done,
    evaluation_of,
    options_of,
    outputs_of,
    posted,
    spelling,
    tiny_folder,
)

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
STEPS, CHECKPOINT_EVERY = 300, 10


@dataclass
class Site:
    """Broker, database, and the processes of a service."""

    context: ServiceContext
    settings: Settings
    processes: ExitStack
    started: list[Process] = field(default_factory=list)

    def worker(self) -> Process:
        return self._start(worker_spec(1, self._environment(), 20))

    def sweeper(self) -> Process:
        return self._start(sweeper_spec(self._environment()))

    def send(self, job: TrainingJob) -> None:
        with closing(make_celery(self.settings)) as celery:
            send(celery, TRAINING, WorkRef(job.id))

    def now(self, job: TrainingJob) -> TrainingJob:
        return control.get_job(self.context, job.id)

    def steps_told(self, job: TrainingJob) -> list[int]:
        found: list[int] = []
        cursor = None
        while True:
            page = control.list_events(self.context, job.id, cursor=cursor, limit=1000)
            found += [event.data["step"] for event in page.items if event.kind == "step"]
            cursor = page.next_cursor
            if cursor is None:
                return found

    def _environment(self) -> dict[str, str]:
        # Sums of floats come out the same only where as many threads make them.
        return process_environment(self.settings, os.environ, {"OMP_NUM_THREADS": "1"})

    def _start(self, part: ProcessSpec) -> Process:
        named = replace(part, name=f"{part.name}-{len(self.started)}")
        process = Process(named, self.settings.data_dir, watch_pipe=False)
        self.processes.callback(process.kill)
        self.started.append(process)
        wait_for(lambda: part.ready(process))
        return process


def wait_for(what: Callable[[], bool], most_s: float = 90.0) -> None:
    until = time.monotonic() + most_s
    while not what():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture
def site(postgresql: PostgreSQL, migrated_template: str, tmp_path: Path) -> Iterator[Site]:
    binary = find_server("")
    assert binary is not None
    with socket_path(tmp_path) as socket:
        settings = Settings.model_validate(
            {
                "data_dir": tmp_path / "data",
                "DATABASE_URL": postgresql.url(postgresql.create_database(migrated_template)),
                "REDIS_URL": broker_url(socket),
                "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
                "OPENAI_API_KEY": "k",
                "lease_s": 5.0,
            }
        )
        settings.data_dir.mkdir()
        with (
            closing(open_service_context(settings)) as context,
            Supervisor(tmp_path) as supervisor,
            ExitStack() as processes,
        ):
            environment = process_environment(settings, os.environ, {})
            supervisor.start(broker_spec(binary, socket, tmp_path, environment))
            yield Site(context, settings, processes)


def test_a_worker_that_is_killed_while_it_tunes_is_followed_by_one_that_ends_the_same(
    site: Site, tmp_path: Path
) -> None:
    dataset = dataset_of(site.context, spelling(16))
    options = options_of(
        tiny_folder(tmp_path / "tiny"),
        schedule={"steps": STEPS, "checkpoint_every": CHECKPOINT_EVERY},
    )
    workers = [site.worker(), site.worker()]
    site.sweeper()
    job = posted(site.context, dataset, options)
    # Twice, as a broker may: there are two workers that could begin it.
    site.send(job)
    site.send(job)
    wait_for(lambda: all("received" in worker.log_text() for worker in workers))
    wait_for(lambda: site.now(job).step > 2 * CHECKPOINT_EVERY)
    held = site.now(job)
    assert held.log_tail.count("training rows") == 1

    [killed] = [worker for worker in workers if "succeeded" not in worker.log_text()]
    killed.kill()
    undisturbed = done(site.context, dataset, options)
    wait_for(lambda: site.now(job).status == "succeeded")

    ended = site.now(job)
    assert ended.log_tail.count("training rows") == 2
    steps = site.steps_told(job)
    [again_at] = [
        place for place, (one, other) in enumerate(pairwise(steps), start=1) if other != one + 1
    ]
    assert held.step <= steps[again_at - 1] < STEPS
    assert steps[again_at] % CHECKPOINT_EVERY == 1
    assert steps[again_at] > CHECKPOINT_EVERY
    assert steps[-1] == STEPS

    assert ended.loss == undisturbed.loss
    for name in ("adapter/adapter_model.safetensors", "adapter/training.json"):
        ours, theirs = (outputs_of(site.context, each) / name for each in (ended, undisturbed))
        assert ours.read_bytes() == theirs.read_bytes()
    assert evaluation_of(ended).models[1].exact == evaluation_of(undisturbed).models[1].exact
