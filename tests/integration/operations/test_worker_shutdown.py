"""A real worker under load that is stopped hands its work back at once."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest
import redis
from sqlalchemy import func, select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply, scripted_server
from app.messaging import GENERATION_QUEUE, make_celery
from app.pipeline.options import RunOptions
from app.services.context import ServiceContext, open_service_context
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.services.work_kinds import RUNS, WorkRef, send
from app.settings import Settings
from app.stack.broker import broker_spec, broker_url, find_server, socket_path
from app.stack.environment import process_environment
from app.stack.process import Process
from app.stack.process_specs import worker_spec
from app.stack.supervisor import Supervisor
from app.store.runs import slots
from app.store.tables.runs import Run
from app.store.tables.work import WorkItem
from tests.bench import SEEDS
from tests.servers.postgresql import PostgreSQL

LEASE_S = 60.0
"""Nobody waits that long: who takes a run over within it was handed it."""
PROMPT_S = 3.0
GRACE_S = 10.0
"""What an orchestrator gives before it kills."""
AT_ONCE = 8
"""Model calls in flight."""


@dataclass
class Site:
    """Broker, database and endpoint; no sweeper, so that nothing but a message leads to a run."""

    context: ServiceContext
    settings: Settings
    socket: Path
    processes: ExitStack
    delay_s: float = 0.0
    """Of every reply from now on."""
    workers: list[Process] = field(default_factory=list)

    def worker(self) -> Process:
        part = worker_spec(2, process_environment(self.settings, os.environ, {}), 20)
        name = f"worker-{len(self.workers)}"
        worker = Process(replace(part, name=name), self.settings.data_dir, watch_pipe=False)
        self.processes.callback(worker.kill)
        self.workers.append(worker)
        wait_for(lambda: part.ready(worker))
        return worker

    def start(self) -> str:
        request = RunRequest(None, SEEDS, RunOptions(target=40))
        run_id = control.start_run(self.context, request, None).id
        with closing(make_celery(self.settings)) as celery:
            send(celery, RUNS, WorkRef(run_id))
        return run_id

    def run(self, run_id: str) -> Run:
        return control.get_run(self.context, run_id)

    def token(self, run_id: str) -> str | None:
        """Of the pump in the run's first slot."""
        with self.context.database.read() as session:
            return slots.holder(session, slots.Slot(run_id, 0))

    def leased(self, run_id: str, token: str | None = None) -> int:
        leased = select(func.count()).where(WorkItem.run_id == run_id, WorkItem.state == "leased")
        with self.context.database.read() as session:
            return session.scalar(leased.where(WorkItem.token == token) if token else leased) or 0

    def waiting(self) -> int:
        """Messages in the queue."""
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            return int(client.llen(GENERATION_QUEUE))

    def unfinished(self) -> int:
        """Messages that a worker has read and has not said to be done with."""
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            return int(client.hlen("unacked"))


def log_of(worker: Process) -> str:
    return worker.log_path.read_text()


def ignores(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    [ignored] = [line for line in status.splitlines() if line.startswith("SigIgn")]
    return bool(int(ignored.split()[1], 16) >> (number - 1) & 1)


def wait_for(what: Callable[[], bool], most_s: float = 30.0) -> None:
    until = time.monotonic() + most_s
    while not what():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)


@pytest.fixture
def site(postgresql: PostgreSQL, migrated_template: str, tmp_path: Path) -> Iterator[Site]:
    binary = find_server("")
    assert binary is not None
    sites: list[Site] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        return replace(reply(call), delay_s=sites[0].delay_s)

    with scripted_server(script) as server, socket_path(tmp_path) as socket:
        settings = Settings.model_validate(
            {
                "data_dir": tmp_path,
                "DATABASE_URL": postgresql.url(postgresql.create_database(migrated_template)),
                "REDIS_URL": broker_url(socket),
                "OPENAI_BASE_URL": server.base_url,
                "OPENAI_API_KEY": "k",
                "model": "scripted",
                "lease_s": LEASE_S,
                "concurrency": AT_ONCE,
            }
        )
        with (
            closing(open_service_context(settings)) as context,
            Supervisor(tmp_path) as supervisor,
            ExitStack() as processes,
        ):
            environment = process_environment(settings, os.environ, {})
            supervisor.start(broker_spec(binary, socket, tmp_path, environment))
            sites.append(Site(context, settings, socket, processes))
            yield sites[0]


pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.mark.parametrize("reported", [pytest.param("parent", marks=pytest.mark.slow), "group"])
def test_a_worker_under_load_that_is_told_to_stop_hands_its_runs_over_at_once(
    site: Site, reported: str
) -> None:
    first = site.worker()
    run_ids = [site.start() for _ in range(2)]
    wait_for(lambda: all(site.run(run_id).accepted for run_id in run_ids))
    site.delay_s = 8.0
    wait_for(lambda: all(site.leased(run_id) == AT_ONCE for run_id in run_ids))
    tokens = {run_id: site.token(run_id) for run_id in run_ids}
    second = site.worker()
    site.delay_s = 5.0

    if reported == "group":
        os.killpg(first.pid, signal.SIGTERM)
    else:
        os.kill(first.pid, signal.SIGTERM)
    wait_for(lambda: not any(site.leased(*of) for of in tokens.items()), PROMPT_S)
    wait_for(lambda: all(site.leased(run_id) for run_id in run_ids), PROMPT_S)
    assert first.wait(GRACE_S) == 0
    assert "Traceback" not in log_of(first)

    site.delay_s = 0.0
    wait_for(lambda: {site.run(run_id).status for run_id in run_ids} == {"succeeded"}, 60)
    # No message went in circles, and none is left.
    wait_for(lambda: site.waiting() == site.unfinished() == 0)
    assert sum(log_of(worker).count("received") for worker in (first, second)) < 20


def test_a_worker_that_waits_for_an_endpoint_that_does_not_answer_hands_its_run_over_too(
    site: Site,
) -> None:
    site.delay_s = 60.0
    first = site.worker()
    run_id = site.start()
    # In the preflight, which does not look up from its question.
    wait_for(lambda: site.token(run_id) is not None)
    second = site.worker()
    site.delay_s = 0.0
    told_at = time.monotonic()
    first.request_stop()
    wait_for(lambda: site.run(run_id).status == "running", 2 * PROMPT_S)
    assert first.wait(GRACE_S) == 0
    assert time.monotonic() - told_at < GRACE_S
    assert f"run {run_id} was handed back before its turn had ended" in log_of(first)
    wait_for(lambda: site.run(run_id).status == "succeeded", 60)
    assert second.exit_code() is None


def test_a_message_read_in_the_last_moment_goes_back_for_another_worker(site: Site) -> None:
    first = site.worker()
    children = psutil.Process(first.pid).children()
    wait_for(lambda: all(ignores(child.pid, signal.SIGTERM) for child in children))
    for child in children:
        child.suspend()
    run_id = site.start()
    wait_for(lambda: "received" in log_of(first))
    os.killpg(first.pid, signal.SIGTERM)
    wait_for(lambda: "Warm shutdown" in log_of(first))
    # It says so before it does so.
    time.sleep(0.5)
    for child in children:
        child.resume()
    wait_for(lambda: site.waiting() == 1, PROMPT_S)
    assert site.run(run_id).status == "queued"
    # Celery may take half a minute to see that this task is done; it is killed, as it would be.
    first.kill()
    assert "Traceback" not in log_of(first)
    site.worker()
    wait_for(lambda: site.run(run_id).status == "succeeded", 60)


@pytest.mark.slow
def test_a_message_not_read_before_the_stop_is_left_for_another_worker(site: Site) -> None:
    first = site.worker()
    # It wakes up with a message before it and the word to stop behind it.
    os.kill(first.pid, signal.SIGSTOP)
    run_id = site.start()
    first.request_stop()
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(GRACE_S) == 0
    assert site.run(run_id).status == "queued"
    assert site.waiting() == 1


@pytest.mark.slow
def test_a_child_that_is_told_to_end_hands_its_run_back_and_the_worker_goes_on(site: Site) -> None:
    worker = site.worker()
    run_id = site.start()
    wait_for(lambda: site.run(run_id).accepted > 0)
    site.delay_s = 8.0
    wait_for(lambda: site.leased(run_id) == AT_ONCE)
    token = site.token(run_id)
    site.delay_s = 0.0
    for child in psutil.Process(worker.pid).children():
        child.terminate()
    wait_for(lambda: site.leased(run_id, token) == 0, PROMPT_S)
    wait_for(lambda: site.run(run_id).status == "succeeded", 60)
    assert worker.exit_code() is None
    assert "Traceback" not in log_of(worker)
