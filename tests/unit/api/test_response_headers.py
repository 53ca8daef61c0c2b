"""Every answer forbids browsers to guess, frame or run it; reports allow what they need."""

from app.api.response_headers import STRICT_HEADERS
from app.services.datasets.make import make_dataset
from tests.unit.api.conftest import Service


def test_every_answer_has_the_strict_headers(service: Service) -> None:
    for method, path in (
        ("GET", "/v1/health"),
        ("GET", "/v1/runs"),
        ("GET", "/v1/none"),
        ("PUT", "/v1/runs"),
        ("POST", "/v1/runs"),
        ("GET", "/openapi.json"),
        ("GET", "/docs/assets/swagger-ui.css"),
    ):
        headers = service.http.request(method, path).headers
        assert {name: headers[name] for name in STRICT_HEADERS} == dict(STRICT_HEADERS), path


def test_reports_run_their_own_script_and_no_other(grown_service: Service) -> None:
    (run,) = grown_service.http.get("/v1/runs").json()["items"]
    recipe = {"sources": [{"run_id": run["id"]}]}
    made = grown_service.http.post("/v1/datasets", json={"name": "tea", "recipe": recipe}).json()
    while make_dataset(grown_service.context, made["id"], lambda: False):
        pass
    address = f"/v1/datasets/{made['id']}"
    policy = grown_service.http.get(f"{address}/report").headers["Content-Security-Policy"]
    assert "script-src 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy
    drawing = grown_service.http.get(f"{address}/plots/lengths.svg")
    assert "script-src" not in drawing.headers["Content-Security-Policy"]
    assert drawing.headers["X-Content-Type-Options"] == "nosniff"
