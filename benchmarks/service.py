"""The service under measurement: a fresh database, one run, and as many workers as asked for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

_SEEDS = Path(__file__).parent.parent / "seed_tasks" / "seed_tasks.jsonl"
_MODEL = "made-up"
_PRICES = '{"made-up": {"input_usd": "0.15", "output_usd": "0.60"}}'
_LOOKAHEAD = 256
"""Generation calls in flight: enough to keep all connections busy."""


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
