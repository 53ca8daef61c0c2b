"""A data set is reviewed by a model, over HTTP: from its id to the rows that stay."""

import json

import httpx
import pytest

from app.dataset_row import DatasetRow, Record
from app.stack.embedded import EmbeddedStack
from app.states import DatasetState
from app.store.database import Database
from app.store.datasets import dataset_rows
from app.store.tables.datasets import Dataset
from tests.acceptance.conftest import await_end, seed_tasks

ROWS = [
    DatasetRow(n, Record(f"Name {n} rivers.", f"The first {n} that come to mind.", "In Asia."))
    for n in range(40)
]


@pytest.fixture(scope="module")
def dataset_id(service: EmbeddedStack) -> str:
    """A version of a data set in the service's database."""
    database = Database(f"sqlite:///{service.log_dir.parent / 'seedbed.db'}")
    with database.write() as session:
        made = Dataset(
            id="dataset_rivers",
            name="rivers",
            version=1,
            state=DatasetState.READY,
            is_import=True,
            recipe={},
            row_count=len(ROWS),
        )
        session.add(made)
        session.flush()
        dataset_rows.add(session, made.id, ROWS)
    database.close()
    return "dataset_rivers"


def test_a_data_set_goes_in_and_the_rows_that_the_judge_likes_come_out(
    http: httpx.Client, dataset_id: str
) -> None:
    order = {
        "dataset_id": dataset_id,
        "options": {"profile": "judge", "review": {"threshold": 4}},
        "budget": {"max_calls": 500},
    }
    estimate = http.post("/runs", json={**order, "dry_run": True})
    assert (estimate.status_code, estimate.json()["stages"]["review"]["calls"]) == (200, 40)

    answer = http.post("/runs", json=order, headers={"Idempotency-Key": "rivers"})
    assert answer.status_code == 202
    again = http.post("/runs", json=order, headers={"Idempotency-Key": "rivers"})
    assert again.json()["id"] == answer.json()["id"]
    run = await_end(http, answer.json()["id"])
    assert (run["status"], run["end_reason"]) == ("succeeded", "target_met")
    assert (run["seed_set_id"], run["dataset_id"]) == (None, dataset_id)
    assert run["progress"]["complete"] == run["progress"]["target"] == 40
    stay = run["funnel"]["instances"]
    assert 0 < stay < 40

    rows = http.get(f"/runs/{run['id']}/dataset").json()
    assert len(rows) == stay
    given = [{"instruction": row.record.instruction, "output": row.record.output} for row in ROWS]
    assert all({"instruction": r["instruction"], "output": r["output"]} in given for r in rows)
    dropped = http.get(f"/runs/{run['id']}/rejections", params={"limit": 500}).json()["items"]
    low = [one for one in dropped if one["reason"] == "judged_low"]
    assert {one["stage"] for one in dropped} == {"review"}
    assert low
    assert all(json.loads(one["text"])["score"] < 4 for one in low)
    [listed] = http.get("/runs", params={"dataset_id": dataset_id}).json()["items"]
    assert listed["id"] == run["id"]


def test_rows_answered_again_are_streamed_in_the_order_of_the_data_set(
    http: httpx.Client, dataset_id: str
) -> None:
    order = {"dataset_id": dataset_id, "options": {"profile": "re_answer"}}
    run_id = http.post("/runs", json=order).json()["id"]
    with http.stream("GET", f"/runs/{run_id}/dataset", params={"follow": True}) as stream:
        streamed = b"".join(stream.iter_bytes())
    assert http.get(f"/runs/{run_id}").json()["status"] == "succeeded"
    assert streamed == http.get(f"/runs/{run_id}/dataset").content
    asked = [row.record.instruction for row in ROWS]
    places = [asked.index(row["instruction"]) for row in json.loads(streamed)]
    assert places == sorted(places)
    assert not {row["output"] for row in json.loads(streamed)} & {r.record.output for r in ROWS}


def test_what_cannot_be_reviewed_is_reported_with_the_field(
    http: httpx.Client, dataset_id: str
) -> None:
    wrong = {
        "dataset_id": {"dataset_id": "dataset_nowhere", "options": {"profile": "judge"}},
        "options.profile": {"dataset_id": dataset_id, "options": {"profile": "paper"}},
    }
    wrong["options"] = {
        "dataset_id": dataset_id,
        "options": {"profile": "re_answer", "review": {"threshold": 2}},
    }
    for field, order in wrong.items():
        answer = http.post("/runs", json=order)
        assert answer.status_code == 422
        assert [fault["field"] for fault in answer.json()["faults"]] == [field]
    seeds = http.post("/runs", json={"seed_tasks": seed_tasks(), "options": {"profile": "judge"}})
    assert (seeds.status_code, seeds.json()["faults"][0]["field"]) == (422, "dataset_id")
    both = http.post("/runs", json={"dataset_id": dataset_id, "seed_set_id": "seeds_1"})
    assert "give one of seed_set_id, seed_tasks and dataset_id" in both.text
