"""A batch from its submission to its last answer, over HTTP."""

import asyncio
import json
import multiprocessing
import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from app.errors import (
    ConfigurationError,
    Conflict,
    Outage,
    ParameterError,
    Throttled,
)
from app.llm.answers.usage import estimate_missing
from app.llm.batch_api.batches import LABEL, BatchEndpoint, BatchStatus, Collected
from app.llm.openai_provider import OpenAIProvider
from app.llm.scripted.batch import BatchPlan, State
from app.llm.scripted.batches import BatchScript, Fault, Route
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply
from app.pipeline.types import (
    ChatPrompt,
    Completion,
    JsonSchema,
    Message,
    Parameters,
    Request,
    TextPrompt,
)
from tests.unit.llm.batch_stand_in import (
    KEY,
    PLAIN,
    always,
    batch_api,
    chat,
    fault,
    named,
    problem,
    shout,
)

FULL = Parameters(0.7, 0.5, 300, 2.0, 0.25, ("\n\n", "###"), top_logprobs=20, seed=7)
SCHEMA: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": False}
FORM = Request(ChatPrompt((Message("user", "hello there"),), SCHEMA), FULL, "test/chat@1")
TEXT = Request(TextPrompt("Once upon"), FULL, "test/text@1")


def texts(collected: list[Collected]) -> dict[str, str]:
    return {
        one.custom_id: one.answer.text
        for one in collected
        if isinstance(one.answer, Completion) and one.stray is None
    }


def fine(_: ScriptedCall) -> ScriptedReply:
    return ScriptedReply("three words here", top_logprobs={"three": -0.5, "four": -1.5})


def cut_off(_: ScriptedCall) -> ScriptedReply:
    return ScriptedReply(None, finish_reason="length")


async def ask_once(base_url: str, request: Request) -> Completion:
    provider = OpenAIProvider(base_url, KEY, "model-a", 5)
    try:
        return await provider.complete(request)
    finally:
        await provider.aclose()


@pytest.mark.parametrize("script", [fine, cut_off])
@pytest.mark.parametrize(
    "request_", [chat("hello"), FORM, TEXT], ids=["chat", "chat with a form", "completions"]
)
def test_a_batch_asks_and_answers_just_what_an_ordinary_call_does(
    request_: Request, script: Script
) -> None:
    with batch_api(script) as api:
        ordinary = asyncio.run(ask_once(api.server.base_url, request_))
        provider_id = api.endpoint.submit("b1", [("one", request_)])
        (collected,) = api.collected(provider_id)
        first, second = api.server.calls
    assert isinstance(collected.answer, Completion)
    # As its results are recorded: with what the endpoint did not count.
    whole = replace(collected, answer=estimate_missing(collected.answer, request_))
    assert whole == Collected("one", replace(ordinary, reply_id=collected.answer.reply_id))
    assert collected.answer.reply_id not in (None, ordinary.reply_id)
    assert (first.endpoint, first.model, first.messages) == (
        second.endpoint,
        second.model,
        second.messages,
    )
    assert (first.prompt, first.parameters) == (second.prompt, second.parameters)
    assert (first.schema, first.api_key) == (second.schema, second.api_key)
    assert first.api_key == KEY


@pytest.mark.parametrize("state", ["validating", "in_progress", "finalizing", "cancelling"])
def test_a_batch_is_working_until_it_has_ended(state: State) -> None:
    with batch_api(batches=always(BatchPlan(stays=state))) as api:
        provider_id = api.submitted("a", "b")
        if state == "cancelling":
            api.endpoint.cancel(provider_id)
        status = api.reaches(provider_id, lambda status: status.said == state)
        assert (status.state, status.errors, status.trouble) == ("working", (), None)
        with pytest.raises(Conflict, match=state):
            api.endpoint.collect(provider_id)


def test_a_completed_batch_gives_every_answer_in_whatever_order() -> None:
    with batch_api(batches=always(BatchPlan(backwards=True))) as api:
        provider_id = api.submitted("a", "b", "c")
        collected = api.collected(provider_id, "a", "b", "c")
        status = api.endpoint.status(provider_id)
    assert [one.custom_id for one in collected] == ["c", "b", "a"]
    assert texts(collected) == {"a": "A", "b": "B", "c": "C"}
    assert status == BatchStatus("ended", "completed", total=3, completed=3, failed=0)


def test_an_expired_batch_gives_what_was_paid_and_says_what_was_never_asked() -> None:
    with batch_api(batches=always(BatchPlan(expires_after=2))) as api:
        provider_id = api.submitted("a", "b", "c", "d")
        collected = api.collected(provider_id)
        assert api.endpoint.status(provider_id).said == "expired"
    assert texts(collected) == {"a": "A", "b": "B"}
    rest = [one for one in collected if not isinstance(one.answer, Completion)]
    assert [one.custom_id for one in rest] == ["c", "d"]
    assert {type(one.answer) for one in rest} == {Throttled}
    assert "completion window" in str(rest[0].answer)
    assert api.server.counts.batch_lines == 2


def test_a_cancelled_batch_gives_what_was_answered_until_then() -> None:
    with batch_api(batches=always(BatchPlan(takes_s=60))) as api:
        names = [str(n) for n in range(3000)]
        provider_id = api.submitted(*names)
        api.reaches(provider_id, lambda status: status.completed > 0)
        assert api.endpoint.cancel(provider_id).state == "working"
        collected = api.collected(provider_id)
        status = api.endpoint.status(provider_id)
        again = api.endpoint.cancel(provider_id)
    assert status == again
    assert (status.said, status.total) == ("cancelled", 3000)
    answered = texts(collected)
    assert 0 < len(answered) == status.completed == api.server.counts.batch_lines < 3000
    assert len(collected) == 3000


def test_cancelling_once_more_is_no_failure() -> None:
    with batch_api(batches=always(BatchPlan(stays="cancelling"))) as api:
        provider_id = api.submitted("a")
        assert api.endpoint.cancel(provider_id) == api.endpoint.cancel(provider_id)


def test_lines_that_never_come_are_found_by_their_names() -> None:
    def forgetful(call: ScriptedCall) -> ScriptedReply:
        return ScriptedReply("here", cut_off=call.custom_id == "b")

    with batch_api(forgetful) as api:
        collected = api.collected(api.submitted("a", "b", "c"))
    assert {"a", "b", "c"} - {one.custom_id for one in collected} == {"b"}


@pytest.mark.parametrize("word", ["COMPLETED", "Canceled", "expired"])
def test_other_spellings_of_an_end_are_understood(word: str) -> None:
    raw = json.dumps({"id": "x", "status": word}).encode()
    with batch_api(batches=fault("status", ScriptedReply(raw=raw))) as api:
        status = api.endpoint.status("x")
    assert status == BatchStatus("ended", word.lower(), 0, 0, 0)


def test_a_state_that_nobody_knows_counts_as_working() -> None:
    raw = b'{"id": "x", "status": "queued", "request_counts": {"total": null}, "errors": [1]}'
    with batch_api(batches=fault("status", ScriptedReply(raw=raw))) as api:
        assert api.endpoint.status("x") == BatchStatus("working", "queued", 0, 0, 0)


def test_a_batch_in_which_all_failed_has_an_error_file_only() -> None:
    with batch_api(lambda _: problem(400, "No")) as api:
        provider_id = api.submitted("a", "b")
        collected = api.collected(provider_id)
        assert api.endpoint.status(provider_id).failed == 2
    assert [one.custom_id for one in collected] == ["a", "b"]


def test_an_empty_name_of_a_file_is_no_file() -> None:
    sent = {"id": "x", "status": "completed", "output_file_id": "", "error_file_id": ""}
    reply = ScriptedReply(raw=json.dumps(sent).encode())
    with batch_api(batches=fault("status", reply)) as api:
        assert list(api.endpoint.collect("x")) == []


def test_answers_whose_file_is_not_there_yet_are_waited_for() -> None:
    sent = {"id": "x", "status": "completed", "request_counts": {"completed": 7}}
    reply = ScriptedReply(raw=json.dumps(sent).encode())
    with (
        batch_api(batches=fault("status", reply)) as api,
        pytest.raises(Outage, match="7 requests"),
    ):
        api.endpoint.collect("x")


# Crashes.


@pytest.mark.parametrize(
    "reply", [problem(500, "away"), ScriptedReply(raw=b'{"id": "x"}', cut_off=True)]
)
@pytest.mark.parametrize(
    ("route", "done"),
    [("list", False), ("upload", False), ("upload", True), ("create", False), ("create", True)],
)
def test_submitting_again_after_a_failure_at_any_point_pays_once(
    route: Route, done: bool, reply: ScriptedReply
) -> None:
    with batch_api(batches=fault(route, reply, done=done)) as api:
        with pytest.raises(Outage):
            api.submitted("a", "b")
        provider_id = api.submitted("a", "b")
        assert texts(api.collected(provider_id)) == {"a": "A", "b": "B"}
        assert api.submitted("a", "b") == provider_id
    assert (api.server.counts.batches, api.server.counts.batch_lines) == (1, 2)


def test_without_the_name_to_find_it_by_a_lost_batch_is_paid_twice() -> None:
    script = fault("create", problem(500, "away"), done=True)
    with batch_api(batches=script) as api:
        with pytest.raises(Outage):
            api.submitted("a", "b", batch_id="b1")
        api.collected(api.submitted("a", "b", batch_id="b2"))
    assert api.server.counts.batch_lines == 4


def test_a_batch_that_another_made_during_the_upload_is_taken_for_ours() -> None:
    def overtake(route: Route, n: int) -> Fault | None:
        # Between the upload and its answer another process does all of it.
        if (route, n) == ("upload", 1):
            return Fault(ScriptedReply(delay_s=1.5), done=True)
        return None

    with batch_api(batches=BatchScript(fault=overtake)) as api, ThreadPoolExecutor(1) as thread:
        slow = thread.submit(api.submitted, "a", "b")
        with BatchEndpoint(api.server.base_url, KEY, "model-a", 10) as other:
            until_s = time.monotonic() + 10
            while httpx.get(f"{api.server.base_url}/files/file-1/content").status_code != 200:
                assert time.monotonic() < until_s
            assert other.submit("b1", named("a", "b")) == slow.result()
    assert api.server.counts.batches == 1


def submit_and_hang(base_url: str) -> None:
    BatchEndpoint(base_url, KEY, "model-a", 60).submit("b1", named("a", "b"))


def test_a_process_killed_while_it_submits_leaves_a_batch_that_another_goes_on_with() -> None:
    late = ScriptedReply(delay_s=60)
    with batch_api(batches=fault("create", late, done=True)) as api:
        process = multiprocessing.get_context("spawn").Process(
            target=submit_and_hang, args=(api.server.base_url,)
        )
        process.start()
        try:
            until_s = time.monotonic() + 60
            while not api.server.counts.batches:
                assert time.monotonic() < until_s
                time.sleep(0.01)
        finally:
            process.kill()
            process.join()
        provider_id = api.submitted("a", "b")
        assert texts(api.collected(provider_id)) == {"a": "A", "b": "B"}
    assert (api.server.counts.batches, api.server.counts.batch_lines) == (1, 2)


def test_a_batch_is_found_among_many_however_old_it_is() -> None:
    with batch_api() as api:
        first = api.submitted("a", batch_id="ours")
        with httpx.Client(base_url=api.server.base_url) as http:
            for n in range(101):
                asked = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions"}
                labels = {LABEL: f"other-{n}"} if n % 2 else None
                http.post(
                    "/batches", json={**asked, "completion_window": "24h", "metadata": labels}
                )
        assert api.endpoint.find("ours") == first
        assert api.endpoint.find("nobody's") is None


@pytest.mark.parametrize("more", [True, None])
def test_an_endpoint_that_gives_the_same_page_for_ever_is_not_asked_for_ever(
    more: bool | None,
) -> None:
    page = {"object": "list", "data": [{"id": "x", "metadata": {}}, 7], "has_more": more}
    reply = ScriptedReply(raw=json.dumps(page).encode())
    script = BatchScript(fault=lambda route, _: fault(route, reply).fault(route, 1))
    with batch_api(batches=script) as api:
        assert api.endpoint.find("ours") is None


# The name of the length's bound.


def wants_newer_name(call: ScriptedCall) -> ScriptedReply:
    if "max_tokens" in call.parameters:
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return problem(400, message, "unsupported_parameter", param="max_tokens")
    return shout(call)


def test_a_batch_refused_for_the_name_of_its_length_teaches_the_name_to_the_next() -> None:
    with batch_api(wants_newer_name) as api:
        refused = api.collected(api.submitted("a", "b", batch_id="b1"))
        assert [type(one.answer) for one in refused] == [ParameterError, ParameterError]
        spoken = api.endpoint.dialect
        for one in refused:
            assert one.refusal is not None
            assert api.endpoint.learn(one.refusal, chat(one.custom_id), spoken)
        answered = api.collected(api.submitted("a", "b", batch_id="b2"))
        assert texts(answered) == {"a": "A", "b": "B"}
        assert api.server.calls[-1].body["max_completion_tokens"]


def test_a_refusal_that_teaches_nothing_new_is_trouble() -> None:
    def neither(call: ScriptedCall) -> ScriptedReply:
        older, newer = "max_tokens", "max_completion_tokens"
        sent = older if older in call.parameters else newer
        return problem(400, f"{sent} is not supported")

    with batch_api(neither) as api:
        for teaches in (True, False):
            spoken = api.endpoint.dialect
            (line,) = api.collected(api.submitted("a", batch_id=f"b-{teaches}"))
            assert line.refusal is not None
            assert api.endpoint.learn(line.refusal, chat("a"), spoken) is teaches


# What it takes.


def long_answer(_: ScriptedCall) -> ScriptedReply:
    return ScriptedReply("many words " * 200)


def test_thousands_of_answers_are_read_in_the_memory_of_a_few() -> None:
    command = [sys.executable, "-m", "app.llm.scripted.server", "--script"]
    # In a process of its own, so that only the reader's memory is measured.
    with subprocess.Popen(
        [*command, f"{__name__}:long_answer"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().split()[-1]
            names = {f"item-{n:06}" for n in range(2_500)}
            with BatchEndpoint(base_url, KEY, "model-a", 30) as endpoint:
                provider_id = endpoint.submit("b1", named(*sorted(names)))
                while endpoint.status(provider_id).state == "working":
                    time.sleep(0.05)
                missing, characters = set(names), 0
                tracemalloc.start()
                for one in endpoint.collect(provider_id, names):
                    assert isinstance(one.answer, Completion)
                    missing.remove(one.custom_id)
                    characters += len(one.answer.text)
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
        finally:
            process.terminate()
    assert not missing
    assert characters == 5_500_000
    # The names that were read, which is what tells a repeated one, and a line or two.
    assert peak < 1_200_000


def test_requests_of_two_endpoints_or_none_are_no_batch() -> None:
    with batch_api() as api:
        for requests in ([("a", chat("a")), ("b", TEXT)], []):
            with pytest.raises(ValueError, match="same endpoint"):
                api.endpoint.submit("b1", requests)


@pytest.mark.parametrize(
    ("base_url", "key", "setting"),
    [
        ("http://[broken/v1", None, "OPENAI_BASE_URL"),
        ("http://127.0.0.1:9/v1", "sk-1\nHost: x", "OPENAI_API_KEY"),
    ],
)
def test_what_cannot_be_sent_at_all_is_a_fault_of_the_settings(
    base_url: str, key: str | None, setting: str
) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        BatchEndpoint(base_url, key, "m", 5)


def test_the_parameters_are_those_of_the_request() -> None:
    with batch_api() as api:
        api.collected(api.endpoint.submit("b1", [("a", chat("a", PLAIN))]))
    assert api.server.calls[0].parameters == {"temperature": 1.0, "max_tokens": 20}
