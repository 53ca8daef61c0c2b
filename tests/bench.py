"""Runs within this process: a context on a real database and a real HTTP endpoint."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from app.formats.alpaca import alpaca_json
from app.llm.batch_api.batches import BatchEndpoint
from app.llm.dialects.shared import DialectMemory
from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.calls import Endpoint
from app.llm.scripted.server import Script, ScriptedServer, scripted_server
from app.pipeline.options import RunOptions
from app.pipeline.types import Instance, SeedTask
from app.schemas.runs import RunView
from app.services.context import ServiceContext
from app.services.generation import advance_run
from app.services.runs import control, rows
from app.services.runs.run_request import RunRequest
from app.services.runs.view import run_view
from app.store.database import Database
from app.store.runs.slots import Slot

SEEDS = tuple(
    SeedTask(
        id=f"seed_{n}",
        name=f"seed_{n}",
        instruction=text,
        instances=(Instance("", "An answer."),),
        is_classification=n == 0,
    )
    for n, text in enumerate(
        (
            "Say whether a given animal is a mammal, a bird or a fish.",
            "Work out how long a train takes for two hundred kilometres.",
            "Write a limerick that begins in a bakery.",
            "Give three reasons to learn a second language late in life.",
            "Turn the list of ingredients into a shopping list by shelf.",
            "What happens to a candle in a sealed jar, and why?",
            "Point out the weakest step in an argument about tides.",
            "Invent a name and a slogan for a shop that mends kettles.",
            "Describe an afternoon on a harbour wall from a gull's point of view.",
            "Convert a recipe from cups and spoons into grams.",
        )
    )
)


@dataclass(frozen=True)
class Bench:
    """A context with what a test needs around it."""

    context: ServiceContext
    server: ScriptedServer

    def start(self, **options: Any) -> str:
        request = RunRequest(None, SEEDS, RunOptions(**options))
        return control.start_run(self.context, request, None).id

    def work(self, run_id: str, stop: Callable[[], bool] = lambda: False) -> RunView:
        while advance_run.advance_run(self.context, Slot(run_id, 0), stop):
            if stop():
                break
        return self.view(run_id)

    def view(self, run_id: str) -> RunView:
        run = control.get_run(self.context, run_id)
        with self.context.database.read() as session:
            return run_view(session, run)

    def alpaca(self, run_id: str) -> str:
        return "".join(alpaca_json(rows.rows(self.context, run_id)))


OpenBench = Callable[..., AbstractContextManager[Bench]]
"""Opens a bench with a script and changes of the context."""


def after_looks(most: int) -> Callable[[], bool]:
    """A pump's `stop` that asks it to end at its n-th look."""
    looks = iter(range(most))
    return lambda: next(looks, None) is None


@contextmanager
def bench_of(database: Database, script: Script, **changes: Any) -> Iterator[Bench]:
    # Tests of timeouts give their own; the others must not time out on a busy machine.
    timeout_s = changes.pop("timeout_s", 30.0)
    key = "sk-very-secret-key"
    with scripted_server(script, changes.pop("batches", None)) as server:
        url, dialects = server.base_url, DialectMemory(server.base_url)
        provider_for = changes.pop("provider_for", None) or (
            lambda model: lambda: OpenAIProvider(url, key, model, timeout_s, dialects.of(model))
        )

        def batches_for(model: str) -> BatchEndpoint:
            return BatchEndpoint(url, key, model, timeout_s, dialects.of(model))

        endpoint = Endpoint("default", provider_for, batches_for=batches_for, dialects=dialects)

        values: dict[str, Any] = {
            "database": database,
            "endpoints": [endpoint],
            "default_model": "scripted",
            "concurrency": 8,
            "slice_s": 10.0,
            "lease_s": 30.0,
            "outage_patience_s": 1.0,
            "batch_poll_s": 0.05,
        }
        yield Bench(ServiceContext(**{**values, **changes}), server)
