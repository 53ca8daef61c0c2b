"""Requests that no client of ours sends: each is refused by a problem detail, never by a defect."""

import base64
import gzip
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.services.datasets.make import make_dataset
from tests.unit.api.conftest import Service

DIGITS = "9" * 300
NOWHERE = "dataset_nowhere"
IMPORT = "/v1/datasets/import?format=alpaca&name="


def _cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def seed(output: str) -> dict[str, Any]:
    return {
        "id": "seed_0",
        "name": "say",
        "instruction": "Say it.",
        "instances": [{"input": "", "output": output}],
        "is_classification": False,
    }


def _refused(client: TestClient, method: str, address: str, **request: Any) -> dict[str, Any]:
    answer = client.request(method, address, **request)
    where = (method, address[:200], request)
    assert 400 <= answer.status_code < 500, (where, answer.text[:500])
    assert answer.headers["Content-Type"] == "application/problem+json", where
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code, where
    return problem


def test_cursors_seeds_and_numbers_out_of_range_are_refused(grown_service: Service) -> None:
    (run,) = grown_service.http.get("/v1/runs").json()["items"]
    of_run = f"/v1/runs/{run['id']}"
    numbers = [
        *(f"{of_run}/instructions?cursor={_cursor(n)}" for n in (2**63, 2**31, -1, 10**300, 1.5)),
        f"{of_run}/instances?cursor={_cursor(2**31, 0)}",
        f"{of_run}/events?cursor={_cursor(2**63)}",
        f"{of_run}/events?limit={DIGITS}",
        f"/v1/runs?cursor={_cursor('a' + chr(0))}",
        f"/v1/datasets/{NOWHERE}/rows?cursor={_cursor(2**31 - 1)}",
        f"/v1/datasets/{NOWHERE}/compare/{NOWHERE}?limit={DIGITS}",
        f"{IMPORT}a&vicuna=true&most_characters={DIGITS}",
    ]
    for address in numbers:
        method = "POST" if "import" in address else "GET"
        _refused(grown_service.http, method, address, content=b"[]" if method == "POST" else None)


def test_a_seed_of_three_hundred_digits_is_refused(grown_service: Service) -> None:
    (run,) = grown_service.http.get("/v1/runs").json()["items"]
    recipe = {"sources": [{"run_id": run["id"]}]}
    made = grown_service.http.post("/v1/datasets", json={"name": "tea", "recipe": recipe}).json()
    while make_dataset(grown_service.context, made["id"], lambda: False):
        pass
    problem = _refused(
        grown_service.http,
        "GET",
        f"/v1/datasets/{made['id']}/download?format=prompt_completion&random_seed={DIGITS}",
    )
    assert problem["faults"][0]["field"] == "random_seed"
    for address in (f"cursor={_cursor(2**31 - 1)}", f"cursor={_cursor(0)}"):
        rows = grown_service.http.get(f"/v1/datasets/{made['id']}/rows?{address}")
        assert rows.status_code == 200, rows.text


def test_no_text_with_a_nul_reaches_the_database(service: Service) -> None:
    for method, address in (
        ("GET", "/v1/runs/%00"),
        ("GET", "/v1/runs/%00/events"),
        ("GET", "/v1/seed-sets/a%00"),
        ("GET", "/v1/datasets/%00/plots/%00.svg"),
        ("GET", f"/v1/datasets/{NOWHERE}/compare/%00"),
        ("GET", "/v1/training-jobs/%00/outputs/%00"),
        ("DELETE", f"/v1/training-jobs/{NOWHERE}/reviews/a%00b"),
        ("GET", "/v1/runs?dataset_id=%00"),
        ("GET", "/v1/runs?seed_set_id=%00"),
        ("GET", "/v1/training-jobs?dataset_id=%00"),
        ("GET", "/v1/datasets?name=%00"),
        ("POST", f"{IMPORT}a&source=%00"),
        ("POST", f"{IMPORT}a&licence=%00"),
        ("POST", f"{IMPORT}%00"),
        ("POST", f'{IMPORT}a&columns={{"instruction":"\\u0000"}}'),
        ("POST", "/v1/seed-sets?name=%00"),
    ):
        _refused(service.http, method, address, content=b"[]" if method == "POST" else None)


_BODIES: tuple[tuple[str, Any], ...] = (
    ("/v1/runs", {"seed_set_id": "TEXT"}),
    ("/v1/runs", {"dataset_id": "TEXT"}),
    ("/v1/runs", {"seed_set_id": "a", "options": {"extra_body": {"a": ["TEXT"]}}}),
    ("/v1/runs", {"seed_set_id": "a", "options": {"extra_body": {"TEXT": 1}}}),
    ("/v1/runs", {"seed_tasks": ["TEXT"]}),
    ("/v1/runs/run_nowhere/resume", {"options": {"model": "TEXT"}}),
    ("/v1/seed-sets", {"name": "TEXT", "tasks": []}),
    ("/v1/datasets", {"name": "a", "recipe": {"sources": [{"run_id": "TEXT"}]}}),
    ("/v1/datasets/x/push", {"repo": "TEXT"}),
    ("/v1/training-jobs", {"dataset_id": "TEXT"}),
    ("/v1/training-jobs", {"dataset_id": "a", "options": {"base_model": "TEXT"}}),
    ("/v1/evaluations", {"dataset_id": "a", "options": {"base_model": "TEXT"}}),
)


def test_no_body_holds_what_a_database_refuses(service: Service) -> None:
    texts = {r'"\u0000"': "has a NUL byte in it", r'"\ud800"': "has half of a surrogate pair"}
    for path, body in _BODIES:
        for text, message in texts.items():
            sent = json.dumps(body).replace('"TEXT"', text)
            headers = {"Content-Type": "application/json"}
            problem = _refused(service.http, "POST", path, content=sent, headers=headers)
            assert problem["status"] == 422, (path, sent)
            if "seed_tasks" not in body:
                assert message in problem["faults"][0]["message"], (path, problem)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", DIGITS, f"-{DIGITS}"])
def test_a_number_that_json_or_a_database_does_not_have_is_refused(
    service: Service, number: str
) -> None:
    for path, body in (
        ("/v1/runs", '{"seed_set_id": "a", "options": {"extra_body": {"a": [NUMBER]}}}'),
        ("/v1/runs", '{"seed_set_id": "a", "options": {"similarity_threshold": NUMBER}}'),
        ("/v1/runs", '{"seed_set_id": "a", "budget": {"max_cost_usd": NUMBER}}'),
        ("/v1/runs/run_nowhere/resume", '{"options": {"lookahead": NUMBER}}'),
        ("/v1/datasets", '{"name": "a", "recipe": {"sources": [], "mix": {"total": NUMBER}}}'),
        ("/v1/training-jobs", '{"dataset_id": "a", "options": {"seed": NUMBER}}'),
    ):
        headers = {"Content-Type": "application/json"}
        content = body.replace("NUMBER", number)
        problem = _refused(service.http, "POST", path, content=content, headers=headers)
        assert problem["status"] == 422, (path, problem)


def test_names_that_clients_leave_out_of_addresses_are_refused(service: Service) -> None:
    recipe = {"sources": [{"run_id": "a"}]}
    for name in (".", ".."):
        dataset = {"name": name, "recipe": recipe}
        trained = {"seed_set_id": "a", "training": {"dataset_name": name}}
        for path, body in (("/v1/datasets", dataset), ("/v1/runs", trained)):
            problem = _refused(service.http, "POST", path, json=body)
            assert problem["faults"][0]["field"].endswith("name"), problem
        _refused(service.http, "POST", f"{IMPORT}{name}", content=b"[]")
        # As a client sends them that does not leave them out.
        _refused(service.http, "DELETE", f"/v1/training-jobs/x/reviews/{name.replace('.', '%2E')}")


def test_odd_headers_and_methods_are_no_defects(service: Service) -> None:
    for headers in (
        {"Last-Event-ID": DIGITS},
        {"Last-Event-ID": "-1"},
        {"Content-Type": "text/plain"},
        {"Accept": "," * 1000},
        {"If-None-Match": '"' * 1000},
        {"Range": "bytes=" + DIGITS},
    ):
        for path in ("/v1/runs/run_nowhere/events", "/v1/datasets/x/download"):
            _refused(service.http, "GET", path, headers=headers)
            _refused(service.http, "POST", "/v1/runs", headers=headers, content=b"{}")
    for method in ("HEAD", "OPTIONS", "TRACE", "PATCH"):
        answer = service.http.request(method, "/v1/runs")
        assert answer.status_code == 405, method
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Allow"]
    for path in ("/", "/v1", "/v1/", "/v1/runs/", "/v2/runs", "/%2e%2e/", "/v1/runs%00", "//"):
        assert _refused(service.http, "GET", path)["status"] == 404, path


def test_a_body_that_is_nested_too_deep_is_refused_with_the_limit(service: Service) -> None:
    for nested in ("[" * 101 + "]" * 101, '{"a":' * 200 + "1" + "}" * 200, "[" * 900, "[" * 90_000):
        for path in ("/v1/runs", "/v1/seed-sets", "/v1/datasets", "/v1/runs/run_nowhere/resume"):
            for media_type in ("application/json", "Application/Problem+JSON; charset=utf-8"):
                problem = _refused(
                    service.http,
                    "POST",
                    path,
                    content=f'{{"options": {nested}',
                    headers={"Content-Type": media_type},
                )
                assert problem["faults"][0]["message"] == "nested deeper than 100 levels", path
    # Brackets in texts are no nesting.
    stored = service.http.post("/v1/seed-sets", json={"tasks": [seed("[{" * 500)]})
    assert stored.status_code == 201, stored.text


def test_a_compressed_body_is_refused_by_its_encoding(service: Service) -> None:
    seeds = json.dumps({"tasks": [seed("a")]}).encode()
    for path in ("/v1/seed-sets", "/v1/runs"):
        for encoding in ("gzip", "br", "x-gzip, identity"):
            headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
            sent = gzip.compress(seeds)
            problem = _refused(service.http, "POST", path, content=sent, headers=headers)
            assert problem["status"] == 415, path
            assert encoding in problem["detail"], problem
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    plain = service.http.post("/v1/seed-sets", content=seeds, headers=headers)
    assert plain.status_code == 201, plain.text


def test_what_costs_or_publishes_is_decided_by_true_or_false_alone(service: Service) -> None:
    for path, field in (
        ("/v1/runs", "dry_run"),
        ("/v1/runs/run_nowhere/extend", "dry_run"),
        ("/v1/datasets/x/push", "private"),
    ):
        for value in (0, 1, "no", "true"):
            problem = _refused(service.http, "POST", path, json={field: value})
            assert field in {fault["field"] for fault in problem["faults"]}, problem


def test_a_repository_without_its_owner_is_refused(service: Service) -> None:
    for name in ("0", "tea", "a/b/c", "a/", "/a", ""):
        problem = _refused(service.http, "POST", "/v1/datasets/x/push", json={"repo": name})
        assert problem["faults"][0]["field"] == "repo", name
