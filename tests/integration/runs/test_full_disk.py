"""A run whose database has no space left: it waits, shows that, and loses no reply."""

import threading
from contextlib import closing
from dataclasses import replace

from sqlalchemy import select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.schemas.runs import RunView
from app.services.datasets.control import DatasetRequest, create_dataset
from app.services.datasets.lists import get_dataset
from app.services.datasets.make import make_dataset
from app.services.datasets.recipe import Source, VersionRecipe
from app.stack.wait_until import wait_until
from app.store.database import Database
from app.store.tables.runs import RunEvent
from tests.bench import Bench, OpenBench, after_looks, bench_of
from tests.conftest import MOSTLY_POSTGRESQL
from tests.servers.full_disk import full_disk_of


def test_a_run_waits_for_space_and_records_every_reply_it_paid_for(open_bench: OpenBench) -> None:
    gate = threading.Event()

    def script(call: ScriptedCall) -> ScriptedReply:
        if call.n > 40:
            gate.wait(30)
        return reply(call)

    views: list[RunView] = []
    with open_bench(script) as bench:
        first = bench.work(bench.start(target=3))
        with full_disk_of(bench.context.database) as disk:
            run_id = bench.start(target=40, random_seed=3)
            worker = threading.Thread(target=lambda: views.append(bench.work(run_id)))
            worker.start()
            assert wait_until(lambda: bench.server.counts.calls > 40, timeout_s=30, poll_s=0.01)
            disk.is_full = True
            gate.set()
            database = bench.context.database
            assert wait_until(lambda: database.refusal is not None, timeout_s=30, poll_s=0.01)
            disk.is_full = False
            worker.join()
        [run] = views
        assert run.status == "succeeded"
        assert run.progress.accepted == 40
        assert bench.server.counts.calls == run.funnel.asked + first.funnel.asked
        [begun, ended] = waits_of(bench, run_id)
    assert begun.data["kind"] == "disk"
    assert "The database can't write: " in begun.data["message"]
    assert "Free some space" in begun.data["message"]
    assert ended.data["waited_s"] >= 0
    assert run.waiting is None


def waits_of(bench: Bench, run_id: str) -> list[RunEvent]:
    """The events that a run waits, and waits no more."""
    wanted = RunEvent.kind.in_(("waiting", "waiting_ended"))
    with bench.context.database.read() as session:
        found = session.scalars(select(RunEvent).where(RunEvent.run_id == run_id, wanted))
        return sorted(found, key=lambda event: event.id)


@MOSTLY_POSTGRESQL
def test_a_run_asks_nothing_while_the_disk_is_nearly_full(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        short = replace(bench, context=replace(bench.context, min_free_bytes=10**18))
        run_id = bench.start(target=40)
        queued = short.work(run_id)
        assert (queued.status, bench.server.counts.calls) == ("queued", 0)
        assert queued.waiting is not None
        assert (queued.waiting.kind, queued.waiting.message[:25]) == (
            "disk",
            "The disk of the database:",
        )
        assert "SEEDBED_MIN_FREE_MB" in queued.waiting.message

        begun = bench.work(run_id, lambda: bench.server.counts.calls > 8)
        calls = bench.server.counts.calls
        running = short.work(run_id, after_looks(10))
        assert (begun.status, running.status) == ("running", "running")
        assert running.waiting is not None
        assert bench.server.counts.calls == calls

        assert bench.work(run_id).status == "succeeded"
        assert [event.kind for event in waits_of(bench, run_id)] == ["waiting", "waiting_ended"]


def test_a_data_set_is_made_once_there_is_space(sqlite_url: str) -> None:
    with closing(Database(sqlite_url)) as database, bench_of(database, reply) as bench:
        run = bench.work(bench.start(target=5))
        recipe = VersionRecipe(sources=(Source(run_id=run.id),))
        dataset, _ = create_dataset(bench.context, DatasetRequest("tea", recipe))
        short = replace(bench.context, min_free_bytes=10**18)
        assert not make_dataset(short, dataset.id, lambda: False)
        with full_disk_of(database) as disk:
            disk.is_full = True
            assert not make_dataset(bench.context, dataset.id, lambda: False)
            disk.is_full = False
        waiting = get_dataset(bench.context, dataset.id)
        assert (waiting.state, waiting.attempts) == ("queued", 0)
        make_dataset(bench.context, dataset.id, lambda: False)
        assert get_dataset(bench.context, dataset.id).state == "ready"
