"""The scripted server's Batch API, as anybody's HTTP client sees it."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from app.llm.scripted.batch import BatchPlan, State
from app.llm.scripted.batches import BatchScript, Fault
from app.llm.scripted.server import ScriptedCall, ScriptedReply, ScriptedServer, scripted_server

CHAT = "/v1/chat/completions"
WINDOW = {"completion_window": "24h"}
Json = dict[str, Any]


@contextmanager
def batch_api(batches: BatchScript | None = None) -> Iterator[tuple[httpx.Client, ScriptedServer]]:
    with (
        scripted_server(echo, batches) as server,
        httpx.Client(base_url=server.base_url) as http,
    ):
        yield http, server


def line(custom_id: str, words: str = "one two three", **more: object) -> Json:
    body = {"model": "m", "messages": [{"role": "user", "content": words}]}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body, **more}


def upload(http: httpx.Client, content: bytes, purpose: str = "batch") -> httpx.Response:
    files = {"file": ("some.jsonl", content, "application/jsonl")}
    return http.post("/files", data={"purpose": purpose}, files=files)


def create(http: httpx.Client, content: bytes, **metadata: str) -> Json:
    file_id = upload(http, content).json()["id"]
    asked = {"input_file_id": file_id, "endpoint": CHAT, "metadata": metadata}
    reply = http.post("/batches", json=asked | WINDOW)
    assert reply.status_code == 200, reply.text
    found: Json = reply.json()
    return found


def jsonl(*lines: Json) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def status(http: httpx.Client, batch_id: str) -> Json:
    found: Json = http.get(f"/batches/{batch_id}").json()
    return found


def reaches(http: httpx.Client, batch_id: str, state: State) -> Json:
    until_s = time.monotonic() + 30
    while (found := status(http, batch_id))["status"] != state:
        assert time.monotonic() < until_s, found
        time.sleep(0.01)
    return found


def content(http: httpx.Client, file_id: str | None) -> list[Json]:
    if file_id is None:
        return []
    reply = http.get(f"/files/{file_id}/content")
    return [json.loads(text) for text in reply.content.split(b"\n") if text]


def echo(call: ScriptedCall) -> ScriptedReply:
    if call.custom_id == "bad":
        return ScriptedReply(status=400, error={"message": "No"})
    return ScriptedReply("" if call.custom_id is None else call.custom_id.upper())


def test_each_line_goes_through_the_script_and_is_answered_as_by_the_api() -> None:
    with batch_api() as (http, server):
        made = create(http, jsonl(line("a"), line("bad"), line("c")), ours="7")
        assert (made["status"], made["metadata"]) == ("validating", {"ours": "7"})
        hours = int(WINDOW["completion_window"].removesuffix("h"))
        assert made["expires_at"] - made["created_at"] == hours * 60 * 60
        done = reaches(http, made["id"], "completed")
        assert done["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
        first, second = content(http, done["output_file_id"])
        (bad,) = content(http, done["error_file_id"])
        counts = http.get("/../calls").json()
    assert (first["custom_id"], second["custom_id"]) == ("a", "c")
    body = first["response"]["body"]
    assert first["response"]["status_code"] == 200
    assert body["choices"][0]["message"]["content"] == "A"
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    assert bad["response"]["status_code"] == 400
    assert bad["response"]["body"] == {"error": {"message": "No"}}
    assert (counts["calls"], counts["batches"], counts["batch_lines"]) == (0, 1, 2)
    assert [call.n for call in server.calls] == [1, 2, 3]


def test_the_completions_endpoint_is_asked_the_same_way() -> None:
    with batch_api() as (http, _):
        body = {"model": "m", "prompt": "a b"}
        url = "/v1/completions"
        asked = jsonl({"custom_id": "t", "method": "POST", "url": url, "body": body})
        made = {"input_file_id": upload(http, asked).json()["id"], "endpoint": url}
        batch = http.post("/batches", json=made | WINDOW).json()
        done = reaches(http, batch["id"], "completed")
        (answer,) = content(http, done["output_file_id"])
    assert answer["response"]["body"]["choices"][0]["text"] == "T"


@pytest.mark.parametrize(
    ("content_", "code", "n"),
    [
        (b"{oops\n", "invalid_json_line", 1),
        (jsonl(line("a")) + b"[1]\n", "invalid_json_line", 2),
        (jsonl(line("a"), line("a")), "duplicate_custom_id", 2),
        (jsonl(line("a", url="/v1/embeddings")), "invalid_url", 1),
        (b"", "empty_file", None),
    ],
)
def test_validation_finds_what_is_wrong_with_the_file(
    content_: bytes, code: str, n: int | None
) -> None:
    with batch_api() as (http, server):
        failed = reaches(http, create(http, content_)["id"], "failed")
    (error,) = failed["errors"]["data"]
    assert (error["code"], error["line"]) == (code, n)
    assert server.counts.batch_lines == 0


def test_an_expired_batch_has_what_was_answered_and_names_the_rest() -> None:
    with batch_api(BatchScript(lambda _: BatchPlan(expires_after=2))) as (http, server):
        batch = create(http, jsonl(*(line(str(n)) for n in range(5))))
        done = reaches(http, batch["id"], "expired")
        answered = content(http, done["output_file_id"])
        rest = content(http, done["error_file_id"])
    assert [one["custom_id"] for one in answered] == ["0", "1"]
    assert [(one["custom_id"], one["error"]["code"]) for one in rest] == [
        ("2", "batch_expired"),
        ("3", "batch_expired"),
        ("4", "batch_expired"),
    ]
    assert server.counts.batch_lines == 2


@pytest.mark.parametrize("state", ["validating", "in_progress", "finalizing"])
def test_a_batch_that_stays_in_a_state_can_be_cancelled_there(state: State) -> None:
    with batch_api(BatchScript(lambda _: BatchPlan(stays=state))) as (http, _):
        batch_id = create(http, jsonl(line("a")))["id"]
        reaches(http, batch_id, state)
        reply = http.post(f"/batches/{batch_id}/cancel").json()
        assert reply["status"] == "cancelling"
        reaches(http, batch_id, "cancelled")
        again = http.post(f"/batches/{batch_id}/cancel")
    assert again.status_code == 409


def test_a_batch_takes_its_time_and_is_cut_short_by_being_cancelled() -> None:
    with batch_api(BatchScript(lambda _: BatchPlan(takes_s=60))) as (http, server):
        batch_id = create(http, jsonl(*(line(str(n)) for n in range(6000))))["id"]
        while status(http, batch_id)["request_counts"]["completed"] == 0:
            time.sleep(0.01)
        http.post(f"/batches/{batch_id}/cancel")
        done = reaches(http, batch_id, "cancelled")
        answered = content(http, done["output_file_id"])
        rest = content(http, done["error_file_id"])
    assert 0 < len(answered) == server.counts.batch_lines < 6000
    assert len(answered) + len(rest) == 6000


def test_batches_are_listed_by_pages_the_newest_first() -> None:
    with batch_api() as (http, _):
        ids = [create(http, jsonl(line("a")))["id"] for _ in range(5)]
        page = http.get("/batches?limit=3").json()
        rest = http.get(f"/batches?limit=3&after={page['data'][-1]['id']}").json()
    assert [b["id"] for b in page["data"] + rest["data"]] == ids[::-1]
    assert (page["has_more"], rest["has_more"]) == (True, False)


def test_what_the_api_would_refuse_is_refused() -> None:
    with batch_api() as (http, _):
        assert upload(http, b"", purpose="vision").status_code == 400
        file_id = upload(http, b"").json()["id"]
        for asked in (
            {"input_file_id": "file-9", "endpoint": CHAT, **WINDOW},
            {"input_file_id": file_id, "endpoint": "/v1/embeddings", **WINDOW},
            {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "1h"},
        ):
            assert http.post("/batches", json=asked).status_code == 400
        assert http.get("/batches/batch_9").status_code == 404
        assert http.get("/files/file-9/content").status_code == 404


def test_a_fault_takes_the_place_of_an_answer_whether_the_call_takes_effect_or_not() -> None:
    faults = {
        ("upload", 1): Fault(ScriptedReply(status=500, error={"message": "away"})),
        ("upload", 3): Fault(ScriptedReply(status=500, error={"message": "away"}), done=True),
    }
    script = BatchScript(fault=lambda route, n: faults.get((route, n)))
    with batch_api(script) as (http, _):
        codes = [upload(http, b"").status_code for _ in range(4)]
        ids = [upload(http, b"").json()["id"]]
    assert codes == [500, 200, 500, 200]
    # The second, the third, whose answer was lost, the fourth, and this one.
    assert ids == ["file-4"]


SLOW = BatchScript(lambda n: BatchPlan(takes_s=n * 100.0))


def test_the_process_takes_the_name_of_a_script_for_its_batches() -> None:
    here = f"{__name__}:SLOW"
    command = [
        sys.executable,
        "-m",
        "app.llm.scripted.server",
        "--batches",
        here,
        "--script",
    ]
    script = "app.llm.scripted.server:always_fine"
    with subprocess.Popen([*command, script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with httpx.Client(base_url=process.stdout.readline().split()[-1]) as http:
            assert reaches(http, create(http, jsonl(line("a")))["id"], "in_progress")
        process.terminate()
        process.wait(timeout=5)
