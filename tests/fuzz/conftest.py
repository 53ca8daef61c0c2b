"""A running service with data in it: every kind of thing that an address can name."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from app.api.context import ApiContext, Following
from app.llm.scripted.model import reply
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.services.context import ServiceContext
from app.services.datasets.make import make_dataset
from app.services.training.jobs import work
from app.store.database import Database
from tests.bench import bench_of
from tests.scripted_trainer import ScriptedTrainer
from tests.servers.api import running_api
from tests.servers.hub import TOKEN, running_hub

CALLERS = (None, *Scope)
"""None: no key, while keys exist."""


@dataclass(frozen=True, slots=True)
class Target:
    """The service to send requests to."""

    url: str
    keys: dict[Scope, str]
    ids: dict[str, list[str]]
    """Values of path parameters, by name."""


@pytest.fixture
def target(database: Database, tmp_path: Path) -> Iterator[Target]:
    """A service with a run, data sets, training jobs and one key of each scope; no worker runs."""
    with running_hub() as hub, bench_of(database, reply, files_dir=tmp_path / "files") as bench:
        run_id = bench.start(target=6)
        assert bench.work(run_id).status == "succeeded"
        # Named by no request that could extend it.
        followed = bench.start(target=6, random_seed=3)
        assert bench.work(followed).status == "succeeded"
        # Two that wait for a worker, to be paused, resumed and cancelled.
        waiting = [bench.start(target=6, random_seed=n) for n in (1, 2)]
        keys = {
            scope: api_keys.create_key(database, str(scope), [Scope.READ, scope]).key
            for scope in Scope
        }
        following = Following(poll_s=0.01, ping_s=1.0)
        service = replace(bench.context, hub_url=hub.endpoint, hub_token=TOKEN)
        context = ApiContext(
            service, send=_ignore, broker_trouble=lambda: None, following=following
        )
        with running_api(context) as api:
            url = str(api.http.base_url).removesuffix("/v1/")
            headers = {"Authorization": f"Bearer {keys[Scope.ADMIN]}"}
            with httpx.Client(
                base_url=f"{url}/v1", headers=headers, timeout=60, trust_env=False
            ) as admin:
                found = _grown(admin, bench.context, run_id)
            ids = {**found, "run_id": [run_id, *waiting, run_id], "followed": [followed]}
            yield Target(url, keys, ids)


def _ignore(_: str) -> None: ...


def _grown(http: httpx.Client, context: ServiceContext, run_id: str) -> dict[str, list[str]]:
    """Make data sets of the run and jobs on them, by the API and by workers' functions."""
    recipe = {"sources": [{"run_id": run_id}], "filters": {}}
    made = _id(http.post("/datasets", json={"name": "grown", "recipe": recipe}))
    while make_dataset(context, made, lambda: False):
        pass
    queued = _id(http.post("/datasets", json={"name": "queued", "recipe": recipe}))
    rows = b'[{"instruction": "Say hello.", "input": "", "output": "Hello."}]'
    query = {"name": "read", "format": "alpaca"}
    read = _id(http.post("/datasets/import", params=query, content=rows))
    assert make_dataset(context, read, lambda: False) is False
    body = {"dataset_id": made, "options": {"base_model": "tiny"}}
    trained, waiting = (_id(http.post("/training-jobs", json=body)) for _ in range(2))
    trainer = ScriptedTrainer(steps=2, tasks=4, keeps_answers=True)
    work.work_on_job(context, trained, lambda: False, trainer)
    outputs = http.get(f"/training-jobs/{trained}/outputs").json()
    datasets = [made, read, made, queued]
    return {
        "dataset_id": datasets,
        "new_id": datasets,
        "old_id": datasets,
        "seed_set_id": [one["id"] for one in http.get("/seed-sets").json()["items"]],
        "job_id": [trained, trained, waiting],
        "name": [outputs[0]["name"], "lengths"],
        "reviewer": ["ann"],
    }


def _id(answer: httpx.Response) -> str:
    assert answer.is_success, answer.text
    return str(answer.json()["id"])
