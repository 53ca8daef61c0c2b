"""Which keys may do what: every operation of the API, asked with every kind of key."""

import json
from dataclasses import dataclass

import pytest

from app.api.security.rules import RULES, rule_of
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.services.datasets import make
from app.services.training.jobs import work
from app.store.training import answer_reviews
from tests.dataset_versions import ROWS
from tests.scripted_trainer import ScriptedTrainer
from tests.unit.api.conftest import Service

EVERYBODY = {"read", "run", "train", "publish", "maker", "admin"}
"""Kinds of keys; each but `maker` made nothing of what is asked for."""
MAKES = {"run": {"run", "maker", "admin"}, "train": {"train", "maker", "admin"}}
OWNS = {"maker", "admin"}
ALLOWED = {
    "POST /v1/seed-sets": MAKES["run"],
    "POST /v1/runs": MAKES["run"],
    "POST /v1/runs/{run_id}/extend": OWNS,
    "POST /v1/runs/{run_id}/cancel": OWNS,
    "POST /v1/runs/{run_id}/pause": OWNS,
    "POST /v1/runs/{run_id}/resume": OWNS,
    "POST /v1/runs/{run_id}/batches/stop": OWNS,
    "POST /v1/datasets": MAKES["run"],
    "POST /v1/datasets/import": MAKES["run"],
    "DELETE /v1/datasets/{dataset_id}": OWNS,
    "POST /v1/datasets/{dataset_id}/push": {"publish", "admin"},
    "POST /v1/training-jobs": MAKES["train"],
    "POST /v1/training-jobs/{job_id}/cancel": OWNS,
    "POST /v1/training-jobs/{job_id}/resume": OWNS,
    "DELETE /v1/training-jobs/{job_id}/outputs": OWNS,
    "POST /v1/evaluations": MAKES["train"],
    "PUT /v1/training-jobs/{job_id}/reviews/{reviewer}": OWNS,
    "DELETE /v1/training-jobs/{job_id}/reviews/{reviewer}": OWNS,
}
"""Of every operation that changes something: whom it answers. Reading answers everybody."""
RUN = {"seed_tasks": [{"id": "a", "name": "a", "instruction": "Name a colour.",
                       "instances": [{"input": "", "output": "Red."}],
                       "is_classification": False}]}  # fmt: skip


@dataclass
class Things:
    """A run, a version, a job and a review, made by the key `maker`; and keys of every kind."""

    service: Service
    keys: dict[str, str]
    names: dict[str, str]

    def status(self, operation: str, kind: str | None, **names: str) -> int:
        """Ask for an operation on the things."""
        method, _, path = operation.partition(" ")
        headers = {} if kind is None else {"Authorization": f"Bearer {self.keys[kind]}"}
        address = path.format_map({**self.names, **names})
        return self.service.http.request(method, address, headers=headers).status_code


@pytest.fixture
def things(service: Service) -> Things:
    database = service.context.database
    scopes = {kind: [Scope(kind)] for kind in EVERYBODY - {"maker"}}
    scopes["maker"] = [Scope.RUN, Scope.TRAIN]
    made = {kind: api_keys.create_key(database, kind, own) for kind, own in scopes.items()}
    keys = {kind: new.key for kind, new in made.items()}
    mine = {"Authorization": f"Bearer {keys['maker']}"}

    def post(path: str, **sent: object) -> str:
        answer = service.http.request("POST", path, headers=mine, **sent)  # type: ignore[arg-type] # any of httpx' own arguments
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    params = {"name": "ours", "format": "alpaca"}
    dataset_id = post("/v1/datasets/import", params=params, content=json.dumps(ROWS))
    make.make_dataset(service.context, dataset_id, lambda: False)
    job = {"dataset_id": dataset_id, "options": {"base_model": "tiny"}}
    job_id = post("/v1/training-jobs", json=job)
    trainer = ScriptedTrainer(steps=2, tasks=4, keeps_answers=True)
    work.work_on_job(service.context, job_id, lambda: False, trainer)
    run_id = post("/v1/runs", json=RUN)
    with database.write() as session:
        answer_reviews.put(session, job_id, "ann", {}, made["maker"].stored.id)
    for path in (f"runs/{run_id}", f"datasets/{dataset_id}", f"training-jobs/{job_id}"):
        made_by = service.http.get(f"/v1/{path}", headers=mine).json()["made_by"]
        assert made_by == made["maker"].stored.id
    names = {
        "run_id": run_id, "dataset_id": dataset_id, "new_id": dataset_id, "old_id": dataset_id,
        "job_id": job_id, "reviewer": "ann", "name": "x", "seed_set_id": "seeds_1",
    }  # fmt: skip
    return Things(service, keys, names)


def operations(service: Service) -> list[str]:
    document = service.http.app.openapi()  # type: ignore[attr-defined] # starlette types it as any ASGI application
    return [
        f"{method.upper()} {path}"
        for path, of_path in document["paths"].items()
        for method in of_path
    ]


def test_every_operation_answers_those_keys_that_may_use_it(things: Things) -> None:
    every = operations(things.service)
    assert len(every) >= 49
    changes = {operation for operation in every if not operation.startswith("GET ")}
    assert changes == set(ALLOWED)
    assert changes == {" ".join(operation) for operation in RULES}
    # Those who own the things come last: they delete them.
    for kind in sorted(EVERYBODY - OWNS):
        for operation in every:
            is_allowed = kind in ALLOWED.get(operation, EVERYBODY)
            is_refused = things.status(operation, kind) in {401, 403}
            assert is_refused != is_allowed, (operation, kind)
    for operation in every:
        if operation not in {"GET /v1/health", "GET /v1/ready"}:
            assert things.status(operation, None) == 401, operation
    for kind in sorted(OWNS, reverse=True):
        for operation in every:
            is_allowed = kind in ALLOWED.get(operation, EVERYBODY)
            is_refused = things.status(operation, kind) in {401, 403}
            assert is_refused != is_allowed, (operation, kind)


def test_what_nobody_made_is_changed_by_admin_alone(things: Things) -> None:
    with things.service.context.database.write() as session:
        for table in ("runs", "datasets", "training_jobs", "training_reviews"):
            session.connection().exec_driver_sql(f"UPDATE {table} SET made_by = NULL")  # noqa: S608
    owned = sorted(operation for operation, allowed in ALLOWED.items() if allowed == OWNS)
    for operation in owned:
        assert things.status(operation, "maker") == 403, operation
    for operation in owned:
        assert things.status(operation, "admin") not in {401, 403}, operation


def test_a_new_review_is_free_to_everyone_who_trains(things: Things) -> None:
    put = "PUT /v1/training-jobs/{job_id}/reviews/{reviewer}"
    assert things.status(put, "train", reviewer="bob") not in {401, 403}
    assert things.status(put, "run", reviewer="bob") == 403


def test_what_is_not_there_is_not_found_whoever_asks(things: Things) -> None:
    delete = "DELETE /v1/datasets/{dataset_id}"
    for name in ("dataset_none", "a%00b", "%C3%BC"):
        assert things.status(delete, "run", dataset_id=name) == 404


def test_a_refusal_says_whose_it_is(things: Things) -> None:
    headers = {"Authorization": f"Bearer {things.keys['run']}"}
    path = f"/v1/datasets/{things.names['dataset_id']}"
    said = things.service.http.delete(path, headers=headers).json()["detail"]
    (maker,) = (
        key.id for key in api_keys.list_keys(things.service.context.database) if key.name == "maker"
    )
    assert maker in said
    assert "scope admin" in said


def test_two_keys_with_one_idempotency_key_start_two_things(things: Things) -> None:
    http, dataset_id = things.service.http, things.names["dataset_id"]
    job = {"dataset_id": dataset_id, "options": {"base_model": "tiny"}}
    for kind, path, body, other in (
        ("run", "/v1/runs", RUN, {**RUN, "options": {"target": 7}}),
        ("train", "/v1/training-jobs", job, {**job, "options": {"base_model": "other"}}),
    ):
        sent = [
            http.post(
                path,
                json=own,
                headers={"Idempotency-Key": "k", "Authorization": f"Bearer {things.keys[name]}"},
            )
            # The second key sends another request, which is no conflict with the first.
            for name, own in ((kind, body), ("admin", other), (kind, body), ("admin", other))
        ]
        assert {answer.status_code for answer in sent} == {202}
        first, second, *again = (answer.json()["id"] for answer in sent)
        assert first != second
        assert again == [first, second]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/runs", "/v1/training-jobs/t", "/anything", "/", "/metrics"])
def test_reading_needs_read_everywhere(method: str, path: str) -> None:
    assert rule_of(method, path).rule.scope is Scope.READ


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/runs", Scope.RUN),
        ("/v1/runs/", Scope.RUN),
        ("/v1/runs/run_1/cancel", Scope.RUN),
        ("/v1/datasets/dataset_1/push", Scope.PUBLISH),
        ("/v1/training-jobs/job_1/cancel", Scope.TRAIN),
    ],
)
def test_a_change_needs_the_scope_of_its_operation(path: str, scope: Scope) -> None:
    assert rule_of("POST", path).rule.scope is scope


@pytest.mark.parametrize(
    "path", ["/v1/runs-of-others", "/v1", "//v1/runs", "/v1/RUNS", "/", "/v1/runs/run_1/new"]
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "get", ""])
def test_what_the_table_does_not_name_needs_admin(method: str, path: str) -> None:
    assert rule_of(method, path).rule.scope is Scope.ADMIN
