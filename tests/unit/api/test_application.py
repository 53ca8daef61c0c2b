"""The application as a whole: health, keys and scopes, the limit of bodies."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from app.api.application import build_api
from app.api.context import ApiContext
from app.pipeline.seed_tasks import MAX_BYTES
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.services.context import ServiceContext
from tests.owners import OWN_USER
from tests.servers.full_disk import files_limited_to
from tests.unit.api.conftest import Service

ELSEWHERE = ("203.0.113.9", 50_000)


def far(service: Service) -> TestClient:
    """A client on another machine."""
    return TestClient(service.http.app, base_url="http://service.example.com", client=ELSEWHERE)


def bearer(service: Service, *scopes: Scope, scheme: str = "Bearer") -> dict[str, str]:
    key = api_keys.create_key(service.context.database, "+".join(scopes), scopes).key
    return {"Authorization": f"{scheme} {key}"}


def test_a_service_whose_parts_answer_is_ready(service: Service) -> None:
    assert service.http.get("/v1/health").json() == {"status": "ok"}
    answer = service.http.get("/v1/ready")
    checks = {"database": "ok", "broker": "ok", "disk": "ok"}
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": checks})


def test_a_service_without_its_broker_is_not_ready(context: ServiceContext) -> None:
    broken = ApiContext(context, send=lambda _: None, broker_trouble=lambda: "It is away.")
    api = build_api(broken, OWN_USER)
    answer = TestClient(api, base_url="http://localhost", client=("127.0.0.1", 1)).get("/v1/ready")
    checks = {"database": "ok", "broker": "It is away.", "disk": "ok"}
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "checks": checks})


def test_a_service_with_a_full_disk_is_not_ready_and_refuses_what_would_fill_it(
    context: ServiceContext,
) -> None:
    api = ApiContext(
        replace(context, min_free_bytes=10**18), send=lambda _: None, broker_trouble=lambda: None
    )
    app = build_api(api, OWN_USER)
    http = TestClient(app, base_url="http://localhost", client=("127.0.0.1", 1))
    answer = http.get("/v1/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["disk"].startswith("The disk of the database: ")
    wanted = {"name": "tea", "format": "alpaca"}
    answer = http.post("/v1/datasets/import", params=wanted, content=b'[{"instruction": "a"}]')
    assert answer.status_code == 507
    assert "SEEDBED_MIN_FREE_MB" in answer.json()["detail"]
    assert http.get("/v1/health").status_code == 200


def test_a_database_that_can_not_write_is_said_until_it_can(service: Service) -> None:
    instances = [{"input": "", "output": "It."}]
    task = {"instruction": "Say it.", "is_classification": False, "instances": instances}
    with files_limited_to(2000):
        # Not even the keys can be read: SQLite can't make the file beside the database for that.
        assert service.http.get("/v1/runs").status_code == 507
    assert service.http.get("/v1/runs").status_code == 200
    with files_limited_to(2000):
        answer = service.http.post("/v1/seed-sets", json={"tasks": [task]})
        ready = service.http.get("/v1/ready")
    assert answer.status_code == 507
    assert answer.json()["detail"].startswith("The database can't write: disk I/O error")
    assert (ready.status_code, ready.json()["checks"]["disk"]) == (503, answer.json()["detail"])
    assert service.http.get("/v1/ready").status_code == 200
    assert service.http.post("/v1/seed-sets", json={"tasks": [task]}).status_code == 201


def test_without_a_key_only_this_machine_is_served(service: Service) -> None:
    for path, status in (
        ("/v1/health", 200),
        ("/v1/ready", 403),
        ("/v1/runs", 403),
        ("/docs", 403),
    ):
        assert far(service).get(path).status_code == status, path
        assert service.http.get(path).status_code == 200, path
    assert "another machine" in far(service).get("/v1/runs").json()["detail"]
    assert far(service).post("/v1/health").status_code == 403


def test_once_a_key_exists_every_other_request_needs_one(service: Service) -> None:
    headers = bearer(service, Scope.READ)
    for path in ("/v1/health", "/docs", "/docs/assets/start.js", "/openapi.json"):
        assert far(service).get(path).status_code == 200, path
    assert service.http.get("/v1/ready").status_code == 200
    for path in ("/v1/runs", "/v1/ready", "/v1/none"):
        answer = far(service).get(path)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="seedbed"'
    assert service.http.post("/docs").status_code == 401
    assert far(service).get("/v1/runs", headers=headers).status_code == 200
    assert far(service).get("/v1/none", headers=headers).status_code == 404


def test_a_key_does_what_its_scopes_allow(service: Service) -> None:
    client = far(service)
    read, run = bearer(service, Scope.READ), bearer(service, Scope.RUN)
    answer = client.post("/v1/runs", json={}, headers=read)
    assert (answer.status_code, "scope run" in answer.json()["detail"]) == (403, True)
    assert client.post("/v1/runs", json={}, headers=run).status_code == 422
    for path in ("/v1/training-jobs", "/v1/evaluations"):
        assert client.post(path, json={}, headers=run).status_code == 403
        assert client.post(path, json={}, headers=bearer(service, Scope.TRAIN)).status_code == 422
    # Each body needs the other scope as well.
    body: dict[str, object] = {"seed_tasks": [], "training": {}}
    assert client.post("/v1/runs", json=body, headers=run).status_code == 403
    train = bearer(service, Scope.TRAIN)
    assert client.post("/v1/training-jobs", json={"run_id": "r"}, headers=train).status_code == 403
    both = bearer(service, Scope.RUN, Scope.TRAIN)
    assert client.post("/v1/runs", json=body, headers=both).status_code == 422
    assert client.post("/v1/training-jobs", json={"run_id": "r"}, headers=both).status_code == 422


@pytest.mark.parametrize(
    ("scheme", "status"),
    [("Bearer", 200), ("bearer", 200), ("Bearer ", 200), ("Basic", 401), ("", 401)],
)
def test_a_key_is_a_bearer_token(service: Service, scheme: str, status: int) -> None:
    headers = bearer(service, Scope.READ, scheme=scheme)
    assert far(service).get("/v1/runs", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Bearer", "This needs an API key"),
        ("Bearer  ", "This needs an API key"),
        ("Basic abc", "This needs an API key"),
        (f"Bearer sb_{'0' * 22}_{'0' * 64}", "is not known, or was revoked"),
    ],
)
def test_a_refusal_names_its_reason(service: Service, header: str, message: str) -> None:
    bearer(service, Scope.READ)
    answer = far(service).get("/v1/runs", headers={"Authorization": header})
    assert (answer.status_code, message in answer.json()["detail"]) == (401, True)


def test_a_body_over_the_limit_is_refused_except_an_import(service: Service) -> None:
    most = MAX_BYTES + 1_000_000
    for size, status, detail in ((most, 422, "not JSON"), (most + 1, 413, "too large")):
        answer = service.http.post(
            "/v1/seed-sets",
            content=b"{" + b" " * (size - 1),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == status
        assert detail in answer.json()["detail"]
    assert answer.json()["faults"][0]["message"] == f"more than {most:,} bytes"
    answer = service.http.post(
        "/v1/datasets/import",
        params={"name": "a", "format": "alpaca"},
        content=b" " * (most + 1),
    )
    assert "too large" not in answer.text


def test_a_body_is_refused_before_it_fills_the_memory_or_the_time(service: Service) -> None:
    for path, body, what in (
        ("/v1/datasets", b" " * 2_000_001, "more than 2,000,000 bytes"),
        ("/v1/runs", b"[" + b"{}," * 1_000_001, "more than 1,000,000 times '{'"),
        ("/v1/seed-sets", b"\n" * 2_000_001, "more than 2,000,000 times '\\n'"),
    ):
        answer = service.http.post(path, content=body)
        assert answer.status_code == 413, path
        assert answer.json()["faults"][0]["message"] == what
    header = b"instruction,output," + b"c," * 300_000
    answer = service.http.post("/v1/seed-sets", content=header)
    assert answer.status_code == 422
    assert "300,003 columns; at most 1,000" in answer.json()["faults"][0]["message"]


def test_a_body_that_cannot_be_json_is_an_invalid_request(service: Service) -> None:
    for body in (b"\xff", b"[" * 100_000):
        answer = service.http.post(
            "/v1/runs", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, answer.text


def test_an_unknown_method_is_a_problem_detail(service: Service) -> None:
    answer = service.http.put("/v1/runs")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "request_id": answer.headers["X-Request-ID"],
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "detail": "Method Not Allowed",
        "instance": "/v1/runs",
        "faults": [],
    }


def test_at_most_a_hundred_faults_are_listed(service: Service) -> None:
    answer = service.http.post("/v1/runs", json={f"field_{n}": 1 for n in range(150)})
    assert len(answer.json()["faults"]) == 100
