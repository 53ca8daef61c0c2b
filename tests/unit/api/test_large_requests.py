"""Requests with a large body: answered as small ones are, by a process with its own limits."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from starlette.testclient import TestClient

from app.api.application import build_api
from app.api.context import ApiContext
from app.api.large_requests import LargeRequests
from app.services.access.api_keys import create_key
from app.services.access.key_form import Scope
from app.services.context import ImportProcessLimits, ServiceContext
from app.settings import Settings
from tests.owners import OWN_USER

_ROWS = [
    {"instruction": f"Name river {n}.", "input": "", "output": "It is long. " * 40}
    for n in range(150)
]
_LARGE = "\n".join(json.dumps(row) for row in _ROWS).encode()
_LINES = {"Content-Type": "application/jsonl"}


@contextmanager
def _client(context: ServiceContext, **limits: int) -> Iterator[TestClient]:
    settings = Settings(
        database_url=context.database.engine.url.render_as_string(hide_password=False),
        data_dir=context.files_dir.parent,
        openai_base_url="http://127.0.0.1:9/v1",
        model="m",
        _env_file=None,
    )
    limited = replace(context, import_process=ImportProcessLimits(**limits))
    api_context = ApiContext(limited, send=lambda _: None, broker_trouble=lambda: None)
    api = build_api(api_context, OWN_USER, LargeRequests(limited, settings).answer)
    with TestClient(api, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as http:
        yield http


def test_large_and_small_bodies_are_answered_alike(context: ServiceContext) -> None:
    assert len(_LARGE) > 64 * 1024
    with _client(context) as http:
        stored = http.post("/v1/seed-sets", content=_LARGE, headers=_LINES)
        assert (stored.status_code, stored.json()["task_count"]) == (201, len(_ROWS))
        assert stored.headers["X-Request-ID"]
        assert stored.headers["X-Content-Type-Options"] == "nosniff"
        assert http.get(stored.headers["Location"]).json()["id"] == stored.json()["id"]
        again = http.post("/v1/seed-sets", content=_LARGE, headers=_LINES)
        assert (again.status_code, again.json()["id"]) == (200, stored.json()["id"])

        run = {"seed_tasks": _ROWS, "options": {"target": 1, "unknown": 1}}
        faults = [
            http.post("/v1/runs", json={**run, "seed_tasks": tasks}).json()["faults"]
            for tasks in (_ROWS, _ROWS[:2])
        ]
        assert faults[0] == faults[1]
        assert faults[0][0]["field"] == "options.unknown"
        headers = {"X-Request-ID": "mine"}
        wrong = http.post("/v1/seed-sets", content=b"[" * 70_000, headers=headers)
        assert (wrong.status_code, wrong.json()["request_id"]) == (422, "mine")
        deep = http.post("/v1/runs", json={"seed_tasks": [json.loads("[" * 200 + "]" * 200)] * 300})
        assert deep.json()["faults"][0]["message"] == "nested deeper than 100 levels"
        assert http.post("/v1/nothing", content=_LARGE).status_code == 404
        refused = http.request("GET", "/v1/runs", content=_LARGE)
        assert refused.status_code == 413
        assert refused.json()["faults"][0]["message"] == "more than 65,536 bytes"
    assert list((context.files_dir / "uploads").iterdir()) == []


def test_the_process_knows_the_caller(context: ServiceContext) -> None:
    key = create_key(context.database, "runner", frozenset({Scope.RUN}))
    with _client(context) as http:
        refused = http.post(
            "/v1/runs",
            json={"seed_tasks": _ROWS, "training": {}},
            headers={"Authorization": f"Bearer {key.key}"},
        )
    assert refused.status_code == 403
    assert "'runner' does not have the scope train" in refused.json()["detail"]


def test_a_body_that_takes_too_much_memory_is_refused(context: ServiceContext) -> None:
    body = b'{"seed_tasks": [' + b"[]," * 900_000 + b"[]]}"
    json_type = {"Content-Type": "application/json"}
    with _client(context, memory_bytes=120 * 1024 * 1024) as http:
        refused = http.post("/v1/runs", content=body, headers=json_type)
        assert refused.status_code == 413
        assert "120 MiB (SEEDBED_IMPORT_MEMORY_MIB)" in refused.json()["detail"]
