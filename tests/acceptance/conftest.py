"""The whole service as a user has it: real processes, reached over HTTP, a scripted endpoint."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedServer, scripted_server
from app.settings import Settings
from app.stack.embedded import EmbeddedStack

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (ROOT / "seed_tasks" / "seed_tasks.jsonl").read_bytes()
ENDED = {"succeeded", "failed", "cancelled", "paused"}
Json = dict[str, Any]


@pytest.fixture(scope="session")
def endpoint() -> Iterator[ScriptedServer]:
    with scripted_server(reply) as server:
        yield server


@pytest.fixture(scope="session")
def settings_for(endpoint: ScriptedServer) -> Callable[[Path], Settings]:
    def settings(data_dir: Path) -> Settings:
        return Settings.model_validate(
            {
                "data_dir": data_dir,
                "OPENAI_BASE_URL": endpoint.base_url,
                "OPENAI_API_KEY": "sk-very-secret-key",
                "model": "scripted",
                "api_port": 0,
                "lease_s": 3.0,
            }
        )

    return settings


@pytest.fixture(scope="session")
def service(
    settings_for: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedStack]:
    """One running service for all stories that do not break it."""
    with EmbeddedStack(settings_for(tmp_path_factory.mktemp("service"))) as stack:
        yield stack


@pytest.fixture
def http(service: EmbeddedStack) -> Iterator[httpx.Client]:
    with client_of(service) as client:
        yield client


def client_of(stack: EmbeddedStack) -> httpx.Client:
    limits = httpx.Limits(max_connections=200)
    return httpx.Client(
        base_url=f"{stack.api_url}/v1", timeout=30.0, trust_env=False, limits=limits
    )


def seed_tasks() -> list[Json]:
    return [json.loads(line) for line in SEEDS.splitlines()]


def start(client: httpx.Client, **options: Any) -> str:
    answer = client.post("/runs", json={"seed_tasks": seed_tasks(), "options": options})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def await_end(client: httpx.Client, run_id: str, timeout_s: float = 90.0) -> Json:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        run: Json = client.get(f"/runs/{run_id}").json()
        if run["status"] in ENDED:
            return run
        time.sleep(0.2)
    raise AssertionError(f"the run did not end: {run}")
