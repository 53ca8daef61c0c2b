"""The main story: post seed tasks, start a run, poll it, download the data set."""

import json
from contextlib import ExitStack

import httpx

from tests.acceptance.conftest import SEEDS, await_end, seed_tasks, start


def test_seed_tasks_go_in_and_an_alpaca_data_set_comes_out(http: httpx.Client) -> None:
    posted = http.post("/seed-sets", content=SEEDS, headers={"Content-Type": "application/jsonl"})
    assert posted.status_code in (200, 201)
    seed_set = posted.json()
    assert (seed_set["task_count"], seed_set["classification_count"]) == (180, 27)

    answer = http.post(
        "/runs", json={"seed_set_id": seed_set["id"], "options": {"target": 40, "random_seed": 1}}
    )
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/runs/{answer.json()['id']}"
    run = await_end(http, answer.json()["id"])
    assert (run["status"], run["end_reason"]) == ("succeeded", "target_met")
    assert run["progress"]["accepted"] == 40
    assert run["funnel"]["rejected"]["near_duplicate"] > 0
    assert run["tokens"]["completion"] > 0

    data_set = http.get(f"/runs/{run['id']}/dataset")
    assert data_set.headers["Content-Type"].startswith("application/json")
    rows = data_set.json()
    assert len(rows) == run["funnel"]["instances"]
    assert all(list(row) == ["instruction", "input", "output"] for row in rows)
    assert any(row["input"] for row in rows)


def test_a_seeded_run_gives_the_same_bytes_twice(http: httpx.Client) -> None:
    first, second = (start(http, target=30, random_seed=9) for _ in range(2))
    for run_id in (first, second):
        assert await_end(http, run_id)["status"] == "succeeded"
    one, two = (http.get(f"/runs/{run_id}/dataset").content for run_id in (first, second))
    assert one == two
    assert len(json.loads(one)) > 30


def test_the_data_set_can_be_streamed_while_it_grows(http: httpx.Client) -> None:
    run_id = start(http, target=40, random_seed=2)
    with http.stream("GET", f"/runs/{run_id}/dataset", params={"follow": True}) as stream:
        streamed = b"".join(stream.iter_bytes())
    assert http.get(f"/runs/{run_id}").json()["status"] == "succeeded"
    assert streamed == http.get(f"/runs/{run_id}/dataset").content


def test_everything_a_run_holds_can_be_paged_through(http: httpx.Client) -> None:
    run_id = start(http, target=25)
    run = await_end(http, run_id)
    funnel = run["funnel"]
    expected = {
        "instructions": funnel["accepted"],
        "instances": funnel["instances"],
        "rejections": sum(funnel["rejected"].values()) + sum(funnel["instances_rejected"].values()),
        "completions": funnel["asked"],
    }
    for kind, total in expected.items():
        seen, cursor = [], None
        while True:
            params = {"limit": 7} | ({"cursor": cursor} if cursor else {})
            page = http.get(f"/runs/{run_id}/{kind}", params=params).json()
            assert len(page["items"]) <= 7
            seen += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len({json.dumps(item, sort_keys=True) for item in seen}) == len(seen) == total, kind
    statuses = [
        event["data"]["status"]
        for event in http.get(f"/runs/{run_id}/events").json()["items"]
        if event["kind"] == "status"
    ]
    assert statuses == ["queued", "running", "succeeded"]


def test_a_row_leads_back_to_the_reply_and_the_demonstrations(http: httpx.Client) -> None:
    run_id = start(http, target=10)
    await_end(http, run_id)
    instruction = http.get(f"/runs/{run_id}/instructions").json()["items"][-1]
    replies = {r["id"]: r for r in http.get(f"/runs/{run_id}/completions").json()["items"]}
    reply = replies[instruction["completion_id"]]
    assert instruction["text"] in reply["reply"]
    assert len(reply["demonstrations"]) == 8
    shown = [d["position"] for d in reply["demonstrations"] if d["origin"] == "seed"]
    tasks = seed_tasks()
    assert all(" ".join(tasks[n]["instruction"].split()) in reply["prompt"] for n in shown)


def test_the_same_idempotency_key_starts_one_run(http: httpx.Client) -> None:
    body = {"seed_tasks": seed_tasks()[:10], "options": {"target": 3}}
    key = {"Idempotency-Key": "a-key-of-this-test"}
    first, second = (http.post("/runs", json=body, headers=key) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    other = http.post("/runs", json=body | {"options": {"target": 4}}, headers=key)
    assert other.status_code == 409
    assert other.headers["Content-Type"] == "application/problem+json"


def test_a_run_can_be_paused_resumed_and_cancelled(http: httpx.Client) -> None:
    run_id = start(http, target=100_000, lookahead=4)
    assert http.post(f"/runs/{run_id}/pause").json()["status"] == "paused"
    assert http.post(f"/runs/{run_id}/pause").status_code == 202
    assert http.post(f"/runs/{run_id}/resume").json()["status"] == "queued"
    assert http.post(f"/runs/{run_id}/cancel").json()["status"] in {"cancelling", "cancelled"}
    assert await_end(http, run_id)["status"] == "cancelled"
    assert http.post(f"/runs/{run_id}/cancel").status_code == 202
    assert http.post(f"/runs/{run_id}/resume").status_code == 409


def test_the_service_says_that_it_is_alive_and_ready(http: httpx.Client) -> None:
    assert http.get("/health").json() == {"status": "ok"}
    assert http.get("/ready").json() == {
        "status": "ok",
        "checks": {"database": "ok", "broker": "ok", "disk": "ok"},
    }


def test_followers_of_a_paused_run_leave_the_service_answering(http: httpx.Client) -> None:
    run_id = start(http, target=1000, lookahead=1)
    http.post(f"/runs/{run_id}/pause")
    with ExitStack() as streams:
        for _ in range(60):
            stream = http.stream("GET", f"/runs/{run_id}/dataset", params={"follow": True})
            streams.enter_context(stream)
        assert http.get("/health").status_code == 200
        assert http.get("/ready").status_code == 200
    http.post(f"/runs/{run_id}/cancel")
