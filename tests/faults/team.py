"""Workers of one service as threads, each with connections of its own, and endpoints to ask."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.calls import Endpoint
from app.llm.scripted.server import Script, ScriptedServer, scripted_server
from app.pipeline.options import RunOptions
from app.schemas.runs import RunView
from app.services.context import ServiceContext
from app.services.generation.advance_run import advance_run
from app.services.generation.slots import sweep
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.services.runs.view import run_view
from app.store.database import Database
from app.store.runs.slots import Slot
from tests.bench import SEEDS

WORKERS = 2
CONCURRENCY = 16
"""Most calls in flight of one worker."""


@dataclass
class Team:
    """Workers of one service, each with connections of its own."""

    url: str
    endpoints: list[Endpoint]
    changes: dict[str, Any] = field(default_factory=dict)

    def context(self) -> ServiceContext:
        values: dict[str, Any] = {
            "default_model": "scripted",
            "concurrency": CONCURRENCY,
            "slice_s": 5.0,
            "lease_s": 5.0,
            "outage_patience_s": 60.0,
        }
        database = Database(self.url)
        return ServiceContext(database, self.endpoints, **(values | self.changes))

    def run(self, **options: Any) -> RunView:
        """Start a run and work on it until it rests; the run with its numbers."""
        context = self.context()
        request = RunRequest(None, SEEDS, RunOptions(**options))
        run_id = control.start_run(context, request, None).id
        workers = [threading.Thread(target=self._work, args=(run_id,)) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        run = control.get_run(context, run_id)
        with context.database.read() as session:
            seen = run_view(session, run)
        context.close()
        return seen

    def _work(self, run_id: str) -> None:
        context = self.context()
        until = time.monotonic() + 120
        while control.get_run(context, run_id).status in ("queued", "running"):
            assert time.monotonic() < until, "the run does not end"
            for slot in sweep(context):
                advance_run(context, slot, lambda: False)
            advance_run(context, Slot(run_id, 0), lambda: False)
            time.sleep(0.1)
        context.close()


def endpoint(
    server: ScriptedServer, name: str = "one", timeout_s: float = 5.0, **how: Any
) -> Endpoint:
    return Endpoint(
        name, lambda model: lambda: OpenAIProvider(server.base_url, None, model, timeout_s), **how
    )


@contextmanager
def team(
    url: str, script: Script, *, timeout_s: float = 5.0, **changes: Any
) -> Iterator[tuple[Team, ScriptedServer]]:
    with scripted_server(script) as server:
        yield Team(url, [endpoint(server, timeout_s=timeout_s)], changes), server
