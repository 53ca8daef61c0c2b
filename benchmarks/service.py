"""The service under measurement: a fresh database, one run, and as many workers as asked for."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from app.pipeline.options import RunOptions
from app.pipeline.seed_tasks import read_seed_tasks
from app.schemas.runs import RunView
from app.services.context import ServiceContext, open_service_context
from app.services.runs.control import get_run, start_run
from app.services.runs.run_request import RunRequest
from app.services.runs.view import run_view
from app.settings import Settings
from app.store.database import Database
from app.store.migrate import migrate
from benchmarks.endpoint import Endpoint
from benchmarks.meter import Measure, measure, readings

_SEEDS = Path(__file__).parent.parent / "seed_tasks" / "seed_tasks.jsonl"
_MODEL = "made-up"
_PRICES = '{"made-up": {"input_usd": "0.15", "output_usd": "0.60"}}'
_LOOKAHEAD = 256
"""Generation calls in flight: enough to keep all connections busy."""

_CALLS_AN_INSTRUCTION = 2.15
"""Its class, its instances, and its part of the generation call that brought it."""

NewDatabase: TypeAlias = Callable[[], str]
"""Makes an empty database; returns its address."""


@dataclass(frozen=True, slots=True)
class Load:
    """The work given to every way of calling."""

    served: Endpoint
    calls: int
    in_flight: int

    @property
    def target(self) -> int:
        """Instructions of a run of about this many calls."""
        return round(self.calls / _CALLS_AN_INSTRUCTION)


class Service:
    """A service on one database; `concurrency` is per worker."""

    def __init__(self, database_url: str, base_url: str, concurrency: int) -> None:
        self._environment = {
            "DATABASE_URL": database_url,
            "OPENAI_BASE_URL": base_url,
            "SEEDBED_CONCURRENCY": str(concurrency),
            "SEEDBED_PRICES": _PRICES,
        }
        database = Database(database_url)
        migrate(database)
        database.close()
        self._context = self._open_context()

    def start(self, target: int) -> str:
        """Start a run on the bundled seed tasks; return its id."""
        options = RunOptions(model=_MODEL, target=target, lookahead=_LOOKAHEAD)
        request = RunRequest(None, read_seed_tasks(_SEEDS.read_bytes()), options)
        return start_run(self._context, request, None).id

    @contextmanager
    def workers(self, run_id: str, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Start workers on a run; kill those that are left when the block ends."""
        command = [sys.executable, "-m", "benchmarks.worker", run_id]
        # Settings of the user's own service must not change the measurement.
        around = {name: v for name, v in os.environ.items() if not name.startswith("SEEDBED_")}
        environment = around | self._environment
        processes = [
            subprocess.Popen([*command, str(slot)], env=environment) for slot in range(count)
        ]
        try:
            yield processes
        finally:
            for process in processes:
                process.kill()
                process.wait()

    def accepted(self, run_id: str) -> int:
        """Return the number of instructions accepted so far."""
        return get_run(self._context, run_id).accepted

    def outcome(self, run_id: str) -> RunView:
        """Return the run with its counters."""
        run = get_run(self._context, run_id)
        with self._context.database.read() as session:
            return run_view(session, run)

    def close(self) -> None:
        """Close the connections."""
        self._context.close()

    def _open_context(self) -> ServiceContext:
        here = Settings(
            database_url=self._environment["DATABASE_URL"],
            openai_base_url=self._environment["OPENAI_BASE_URL"],
        )
        return open_service_context(here)


def work(new_database: NewDatabase, workers: int, load: Load) -> Measure:
    """Measure workers on a run of about this many calls; they share the calls in flight."""
    service = Service(new_database(), load.served.base_url, load.in_flight // workers)
    try:
        run_id = service.start(load.target)
        before = load.served.seen().calls
        with service.workers(run_id, workers) as processes:
            read = list(readings(processes, load.served))
        outcome = service.outcome(run_id)
        asked = load.served.seen().calls - before
        if outcome.status != "succeeded" or outcome.funnel.asked != asked:
            kept = outcome.funnel.asked
            raise RuntimeError(f"the run {outcome.status}, {asked} calls asked, {kept} kept")
        return measure(read, outcome.progress.accepted)
    finally:
        service.close()
