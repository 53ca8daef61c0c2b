"""Habits of real endpoints, played on top of the scripted model."""

import json
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.llm.scripted.behaviours.bodies import (
    Bill,
    bills,
    content_parts,
    finishes,
    reasons,
    streams,
    thinking_part,
)
from app.llm.scripted.behaviours.combine import (
    INSTANCES,
    Behaviour,
    after,
    every,
    first,
    in_method,
    on,
    playing,
)
from app.llm.scripted.behaviours.refusals import (
    accepts_only,
    answers,
    asks_for,
    error,
    fails,
    limits_context,
    limits_rate,
    needs_key,
    redirects,
    refuses,
    refuses_schema_keyword,
    refuses_system_role,
)
from app.llm.scripted.behaviours.wordings import (
    THOUGHT,
    cuts,
    ignores_schema,
    instances,
    labels,
    lists,
    needs_long_limit,
    no_logprobs,
    numbered,
    thinks,
    wrapped,
)
from app.llm.scripted.model import reply
from app.llm.scripted.server import Site, scripted_server
from app.llm.scripted.wire import (
    ScriptedCall,
    ScriptedReply,
    completion_json,
    read_call,
    wire_body,
)
from app.pipeline.prompts import template
from app.pipeline.types import Capabilities
from tests.unit.llm.scripted.behaviours.calls import a_call, a_question

ALL = Capabilities(json_schema=True, logprobs=True)


def text_of(call: ScriptedCall, *behaviours: Behaviour) -> str:
    return playing(*behaviours)(call).text or ""


def body_of(call: ScriptedCall, *behaviours: Behaviour) -> dict[str, Any]:
    return completion_json(call, playing(*behaviours)(call))


def status_of(call: ScriptedCall, *behaviours: Behaviour) -> int:
    return playing(*behaviours)(call).status


def test_without_a_behaviour_the_scripted_model_answers() -> None:
    call = a_call("generate")
    assert playing()(call) == reply(call)


def test_thoughts_stand_before_every_answer() -> None:
    for call in (a_call("generate"), a_call("classify"), a_call("input_first"), a_question()):
        reported = text_of(call, thinks())
        assert reported == f"<think>\n{THOUGHT}\n</think>\n\n{reply(call).text}"
    assert playing(thinks())(a_call("classify", logprobs=True)).top_logprobs is None


@pytest.mark.parametrize(
    ("shape", "begins"),
    [
        (numbered("{n}、"), "1、"),
        (numbered("### Task {n}\n", between="\n\n"), "### Task 1\n"),
        (json.dumps, '["'),
        (wrapped("Sure!\n\n", "\n\nEnjoy!"), "Sure!\n\n1. "),
    ],
    ids=["dunhao", "headings", "bare array", "remarks"],
)
def test_lists_keep_the_tasks_and_change_their_form(
    shape: Callable[[Sequence[str]], str], begins: str
) -> None:
    tasks = re.findall(r"^\d+\. (.+)$", reply(a_call("generate")).text or "", re.MULTILINE)
    reported = text_of(a_call("generate", can=ALL), lists(shape))
    assert reported == shape(json.loads(text_of(a_call("generate", can=ALL)))["instructions"])
    assert reported.startswith(begins)
    assert len(tasks) == 8
    assert text_of(a_call("classify"), lists(shape)) == reply(a_call("classify")).text


def test_instances_and_labels_change_their_form_only() -> None:
    pairs = json.loads(text_of(a_call("input_first", can=ALL), instances(json.dumps)))
    wanted = json.loads(text_of(a_call("input_first", can=ALL)))["instances"]
    assert pairs == [[one["input"], one["output"]] for one in wanted]
    assert text_of(a_call("classify"), labels("Answer: {}".format)) == "Answer: No"


def test_an_answer_is_cut_off_in_any_words() -> None:
    body = body_of(a_call("generate"), cuts("MAX_TOKENS"))
    whole = reply(a_call("generate")).text or ""
    choice = body["choices"][0]
    assert choice["finish_reason"] == "MAX_TOKENS"
    assert choice["message"]["content"] == whole[: int(len(whole) * 0.6)]
    assert body["usage"]["completion_tokens"] == 1024
    assert body_of(a_question(), cuts(None))["choices"][0]["finish_reason"] == "stop"


def test_a_thinking_model_needs_room() -> None:
    short = body_of(a_call("classify"), needs_long_limit(180))["choices"][0]
    assert short["message"] == {
        "role": "assistant",
        "content": "",
        "reasoning_content": THOUGHT,
    }
    assert short["finish_reason"] == "length"
    wide = body_of(a_call("classify", max_tokens=181), needs_long_limit(180))["choices"][0]
    assert wide["message"]["content"] == "No"


def test_refused_parameters_roles_and_schema_keywords() -> None:
    generate = a_call("generate", can=ALL)
    # Behaviour, a call that is refused, one that is not.
    table: list[tuple[Behaviour, ScriptedCall, ScriptedCall]] = [
        (refuses("top_p"), generate, a_call("classify")),
        (refuses("temperature", unless=lambda t: t == 1), a_call("classify"), generate),
        (refuses_schema_keyword("maxItems"), generate, a_call("generate")),
        (refuses_system_role(), generate, a_question()),
        (accepts_only("temperature", "max_tokens"), generate, a_call("classify")),
        (limits_context(1000), a_call("input_first"), a_question(max_tokens=16)),
        (needs_key("k2"), generate, a_question_with_key("k2")),
        (asks_for(lambda call: "enable_thinking" in call.body, 400, error("no")), generate,
         a_call("generate", enable_thinking=False)),
    ]  # fmt: skip
    for behaviour, refused, fine in table:
        assert status_of(refused, behaviour) in (400, 401, 422)
        assert status_of(fine, behaviour) == 200
    said = body_of(generate, refuses("top_p"))["error"]
    assert (said["param"], said["code"]) == ("top_p", "unsupported_parameter")
    detail = body_of(generate, accepts_only("temperature", "max_tokens", "response_format"))
    assert [one["loc"] for one in detail["detail"]] == [["body", "top_p"]]


def a_question_with_key(key: str) -> ScriptedCall:
    call = a_question()
    return replace(call, headers={"authorization": f"Bearer {key}"})


def test_a_behaviour_begins_ends_and_comes_back_by_the_number_of_the_call() -> None:
    def hit(behaviour: Behaviour) -> list[int]:
        script = playing(behaviour)
        return [n for n in range(1, 7) if script(a_call("classify", n=n)).status == 503]

    down = fails(503, error("overloaded"))
    assert hit(after(4, down)) == [5, 6]
    assert hit(first(2, down)) == [1, 2]
    assert hit(every(3, down)) == [3, 6]
    assert status_of(a_question(), in_method(down)) == 200


@pytest.mark.parametrize(
    "name",
    [
        *("default/generate.system", "default/classify.system", "paper/input_first"),
        *("paper/output_first", "review/re_answer.system", "review/judge.system"),
    ],
)
def test_each_stage_of_the_method_is_told_from_a_question(name: str) -> None:
    head = template(name).text.partition("$")[0]
    call = read_call(1, "completions", {"model": "m", "prompt": head}, {})
    down = fails(503, error("down"))
    assert status_of(call, in_method(down)) == 503
    in_instances = name.endswith(("input_first", "output_first"))
    assert status_of(call, on(INSTANCES, down)) == (503 if in_instances else 200)


def test_a_rate_limit_is_in_calls_a_second_by_the_clock_that_it_is_given() -> None:
    clock = {"s": 0.0}
    over = ScriptedReply(status=429, body=error("slow down"))
    script = playing(limits_rate(2, over, now_s=lambda: clock["s"]))
    call = a_call("classify")
    assert [script(call).status for _ in range(3)] == [200, 200, 429]
    clock["s"] = 0.5
    assert [script(call).status for _ in range(2)] == [200, 429]
    clock["s"] = 60.0
    assert [script(call).status for _ in range(3)] == [200, 200, 429]


def test_the_usage_has_any_shape_and_the_bill_counts_what_was_used() -> None:
    bill = Bill()
    call = a_call("classify")
    shaped = bills(lambda p, c: {"input_tokens": float(p), "output_tokens": c}, bill=bill)
    reported = body_of(call, shaped)["usage"]
    assert reported == {"input_tokens": bill.prompt_tokens, "output_tokens": 1}
    assert "usage" not in body_of(call, bills(lambda _p, _c: None, bill=bill, thinking_tokens=99))
    assert (bill.calls, bill.completion_tokens) == (2, 101)
    assert body_of(call, bills(bill=bill), fails(429, error("no"))) == error("no")
    assert bill.calls == 2


def test_the_json_around_an_answer_changes() -> None:
    message = body_of(a_call("classify"), content_parts(thinking_part))["choices"][0]["message"]
    assert [part["type"] for part in message["content"]] == ["thinking", "text"]
    assert message["content"][1]["text"] == "No"
    message = body_of(a_call("classify"), reasons("reasoning"))["choices"][0]["message"]
    assert (message["content"], message["reasoning"]) == ("No", THOUGHT)
    choice = body_of(a_call("classify"), finishes("model_length"))["choices"][0]
    assert choice["finish_reason"] == "model_length"


def test_a_stream_has_the_whole_answer_and_its_usage() -> None:
    call = a_call("generate")
    events = wire_body(call, playing(streams())(call)).decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    pieces = [one["choices"][0] for one in chunks if one["choices"]]
    text = "".join(piece["delta"].get("content", "") for piece in pieces)
    assert text == reply(call).text
    assert pieces[-1]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] > 0


def test_schemas_and_logprobs_can_be_ignored() -> None:
    assert text_of(a_call("generate", can=ALL), ignores_schema).startswith("1. ")
    assert playing(no_logprobs)(a_call("classify", can=ALL)).top_logprobs is None


def test_an_endpoint_has_another_address_and_answers_elsewhere() -> None:
    site = Site("/openai/deployments/d", models=None, elsewhere=ScriptedReply(body={"ok": True}))
    with scripted_server(reply, site=site) as server, httpx.Client() as client:
        call = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
        address = f"{server.base_url}/chat/completions?api-version=1"
        assert client.post(address, json=call).json()["choices"]
        root = server.base_url.removesuffix(site.prefix)
        assert client.post(f"{root}/v1/chat/completions", json=call).json() == {"ok": True}
        assert client.get(f"{server.base_url}/models").json() == {"ok": True}
    assert server.calls[0].target == "/openai/deployments/d/chat/completions?api-version=1"
    assert server.calls[0].headers["content-type"] == "application/json"


def test_redirects_and_fixed_replies_come_over_the_wire() -> None:
    with scripted_server(playing(redirects("/v2/chat/completions"))) as server:
        call = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
        moved = httpx.post(f"{server.base_url}/chat/completions", json=call)
        assert (moved.status_code, moved.headers["location"]) == (301, "/v2/chat/completions")
    assert playing(answers(ScriptedReply("fine")))(a_call("classify")).text == "fine"


def test_an_endpoint_with_a_certificate_speaks_tls(self_signed: tuple[Path, Path]) -> None:
    with scripted_server(reply, site=Site(certificate=self_signed)) as server:
        call = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
        assert server.base_url.startswith("https://")
        address = f"{server.base_url}/chat/completions"
        with pytest.raises(httpx.ConnectError, match="self-signed"):
            httpx.post(address, json=call)
        trusted = ssl.create_default_context(cafile=self_signed[0])
        assert httpx.post(address, json=call, verify=trusted).json()["choices"]
